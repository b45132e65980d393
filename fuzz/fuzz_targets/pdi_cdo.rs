//! Fuzz target `pdi_cdo`, see [`fuzz::pdi_cdo`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::pdi_cdo::run(data));
