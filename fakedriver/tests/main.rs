//! The runtime, over the emulator and over the fake driver.
//!
//! - [`suite`]: what holds on every device; also run through the preload library, and on a real NPU
//!   by `cargo xtask test --device npu`.
//! - [`preload`]: runs the suite in a process that preloads the library.
//! - [`faults`]: every call and every error that it can end in.
//! - [`recovery`]: commands that do not end well.
//! - [`limits`]: contexts, locked memory, the heap, other devices.
//! - [`strict`]: what the fake driver itself refuses.
//! - [`soak`]: many dispatches from many threads under random faults.

mod faults;
mod fixture;
mod limits;
mod preload;
mod recovery;
mod soak;
mod strict;
mod suite;
