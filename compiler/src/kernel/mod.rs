//! Kernel IR: typed, structured, at the level of the AIE2 vector unit.
//!
//! - [`types`]: scalars, pointers, vectors, accumulators.
//! - [`ir`]: modules, functions, blocks, operations.
//! - [`builder`]: builds functions from Rust.

pub mod builder;
pub mod ir;
pub mod types;
