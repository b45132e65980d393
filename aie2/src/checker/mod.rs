//! The checker: reads the bytes of a core program again and proves that they are the program.
//!
//! It shares nothing with selection, scheduling, allocation and layout but the facts of `arch` and the
//! machine IR that says what the program means. In order:
//!
//! - `code`: every bundle decodes, and every instruction of the program stands exactly once where the
//!   schedule says.
//! - `flow` (with `labels`): branches have their delay slots and lead where the program says.
//! - `loops`: sizes, alignment and distances of hardware loops.
//! - `pipeline` (with `places`): ports and units, memory order, locks, over all ways through the program.
//! - `dataflow` (with `meaning`, `state`, `cell`, `units`): every read finds the value that it names,
//!   whatever the pipeline has under way.
//!
//! Beside these, which refuse, `banks` (with `known`) says what accesses that meet in a memory bank cost.
//!
//! What it takes for granted: that the program order of each block and the values it names are what the
//! kernel means, that accesses to different objects do not meet, and that only accesses relative to the
//! stack pointer touch what a function saves on its stack.

mod banks;
mod cell;
mod code;
mod dataflow;
mod error;
mod flow;
mod known;
mod labels;
mod loops;
mod meaning;
mod pipeline;
mod places;
mod state;
mod units;

pub use banks::{Bank, BankAccess, BankConflict, BankCost, Uncounted, bank_cost};
pub use error::{CheckError, Fault, Found, LoopFault, Site, Wanted};

use super::layout::LayoutMap;
use super::mir::Program;
use code::Code;
use flow::Flow;

/// What was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Bundles decoded.
    pub bundles: usize,
    /// Instructions held against the program, without nops.
    pub insts: usize,
    /// Reads of registers, unit by unit, that find what they name on every way.
    pub reads: usize,
}

/// Proves that `bytes` are `program`, laid out as `map` says.
///
/// # Errors
/// Every rule that is broken; only those of the bytes' form when they already differ from the program.
pub fn check(
    bytes: &[u8],
    program: &Program,
    map: &LayoutMap,
) -> Result<CheckReport, Vec<CheckError>> {
    let code = Code::read(bytes, program, map)?;
    let flow = Flow::read(&code)?;
    let mut errors = loops::check(&code, &flow);
    errors.extend(pipeline::check(&code, &flow));
    let reads = dataflow::check(&code, &flow, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let insts = code.bundles.iter().map(|b| b.ops.len()).sum();
    Ok(CheckReport {
        bundles: code.bundles.len(),
        insts,
        reads,
    })
}
