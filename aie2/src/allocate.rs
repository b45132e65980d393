//! Schedules and registers for a function, found together: the shortest schedule that there are
//! registers for.
//!
//! In order: pipelined loops as short as they can be; blocks that want too many registers held back, so that
//! values are not made early; values that no hardware loop touches on the stack; the loop that wants too many
//! registers stretched by a few cycles, then with passes that share them, then without overlap, and the
//! others as they are; loops that overlap but take longer, for their plans mind registers; instructions in
//! program order; scalars that loops touch on the stack.

use super::coalesce::{Webs, coalesce};
use super::error::CompileError;
use super::frame::{is_wide, keep_link, lay_out};
use super::liveness::Liveness;
use super::loops::{Known, LoopReport, Overlap, pipeline_loops};
use super::mir::{BlockKind, MBlock, MFunc, MInst, MOperand, ValueId};
use super::regalloc::{Assignment, Failure, Ranges, color};
use super::schedule::{Limits, Line, Schedule};
use super::spill::{SpillReport, Where, relieve, save_wanted};
use super::vcode::{Arg, RegClass, VFunc, VInst, operand_reg};

/// A function with registers.
pub(super) struct Finished {
    /// The function.
    pub(super) func: MFunc,
    /// Its hardware loops.
    pub(super) loops: Vec<LoopReport>,
    /// What went to the stack.
    pub(super) spills: Vec<SpillReport>,
    /// Bytes of its stack frame.
    pub(super) frame: u32,
}

/// Times that a pipelined loop is stretched before it is not pipelined.
const STRETCHES: u32 = 3;

/// Cycles by which instructions may be early where registers are short, at first and at last. Values from 11 to
/// 32 to begin with differ by a twentieth for the longest block of the kernel library; this one did best.
const NEAR: i32 = 19;
const LEAST_NEAR: i32 = 2;
/// The same for the body of a loop: more than most are long, so that the registers in use are all that limits them.
const NEAR_IN_LOOPS: i32 = 100;

/// Why a function has no registers.
#[derive(Clone)]
struct Lack {
    failure: Failure,
    /// The block that wants too many.
    block: usize,
    error: CompileError,
}

/// Schedules a function and gives it registers.
///
/// # Errors
/// When more values are needed at once than there are registers, and they cannot go to the stack.
pub(super) fn finish(mut func: VFunc) -> Result<Finished, CompileError> {
    keep_link(&mut func);
    let mut webs = coalesce(&mut func);
    save_wanted(&mut func, &mut webs);
    let mut spills = Vec::new();
    let shortest = vec![Overlap::Shorter(0); func.blocks.len()];
    let mut overlap = shortest.clone();
    let mut stretches = vec![0; func.blocks.len()];
    let mut known = Known::default();
    loop {
        let mut arrange = |overlap: &[Overlap]| {
            let (mut tried, mut with) = (func.clone(), webs.clone());
            lay_out(&mut tried);
            let loops = pipeline_loops(&mut tried, &mut with, overlap, &mut known);
            (tried, with, loops)
        };
        let (tried, with, mut loops) = arrange(&overlap);
        let overlaps = |loops: &[LoopReport]| loops.iter().any(|l| l.note.is_none());
        let overlapping = overlaps(&loops);
        let live = Liveness::of(&tried);
        let lines = Lines::of(&tried, &with, &live);
        let mut result = lines.allocate();
        let mut in_order = None;
        if result.is_err() && !overlapping {
            let longer = vec![Overlap::Longer; func.blocks.len()];
            let (longer, with_longer, its_loops) = arrange(&longer);
            let longer = overlaps(&its_loops).then(|| {
                let live = Liveness::of(&longer);
                Lines::of(&longer, &with_longer, &live).allocate()
            });
            result = match longer {
                Some(Ok(done)) => {
                    loops = its_loops;
                    Ok(done)
                }
                _ => result.or_else(|lack| {
                    let done = lines.allocate_with(&lines.schedule(Limits::InOrder));
                    done.map_err(|its| {
                        in_order = Some(its.failure);
                        lack
                    })
                }),
            };
        }
        let lack = match result {
            Ok(done) => {
                return Ok(Finished {
                    func: done,
                    loops,
                    spills,
                    frame: func.frame.size(),
                });
            }
            Err(lack) => lack,
        };
        let within = match overlapping {
            true => Where::OutsideLoops,
            false => Where::Anywhere,
        };
        // A loop that lacks registers for vectors itself is longer sooner than its surroundings are on the stack.
        let own = is_wide(lack.failure.class)
            && loops
                .iter()
                .any(|l| l.block == lack.block && l.note.is_none());
        // Where the shortest schedule lacks registers, everything may be on the stack already, and in program
        // order it is another place that lacks them.
        let mut failures = std::iter::once(&lack.failure).chain(&in_order);
        let relieved = ((overlap == shortest && !own) || !overlapping)
            && failures.any(|f| relieve(&mut func, &mut webs, f, within, &mut spills));
        if relieved {
            overlap.clone_from(&shortest);
            stretches.fill(0);
            continue;
        }
        if !overlapping {
            return Err(lack.error);
        }
        for l in blamed(&tried, &loops, lack.block) {
            stretches[l.block] += 1;
            overlap[l.block] = match (stretches[l.block], overlap[l.block]) {
                (..STRETCHES, Overlap::Sharing(_)) => Overlap::Sharing(l.cycles + 1),
                (..STRETCHES, _) => Overlap::Shorter(l.cycles + 1),
                (_, Overlap::Shorter(_)) => {
                    stretches[l.block] = 0;
                    Overlap::Sharing(0)
                }
                _ => Overlap::Never,
            };
        }
    }
}

