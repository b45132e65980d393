//! Fuzz target `design`, see [`fuzz::design`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::design::run(data));
