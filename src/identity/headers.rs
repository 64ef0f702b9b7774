//! Header values for the upstream, made of verified claims.

use http::{HeaderName, HeaderValue};

use super::Claims;

/// Which claim goes into which header.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    /// Header name → claim name, in the order they are sent.
    pub claims: Vec<(HeaderName, String)>,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        todo!()
    }
}

impl IdentityHeaders {
    /// The fields for these claims; an absent claim gives no field.
    pub fn of(&self, _claims: &Claims) -> Vec<(HeaderName, HeaderValue)> {
        todo!()
    }
}
