//! What accesses that meet in a memory bank cost.
//!
//! The bytes are walked from the start of the program as the core runs them, without data: pointers and
//! loop counts are followed from the numbers that the program itself makes, and each access reaches memory
//! in the cycle that its itinerary says. Of several that need one bank in a cycle, all but the first hold
//! the core up a cycle each.
//!
//! A loop without an end is walked once, as is one whose passes the data say, and of two ways between which
//! data choose the nearer; what is left out that way is told. Accesses of DMA channels and neighbours are
//! not counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use arch::aie2::{Reg, itinerary_of, op, reg};
use arch::limits::{CORE_BANK_BYTES, CORE_BANK_LINE_BYTES, CORE_DATA_BYTES};

use super::code::Code;
use super::error::CheckError;
use super::known::Known;
use crate::layout::LayoutMap;
use crate::mir::{BlockKind, Label, MBlock, MInst, MOperand, Program};

/// Bundles after which a walk ends.
const LIMIT: u64 = 4_000_000;
/// No instruction accesses memory later than so many cycles after it issues.
const HORIZON: usize = 16;

/// A bank of 16 KiB as a core addresses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bank {
    /// Window of the data space: 0 south, 1 west, 2 north, 3 the core's own.
    pub window: u8,
    /// Bank of that memory, 0 to 3.
    pub index: u8,
}

impl fmt::Display for Bank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = ["south", "west", "north"].get(usize::from(self.window));
        write!(f, "bank {}", self.index)?;
        side.map_or(Ok(()), |side| write!(f, " of the memory in the {side}"))
    }
}

/// An access of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccess {
    /// Function.
    pub func: String,
    /// Block of the function.
    pub block: usize,
    /// Cycle of the block in which it issues.
    pub cycle: usize,
    /// The instruction.
    pub inst: String,
}

/// Two accesses that meet in a bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankConflict {
    /// The bank.
    pub bank: Bank,
    /// The accesses.
    pub accesses: [BankAccess; 2],
    /// Cycles that the core waits for it.
    pub cycles: u64,
    /// How often the block of the second access is run.
    pub passes: u64,
}

impl fmt::Display for BankConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BankConflict {
            bank,
            accesses: [a, b],
            cycles,
            passes,
        } = self;
        write!(
            f,
            "{} block {}: `{}` of cycle {} meets ",
            b.func, b.block, b.inst, b.cycle
        )?;
        write!(f, "`{}` of ", a.inst)?;
        if (&a.func, a.block) != (&b.func, b.block) {
            write!(f, "{} block {} ", a.func, a.block)?;
        }
        let many = |n: &u64| if *n == 1 { "" } else { "s" };
        write!(
            f,
            "cycle {} in {bank}: {cycles} cycle{}",
            a.cycle,
            many(cycles)
        )?;
        match passes {
            1 => Ok(()),
            _ => write!(f, " in {passes} passes"),
        }
    }
}

/// What a walk leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncounted {
    /// Function.
    pub func: String,
    /// Block of the function.
    pub block: usize,
    /// What.
    pub what: String,
}

impl fmt::Display for Uncounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} block {}: {}", self.func, self.block, self.what)
    }
}

/// What banks cost a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BankCost {
    /// Bundles that issue.
    pub cycles: u64,
    /// Cycles that the core waits for banks beside them.
    pub stalls: u64,
    /// Accesses that meet, the costliest first.
    pub conflicts: Vec<BankConflict>,
    /// What is not counted; empty where the figures are exact.
    pub uncounted: Vec<Uncounted>,
}

/// Finds the accesses of a program that meet in banks, with what that costs; `bytes` are `program`, laid out
/// as `map` says.
///
/// # Errors
/// Where the bytes are not the program.
pub fn bank_cost(
    bytes: &[u8],
    program: &Program,
    map: &LayoutMap,
) -> Result<BankCost, Vec<CheckError>> {
    let code = Code::read(bytes, program, map)?;
    let mut walk = Walk {
        code: &code,
        pipe: VecDeque::from(vec![Vec::new(); HORIZON]),
        tally: Tally::default(),
        known_calls: HashMap::new(),
        walked: 0,
        depth: 0,
    };
    if !program.funcs.is_empty() {
        walk.function(0, Known::default());
    }
    Ok(walk.tally.report(&code))
}

