//! Kernel IR: typed, structured, at the level of the AIE2 vector unit.
//!
//! - [`types`]: scalars, pointers, vectors, accumulators.
//! - [`ir`]: modules, functions, blocks, operations.
//! - [`builder`]: builds functions from Rust.
//! - [`mod@print`]: IR to text, canonical numbering.
//! - [`read`]: text to IR.
//! - [`verify`]: the rules; hands on [`verify::Verified`].
//! - [`interp`]: the meaning, bit by bit.

pub mod builder;
pub mod interp;
pub mod ir;
pub mod print;
pub mod read;
pub mod types;
pub mod verify;

/// A number and what it counts: `1 value`, `2 values`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
