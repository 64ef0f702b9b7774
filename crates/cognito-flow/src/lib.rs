//! Amazon Cognito sign-in flows as pure state machines.
//!
//! ```text
//!  Credentials ─► Flow::begin ─► Step::Call(Call, Flow) ─► the caller sends it ─► Reply
//!                                     ▲                                             │
//!                                     └──────────── Flow::on_reply ◄────────────────┘
//!                                                        │
//!            Step::Ask(Pending) ─► a page ─► Answer ─► Pending::answer ─► Step
//!            Step::Done(TokenSet)
//! ```
//!
//! The caller does all the work with the outside: it sends each [`Call`], turns what comes back into a [`Reply`], shows a
//! page for each [`Pending`], and hands in the time and the random bits a step may use ([`Context`]). Nothing in here does
//! I/O, waits, reads a clock, draws random numbers or names a type of the AWS SDK.
//!
//! [`Flow::begin`] and [`Flow::on_reply`] take 2 to 15 ms of CPU each under USER_SRP_AUTH (powers modulo a 3072-bit
//! prime): call them, and [`Pending::answer`], off the async threads.

mod call;
mod challenge;
mod client;
mod course;
mod device;
mod error;
mod first_factor;
mod flow;
#[cfg(test)]
mod leaks;
mod mac;
mod mfa_type;
mod pending;
mod pkce;
mod refresh;
mod reply;
mod secret;
mod srp;
#[cfg(test)]
mod testing;
mod timestamp;
#[cfg(test)]
mod vectors;

pub use call::{Call, Parameters};
pub use challenge::{
    AuthenticatorSetup, Challenge, CustomChallenge, EmailSetup, MfaSetup, NewPasswordRequired,
    NextStep, OneTimeCode, PasswordChallenge, SelectChallenge, SelectMfaType, WebAuthn,
};
pub use client::{AppClient, ClientId, IdError, UserPoolId};
pub use device::{DeviceVerifier, RememberedDevice};
pub use error::FlowError;
pub use first_factor::{FirstFactor, UnknownFirstFactor};
pub use flow::{Context, Credentials, Flow, FlowKind, FlowSettings, Step, UnknownFlowKind};
pub use mfa_type::MfaType;
pub use pending::{Answer, AnswerError, DecodeError, Pending};
pub use pkce::pkce_challenge;
pub use refresh::{Refresh, RefreshWay};
pub use reply::{NewDevice, Reply, TokenSet};
pub use secret::{CognitoSession, Entropy, Secret};
pub use timestamp::UnixSeconds;
