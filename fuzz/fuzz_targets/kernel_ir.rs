//! Fuzz target `kernel_ir`, see [`fuzz::kernel_ir`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::kernel_ir::run(data));
