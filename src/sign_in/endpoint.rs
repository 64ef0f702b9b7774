//! Which endpoint a request under the prefix names.
//!
//! Paths are compared byte for byte: what is not spelt exactly like an endpoint is not one. An endpoint
//! that changes something answers POST only, and HEAD is GET without the body.

use http::Method;

use crate::origin::PREFIX;

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
    /// The file's name.
    Asset(&'a str),
    Health,
    ApiSession,
    ApiSignIn,
    ApiConfirmSignIn,
    ApiSignOut,
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

/// The endpoint of a method and path.
pub(super) fn endpoint<'a>(method: &Method, path: &'a str) -> Result<Endpoint<'a>, NoEndpoint> {
    let name = path.strip_prefix(PREFIX).ok_or(NoEndpoint::NotFound)?;
    let (get, post) = match name {
        "sign-in" => (Some(Endpoint::SignInPage), Some(Endpoint::SignIn)),
        "challenge" => (Some(Endpoint::ChallengePage), Some(Endpoint::Challenge)),
        "sign-out" => (Some(Endpoint::SignOutPage), Some(Endpoint::SignOut)),
        "forget-device" => (None, Some(Endpoint::ForgetDevice)),
        "signed-out" => (Some(Endpoint::SignedOut), None),
        "healthz" => (Some(Endpoint::Health), None),
        "api/session" => (Some(Endpoint::ApiSession), None),
        "api/sign-in" => (None, Some(Endpoint::ApiSignIn)),
        "api/confirm-sign-in" => (None, Some(Endpoint::ApiConfirmSignIn)),
        "api/sign-out" => (None, Some(Endpoint::ApiSignOut)),
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

#[cfg(test)]
mod tests {
    use super::*;

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
                endpoint(&Method::GET, &path),
                get.ok_or(NoEndpoint::Method { allow })
            );
            assert_eq!(
                endpoint(&Method::HEAD, &path),
                endpoint(&Method::GET, &path)
            );
            assert_eq!(
                endpoint(&Method::POST, &path),
                post.ok_or(NoEndpoint::Method { allow })
            );
            for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
                assert_eq!(endpoint(&method, &path), refused, "{method} {path}");
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
                endpoint(&Method::GET, path),
                Err(NoEndpoint::NotFound),
                "{path}"
            );
        }
    }
}
