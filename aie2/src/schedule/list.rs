//! List scheduling: cycle by cycle, the instruction with the longest way to the end first.
//!
//! Beside a pipelined loop a block begins with what is left of the loop's last passes, or ends with
//! the beginnings of its first ones, at given cycles; the block's own instructions fill what these
//! leave free.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Schedule;
use super::ddg::{Graph, Order};
use super::pressure::Pressure;
use super::resources::{Form, Table};
use super::spans;
use crate::coalesce::Webs;
use crate::liveness::Liveness;
use crate::vcode::{Beside, Pinned, VFunc, VInst};

/// Bundles after a branch that still execute.
pub const DELAY_SLOTS: u32 = 5;

/// Cycles before a block whose instructions may still matter in it, and after it.
pub const HORIZON: i32 = 16;

/// Bundles from the last write of a loop register to the loop's last one, that one not counted: at 16
/// bytes each they keep the distance that the loop needs.
const SETUP_BUNDLES: i32 = arch::aie2::rules::LOOP_SETUP_BYTES.div_ceil(16) as i32;

/// How hard the scheduler holds values back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// Only latency counts.
    None,
    /// Vector and accumulator units in use stay below what there is where that is possible, and no instruction
    /// issues so many cycles before it has to while one that has to is left: what is made early takes registers.
    Near(i32),
    /// Instructions issue in program order.
    InOrder,
}

/// Cycles that a block waits for pressure to fall before it goes on regardless.
const PATIENCE: u32 = 16;

/// A block to be scheduled: its own instructions between those of the loops beside it.
pub struct Line<'a> {
    func: &'a VFunc,
    webs: &'a Webs,
    live: &'a Liveness,
    block: usize,
    beside: Cow<'a, Beside>,
    insts: Vec<VInst>,
    graph: Graph,
    /// Per instruction.
    forms: Vec<Vec<Form>>,
}

impl<'a> Line<'a> {
    /// The line of a block; of a loop whose passes overlap already an empty one.
    pub fn of(func: &'a VFunc, webs: &'a Webs, live: &'a Liveness, block: usize) -> Self {
        let vblock = &func.blocks[block];
        let beside = match vblock.beside.as_deref() {
            Some(beside) if vblock.pipelined.is_none() => Cow::Borrowed(beside),
            _ => Cow::Owned(Beside::default()),
        };
        let neighbours = |list: &[Pinned]| list.iter().map(|p| p.inst.clone()).collect::<Vec<_>>();
        let mut insts = neighbours(&beside.before);
        let first = insts.len();
        if vblock.pipelined.is_none() {
            insts.extend(vblock.insts.iter().cloned());
        }
        let last = insts.len();
        insts.extend(neighbours(&beside.after));
        let mut at = vec![None; insts.len()];
        at[first..last].copy_from_slice(&spans::of_line(func, &insts[first..last]));
        let order = Order::Pipeline {
            tail: last - beside.tail.len(),
        };
        Line {
            graph: Graph::new(func, webs, &live.units, &insts, &at, order),
            forms: insts.iter().map(|i| Form::all(func, i)).collect(),
            func,
            webs,
            live,
            block,
            beside,
            insts,
        }
    }