/// An instruction: bundle, and position in the block's list.
type Site = (usize, usize);

/// An access under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Flight {
    site: Site,
    at: u32,
    bytes: u32,
}

impl Flight {
    /// The banks of one line each that it needs.
    fn banks(&self) -> impl Iterator<Item = u32> {
        let lines =
            self.at / CORE_BANK_LINE_BYTES..(self.at + self.bytes).div_ceil(CORE_BANK_LINE_BYTES);
        // Two banks of one line each make a logical one.
        let bank = |line: u32| line * CORE_BANK_LINE_BYTES / CORE_BANK_BYTES * 2 + line % 2;
        lines.map(bank)
    }
}

/// Why something is not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    /// The address of an access, by its position in the block.
    Address(usize),
    Passes,
    Way,
    Endless,
    Limit,
}

/// What a walk has counted.
#[derive(Clone, Default)]
struct Tally {
    cycles: u64,
    stalls: u64,
    conflicts: BTreeMap<(Bank, [Site; 2]), u64>,
    /// How often each block began, by its first bundle.
    passes: BTreeMap<usize, u64>,
    gaps: BTreeSet<(usize, usize, Gap)>,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.cycles += other.cycles;
        self.stalls += other.stalls;
        for (key, cycles) in &other.conflicts {
            *self.conflicts.entry(*key).or_default() += cycles;
        }
        for (block, passes) in &other.passes {
            *self.passes.entry(*block).or_default() += passes;
        }
        self.gaps.extend(&other.gaps);
    }

    fn report(self, code: &Code<'_>) -> BankCost {
        let access = |(bundle, source): Site| {
            let site = code.site(bundle);
            let block = code.block_of(bundle);
            BankAccess {
                inst: code.program.funcs[block.0].blocks[block.1].insts[source].to_string(),
                func: site.func,
                block: site.block,
                cycle: site.cycle.unwrap_or_default(),
            }
        };
        let conflicts = self.conflicts.iter().map(|((bank, sites), cycles)| {
            let (func, block) = code.block_of(sites[1].0);
            BankConflict {
                bank: *bank,
                accesses: sites.map(access),
                cycles: *cycles,
                passes: self
                    .passes
                    .get(&code.blocks[func][block].start)
                    .copied()
                    .unwrap_or(1),
            }
        });
        let mut conflicts: Vec<BankConflict> = conflicts.collect();
        conflicts.sort_by_key(|c| std::cmp::Reverse(c.cycles));
        let uncounted = self.gaps.iter().map(|(func, block, gap)| {
            let func = &code.program.funcs[*func];
            let what = match gap {
                Gap::Address(k) => {
                    let inst = &func.blocks[*block].insts[*k];
                    format!("where `{inst}` accesses memory, the data say")
                }
                Gap::Passes => "how often it is run, the data say; counted once".to_owned(),
                Gap::Way => {
                    "where it leads, the data say; the way straight on is counted".to_owned()
                }
                Gap::Endless => "it begins again for ever; counted once".to_owned(),
                Gap::Limit => format!("what follows the first {LIMIT} bundles is not counted"),
            };
            Uncounted {
                func: func.name.clone(),
                block: *block,
                what,
            }
        });
        BankCost {
            cycles: self.cycles,
            stalls: self.stalls,
            conflicts,
            uncounted: uncounted.collect(),
        }
    }
}

/// What a call begins with: function, arguments, stack, and what is under way.
type CallKey = (usize, Vec<(Reg, u32)>, Option<u32>, Vec<Vec<Flight>>);

/// What it comes to.
struct Called {
    tally: Tally,
    results: BTreeMap<Reg, u32>,
    pipe: VecDeque<Vec<Flight>>,
}

struct Walk<'a, 'c> {
    code: &'a Code<'c>,
    /// Accesses by the cycles until they reach memory, the present one first.
    pipe: VecDeque<Vec<Flight>>,
    tally: Tally,
    /// Calls that begin alike come to the same.
    known_calls: HashMap<CallKey, Rc<Called>>,
    walked: u64,
    depth: usize,
}

