//! Which endpoint a request under the prefix names.
//!
//! Paths are compared byte for byte: what is not spelt exactly like an endpoint is not one. An endpoint
//! that changes something answers POST only, and HEAD is GET without the body.

use http::Method;

use crate::origin::PREFIX;

use super::account::{Part, Settings};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    SignInPage,
    SignIn,
    /// A challenge is answered by POST; its page cannot be loaded again by itself.
    ChallengePage,
    Challenge,
    SignOutPage,
    SignOut,
    /// Signs out, and the pool no longer knows this browser.
    ForgetDevice,
    SignedOut,
    ForgotPasswordPage,
    ForgotPassword,
    ResetPasswordPage,
    ResetPassword,
    SignUpPage,
    SignUp,
    ConfirmPage,
    Confirm,
    ResendCode,
    VerifyPage,
    VerifyAttribute,
    SendAttributeCode,
    PasskeysPage,
    AddPasskey,
    SavePasskey,
    DeletePasskey,
    DeclinePasskey,
    /// The file's name.
    Asset(&'a str),
    Health,
    ApiSession,
    ApiSignIn,
    ApiConfirmSignIn,
    ApiSignOut,
    ApiResetPassword,
    ApiConfirmResetPassword,
    ApiSignUp,
    ApiConfirmSignUp,
    ApiAutoSignIn,
    ApiResendSignUpCode,
    ApiSendAttributeCode,
    ApiConfirmAttribute,
    ApiPasskeys,
    ApiStartPasskey,
    ApiCompletePasskey,
    ApiDeletePasskey,
    ApiDescription,
}

/// Why a request names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoEndpoint {
    NotFound,
    /// The path is one of ours, the method is not; `allow` is for the Allow field (RFC 9110 §15.5.6).
    Method {
        allow: &'static str,
    },
}

/// The endpoint of a method and path. What belongs to a part that is switched off is not there.
pub(super) fn endpoint<'a>(
    method: &Method,
    path: &'a str,
    account: &Settings,
) -> Result<Endpoint<'a>, NoEndpoint> {
    let name = path.strip_prefix(PREFIX).ok_or(NoEndpoint::NotFound)?;
    if part_of(name).is_some_and(|part| !account.has(part)) {
        return Err(NoEndpoint::NotFound);
    }
    let (get, post) = match name {
        "sign-in" => (Some(Endpoint::SignInPage), Some(Endpoint::SignIn)),
        "challenge" => (Some(Endpoint::ChallengePage), Some(Endpoint::Challenge)),
        "sign-out" => (Some(Endpoint::SignOutPage), Some(Endpoint::SignOut)),
        "forget-device" => (None, Some(Endpoint::ForgetDevice)),
        "signed-out" => (Some(Endpoint::SignedOut), None),
        "forgot-password" => (
            Some(Endpoint::ForgotPasswordPage),
            Some(Endpoint::ForgotPassword),
        ),
        "reset-password" => (
            Some(Endpoint::ResetPasswordPage),
            Some(Endpoint::ResetPassword),
        ),
        "sign-up" => (Some(Endpoint::SignUpPage), Some(Endpoint::SignUp)),
        "confirm" => (Some(Endpoint::ConfirmPage), Some(Endpoint::Confirm)),
        "resend-code" => (None, Some(Endpoint::ResendCode)),
        "verify" => (Some(Endpoint::VerifyPage), Some(Endpoint::VerifyAttribute)),
        "verify/send" => (None, Some(Endpoint::SendAttributeCode)),
        "passkeys" => (Some(Endpoint::PasskeysPage), None),
        "passkeys/add" => (None, Some(Endpoint::AddPasskey)),
        "passkeys/save" => (None, Some(Endpoint::SavePasskey)),
        "passkeys/delete" => (None, Some(Endpoint::DeletePasskey)),
        "passkeys/not-now" => (None, Some(Endpoint::DeclinePasskey)),
        "healthz" => (Some(Endpoint::Health), None),
        "api/session" => (Some(Endpoint::ApiSession), None),
        "api/sign-in" => (None, Some(Endpoint::ApiSignIn)),
        "api/confirm-sign-in" => (None, Some(Endpoint::ApiConfirmSignIn)),
        "api/sign-out" => (None, Some(Endpoint::ApiSignOut)),
        "api/reset-password" => (None, Some(Endpoint::ApiResetPassword)),
        "api/confirm-reset-password" => (None, Some(Endpoint::ApiConfirmResetPassword)),
        "api/sign-up" => (None, Some(Endpoint::ApiSignUp)),
        "api/confirm-sign-up" => (None, Some(Endpoint::ApiConfirmSignUp)),
        "api/auto-sign-in" => (None, Some(Endpoint::ApiAutoSignIn)),
        "api/resend-sign-up-code" => (None, Some(Endpoint::ApiResendSignUpCode)),
        "api/send-user-attribute-verification-code" => (None, Some(Endpoint::ApiSendAttributeCode)),
        "api/confirm-user-attribute" => (None, Some(Endpoint::ApiConfirmAttribute)),
        "api/openapi.json" => (Some(Endpoint::ApiDescription), None),
        "api/passkeys" => (Some(Endpoint::ApiPasskeys), None),
        "api/passkeys/start" => (None, Some(Endpoint::ApiStartPasskey)),
        "api/passkeys/complete" => (None, Some(Endpoint::ApiCompletePasskey)),
        "api/passkeys/delete" => (None, Some(Endpoint::ApiDeletePasskey)),
        _ => match name.strip_prefix("assets/") {
            Some(file) => (Some(Endpoint::Asset(file)), None),
            None => return Err(NoEndpoint::NotFound),
        },
    };
    let wanted = match *method {
        Method::GET | Method::HEAD => get,
        Method::POST => post,
        _ => None,
    };
    wanted.ok_or(NoEndpoint::Method {
        allow: match (get, post) {
            (Some(_), Some(_)) => "GET, HEAD, POST",
            (Some(_), None) => "GET, HEAD",
            (None, _) => "POST",
        },
    })
}

