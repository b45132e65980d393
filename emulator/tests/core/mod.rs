//! Programs in assembler on one core.

mod flow;
mod harness;
mod timing;
