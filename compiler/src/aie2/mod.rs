//! The AIE2 back end: kernel IR to checked machine code.
//!
//! - [`mir`]: scheduled machine instructions with registers, what layout and the checker take.

pub mod mir;
