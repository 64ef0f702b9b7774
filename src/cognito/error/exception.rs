//! From Cognito's exceptions to ours.
//!
//! By the exception's name alone, and by its text only where one name means several things: the same
//! situation has several texts, with and without a full stop. A text is compared and then dropped; it
//! can carry what a Lambda trigger wrote. What a name means also depends on how far the sign-in was.

use cognito_flow::{AppClient, Call};

use super::{CognitoError, Fault, PasswordRule, Refused};

/// How far a sign-in was when a call was refused: what the refusal may give away, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cognito) enum Stage {
    /// Only the user name is known to Cognito (InitiateAuth under USER_SRP_AUTH).
    Opening,
    /// Cognito judges the password.
    Password,
    /// An answer before which nothing was proven: a first factor, or a custom challenge without a password.
    Unproven,
    /// The first factor was right; something more is asked.
    Challenge,
    /// A remembered device is proven.
    Device,
    /// An account is asked about by somebody who may be anybody.
    Account,
    /// A call with the person's access token.
    SignedIn,
    /// Tokens are renewed.
    Refresh,
    /// A refresh token is ended.
    Revoke,
    /// The pool's settings are read, with credentials of AWS.
    Describe,
}

impl Stage {
    /// The stage of a call, and the flow's name where it opens one. `password_proven` is the flow's.
    pub(in crate::cognito) fn of(
        call: &Call,
        password_proven: bool,
    ) -> (Self, Option<&'static str>) {
        match call {
            Call::InitiateAuth {
                auth_flow,
                parameters,
                ..
            } => match *auth_flow {
                "REFRESH_TOKEN_AUTH" => (Self::Refresh, Some(auth_flow)),
                _ if parameters.get("PASSWORD").is_some() => (Self::Password, Some(auth_flow)),
                _ => (Self::Opening, Some(auth_flow)),
            },
            Call::RespondToAuthChallenge {
                challenge,
                responses,
                ..
            } => match *challenge {
                "PASSWORD_VERIFIER" => (Self::Password, None),
                _ if responses.get("PASSWORD").is_some() => (Self::Password, None),
                "DEVICE_SRP_AUTH" | "DEVICE_PASSWORD_VERIFIER" => (Self::Device, None),
                "SELECT_CHALLENGE" | "PASSWORD_SRP" => (Self::Unproven, None),
                // These follow a password, or come instead of one.
                "EMAIL_OTP" | "SMS_OTP" | "WEB_AUTHN" | "CUSTOM_CHALLENGE" if !password_proven => {
                    (Self::Unproven, None)
                }
                _ => (Self::Challenge, None),
            },
            Call::AssociateSoftwareToken { .. } | Call::VerifySoftwareToken { .. } => {
                (Self::Challenge, None)
            }
            Call::GetTokensFromRefreshToken { .. } => (Self::Refresh, None),
        }
    }
}