    /// Schedules it.
    pub fn schedule(&self, limits: Limits) -> Schedule {
        let vblock = &self.func.blocks[self.block];
        if let Some((length, places)) = &vblock.pipelined {
            return Schedule {
                cycle: places.iter().map(|p| p.0).collect(),
                form: places.iter().map(|p| p.1).collect(),
                length: *length,
            };
        }
        let (beside, n) = (&*self.beside, self.insts.len());
        let (first, last) = (beside.before.len(), n - beside.after.len());
        let own = first + beside.head.len()..last - beside.tail.len();
        let branch = vblock.branch().is_some();
        let plain = own.start..own.end - usize::from(branch);
        let mut placed = Placed {
            line: self,
            table: Table::new(),
            cycle: vec![None; n],
            form: vec![0; n],
        };
        for (k, pinned) in beside.before.iter().chain(&beside.head).enumerate() {
            placed.place(k, pinned.form, pinned.cycle);
        }
        fill(&mut placed, plain.clone(), limits);

        let settled = (0..plain.end).map(|k| placed.cycle[k].unwrap_or(0) + self.graph.settled[k]);
        let settled = settled.max().unwrap_or(0).max(1);
        let mut length = if beside.after.is_empty() {
            settled
        } else {
            pin_tail(&mut placed, beside, own.end, settled)
        };
        if branch {
            let slots = DELAY_SLOTS as i32 + 1;
            length = length.max(placed.ready(plain.end) + slots);
            while !placed.fits(plain.end, 0, length - slots) {
                length += 1;
            }
            placed.place(plain.end, 0, length - slots);
        }
        let cycles = placed.cycle[first..last].iter();
        Schedule {
            cycle: cycles.map(|c| c.unwrap_or(0).max(0) as u32).collect(),
            form: placed.form[first..last].to_vec(),
            length: length as u32,
        }
    }
}

/// A line of which some instructions are placed.
struct Placed<'a> {
    line: &'a Line<'a>,
    table: Table,
    /// Per instruction: cycle from the beginning of the block.
    cycle: Vec<Option<i32>>,
    form: Vec<usize>,
}

impl Placed<'_> {
    fn fits(&self, k: usize, form: usize, cycle: i32) -> bool {
        let form = &self.line.forms[k][form];
        self.table.fits(form, (cycle + HORIZON) as usize)
    }

    /// Whether an instruction meets no other at its bank.
    fn quiet(&self, k: usize, form: usize, cycle: i32) -> bool {
        let form = &self.line.forms[k][form];
        self.table.quiet(form, (cycle + HORIZON) as usize)
    }

    fn place(&mut self, k: usize, form: usize, cycle: i32) {
        let taken = &self.line.forms[k][form];
        self.table.take(taken, (cycle + HORIZON) as usize);
        self.cycle[k] = Some(cycle);
        self.form[k] = form;
    }

    /// The first cycle that what is placed allows an instruction.
    fn ready(&self, k: usize) -> i32 {
        let graph = &self.line.graph;
        let into = graph.into[k].iter().map(|d| &graph.deps[*d]);
        let after = into.filter_map(|d| Some(self.cycle[d.from]? + d.latency));
        after.max().unwrap_or(0).max(graph.earliest[k])
    }
}

