//! Fuzz target `core_code`, see [`fuzz::core_code`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::core_code::run(data));
