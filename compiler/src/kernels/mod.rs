//! The kernel library.
//!
//! A kernel is a Rust function of its shape that builds kernel IR: how it walks memory, how it blocks
//! registers and which steps differ stands there; that passes of a loop overlap is the compiler's work.
//! Pointers are its parameters; they lie at multiples of 32 bytes and, except where a kernel says so, apart
//! from each other.
//!
//! - [`mod@add`]: sum of two tensors.
//! - [`cases`]: every kernel in its standard shapes, for the benchmark and the tests.
//! - [`mod@exp`]: e to the power of each element.
//! - [`mod@gelu`], [`mod@silu`]: activation functions.
//! - [`mod@layernorm`], [`mod@softmax`]: rows, normalised.
//! - [`passthrough`](mod@passthrough): copies bytes.
//! - [`scale_bf16`](mod@scale_bf16): multiplies by a factor.
//! - [`scale_i16`](mod@scale_i16): multiplies by a factor, shifts, rounds, saturates.
//! - [`matmul`]: products of matrices, and the layout of their operands.
//! - [`mod@transpose`]: a matrix in that layout, transposed.

pub mod add;
pub mod cases;
mod error;
pub mod exp;
pub mod gelu;
pub mod layernorm;
mod math;
pub mod matmul;
pub mod passthrough;
pub mod scale_bf16;
pub mod scale_i16;
pub mod silu;
pub mod softmax;
pub mod transpose;
mod unroll;

pub use add::{Addend, add};
pub use error::KernelError;
pub(crate) use error::{blocks, fits};
pub use exp::exp;
pub use gelu::gelu;
pub use layernorm::layernorm;
pub use matmul::bf16::{MatmulBf16, matmul_bf16};
pub use matmul::int8::{self as matmul_i8, MatmulI8, matmul_i8};
pub use matmul::requant::{Requant, matmul_i8_requant};
pub use passthrough::passthrough;
pub use scale_bf16::scale_bf16;
pub use scale_i16::scale_i16;
pub use silu::silu;
pub use softmax::softmax;
pub use transpose::{Transpose, transpose};
