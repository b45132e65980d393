//! `npuc`: from kernels and designs in Rust to files that an NPU loads.
//!
//! Data flows one way: [`kernel`] IR is compiled by [`aie2`] into core programs; [`mod@array`] lowers
//! a design to locks, buffers, descriptors and routes; [`package`] writes CDO, PDI, instruction
//! stream and XCLBIN. These stages are crates of their own, so that a changed kernel is built without
//! compiling them again.
//!
//! - [`kernel`]: kernel IR, its text form, verifier and interpreter.
//! - [`kernels`]: the kernel library.
//! - [`aie2`]: the AIE2 back end and its independent checker.
//! - [`mod@array`]: designs and their lowering.
//! - [`package`]: configuration to files.
//! - [`machine`]: a function of kernel IR on one emulated core.
//! - [`overlays`]: the overlays that `build-kernels` builds, by name.
//! - [`build`]: the build driver, its cache and its report.
//! - [`tools`]: tools of other projects, called as processes where a build asks for them.
//! - [`draw`]: pictures of the array.
//! - [`cli`]: the command line.

pub mod build;
pub mod cli;
pub mod draw;
pub mod kernels;
pub mod machine;
pub mod overlays;
pub mod tools;

pub use aie2;
pub use array::{self, package};
pub use kernel::{self, nearest};
