//! The local pool through a real socket, by a client that shares no code with it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]

mod attributes;
mod bed;
mod custom_auth;
mod data_dir;
mod devices;
mod function;
mod http;
mod lambda;
mod mfa;
mod mfa_settings;
mod migration;
mod new_password;
mod one_time_code;
mod outbox;
mod password_sign_in;
mod pools;
mod pre_token;
mod refresh;
mod reset;
mod sign_up;
mod srp_client;
mod srp_sign_in;
mod tokens;
mod triggers;
mod user_auth;
mod users;
mod web_authn;