impl Walk<'_, '_> {
    fn gap(&mut self, func: usize, block: usize, gap: Gap) {
        self.tally.gaps.insert((func, block, gap));
    }

    /// Walks a function from its first block; what it returns.
    fn function(&mut self, func: usize, mut known: Known) -> BTreeMap<Reg, u32> {
        let blocks = &self.code.program.funcs[func].blocks;
        let mut at = 0;
        while let Some(block) = blocks.get(at) {
            if self.walked > LIMIT {
                self.gap(func, at, Gap::Limit);
                break;
            }
            let places = self.evaluate(func, at, block, &mut known);
            let branch = block.insts.iter().find(|i| i.op.is_branch());
            let next = self.next(func, at, block, branch, &mut known);
            self.issue((func, at), &places, next.is_none_or(|(_, jump)| jump));
            if let Some(call) = branch.filter(|b| b.op.is_call()) {
                self.call((func, at), call, &mut known);
            } else if let Some(end) = branch.filter(|b| b.op.is_return()) {
                return known.passed(end, false);
            }
            let done = block.insts.iter().any(|i| i.op == op::DONE);
            let Some((next, _)) = next.filter(|_| !done) else {
                break;
            };
            if let Some(edge) = block.successors.iter().find(|e| e.to.index() == next) {
                known.cross(edge);
            }
            at = next;
        }
        BTreeMap::new()
    }

    /// Where each instruction of a block accesses memory, with the bytes.
    fn evaluate(
        &mut self,
        func: usize,
        at: usize,
        block: &MBlock,
        known: &mut Known,
    ) -> Vec<Option<(u32, u32)>> {
        let touch = |(k, inst): (usize, &MInst)| {
            let touch = known.execute(inst)?;
            if touch.at.is_none() {
                self.tally.gaps.insert((func, at, Gap::Address(k)));
            }
            Some((touch.at?, touch.bytes))
        };
        block.insts.iter().enumerate().map(touch).collect()
    }

    /// The block after one, and whether a branch leads there.
    fn next(
        &mut self,
        func: usize,
        at: usize,
        block: &MBlock,
        branch: Option<&MInst>,
        known: &mut Known,
    ) -> Option<(usize, bool)> {
        let leads = |to: usize| block.successors.iter().any(|e| e.to.index() == to);
        let on = Some((at + 1, false)).filter(|(to, _)| leads(*to));
        let Some(branch) = branch else {
            if block.kind != BlockKind::HardwareLoop {
                return on;
            }
            let left = known.reg(reg::LC).and_then(|passes| passes.checked_sub(1));
            if left.is_none() {
                self.gap(func, at, Gap::Passes);
            }
            known.set_reg(reg::LC, left);
            return match left {
                None | Some(0) => on,
                Some(_) => Some((at, false)),
            };
        };
        if branch.op.is_call() {
            return on;
        }
        let target = branch.operands.iter().find_map(|o| match o {
            MOperand::Label(Label::Block(id)) => Some((id.index(), true)),
            _ => None,
        });
        if branch.op.is_return() {
            return None;
        }
        if !branch.op.is_conditional() {
            let back = target.is_some_and(|(to, _)| to <= at);
            if back || target.is_none() {
                self.gap(func, at, if back { Gap::Endless } else { Gap::Way });
            }
            return target.filter(|_| !back);
        }
        let decides = match branch.op {
            op::JZ | op::JNZ => branch.operands.first().and_then(|o| known.number(o)),
            _ => None,
        };
        match decides {
            Some(number) if (number == 0) == (branch.op == op::JZ) => target,
            Some(_) => on,
            None => {
                let back = target.is_some_and(|(to, _)| to <= at);
                self.gap(func, at, if back { Gap::Passes } else { Gap::Way });
                on
            }
        }
    }

    /// Issues the bundles of a block; those that layout put behind its branch only where it is not taken.
    fn issue(&mut self, (func, block): (usize, usize), places: &[Option<(u32, u32)>], jump: bool) {
        let code = self.code;
        let Range { start, end } = code.blocks[func][block].clone();
        *self.tally.passes.entry(start).or_default() += 1;
        let last = (start..end)
            .rev()
            .find(|k| code.bundles[*k].cycle.is_some());
        let end = match (jump, last) {
            (true, Some(last)) => last + 1,
            _ => end,
        };
        for k in start..end {
            let ops = &code.bundles[k].ops;
            for op in ops {
                let Some((at, bytes)) = places[op.source] else {
                    continue;
                };
                let flight = Flight {
                    site: (k, op.source),
                    at,
                    bytes,
                };
                for stage in itinerary_of(&op.inst).memory_cycles {
                    // What stores less than a word reads it first.
                    self.pipe[usize::from(*stage) - 1].push(flight);
                }
            }
            self.cycle();
        }
    }

