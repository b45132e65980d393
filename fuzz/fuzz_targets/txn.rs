//! Fuzz target `txn`, see [`fuzz::txn`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::txn::run(data));
