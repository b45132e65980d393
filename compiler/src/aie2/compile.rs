//! From verified kernel IR to scheduled machine instructions with registers.

use super::coalesce::{Webs, coalesce};
use super::error::CompileError;
use super::frame::add_frame;
use super::liveness::Liveness;
use super::loops::{LoopReport, pipeline_loops};
use super::mir::{self, BlockKind, MBlock, MFunc, MInst, MOperand};
use super::regalloc::{Assignment, Failure, Ranges, color};
use super::schedule::{Limits, Schedule, schedule_block};
use super::select::{lower, start};
use super::vcode::{Arg, RegClass, VFunc, VInst, operand_reg};
use crate::kernel::ir::Module;
use crate::kernel::verify::Verified;

/// What to compile, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Function that the start-up code calls.
    pub entry: String,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            entry: "main".to_owned(),
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
}

/// Compiles a core's program: start-up code first, then the functions in the order of the module.
///
/// # Errors
/// When the entry function is missing, an operation has no instruction, or more values are needed
/// at once than there are registers.
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
    let (func, mut loops) = finish(start(&options.entry))?;
    let mut funcs = vec![func];
    for func in &module.funcs {
        let (func, more) = finish(lower(func)?)?;
        funcs.push(func);
        loops.extend(more);
    }
    let program = mir::Program { funcs };
    Ok(Compiled { program, loops })
}

/// Times that pipelined loops are stretched by a cycle before they are not pipelined.
const STRETCHES: u32 = 3;

/// Schedules a function and gives it registers.
pub(super) fn finish(mut func: VFunc) -> Result<(MFunc, Vec<LoopReport>), CompileError> {
    add_frame(&mut func);
    let mut webs = coalesce(&mut func);
    for stretch in 0..STRETCHES {
        let (mut func, mut webs) = (func.clone(), webs.clone());
        let reports = pipeline_loops(&mut func, &mut webs, Some(stretch));
        if reports.iter().all(|r| r.note.is_some()) {
            return Ok((allocate_with(&func, &webs, &LIMITS)?, reports));
        }
        if let Ok(done) = allocate_with(&func, &webs, &LIMITS[..1]) {
            return Ok((done, reports));
        }
    }
    let reports = pipeline_loops(&mut func, &mut webs, None);
    Ok((allocate_with(&func, &webs, &LIMITS)?, reports))
}

/// How schedules are made where the shortest needs too many registers.
const LIMITS: [Limits; 2] = [Limits::Pressure, Limits::InOrder];

fn allocate_with(func: &VFunc, webs: &Webs, limits: &[Limits]) -> Result<MFunc, CompileError> {
    let mut result = allocate(func, webs, Limits::None);
    for limits in limits {
        if result.is_ok() {
            break;
        }
        result = allocate(func, webs, *limits);
    }
    result
}

fn allocate(func: &VFunc, webs: &Webs, limits: Limits) -> Result<MFunc, CompileError> {
    let live = Liveness::of(func);
    let schedules: Vec<Schedule> = (0..func.blocks.len())
        .map(|b| schedule_block(func, webs, &live.units, b, &live.live_out[b], limits))
        .collect();
    let ranges = Ranges::of(func, webs, &live, &schedules);
    match color(func, webs, &live, &ranges) {
        Ok(assignment) => Ok(assemble(func, webs, &assignment, &schedules)),
        Err(failure) => Err(pressure(func, webs, &failure, &ranges)),
    }
}

fn pressure(func: &VFunc, webs: &Webs, failure: &Failure, ranges: &Ranges) -> CompileError {
    let file = |class: RegClass| match class {
        RegClass::W => RegClass::X,
        RegClass::Bm => RegClass::Cm,
        other => other,
    };
    let kind = file(failure.class);
    let counts = |web: usize| file(func.class(webs.members[web][0])) == kind;
    let (pressure, block) = ranges.pressure(counts);
    let place = match (func.blocks[block].kind, func.blocks[block].depth) {
        (BlockKind::HardwareLoop, _) => format!("hardware loop in block {block}"),
        (_, 0) => format!("block {block}"),
        (_, depth) => format!("block {block} in a loop of depth {depth}"),
    };
    CompileError::Pressure {
        func: func.name.clone(),
        place,
        kind: kind.to_string(),
        pressure,
        limit: kind.members().len() * kind.units(),
    }
}

fn assemble(func: &VFunc, webs: &Webs, assignment: &Assignment, schedules: &[Schedule]) -> MFunc {
    let blocks = func.blocks.iter().zip(schedules).map(|(block, schedule)| {
        let insts = block.insts.iter().zip(&schedule.form);
        let mut cycles = vec![Vec::new(); schedule.length as usize];
        for (k, cycle) in schedule.cycle.iter().enumerate() {
            cycles[*cycle as usize].push(k);
        }
        let mut insts: Vec<MInst> = insts.map(|(i, f)| inst(i, *f, webs, assignment)).collect();
        if let Some(call) = insts.iter_mut().find(|i| i.op.is_call()) {
            let args = block.call_args.iter();
            let args = args.filter_map(|v| Some((func.values[v.index()].fixed?, *v, false)));
            call.implicit.extend(args);
        }
        MBlock {
            insts,
            cycles,
            kind: block.kind,
            successors: block.successors.clone(),
        }
    });
    let params = func.params.iter().filter_map(|p| {
        let reg = func.values[p.index()].fixed?;
        Some((reg, *p))
    });
    MFunc {
        name: func.name.clone(),
        params: params.collect(),
        blocks: blocks.collect(),
    }
}

fn inst(inst: &VInst, form: usize, webs: &Webs, assignment: &Assignment) -> MInst {
    let op = inst.forms[form];
    let operands = inst
        .args
        .iter()
        .zip(op.desc().operands)
        .map(|(arg, desc)| match arg {
            Arg::Value { value, part } => {
                let reg = assignment.reg[webs.of(*value)];
                let reg = reg.and_then(|r| operand_reg(r, *part, desc.class));
                MOperand::Reg {
                    // Colouring leaves only registers that every operand can name.
                    reg: reg.unwrap_or(desc.class.members()[0]),
                    value: Some(*value),
                    part: *part,
                }
            }
            Arg::Reg(reg) => MOperand::Reg {
                reg: *reg,
                value: None,
                part: 0,
            },
            Arg::Imm(imm) => MOperand::Imm(*imm),
            Arg::Label(label) => MOperand::Label(label.clone()),
        });
    MInst {
        op,
        operands: operands.collect(),
        implicit: Vec::new(),
        memory: inst.memory,
    }
}
