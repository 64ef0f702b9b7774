//! The local pool through a real socket, by a client that shares no code with it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise"
)]

mod bed;
mod data_dir;
mod http;
mod mfa;
mod migration;
mod new_password;
mod one_time_code;
mod password_sign_in;
mod pools;
mod refresh;
mod srp_client;
mod srp_sign_in;
mod tokens;
mod users;
