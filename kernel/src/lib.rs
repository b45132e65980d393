//! Kernel IR: typed, structured, at the level of the AIE2 vector unit.
//!
//! - [`types`]: scalars, pointers, vectors, accumulators.
//! - [`ir`]: modules, functions, blocks, operations.
//! - [`data`]: where constant data lies.
//! - [`builder`]: builds functions from Rust.
//! - [`mod@print`]: IR to text, canonical numbering.
//! - [`read`]: text to IR.
//! - [`verify`]: the rules; hands on [`verify::Verified`].
//! - [`interp`]: the meaning, bit by bit.
//! - [`reach`]: which operand each pointer reaches; [`mod@together`]: which operands are accessed together.
//! - [`nearest`](fn@nearest): what a mistyped name may have meant, for errors.

pub mod builder;
pub mod data;
pub mod interp;
pub mod ir;
mod nearest;
pub mod print;
pub mod reach;
pub mod read;
pub mod together;
pub mod types;
pub mod verify;

pub use nearest::nearest;

/// A number and what it counts: `1 value`, `2 values`.
pub fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
