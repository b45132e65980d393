//! The AIE2 back end: kernel IR to checked machine code.
//!
//! - [`mir`]: scheduled machine instructions with registers, what layout and the checker take.
//! - [`layout`]: bundle sizes and addresses.
//! - [`emit`]: bytes, symbols, ELF.

pub mod emit;
pub mod layout;
pub mod mir;
