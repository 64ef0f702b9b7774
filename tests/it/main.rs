//! sidegate end to end: the real gate, the real configuration loader, the local user pool, real sockets.
//!
//! One binary, so that the product is linked once. `bed.rs` starts everything on free ports; `browser.rs`
//! is a client with a cookie jar that reads forms as a browser does.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may stop, and say what they skip"
)]

mod accounts;
mod api;
mod arrows;
mod attacks;
mod bed;
mod browser;
mod challenges;
mod check;
mod chromium;
mod clients;
mod command_line;
mod forgery;
mod handles;
mod memory;
mod migration;
mod next_steps;
mod openapi;
mod outside;
mod passkeys;
mod secrecy;
mod sessions;
mod sign_in;
mod streams;
mod tabs;
mod triggers;
mod upstream;
mod wire;
