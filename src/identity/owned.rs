//! Header names that only sidegate may set.

use http::{HeaderMap, HeaderName};

use super::IdentityHeaders;

/// What is removed from every request before anything of ours is added.
#[derive(Clone, Debug)]
pub struct OwnedNames(());

impl OwnedNames {
    /// The built-in set and every configured header.
    pub fn new(_configured: &IdentityHeaders) -> Self {
        todo!()
    }

    /// Whether a field of this name must not reach the upstream from a client.
    pub fn covers(&self, _name: &HeaderName) -> bool {
        todo!()
    }

    /// Removes every such field.
    pub fn strip(&self, _headers: &mut HeaderMap) {
        todo!()
    }
}