impl CognitoError {
    /// What an exception means. `flow` is the `AuthFlow` of the call, if it has one.
    pub(in crate::cognito) fn from_exception(
        refused: Refused,
        message: &str,
        flow: Option<&str>,
        client: &AppClient,
    ) -> Self {
        let text = message.to_ascii_lowercase();
        let misconfigured = |refused, fault| Self::Misconfigured { refused, fault };
        match refused.exception.as_str() {
            "NotAuthorizedException" | "AccessDeniedException"
                if refused.stage == Stage::Describe =>
            {
                misconfigured(refused, Fault::Permission)
            }
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "ExpiredTokenException"
            | "MissingAuthenticationTokenException"
            | "InvalidClientTokenId" => misconfigured(refused, Fault::Credentials),
            "NotAuthorizedException" => Self::from_not_authorized(refused, &text, client),
            _ if refused.stage == Stage::Refresh && is_about_the_user(&refused) => {
                Self::RefreshRefused(refused)
            }
            // Whoever guesses names learns nothing from a code that does not fit.
            "UserNotFoundException"
            | "UserNotConfirmedException"
            | "PasswordResetRequiredException"
            | "ExpiredCodeException"
                if refused.stage == Stage::Account =>
            {
                Self::CodeMismatch(refused)
            }
            "UserNotFoundException" => Self::BadCredentials(refused),
            "UserNotConfirmedException" => Self::UserNotConfirmed(refused),
            "PasswordResetRequiredException" => Self::PasswordResetRequired(refused),
            "CodeMismatchException" | "EnableSoftwareTokenMFAException" => {
                Self::CodeMismatch(refused)
            }
            "ExpiredCodeException" => Self::ExpiredCode(refused),
            "InvalidPasswordException" => Self::InvalidPassword {
                rule: PasswordRule::of(&text),
                refused,
            },
            "PasswordHistoryPolicyViolationException" => Self::InvalidPassword {
                refused,
                rule: PasswordRule::UsedBefore,
            },
            "UsernameExistsException" => Self::NameTaken(refused),
            "AliasExistsException" if refused.stage == Stage::Account => Self::NameTaken(refused),
            "AliasExistsException" => Self::InvalidAttribute(refused),
            "CodeDeliveryFailureException" => Self::NotDelivered(refused),
            "WebAuthnChallengeNotFoundException" | "WebAuthnCredentialNotSupportedException" => {
                Self::PasskeyRefused(refused)
            }
            "WebAuthnNotEnabledException"
            | "WebAuthnConfigurationMissingException"
            | "WebAuthnRelyingPartyMismatchException"
            | "WebAuthnOriginNotAllowedException"
            | "WebAuthnClientMismatchException" => misconfigured(refused, Fault::Passkeys),
            "LimitExceededException" | "TooManyFailedAttemptsException" => {
                Self::TooManyAttempts(refused)
            }
            "TooManyRequestsException" | "ThrottlingException" => Self::Throttled(refused),
            "InternalErrorException" | "InternalServerException" => Self::ServiceFault(refused),
            "ForbiddenException" => Self::Blocked(refused),
            "UserLambdaValidationException" => Self::RefusedByTrigger {
                trigger: trigger_name(message),
                refused,
            },
            "UnexpectedLambdaException" | "InvalidLambdaResponseException" => {
                Self::TriggerFailed(refused)
            }
            "RefreshTokenReuseException" => Self::RefreshRefused(refused),
            "ResourceNotFoundException" if text.starts_with("device") => {
                Self::DeviceUnknown(refused)
            }
            // The person has no such attribute.
            "InvalidParameterException"
                if refused.operation == "GetUserAttributeVerificationCode" =>
            {
                Self::InvalidAttribute(refused)
            }
            // A passkey that is gone, or that is none.
            "ResourceNotFoundException" | "InvalidParameterException"
                if refused.operation.contains("WebAuthn") =>
            {
                Self::PasskeyRefused(refused)
            }
            "ResourceNotFoundException" => {
                let fault = Fault::NoSuchClient {
                    pool_id: client.pool_id().to_string(),
                    client_id: client.client_id().to_string(),
                };
                misconfigured(refused, fault)
            }
            "UnauthorizedException" => misconfigured(refused, secret_fault(client)),
            "InvalidParameterException" => {
                Self::from_invalid_parameter(refused, &text, flow, client)
            }
            "UnknownOperationException"
            | "OperationNotEnabledException"
            | "UnsupportedOperationException" => Self::NotOffered(refused),
            "FeatureUnavailableInTierException" => misconfigured(refused, Fault::Tier),
            "InvalidUserPoolConfigurationException"
            | "InvalidSmsRoleAccessPolicyException"
            | "InvalidSmsRoleTrustRelationshipException"
            | "InvalidEmailRoleAccessPolicyException"
            | "MFAMethodNotFoundException"
            | "SoftwareTokenMFANotFoundException" => misconfigured(refused, Fault::Pool),
            _ => misconfigured(refused, Fault::Other),
        }
    }

