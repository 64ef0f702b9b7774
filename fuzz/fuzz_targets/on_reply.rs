//! See `sidegate_fuzz::on_reply`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidegate_fuzz::on_reply(bytes));
