//! Programs in assembler on one core.

mod flow;
pub(crate) mod harness;
mod timing;
