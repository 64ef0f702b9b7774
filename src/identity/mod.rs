//! Who is signed in.
//!
//! An `Identity` is made once, when a session begins or its tokens are renewed: verified claims and
//! the header values made of them (`headers.rs`). `owned.rs` knows which header names only
//! sidegate may set. A leaf: no I/O, no decision.

mod headers;
mod owned;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

pub use headers::IdentityHeaders;
pub use owned::OwnedNames;

/// The claims of a verified ID token, as the JSON object that Cognito signed.
///
/// Only `cognito::token` makes one; having it means that the token was checked.
#[derive(Clone, Debug)]
pub struct Claims(serde_json::Map<String, serde_json::Value>);

impl Claims {
    /// Wraps the claims of a token that has been verified.
    pub fn verified(claims: serde_json::Map<String, serde_json::Value>) -> Self {
        Self(claims)
    }

    /// One claim, whatever its type.
    pub fn find(&self, name: &str) -> Option<&serde_json::Value> {
        self.0.get(name)
    }

    /// One claim, if it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.find(name).and_then(serde_json::Value::as_str)
    }

    /// `sub`: the stable id of the user. Verified to be there and not empty.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// `cognito:username`: the internal user name.
    pub fn username(&self) -> &str {
        self.text("cognito:username").unwrap_or_default()
    }

    /// `cognito:groups`, in the pool's order; empty when the claim is absent.
    pub fn groups(&self) -> Vec<&str> {
        let groups = self
            .find("cognito:groups")
            .and_then(serde_json::Value::as_array);
        groups
            .into_iter()
            .flatten()
            .filter_map(serde_json::Value::as_str)
            .collect()
    }
}

/// A signed-in user: what the upstream is told of them.
#[derive(Debug)]
pub struct Identity {
    /// `sub`, for the log and for rules.
    pub subject: Box<str>,
    /// `cognito:username`.
    pub username: Box<str>,
    /// A name to show to the person: `name`, `email`, or the user name.
    pub display_name: Box<str>,
    /// `cognito:groups`.
    pub groups: Box<[Box<str>]>,
    /// Ready header fields for the upstream, made once.
    pub headers: Box<[(HeaderName, HeaderValue)]>,
}

impl Identity {
    /// Makes the identity of verified claims.
    pub fn new(claims: &Claims, headers: &IdentityHeaders) -> Self {
        let display_name = ["name", "email"]
            .iter()
            .find_map(|name| claims.text(name).filter(|text| !text.is_empty()))
            .unwrap_or_else(|| claims.username());
        Self {
            subject: claims.subject().into(),
            username: claims.username().into(),
            display_name: display_name.into(),
            groups: claims.groups().into_iter().map(Into::into).collect(),
            headers: headers.of(claims).into_boxed_slice(),
        }
    }
}

/// The signed-in caller of one request: the identity, and the signal that the session has ended.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// Cancelled when the session ends (sign-out, expiry, refusal): open streams stop then.
    pub ended: CancellationToken,
}