    /// Ends a cycle.
    fn cycle(&mut self) {
        self.walked += 1;
        self.tally.cycles += 1;
        let now = self.pipe.pop_front().unwrap_or_default();
        self.pipe.push_back(Vec::new());
        if now.len() < 2 {
            return;
        }
        let mut needs: BTreeMap<u32, Vec<Site>> = BTreeMap::new();
        for flight in &now {
            for bank in flight.banks() {
                needs.entry(bank).or_default().push(flight.site);
            }
        }
        // Of equals the lowest.
        let busiest = needs.iter().rev().max_by_key(|(_, sites)| sites.len());
        let Some((bank, sites)) = busiest else { return };
        let per_memory = 2 * CORE_DATA_BYTES / CORE_BANK_BYTES;
        let bank = Bank {
            window: (bank / per_memory % 4) as u8,
            index: (bank % per_memory / 2) as u8,
        };
        self.tally.stalls += sites.len() as u64 - 1;
        for pair in sites.windows(2) {
            let mut pair = [pair[0], pair[1]];
            pair.sort_unstable();
            *self.tally.conflicts.entry((bank, pair)).or_default() += 1;
        }
    }

    /// Walks a called function, or takes what a call like it came to.
    fn call(&mut self, (func, block): (usize, usize), call: &MInst, known: &mut Known) {
        let funcs = &self.code.program.funcs;
        let label = call.operands.iter().find_map(|o| match o {
            MOperand::Label(Label::Func(name)) => funcs.iter().position(|f| f.name == *name),
            _ => None,
        });
        let Some(callee) = label.filter(|_| self.depth < funcs.len()) else {
            self.gap(func, block, Gap::Way);
            return;
        };
        let args = known.passed(call, false);
        let pipe: Vec<Vec<Flight>> = self.pipe.iter().cloned().collect();
        let key = (
            callee,
            args.clone().into_iter().collect(),
            known.stack_pointer(),
            pipe,
        );
        let called = match self.known_calls.get(&key) {
            Some(called) => called.clone(),
            None => {
                let before = std::mem::take(&mut self.tally);
                self.depth += 1;
                let results = self.function(callee, known.called(&args, &funcs[callee].params));
                self.depth -= 1;
                let tally = std::mem::replace(&mut self.tally, before);
                let called = Called {
                    tally,
                    results,
                    pipe: self.pipe.clone(),
                };
                let called = Rc::new(called);
                self.known_calls.insert(key, called.clone());
                called
            }
        };
        self.pipe.clone_from(&called.pipe);
        self.tally.add(&called.tally);
        known.returned(call, &called.results);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_told_on_one_line() {
        let access = |func: &str, cycle, inst: &str| BankAccess {
            func: func.to_owned(),
            block: 1,
            cycle,
            inst: inst.to_owned(),
        };
        let load = access("f", 2, "vlda wl0, [p0], #32");
        let mut conflict = BankConflict {
            bank: Bank {
                window: 3,
                index: 2,
            },
            accesses: [load, access("f", 0, "vst wl1, [p1], #32")],
            cycles: 9,
            passes: 10,
        };
        insta::assert_snapshot!(conflict, @"f block 1: `vst wl1, [p1], #32` of cycle 0 meets `vlda wl0, [p0], #32` of cycle 2 in bank 2: 9 cycles in 10 passes");
        (conflict.bank.window, conflict.accesses[0].func) = (0, "g".to_owned());
        (conflict.cycles, conflict.passes) = (1, 1);
        insta::assert_snapshot!(conflict, @"f block 1: `vst wl1, [p1], #32` of cycle 0 meets `vlda wl0, [p0], #32` of g block 1 cycle 2 in bank 2 of the memory in the south: 1 cycle");
    }
}
