//! Fuzz target `xclbin`, see [`fuzz::xclbin`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::xclbin::run(data));
