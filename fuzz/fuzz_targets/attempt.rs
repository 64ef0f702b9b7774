//! See `sidegate_fuzz::attempt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidegate_fuzz::attempt(bytes));