/// The overlapping loops that want too many registers where a block does: the block's own or the ones
/// beside it, otherwise all.
fn blamed<'a>(func: &VFunc, loops: &'a [LoopReport], block: usize) -> Vec<&'a LoopReport> {
    let leads = |from: usize, to: usize| {
        let mut edges = func.blocks[from].successors.iter();
        edges.any(|e| e.to.index() == to)
    };
    let overlapping = || loops.iter().filter(|l| l.note.is_none());
    let own = overlapping().find(|l| l.block == block);
    let beside = || overlapping().filter(|l| leads(block, l.block) || leads(l.block, block));
    match own {
        Some(own) => vec![own],
        None if beside().next().is_some() => beside().collect(),
        None => overlapping().collect(),
    }
}

/// A laid out function and the lines of its blocks.
struct Lines<'a> {
    func: &'a VFunc,
    webs: &'a Webs,
    live: &'a Liveness,
    lines: Vec<Line<'a>>,
}

impl<'a> Lines<'a> {
    fn of(func: &'a VFunc, webs: &'a Webs, live: &'a Liveness) -> Self {
        let blocks = 0..func.blocks.len();
        Lines {
            func,
            webs,
            live,
            lines: blocks.map(|b| Line::of(func, webs, live, b)).collect(),
        }
    }

    /// Holds back the blocks that want too many registers, each as far as it has to be; a failure is that of a loop,
    /// of scalars or of the shortest schedule.
    fn allocate(&self) -> Result<MFunc, Box<Lack>> {
        let mut limits = vec![Limits::None; self.lines.len()];
        let mut schedules = self.schedule(Limits::None);
        let first = match self.allocate_with(&schedules) {
            Ok(done) => return Ok(done),
            Err(lack) => lack,
        };
        let mut lack = first.clone();
        loop {
            let limit = &mut limits[lack.block];
            // A loop's passes are not worth more, and scalars can be saved or go to the stack.
            let block = &self.func.blocks[lack.block];
            let enough = block.trip.is_some() || !is_wide(lack.failure.class);
            if block.pipelined.is_some() || (enough && *limit != Limits::None) {
                return Err(lack);
            }
            *limit = match *limit {
                Limits::None if block.trip.is_some() => Limits::Near(NEAR_IN_LOOPS),
                Limits::None => Limits::Near(NEAR),
                Limits::Near(ahead) if ahead > LEAST_NEAR => Limits::Near(ahead * 3 / 4),
                Limits::Near(_) => Limits::InOrder,
                Limits::InOrder => return Err(first),
            };
            schedules[lack.block] = self.lines[lack.block].schedule(*limit);
            lack = match self.allocate_with(&schedules) {
                Ok(done) => return Ok(done),
                Err(lack) => lack,
            };
        }
    }

