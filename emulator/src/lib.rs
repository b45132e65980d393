//! The npu1 array and its AIE2 cores, run from shipped bytes: CDO, PDI and instruction streams.
//!
//! - [`core`]: one AIE2 core, bundle by bundle.

pub mod core;