    /// NotAuthorizedException means ten things.
    fn from_not_authorized(refused: Refused, text: &str, client: &AppClient) -> Self {
        // No text of this exception holds what a person typed, so the word is Cognito's own.
        if text.contains("secret") {
            return Self::Misconfigured {
                refused,
                fault: secret_fault(client),
            };
        }
        match refused.stage {
            Stage::Refresh => Self::RefreshRefused(refused),
            _ if text.starts_with("password attempts exceeded") => Self::TooManyAttempts(refused),
            _ if text.starts_with("temporary password has expired") => {
                Self::TemporaryPasswordExpired(refused)
            }
            _ if text.starts_with("invalid session") => Self::SessionEnded(refused),
            Stage::Device => Self::DeviceUnknown(refused),
            Stage::SignedIn if text.contains("access token") && !text.contains("scopes") => {
                Self::RefreshRefused(refused)
            }
            Stage::Account if text.contains("not permitted") => Self::NotOffered(refused),
            Stage::Account => Self::CodeMismatch(refused),
            _ if text.starts_with("user is disabled") => Self::UserDisabled(refused),
            _ => Self::BadCredentials(refused),
        }
    }

    /// InvalidParameterException is our fault, the operator's, or a value that the person typed.
    fn from_invalid_parameter(
        refused: Refused,
        text: &str,
        flow: Option<&str>,
        client: &AppClient,
    ) -> Self {
        let typed_by_the_person = text.contains("failed to satisfy constraint");
        match (refused.stage, flow) {
            (_, Some(flow)) if text.contains("not enabled for") => Self::Misconfigured {
                refused,
                fault: Fault::FlowNotEnabled {
                    flow: flow.to_owned(),
                },
            },
            (Stage::Refresh, _) if text.contains("refresh token") => Self::RefreshRefused(refused),
            _ if text.contains("secret") => Self::Misconfigured {
                refused,
                fault: secret_fault(client),
            },
            _ if text.contains("trigger is not configured") => Self::Misconfigured {
                refused,
                fault: Fault::TriggerMissing,
            },
            // What only an account can be refused for.
            (Stage::Account, _)
                if text.starts_with("cannot reset password")
                    || text.starts_with("user is already confirmed") =>
            {
                Self::CodeMismatch(refused)
            }
            // A name that no user can have (with a space in it, say) is the name of no user.
            (Stage::Opening | Stage::Password, _) if typed_by_the_person => {
                Self::BadCredentials(refused)
            }
            _ if typed_by_the_person && text.contains("password") => Self::InvalidPassword {
                refused,
                rule: PasswordRule::Characters,
            },
            _ if typed_by_the_person && text.contains("code'") => Self::CodeMismatch(refused),
            _ if typed_by_the_person || is_about_an_attribute(text) => {
                Self::InvalidAttribute(refused)
            }
            _ => Self::Misconfigured {
                refused,
                fault: Fault::Other,
            },
        }
    }
}

impl PasswordRule {
    /// From the text after `Password did not conform with policy:`, in lower case.
    fn of(text: &str) -> Self {
        let rules = [
            ("not long enough", Self::Length),
            ("uppercase", Self::Uppercase),
            ("lowercase", Self::Lowercase),
            ("numeric", Self::Digit),
            ("symbol", Self::Symbol),
        ];
        let rule = rules.into_iter().find(|(words, _)| text.contains(words));
        rule.map_or(Self::Other, |(_, rule)| rule)
    }
}

fn secret_fault(client: &AppClient) -> Fault {
    Fault::ClientSecret {
        given: client.client_secret().is_some(),
    }
}

/// A refresh that fails because of who asks: the session is over.
fn is_about_the_user(refused: &Refused) -> bool {
    matches!(
        refused.exception(),
        "UserNotFoundException" | "UserNotConfirmedException" | "PasswordResetRequiredException"
    )
}

