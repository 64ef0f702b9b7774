//! sidegate: an authenticating reverse-proxy sidecar for Amazon Cognito user pools.
pub mod body;
pub mod clock;
pub mod cognito;
#[cfg(feature = "dev")]
pub mod dev;
pub mod forward;
pub mod gate;
pub mod identity;
pub mod keys;
pub mod origin;
pub mod peer;
pub mod refusal;
pub mod server;
pub mod session;
pub mod sign_in;