/// The part that an address belongs to, if it is one of those that can be switched off.
fn part_of(name: &str) -> Option<Part> {
    match name.strip_prefix("api/").unwrap_or(name) {
        "forgot-password" | "reset-password" | "confirm-reset-password" => {
            Some(Part::ResetPassword)
        }
        "sign-up"
        | "confirm"
        | "resend-code"
        | "confirm-sign-up"
        | "auto-sign-in"
        | "resend-sign-up-code" => Some(Part::SignUp),
        "verify"
        | "verify/send"
        | "send-user-attribute-verification-code"
        | "confirm-user-attribute" => Some(Part::VerifyAttributes),
        name if name == "passkeys" || name.starts_with("passkeys/") => Some(Part::Passkeys),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Settings = Settings {
        reset_password: true,
        sign_up: true,
        sign_up_attributes: Vec::new(),
        verify_attributes: true,
        passkeys: true,
        offer_passkey: false,
    };
    const NONE: Settings = Settings {
        reset_password: false,
        sign_up: false,
        verify_attributes: false,
        sign_up_attributes: Vec::new(),
        passkeys: false,
        offer_passkey: false,
    };

    #[test]
    fn each_part_can_be_switched_off_with_all_its_addresses() {
        let mut count = 0;
        for (path, part) in [
            ("forgot-password", Part::ResetPassword),
            ("reset-password", Part::ResetPassword),
            ("api/reset-password", Part::ResetPassword),
            ("api/confirm-reset-password", Part::ResetPassword),
            ("sign-up", Part::SignUp),
            ("confirm", Part::SignUp),
            ("resend-code", Part::SignUp),
            ("api/sign-up", Part::SignUp),
            ("api/confirm-sign-up", Part::SignUp),
            ("api/auto-sign-in", Part::SignUp),
            ("api/resend-sign-up-code", Part::SignUp),
            ("verify", Part::VerifyAttributes),
            ("verify/send", Part::VerifyAttributes),
            (
                "api/send-user-attribute-verification-code",
                Part::VerifyAttributes,
            ),
            ("api/confirm-user-attribute", Part::VerifyAttributes),
            ("passkeys", Part::Passkeys),
            ("passkeys/add", Part::Passkeys),
            ("passkeys/save", Part::Passkeys),
            ("passkeys/delete", Part::Passkeys),
            ("passkeys/not-now", Part::Passkeys),
            ("api/passkeys", Part::Passkeys),
            ("api/passkeys/start", Part::Passkeys),
            ("api/passkeys/complete", Part::Passkeys),
            ("api/passkeys/delete", Part::Passkeys),
        ] {
            assert_eq!(part_of(path), Some(part), "{path}");
            let path = format!("{PREFIX}{path}");
            for method in [Method::GET, Method::POST, Method::PUT] {
                let there = endpoint(&method, &path, &ALL);
                assert_ne!(there, Err(NoEndpoint::NotFound), "{method} {path}");
                let off = endpoint(&method, &path, &NONE);
                assert_eq!(off, Err(NoEndpoint::NotFound), "{method} {path}");
                count += usize::from(there.is_ok());
            }
        }
        assert_eq!(count, 29, "an address that no line here names");
    }

    #[test]
    fn each_endpoint_answers_its_methods_and_no_other() {
        for (path, get, post, allow) in [
            (
                "sign-in",
                Some(Endpoint::SignInPage),
                Some(Endpoint::SignIn),
                "GET, HEAD, POST",
            ),
            (
                "challenge",
                Some(Endpoint::ChallengePage),
                Some(Endpoint::Challenge),
                "GET, HEAD, POST",
            ),
            (
                "sign-out",
                Some(Endpoint::SignOutPage),
                Some(Endpoint::SignOut),
                "GET, HEAD, POST",
            ),
            ("forget-device", None, Some(Endpoint::ForgetDevice), "POST"),
            ("signed-out", Some(Endpoint::SignedOut), None, "GET, HEAD"),
            ("healthz", Some(Endpoint::Health), None, "GET, HEAD"),
            (
                "assets/a.css",
                Some(Endpoint::Asset("a.css")),
                None,
                "GET, HEAD",
            ),
            ("api/session", Some(Endpoint::ApiSession), None, "GET, HEAD"),
            ("api/sign-in", None, Some(Endpoint::ApiSignIn), "POST"),
            (
                "api/confirm-sign-in",
                None,
                Some(Endpoint::ApiConfirmSignIn),
                "POST",
            ),
            ("api/sign-out", None, Some(Endpoint::ApiSignOut), "POST"),
        ] {
            let path = format!("{PREFIX}{path}");
            let refused = Err(NoEndpoint::Method { allow });
            assert_eq!(
                endpoint(&Method::GET, &path, &ALL),
                get.ok_or(NoEndpoint::Method { allow })
            );
            assert_eq!(
                endpoint(&Method::HEAD, &path, &ALL),
                endpoint(&Method::GET, &path, &ALL)
            );
            assert_eq!(
                endpoint(&Method::POST, &path, &ALL),
                post.ok_or(NoEndpoint::Method { allow })
            );
            for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
                assert_eq!(endpoint(&method, &path, &ALL), refused, "{method} {path}");
            }
        }
    }

    #[test]
    fn other_spellings_are_not_found() {
        for path in [
            "/",
            "/.sidegate",
            "/.sidegate/",
            "/.sidegate/sign-in/",
            "/.sidegate/Sign-In",
            "/.sidegate//sign-in",
            "/.sidegate/sign%2din",
            "/.sidegate/assets",
            "/.sidegate/api/",
            "/app/.sidegate/sign-in",
        ] {
            assert_eq!(
                endpoint(&Method::GET, path, &ALL),
                Err(NoEndpoint::NotFound),
                "{path}"
            );
        }
    }
}
