//! Programs in assembler on one core.

mod coverage;
mod faults;
mod flow;
pub(crate) mod harness;
mod mac;
mod memory;
mod ports;
mod random;
mod scalar;
mod timing;
mod vector;
