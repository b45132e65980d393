//! The AIE2 back end: kernel IR to checked machine code.
//!
//! Data flow: [`select`] turns kernel IR into [`vcode`], machine instructions on values;
//! [`coalesce`] finds the values that share a register; [`schedule`] gives each instruction its
//! cycle and slot; [`regalloc`] gives each value its register on that schedule, and what finds none
//! goes to the stack [`frame`]; the result is
//! [`mir`], which [`layout`] turns into bundles and addresses, [`emit`] into bytes, symbols and ELF.
//! [`checker`] reads the bytes again and proves that they are the program; [`listing`] prints them,
//! [`asm`] reads what it prints;
//! [`stats`] counts what their loops issue.

mod allocate;
pub mod asm;
pub mod checker;
pub mod coalesce;
mod compile;
pub mod emit;
pub mod error;
mod explain;
pub mod frame;
pub mod layout;
pub mod listing;
pub mod liveness;
mod loops;
pub mod mir;
mod pipeline;
pub mod regalloc;
pub mod schedule;
pub mod select;
mod spill;
pub mod stats;
#[cfg(test)]
mod tests;
pub mod vcode;
mod vcode_text;

pub use compile::{Compiled, Options, compile, compile_reported};
pub use error::CompileError;
pub use loops::LoopReport;
pub use spill::SpillReport;
