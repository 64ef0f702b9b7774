//! sidegate: an authenticating reverse-proxy sidecar for Amazon Cognito user pools.
mod alarm;
pub mod app;
pub mod body;
mod causes;
pub mod cli;
pub mod clock;
pub mod cognito;
pub mod config;
#[cfg(feature = "dev")]
pub mod dev;
pub mod forward;
pub mod gate;
pub mod identity;
pub mod keys;
pub mod origin;
pub mod peer;
pub mod refusal;
pub mod request_id;
pub mod run;
pub mod server;
pub mod session;
pub mod sign_in;
pub mod telemetry;
