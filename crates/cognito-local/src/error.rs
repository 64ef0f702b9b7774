//! Cognito's exceptions: name, status and text.
//!
//! Every operation ends in a JSON object or one of these; `protocol` writes them to the wire. The texts go to the
//! caller and into nothing else: the log gets the name only. A text never holds a password, code or token.

use std::borrow::Cow;

use aws_lc_rs::error::Unspecified;

use crate::srp::SrpError;

/// An operation's refusal, as the caller sees it.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {message}")]
pub(crate) struct ApiError {
    name: Cow<'static, str>,
    message: Cow<'static, str>,
}

/// One constructor for each exception the pool raises; the name is the exception's.
macro_rules! exceptions {
    ($($constructor:ident => $name:literal,)+) => {
        impl ApiError {
            $(
                #[doc = $name]
                pub(crate) fn $constructor(message: impl Into<Cow<'static, str>>) -> Self {
                    Self { name: Cow::Borrowed($name), message: message.into() }
                }
            )+
        }
    };
}

exceptions! {
    alias_exists => "AliasExistsException",
    code_mismatch => "CodeMismatchException",
    device_key_exists => "DeviceKeyExistsException",
    enable_software_token_mfa => "EnableSoftwareTokenMFAException",
    expired_code => "ExpiredCodeException",
    group_exists => "GroupExistsException",
    internal => "InternalErrorException",
    invalid_lambda_response => "InvalidLambdaResponseException",
    invalid_parameter => "InvalidParameterException",
    invalid_password => "InvalidPasswordException",
    invalid_user_pool_configuration => "InvalidUserPoolConfigurationException",
    limit_exceeded => "LimitExceededException",
    mfa_method_not_found => "MFAMethodNotFoundException",
    not_authorized => "NotAuthorizedException",
    password_history => "PasswordHistoryPolicyViolationException",
    password_reset_required => "PasswordResetRequiredException",
    refresh_token_reuse => "RefreshTokenReuseException",
    resource_not_found => "ResourceNotFoundException",
    serialization => "SerializationException",
    software_token_mfa_not_found => "SoftwareTokenMFANotFoundException",
    too_large => "RequestEntityTooLargeException",
    too_many_failed_attempts => "TooManyFailedAttemptsException",
    unauthorized => "UnauthorizedException",
    unexpected_lambda => "UnexpectedLambdaException",
    unknown_operation => "UnknownOperationException",
    unsupported_operation => "UnsupportedOperationException",
    unsupported_token_type => "UnsupportedTokenTypeException",
    unsupported_user_state => "UnsupportedUserStateException",
    user_not_confirmed => "UserNotConfirmedException",
    user_not_found => "UserNotFoundException",
    user_lambda_validation => "UserLambdaValidationException",
    username_exists => "UsernameExistsException",
    web_authn_challenge_not_found => "WebAuthnChallengeNotFoundException",
    web_authn_client_mismatch => "WebAuthnClientMismatchException",
    web_authn_configuration_missing => "WebAuthnConfigurationMissingException",
    web_authn_credential_not_supported => "WebAuthnCredentialNotSupportedException",
    web_authn_not_enabled => "WebAuthnNotEnabledException",
    web_authn_origin_not_allowed => "WebAuthnOriginNotAllowedException",
    web_authn_relying_party_mismatch => "WebAuthnRelyingPartyMismatchException",
}

impl ApiError {
    /// An exception of any name: an ordered fault.
    pub(crate) fn named(name: String, message: &'static str) -> Self {
        Self {
            name: Cow::Owned(name),
            message: Cow::Borrowed(message),
        }
    }

    /// The one answer to a wrong password, an unknown user and everything else that may not be told apart.
    pub(crate) fn incorrect() -> Self {
        Self::not_authorized("Incorrect username or password.")
    }

    pub(crate) fn user_missing() -> Self {
        Self::user_not_found("User does not exist.")
    }

    pub(crate) fn client_missing(id: &str) -> Self {
        Self::resource_not_found(format!("User pool client {id} does not exist."))
    }

    pub(crate) fn pool_missing(id: &str) -> Self {
        Self::resource_not_found(format!("User pool {id} does not exist."))
    }

    pub(crate) fn missing_parameter(name: &str) -> Self {
        Self::invalid_parameter(format!("Missing required parameter {name}"))
    }

    /// The exception's name: `__type` on the wire, the outcome in the log.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// 400 for everything Cognito models, 500 for its own faults, 413 for a body nobody should send.
    pub(crate) fn status(&self) -> http::StatusCode {
        match self.name() {
            "InternalErrorException" | "InternalServerException" => {
                http::StatusCode::INTERNAL_SERVER_ERROR
            }
            "RequestEntityTooLargeException" => http::StatusCode::PAYLOAD_TOO_LARGE,
            _ => http::StatusCode::BAD_REQUEST,
        }
    }
}

impl From<Unspecified> for ApiError {
    fn from(_: Unspecified) -> Self {
        Self::internal("The cryptographic library failed.")
    }
}

impl From<SrpError> for ApiError {
    fn from(error: SrpError) -> Self {
        match error {
            SrpError::NotANumber | SrpError::ZeroPublic => {
                Self::invalid_parameter("Invalid SRP_A value.")
            }
            SrpError::Library(unspecified) => unspecified.into(),
        }
    }
}