    fn schedule(&self, limits: Limits) -> Vec<Schedule> {
        self.lines.iter().map(|l| l.schedule(limits)).collect()
    }

    fn allocate_with(&self, schedules: &[Schedule]) -> Result<MFunc, Box<Lack>> {
        let (func, webs, live) = (self.func, self.webs, self.live);
        let ranges = Ranges::of(func, webs, live, schedules);
        match color(func, webs, live, &ranges) {
            Ok(assignment) => Ok(assemble(func, webs, &assignment, schedules)),
            Err(failure) => {
                let (block, error) = pressure(func, webs, &failure, &ranges);
                Err(Box::new(Lack {
                    failure,
                    block,
                    error,
                }))
            }
        }
    }
}

/// The block with too many values, and the error that says so.
fn pressure(
    func: &VFunc,
    webs: &Webs,
    failure: &Failure,
    ranges: &Ranges,
) -> (usize, CompileError) {
    let file = |class: RegClass| match class {
        RegClass::W => RegClass::X,
        RegClass::Bm => RegClass::Cm,
        other => other,
    };
    let kind = file(failure.class);
    let limit = kind.members().len() * kind.units();
    let counts = |web: usize| file(func.class(webs.members[web][0])) == kind;
    let everywhere = ranges.pressure(func.blocks.len(), counts);
    let own = ranges.pressure(func.blocks.len(), |web| web == failure.web);
    // The innermost block with too many; where registers are enough in number, not all of them can be
    // used, and the place is where the value without a register is.
    let blocks = 0..func.blocks.len();
    let block = blocks.max_by_key(|b| {
        let (depth, units) = (func.blocks[*b].depth, everywhere[*b]);
        (
            units > limit,
            if units > limit { depth } else { 0 },
            own[*b] > 0,
            units,
        )
    });
    let block = block.unwrap_or(0);
    let pressure = everywhere[block];
    let place = match (func.blocks[block].kind, func.blocks[block].depth) {
        (BlockKind::HardwareLoop, _) => format!("hardware loop in block {block}"),
        (_, 0) => format!("block {block}"),
        (_, depth) => format!("block {block} in a loop of depth {depth}"),
    };
    let (func, class) = (func.name.clone(), failure.class);
    if failure.across_call && is_wide(class) {
        let kind = class.to_string();
        return (block, CompileError::AcrossCall { func, place, kind });
    }
    let error = CompileError::Pressure {
        func,
        place,
        kind: kind.to_string(),
        pressure,
        limit,
    };
    (block, error)
}

fn assemble(func: &VFunc, webs: &Webs, assignment: &Assignment, schedules: &[Schedule]) -> MFunc {
    let blocks = func.blocks.iter().zip(schedules).map(|(block, schedule)| {
        let insts = block.insts.iter().zip(&schedule.form);
        let mut cycles = vec![Vec::new(); schedule.length as usize];
        for (k, cycle) in schedule.cycle.iter().enumerate() {
            cycles[*cycle as usize].push(k);
        }
        let mut insts: Vec<MInst> = insts
            .map(|(i, f)| inst(func, i, *f, webs, assignment))
            .collect();
        let mut ends = insts.iter_mut();
        if let Some(end) = ends.find(|i| i.op.is_call() || i.op.is_return()) {
            // What the caller wants back is no value of the function.
            let own = |v: &&ValueId| !func.frame.is_callers(**v);
            let args = block.call_args.iter().filter(own).map(|v| (*v, false));
            let results = block.call_results.iter().map(|v| (*v, true));
            let passed = args.chain(results);
            let passed = passed.filter_map(|(v, w)| Some((func.values[v.index()].fixed?, v, w)));
            end.implicit.extend(passed);
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

fn inst(func: &VFunc, inst: &VInst, form: usize, webs: &Webs, assignment: &Assignment) -> MInst {
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
                    value: Some(*value).filter(|v| !func.frame.is_callers(*v)),
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