/// The texts for an attribute value that the pool's schema does not take. (From memory.)
fn is_about_an_attribute(text: &str) -> bool {
    [
        "invalid email",
        "invalid phone number",
        "attributes did not conform",
        "cannot modify",
        "username should be",
    ]
    .iter()
    .any(|words| text.starts_with(words))
}

/// `PreAuthentication` of `PreAuthentication failed with error …`; the rest is the function's own text.
fn trigger_name(message: &str) -> String {
    let name = message.split(' ').next().unwrap_or_default();
    let is_name = !name.is_empty() && name.len() <= 40 && name.chars().all(char::is_alphanumeric);
    if is_name && message.contains("failed with error") {
        name.to_owned()
    } else {
        "of unknown name".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> AppClient {
        AppClient::new(
            "eu-west-1_AbC123xyz".parse().unwrap(),
            "1h57kf5cpq17m0eml12EXAMPLE".parse().unwrap(),
            None,
        )
    }

    fn error(stage: Stage, exception: &str, message: &str) -> CognitoError {
        let operation = match stage {
            Stage::Opening => "InitiateAuth",
            Stage::Password | Stage::Unproven | Stage::Challenge | Stage::Device => {
                "RespondToAuthChallenge"
            }
            Stage::Account => "ConfirmSignUp",
            Stage::SignedIn => "ChangePassword",
            Stage::Refresh => "GetTokensFromRefreshToken",
            Stage::Revoke => "RevokeToken",
            Stage::Describe => "DescribeUserPool",
        };
        let flow = (stage == Stage::Opening).then_some("USER_SRP_AUTH");
        let refused = Refused::new(operation, stage, exception);
        CognitoError::from_exception(refused, message, flow, &client())
    }

    /// Stage | exception | text | what it must become | status | whether it is an outage (and so has a
    /// hint), or has a hint without being one.
    const TABLE: &str = "\
Password  | NotAuthorizedException | Incorrect username or password. | BadCredentials | 401 |
Password  | NotAuthorizedException | Incorrect username or password | BadCredentials | 401 |
Opening   | UserNotFoundException | User does not exist. | BadCredentials | 401 |
Password  | NotAuthorizedException | User is disabled. | UserDisabled | 401 |
Opening   | UserNotConfirmedException | User is not confirmed. | UserNotConfirmed | 401 |
Password  | UserNotConfirmedException | User is not confirmed. | UserNotConfirmed | 403 |
Opening   | PasswordResetRequiredException | Password reset required for the user | PasswordResetRequired | 401 |
Password  | PasswordResetRequiredException | Password reset required for the user | PasswordResetRequired | 403 |
Password  | NotAuthorizedException | Temporary password has expired and must be reset by an administrator. | TemporaryPasswordExpired | 403 |
Password  | NotAuthorizedException | Password attempts exceeded | TooManyAttempts | 429 |
Password  | LimitExceededException | Attempt limit exceeded, please try after some time. | TooManyAttempts | 429 |
Challenge | TooManyFailedAttemptsException | | TooManyAttempts | 429 |
Challenge | NotAuthorizedException | Invalid session for the user, session is expired. | SessionEnded | 422 |
Challenge | NotAuthorizedException | Invalid session for the user, session can only be used once. | SessionEnded | 422 |
Challenge | NotAuthorizedException | Invalid session for the user. | SessionEnded | 422 |
Challenge | NotAuthorizedException | Invalid code or auth state for the user. | BadCredentials | 401 |
Challenge | InvalidPasswordException | Password did not conform with policy: Password not long enough | InvalidPassword | 422 |
Challenge | PasswordHistoryPolicyViolationException | | InvalidPassword | 422 |
Challenge | CodeMismatchException | Invalid verification code provided, please try again. | CodeMismatch | 422 |
Challenge | ExpiredCodeException | Invalid code provided, please request a code again. | ExpiredCode | 422 |
Challenge | AliasExistsException | An account with the email already exists. | InvalidAttribute | 422 |
Challenge | InvalidParameterException | Invalid phone number format. | InvalidAttribute | 422 |
Challenge | EnableSoftwareTokenMFAException | Code mismatch | CodeMismatch | 422 |
Challenge | InvalidParameterException | Value at 'userCode' failed to satisfy constraint: Member must satisfy | CodeMismatch | 422 |
Unproven  | CodeMismatchException | Invalid code received for user | CodeMismatch | 422 |
Unproven  | NotAuthorizedException | Incorrect username or password. | BadCredentials | 401 |
Unproven  | UserNotConfirmedException | User is not confirmed. | UserNotConfirmed | 401 |
Unproven  | PasswordResetRequiredException | | PasswordResetRequired | 401 |
Device    | ResourceNotFoundException | Device does not exist. | DeviceUnknown | 422 |
Opening   | ResourceNotFoundException | Device does not exist. | DeviceUnknown | 422 |
Device    | NotAuthorizedException | Incorrect username or password. | DeviceUnknown | 422 |
Device    | NotAuthorizedException | Invalid session for the user. | SessionEnded | 422 |
Account   | UsernameExistsException | User already exists | NameTaken | 422 |
Account   | AliasExistsException | An account with the email already exists. | NameTaken | 422 |
Account   | CodeMismatchException | Invalid verification code provided, please try again. | CodeMismatch | 422 |
Account   | ExpiredCodeException | Invalid code provided, please request a code again. | CodeMismatch | 422 |
Account   | UserNotFoundException | Username/client id combination not found. | CodeMismatch | 422 |
Account   | NotAuthorizedException | User cannot be confirmed. Current status is CONFIRMED | CodeMismatch | 422 |
Account   | InvalidParameterException | Cannot reset password for the user as there is no registered/verified email or phone_number | CodeMismatch | 422 |
Account   | InvalidParameterException | User is already confirmed. | CodeMismatch | 422 |
Account   | InvalidParameterException | Username should be either an email or a phone number. | InvalidAttribute | 422 |
Account   | NotAuthorizedException | SignUp is not permitted for this user pool | NotOffered | 503 | outage
Account   | CodeDeliveryFailureException | | NotDelivered | 503 | outage
Account   | LimitExceededException | Attempt limit exceeded, please try after some time. | TooManyAttempts | 429 |
SignedIn  | NotAuthorizedException | Access Token has expired | RefreshRefused | 401 |
SignedIn  | NotAuthorizedException | Incorrect username or password. | BadCredentials | 401 |
SignedIn  | WebAuthnChallengeNotFoundException | | PasskeyRefused | 422 |
SignedIn  | WebAuthnCredentialNotSupportedException | | PasskeyRefused | 422 |
SignedIn  | WebAuthnNotEnabledException | | Misconfigured | 503 | outage
SignedIn  | WebAuthnConfigurationMissingException | | Misconfigured | 503 | outage
SignedIn  | WebAuthnRelyingPartyMismatchException | | Misconfigured | 503 | outage
SignedIn  | WebAuthnOriginNotAllowedException | | Misconfigured | 503 | outage
SignedIn  | WebAuthnClientMismatchException | | Misconfigured | 503 | outage
Challenge | InvalidParameterException | Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern | InvalidPassword | 422 |
Opening   | InvalidParameterException | 1 validation error detected: Value at 'username' failed to satisfy constraint | BadCredentials | 401 |
Opening   | UserLambdaValidationException | PreAuthentication failed with error no entry for jane. | RefusedByTrigger | 401 | hint
Password  | UserLambdaValidationException | PreTokenGeneration failed with error no. | RefusedByTrigger | 403 | hint
Opening   | UnexpectedLambdaException | | TriggerFailed | 503 | outage
Opening   | InvalidLambdaResponseException | Unrecognizable lambda output | TriggerFailed | 503 | outage
Opening   | InvalidParameterException | USER_SRP_AUTH is not enabled for the client. | Misconfigured | 503 | outage
Opening   | InvalidParameterException | Custom auth lambda trigger is not configured for the user pool. | Misconfigured | 503 | outage
Opening   | InvalidParameterException | Missing required parameter SRP_A | Misconfigured | 503 | outage
Opening   | NotAuthorizedException | Unable to verify secret hash for client 1h57 | Misconfigured | 503 | outage
Opening   | NotAuthorizedException | SecretHash does not match for the client: 1h57 | Misconfigured | 503 | outage
Opening   | NotAuthorizedException | Client 1h57 is configured with secret but SECRET_HASH was not received | Misconfigured | 503 | outage
Revoke    | UnauthorizedException | | Misconfigured | 503 | outage
Opening   | ResourceNotFoundException | User pool client 1h57 does not exist. | Misconfigured | 503 | outage
Opening   | InvalidUserPoolConfigurationException | | Misconfigured | 503 | outage
Opening   | InvalidSmsRoleAccessPolicyException | | Misconfigured | 503 | outage
Opening   | InvalidSmsRoleTrustRelationshipException | | Misconfigured | 503 | outage
Opening   | InvalidEmailRoleAccessPolicyException | | Misconfigured | 503 | outage
Opening   | FeatureUnavailableInTierException | | Misconfigured | 503 | outage
Challenge | MFAMethodNotFoundException | | Misconfigured | 503 | outage
Challenge | SoftwareTokenMFANotFoundException | | Misconfigured | 503 | outage
Revoke    | UnsupportedTokenTypeException | | Misconfigured | 503 | outage
Opening   | NeverHeardOfException | | Misconfigured | 503 | outage
Describe  | AccessDeniedException | User: arn:aws:iam::1:user/jane is not authorized to perform: cognito-idp:DescribeUserPool | Misconfigured | 503 | outage
Describe  | NotAuthorizedException | | Misconfigured | 503 | outage
Describe  | ExpiredTokenException | The security token included in the request is expired | Misconfigured | 503 | outage
Refresh   | UnknownOperationException | | NotOffered | 503 | outage
Refresh   | OperationNotEnabledException | | NotOffered | 503 | outage
Refresh   | UnsupportedOperationException | | NotOffered | 503 | outage
Opening   | ForbiddenException | Request not allowed due to WAF block. | Blocked | 403 | outage
Password  | TooManyRequestsException | Rate exceeded | Throttled | 503 | outage
Password  | InternalErrorException | | ServiceFault | 503 | outage
Password  | InternalServerException | | ServiceFault | 503 | outage
Refresh   | NotAuthorizedException | Refresh Token has expired | RefreshRefused | 401 |
Refresh   | NotAuthorizedException | Refresh Token has been revoked | RefreshRefused | 401 |
Refresh   | NotAuthorizedException | Invalid Refresh Token. | RefreshRefused | 401 |
Refresh   | NotAuthorizedException | User is disabled. | RefreshRefused | 401 |
Refresh   | UserNotFoundException | User does not exist. | RefreshRefused | 401 |
Refresh   | RefreshTokenReuseException | | RefreshRefused | 401 |
Refresh   | NotAuthorizedException | Unable to verify secret hash for client 1h57 | Misconfigured | 503 | outage
Refresh   | TooManyRequestsException | Rate exceeded | Throttled | 503 | outage";

    fn stage(name: &str) -> Stage {
        let all = [
            Stage::Opening,
            Stage::Password,
            Stage::Unproven,
            Stage::Challenge,
            Stage::Device,
            Stage::Account,
            Stage::SignedIn,
            Stage::Refresh,
            Stage::Revoke,
            Stage::Describe,
        ];
        all.into_iter()
            .find(|stage| format!("{stage:?}") == name)
            .unwrap()
    }

    #[test]
    fn each_exception_has_its_meaning_its_status_and_its_kind() {
        for row in TABLE.lines() {
            let columns: Vec<_> = row.split('|').map(str::trim).collect();
            let [stage_name, exception, message, variant, status, kind] = columns.as_slice() else {
                panic!("{row}");
            };
            let error = error(stage(stage_name), exception, message);
            assert!(
                format!("{error:?}").starts_with(variant),
                "{row}: {error:?}"
            );
            assert_eq!(error.status().as_str(), *status, "{row}");
            assert_eq!(error.is_outage(), *kind == "outage", "{row}");
            assert_eq!(error.operator_hint().is_some(), !kind.is_empty(), "{row}");
            let (log, words) = (error.to_string(), error.user_message());
            assert!(log.contains(exception) && !words.is_empty(), "{row}: {log}");
            for leak in ["jane", "1h57 ", "no entry"] {
                assert!(!log.contains(leak) && !words.contains(leak), "{row}: {log}");
            }
        }
    }

    #[test]
    fn whoever_does_not_know_the_password_cannot_tell_the_users_apart() {
        let wrong = error(
            Stage::Password,
            "NotAuthorizedException",
            "Incorrect username or password.",
        );
        for (stage, exception, message) in [
            (Stage::Opening, "UserNotFoundException", ""),
            (Stage::Password, "UserNotFoundException", ""),
            (
                Stage::Password,
                "NotAuthorizedException",
                "User is disabled.",
            ),
            (
                Stage::Opening,
                "NotAuthorizedException",
                "Temporary password has expired and",
            ),
            (Stage::Opening, "UserNotConfirmedException", ""),
            (Stage::Opening, "PasswordResetRequiredException", ""),
            (
                Stage::Password,
                "UserLambdaValidationException",
                "PreAuthentication failed with error x.",
            ),
            (
                Stage::Opening,
                "InvalidParameterException",
                "Value at 'username' failed to satisfy constraint",
            ),
        ] {
            let other = error(stage, exception, message);
            assert_eq!(other.status(), wrong.status(), "{other:?}");
            assert_eq!(other.user_message(), wrong.user_message(), "{other:?}");
            assert_eq!(other.exception_name(), wrong.exception_name(), "{other:?}");
            assert_eq!(other.retry_after(), wrong.retry_after(), "{other:?}");
        }
    }

    #[test]
    fn each_rule_of_the_password_policy_is_told_in_its_own_words() {
        let mut texts = std::collections::HashSet::new();
        for (words, rule) in [
            ("Password not long enough", PasswordRule::Length),
            (
                "Password must have uppercase characters",
                PasswordRule::Uppercase,
            ),
            (
                "Password must have lowercase characters",
                PasswordRule::Lowercase,
            ),
            ("Password must have numeric characters", PasswordRule::Digit),
            ("Password must have symbol characters", PasswordRule::Symbol),
            ("something new", PasswordRule::Other),
        ] {
            let text = format!("Password did not conform with policy: {words}");
            let error = error(Stage::Challenge, "InvalidPasswordException", &text);
            assert!(
                matches!(&error, CognitoError::InvalidPassword { rule: found, .. } if *found == rule),
                "{error:?}"
            );
            assert!(error.retry_same_step() && !error.start_again());
            assert!(
                texts.insert(error.user_message()),
                "{words} shares its text"
            );
        }
    }

    #[test]
    fn a_dead_session_starts_again_and_a_wrong_answer_does_not() {
        let dead = error(
            Stage::Challenge,
            "NotAuthorizedException",
            "Invalid session for the user.",
        );
        assert!(dead.start_again() && !dead.retry_same_step());
        let wrong = error(Stage::Challenge, "CodeMismatchException", "");
        assert!(!wrong.start_again() && wrong.retry_same_step());
    }

    #[test]
    fn an_exceptions_name_cannot_write_into_the_log() {
        let error = error(Stage::Opening, "Evil\nException\u{1b}[31m{}", "");
        assert!(
            !error.to_string().contains(['\n', '\u{1b}', '{']),
            "{error}"
        );
    }
}
