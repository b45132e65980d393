//! One core's program: from kernel IR to a checked ELF.

use std::ops::Range;

use formats::elf::CoreElf;

use super::report::{BankReport, LoopReport};
use aie2::checker::CheckError;
use aie2::listing::listing_of_elf;
use aie2::stats::LoopStats;
use aie2::{self, checker, emit, layout, stats};
use arch::array::memory::CORE_OWN;
use arch::limits::CORE_BANK_BYTES;
use array::program::entry_function;
use array::worker::{CorePlan, PlanArg, PlanStep};
use kernel::data::Prices;
use kernel::ir::Module;
use kernel::together::{Operand, together};
use kernel::verify::verify;

/// A compiled core program with everything that tells how it came about.
#[derive(Clone, Debug)]
pub struct CoreProgram {
    /// Kernel IR: the entry function and the kernels that it calls.
    pub module: Module,
    /// Schedule: cycles down, slots across.
    pub scheduled: String,
    /// Program image with symbols.
    pub elf: CoreElf,
    /// Disassembly, read back from the bytes.
    pub listing: String,
    /// Bytes of program memory.
    pub text_bytes: u32,
    /// Bundles that the checker proved.
    pub bundles_checked: usize,
    /// Hardware loops.
    pub loops: Vec<LoopReport>,
    /// What went to the stack for want of registers, in words.
    pub spills: Vec<String>,
    /// What waits for memory banks.
    pub banks: BankReport,
}

/// Compiles the program of a core: its plan as the entry function, and the kernels. Constant data spares
/// the stack and what is `taken`, by addresses of the core's data space.
///
/// # Errors
/// The text of what the stage at fault says.
pub fn compile(
    plan: &CorePlan,
    kernels: &Module,
    taken: &[Range<u32>],
) -> Result<CoreProgram, String> {
    let mut prices = Prices::new();
    meet(&plan.body, kernels, taken, 1, &mut prices);
    let mut module = kernels.clone();
    module.funcs.insert(0, entry_function(plan));
    let verified = verify(module).map_err(|e| e.to_string())?;
    let options = aie2::Options {
        stack_bytes: plan.stack_bytes,
        taken: taken.to_vec(),
        prices,
        ..aie2::Options::default()
    };
    let compiled = aie2::compile_reported(&verified, &options).map_err(|e| e.to_string())?;
    let program = compiled.program;
    let map = layout::layout(&program).map_err(|e| e.to_string())?;
    let image = emit::emit(&program, &map).map_err(|e| e.to_string())?;
    let refused = |errors: Vec<CheckError>| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        format!("the checker refuses the program:\n{}", lines.join("\n"))
    };
    let checked = checker::check(&image.text, &program, &map).map_err(refused)?;
    let banks = checker::bank_cost(&image.text, &program, &map).map_err(refused)?;
    let elf = image.to_elf();
    Ok(CoreProgram {
        scheduled: program.to_string(),
        listing: listing_of_elf(&elf),
        text_bytes: image.text.len() as u32,
        bundles_checked: checked.bundles,
        loops: stats::loops(&program)
            .into_iter()
            .map(loop_report)
            .collect(),
        spills: compiled.spills.iter().map(ToString::to_string).collect(),
        banks: BankReport::new(&banks),
        elf,
        module: verified.into_inner(),
    })
}

/// What a step inside a loop costs more than the same one outside.
const LOOP: u64 = 8;

/// Adds what it costs that constant data lie in the banks of buffers that the steps' calls access together
/// with them.
fn meet(
    steps: &[PlanStep],
    kernels: &Module,
    buffers: &[Range<u32>],
    times: u64,
    prices: &mut Prices,
) {
    for step in steps {
        match step {
            PlanStep::Loop { body, .. }
            | PlanStep::LoopBy { body, .. }
            | PlanStep::Forever { body } => {
                meet(body, kernels, buffers, times.saturating_mul(LOOP), prices);
            }
            PlanStep::Call { kernel, args } => {
                for (pair, cycles) in together(kernels, kernel) {
                    let [Operand::Param(param), Operand::Data(name)] = pair else {
                        continue;
                    };
                    for bank in args.get(param).map_or(0..0, |arg| banks(arg, buffers)) {
                        let price = prices.entry((name.to_owned(), bank)).or_default();
                        *price = price.saturating_add(times.saturating_mul(cycles));
                    }
                }
            }
            PlanStep::Acquire { .. } | PlanStep::Release { .. } => {}
        }
    }
}

/// The banks of the core's own memory that the buffer of an argument has bytes in.
fn banks(arg: &PlanArg, buffers: &[Range<u32>]) -> Range<u8> {
    let PlanArg::Address(address) = arg else {
        return 0..0;
    };
    let bank = |at: u32| (at.saturating_sub(CORE_OWN) / CORE_BANK_BYTES) as u8;
    match buffers.iter().find(|b| b.contains(address)) {
        Some(buffer) => bank(*address)..bank(buffer.end - 1) + 1,
        None => 0..0,
    }
}

fn loop_report(stats: LoopStats) -> LoopReport {
    LoopReport {
        function: stats.func,
        cycles: stats.cycles,
        macs: stats.macs,
        bound: stats.bound,
        binds: stats.binds.to_owned(),
    }
}
