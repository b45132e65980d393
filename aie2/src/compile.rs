//! From verified kernel IR to scheduled machine instructions with registers.

use std::ops::Range;

use arch::array::memory::CORE_OWN;
use arch::limits::PROGRAM_BYTES;

use super::allocate::{Finished, finish};
use super::error::CompileError;
use super::loops::LoopReport;
use super::mir::{self, Label, MData, MOperand};
use super::select::{lower, start};
use super::spill::SpillReport;
use super::vcode::VFunc;
use kernel::data::{Prices, addresses_by};
use kernel::ir::Module;
use kernel::verify::Verified;

/// What to compile, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Function that the start-up code calls.
    pub entry: String,
    /// Bytes of data memory for the stack.
    pub stack_bytes: u32,
    /// What else of the core's own data memory constant data is to spare, by addresses of the data space.
    pub taken: Vec<Range<u32>>,
    /// What it costs that constant data lie in the banks of that memory.
    pub prices: Prices,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            entry: "main".to_owned(),
            stack_bytes: arch::limits::DEFAULT_STACK_BYTES,
            taken: Vec::new(),
            prices: Prices::new(),
        }
    }
}

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The program.
    pub program: mir::Program,
    /// Its hardware loops.
    pub loops: Vec<LoopReport>,
    /// What went to the stack for want of registers.
    pub spills: Vec<SpillReport>,
    /// Bytes of stack of the deepest chain of calls.
    pub stack_bytes: u32,
}

/// Compiles a core's program: start-up code first, then the functions in the order of the module.
///
/// # Errors
/// When the entry function is missing, an operation has no instruction, more values are needed at once
/// than there are registers, or constant data has no room.
pub fn compile(module: &Verified<Module>, options: &Options) -> Result<mir::Program, CompileError> {
    Ok(compile_reported(module, options)?.program)
}

/// Compiles as [`compile`] does, and says how good the hardware loops are.
///
/// # Errors
/// As [`compile`].
pub fn compile_reported(
    module: &Verified<Module>,
    options: &Options,
) -> Result<Compiled, CompileError> {
    let entry = module.func(&options.entry);
    let entry = entry.ok_or_else(|| CompileError::NoEntry {
        name: options.entry.clone(),
    })?;
    if !entry.params.is_empty() {
        return Err(CompileError::EntryParams {
            name: options.entry.clone(),
            params: entry.params.len(),
        });
    }
    let mut compiled = Compiled {
        program: mir::Program::default(),
        loops: Vec::new(),
        spills: Vec::new(),
        stack_bytes: 0,
    };
    let mut taken = options.taken.clone();
    taken.push(CORE_OWN..CORE_OWN + options.stack_bytes);
    let constants = addresses_by(module, &taken, &options.prices)?;
    compiled.program.data = module
        .data
        .iter()
        .map(|data| MData {
            name: data.name.clone(),
            address: constants.get(&data.name).copied().unwrap_or(CORE_OWN),
            bytes: data.bytes.clone(),
        })
        .collect();
    let mut frames = Vec::new();
    let funcs = module.funcs.iter().map(|func| lower(func, &constants));
    let funcs: Vec<VFunc> = std::iter::once(Ok(start(&options.entry)))
        .chain(funcs)
        .collect::<Result<_, _>>()?;
    // Scheduling what cannot fit would only take time.
    let least: u64 = funcs.iter().map(least_bits).sum::<u64>().div_ceil(8);
    if least > u64::from(PROGRAM_BYTES) {
        let largest = funcs.iter().max_by_key(|f| least_bits(f));
        return Err(CompileError::TooLarge {
            least,
            func: largest.map_or_else(String::new, |f| f.name.clone()),
        });
    }
    for func in funcs {
        let Finished {
            func,
            loops,
            spills,
            frame,
        } = finish(func)?;
        frames.push(frame);
        compiled.program.funcs.push(func);
        compiled.loops.extend(loops);
        compiled.spills.extend(spills);
    }
    compiled.stack_bytes = deepest(&compiled.program, &frames);
    if compiled.stack_bytes > options.stack_bytes {
        return Err(CompileError::Stack {
            name: options.entry.clone(),
            bytes: compiled.stack_bytes,
            limit: options.stack_bytes,
        });
    }
    Ok(compiled)
}

/// Bits that the instructions of a function take at least, without what else is in their bundles.
fn least_bits(func: &VFunc) -> u64 {
    let insts = func.blocks.iter().flat_map(|b| &b.insts);
    let bits = insts.filter_map(|i| i.forms.iter().map(|f| f.slot().bits()).min());
    bits.map(u64::from).sum()
}

/// Bytes of stack of the deepest chain of calls; `frames` are the bytes of each function.
fn deepest(program: &mir::Program, frames: &[u32]) -> u32 {
    let callees = |f: usize| {
        let insts = program.funcs[f].blocks.iter().flat_map(|b| &b.insts);
        let operands = insts.flat_map(|i| &i.operands);
        let names = operands.filter_map(|o| match o {
            MOperand::Label(Label::Func(name)) => Some(name),
            _ => None,
        });
        let position = |n: &String| program.funcs.iter().position(|f| f.name == *n);
        names.filter_map(position).collect::<Vec<_>>()
    };
    // The verifier refuses recursion, so that no chain is longer than there are functions.
    let mut depth = frames.to_vec();
    for _ in 0..program.funcs.len() {
        for f in 0..program.funcs.len() {
            let below = callees(f).into_iter().map(|c| depth[c]).max();
            depth[f] = frames[f] + below.unwrap_or(0);
        }
    }
    depth.first().copied().unwrap_or(0)
}
