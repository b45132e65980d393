//! The runtime, over the emulator and over the fake driver.
//!
//! - [`suite`]: what holds on every device; also run through the preload library, and on a real NPU
//!   by `cargo xtask test --device npu`.
//! - [`preload`]: runs the suite in a process that preloads the library.

mod fixture;
mod preload;
mod suite;