/// Places a block's own instructions.
fn fill(placed: &mut Placed<'_>, own: std::ops::Range<usize>, limits: Limits) {
    let line = placed.line;
    let live_out = &line.live.live_out[line.block];
    let insts = &line.insts[own.clone()];
    let mut pressure = Pressure::new(line.func, line.webs, &line.live.units, insts, live_out);
    let heights = line.graph.heights();
    // Per instruction: how many of the block's own it waits for.
    let mut waits = vec![0; line.insts.len()];
    for k in own.clone() {
        let into = line.graph.into[k].iter().map(|d| line.graph.deps[*d].from);
        waits[k] = into.filter(|from| own.contains(from)).count();
    }
    // Those that wait for nobody: by the cycle from which on they may issue, and those of now.
    let mut soon = BTreeSet::new();
    let mut ready: BTreeSet<(i32, usize)> = BTreeSet::new();
    for k in own.clone().filter(|k| waits[*k] == 0) {
        soon.insert((placed.ready(k), k));
    }
    let mut by_height: Vec<usize> = own.clone().collect();
    by_height.sort_by_key(|k| -heights[*k]);
    // Of those the first that is left.
    let mut highest = 0;
    let mut left = own.len();
    let mut first_left = own.start;
    let (mut now, mut idle) = (0, 0);
    while left > 0 {
        while let Some((_, k)) = soon.first().copied().filter(|(cycle, _)| *cycle <= now) {
            soon.pop_first();
            ready.insert((-heights[k], k));
        }
        let allows = |placed: &Placed<'_>, pressure: &Pressure<'_>, k: usize, forced: bool| {
            let inst = &line.insts[k];
            let limited = matches!(limits, Limits::Near(_));
            if limited && !forced && !pressure.allows(line.func, inst) {
                return None;
            }
            let mut forms = 0..inst.forms.len();
            forms
                .find(|f| placed.fits(k, *f, now) && placed.quiet(k, *f, now))
                .map(|f| (k, f))
        };
        // With everything held back, the first in program order goes on.
        let forced = idle > PATIENCE || idle > 1 && soon.is_empty();
        while placed.cycle[first_left].is_some() {
            first_left += 1;
        }
        let pick = if limits == Limits::InOrder {
            let next = Some(first_left).filter(|k| ready.contains(&(-heights[*k], *k)));
            next.and_then(|k| allows(placed, &pressure, k, forced))
        } else if forced {
            let mut by_order: Vec<usize> = ready.iter().map(|(_, k)| *k).collect();
            by_order.sort_unstable();
            let mut by_order = by_order.into_iter();
            by_order.find_map(|k| allows(placed, &pressure, k, forced))
        } else {
            while placed.cycle[by_height[highest]].is_some() {
                highest += 1;
            }
            let least = match limits {
                Limits::Near(ahead) => heights[by_height[highest]] - ahead,
                _ => i32::MIN,
            };
            let mut near = ready.iter().take_while(|(height, _)| -height >= least);
            near.find_map(|(_, k)| allows(placed, &pressure, *k, forced))
        };
        let Some((k, f)) = pick else {
            now += 1;
            idle += 1;
            continue;
        };
        idle = 0;
        ready.remove(&(-heights[k], k));
        placed.place(k, f, now);
        left -= 1;
        pressure.issue(line.func, &line.insts[k]);
        for d in &line.graph.out[k] {
            let to = line.graph.deps[*d].to;
            if own.contains(&to) {
                waits[to] -= 1;
                if waits[to] == 0 {
                    soon.insert((placed.ready(to), to));
                }
            }
        }
    }
}

/// Places the beginnings of the loop behind as early as what is there allows; the block's length.
fn pin_tail(placed: &mut Placed<'_>, beside: &Beside, tail: usize, settled: i32) -> i32 {
    let line = placed.line;
    let span = beside.tail_span as i32;
    let pinned: Vec<(i32, usize)> = beside
        .tail
        .iter()
        .map(|p| (p.cycle, p.form))
        .chain(beside.after.iter().map(|p| (p.cycle + span, p.form)))
        .collect();
    // What is under way when the loop begins has landed when its first pass ends.
    let mut base = (settled - span - beside.after_span as i32).max(0);
    for k in 0..tail {
        let Some(cycle) = placed.cycle[k] else {
            continue;
        };
        base = base.max(cycle + 1 - span);
        for dep in line.graph.out[k].iter().map(|d| &line.graph.deps[*d]) {
            if dep.to >= tail {
                base = base.max(cycle + dep.latency - pinned[dep.to - tail].0);
            }
        }
        let writes_loop = line.insts[k].args.first().is_some_and(is_loop_register);
        if writes_loop {
            let bundles = span + beside.after_span as i32 - 1;
            base = base.max(cycle + SETUP_BUNDLES - bundles);
        }
    }
    let fits = |placed: &Placed<'_>, base: i32| {
        let mut places = pinned.iter().enumerate();
        places.all(|(k, (cycle, form))| placed.fits(tail + k, *form, base + cycle))
    };
    while !fits(placed, base) {
        base += 1;
    }
    for (k, (cycle, form)) in pinned.iter().enumerate() {
        placed.place(tail + k, *form, base + cycle);
    }
    base + span
}

fn is_loop_register(arg: &crate::vcode::Arg) -> bool {
    use crate::vcode::Arg;
    use arch::aie2::reg;
    matches!(arg, Arg::Reg(r) if [reg::LS, reg::LE, reg::LC].contains(r))
}
