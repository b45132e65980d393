//! The kernel library.
//!
//! A kernel is a Rust function of its shape that builds kernel IR: how it walks memory, how it blocks
//! registers and what it unrolls stands there. Pointers are its parameters; they lie at multiples of 32
//! bytes and, except where a kernel says so, apart from each other.
//!
//! - [`cases`]: every kernel in its standard shapes, for the benchmark and the tests.
//! - [`passthrough`](mod@passthrough): copies bytes.
//! - [`scale_i16`](mod@scale_i16): multiplies by a factor, shifts, rounds, saturates.
//! - [`matmul_i8`](mod@matmul_i8): product of 8-bit matrices in 32 bits, and the layout of its operands.

pub mod cases;
mod error;
pub mod matmul_i8;
pub mod passthrough;
pub mod scale_i16;
mod unroll;

pub use error::KernelError;
pub use matmul_i8::{MatmulI8, matmul_i8};
pub use passthrough::passthrough;
pub use scale_i16::scale_i16;
