//! See `sidegate_fuzz::return_to`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidegate_fuzz::return_to(bytes));
