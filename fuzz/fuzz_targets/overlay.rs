//! Fuzz target `overlay`, see [`fuzz::overlay`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::overlay::run(data));
