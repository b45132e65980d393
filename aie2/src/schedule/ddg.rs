//! The dependence graph of a block: which instruction must come how many cycles after which.

use arch::aie2::{Flags, Reg, memory_latency};

use super::spans::Span;
use super::timing::{
    DONE_FENCE, LOCK_RESUME_STAGE, LOCK_STALL_STAGE, LOCK_TO_LOCK, PORT_TO_OTHER, Place, Touch,
    earliest, itinerary, raw, settled, touches, war, waw,
};
use crate::coalesce::Webs;
use crate::liveness::Units;
use crate::mir::MemAccess;
use crate::vcode::{VFunc, VInst};

/// An edge: `to` issues at least `latency` cycles after `from` of `distance` passes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dep {
    /// Earlier instruction in program order.
    pub from: usize,
    /// Later instruction.
    pub to: usize,
    /// Cycles; may be negative.
    pub latency: i32,
    /// Passes of the loop between the two.
    pub distance: u32,
}

/// Dependence graph.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Edges.
    pub deps: Vec<Dep>,
    /// Per instruction: edges into it, as indices of `deps`.
    pub into: Vec<Vec<usize>>,
    /// Per instruction: edges out of it.
    pub out: Vec<Vec<usize>>,
    /// Per instruction: first cycle of the block in which it may issue.
    pub earliest: Vec<i32>,
    /// Per instruction: cycles after its issue at which the block may end.
    pub settled: Vec<i32>,
}

/// What the schedule must keep beyond the pipeline's distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    Pipeline {
        /// From this instruction on the list holds passes of a loop that overlap, at given cycles. There
        /// a value may be written in front of an instruction that reads the one before it, because the
        /// write lands later: what stands before this point stays visible behind such writes.
        tail: usize,
    },
    /// What reads a result, or follows in memory, issues no earlier than what it follows, even where
    /// the pipeline would allow it: the order of issue is then an order of the program.
    Program,
}

/// What is done with a unit of a register.
#[derive(Default)]
struct Seen {
    /// Writes that may be read.
    writes: Vec<(usize, Touch)>,
    /// Reads since.
    reads: Vec<(usize, Touch)>,
}

/// Units of the largest register that values are in.
const PARTS: usize = 4;

/// Whether the objects of two accesses may be one, and one of them writes.
fn may_meet(a: MemAccess, b: MemAccess) -> bool {
    let same = a.object.is_none() || b.object.is_none() || a.object == b.object;
    same && (a.write || b.write)
}

/// Whether it sends to a port of the core or takes from one.
pub fn is_port(inst: &VInst) -> bool {
    let flags = inst.op().flags();
    flags.contains(Flags::CASCADE) || flags.contains(Flags::STREAM)
}

/// What an instruction does that orders it against others apart from registers.
fn distance(func: &VFunc, from: &VInst, to: &VInst) -> Option<i32> {
    let (a, b) = (
        itinerary(func, from, from.op()),
        itinerary(func, to, to.op()),
    );
    let (done, lock) = (
        |i: &VInst| i.op() == arch::aie2::op::DONE,
        |i: &VInst| i.op().is_lock(),
    );
    if done(from) || done(to) {
        return Some(DONE_FENCE);
    }
    if is_port(from) || is_port(to) {
        // What waits does so in the order of the program, and nothing else minds.
        let waits = |i: &VInst| is_port(i) || lock(i);
        let same = i32::from(from.op() == to.op());
        let distance = if same == 1 { 1 } else { PORT_TO_OTHER };
        return (waits(from) && waits(to)).then_some(distance);
    }
    match (lock(from), lock(to)) {
        (true, true) => Some(LOCK_TO_LOCK),
        (true, false) => {
            let first = b.memory_cycles.iter().min()?;
            Some(LOCK_RESUME_STAGE - i32::from(*first) + 1)
        }
        (false, true) => {
            let last = a.memory_cycles.iter().max()?;
            Some(i32::from(*last) - LOCK_STALL_STAGE + 1)
        }
        (false, false) => {
            let meet = may_meet(from.memory?, to.memory?);
            meet.then(|| memory_latency(a, b)).flatten()
        }
    }
}

/// The instructions before one that it must be ordered against, without those that others stand
/// between: a distance kept to the nearer one keeps the distance to the farther one.
#[derive(Default)]
struct UnderWay {
    /// Accesses to memory that nothing hides.
    memory: Vec<(usize, MemAccess, Option<Span>)>,
    /// The last lock operation.
    lock: Option<usize>,
    /// The last operation at a port since then.
    port: Option<usize>,
    /// The last `done`.
    done: Option<usize>,
}

impl UnderWay {
    /// What instruction `k` comes after; from then on it is under way itself, and hides what it writes
    /// over, if it `hides`.
    fn meets(&mut self, inst: &VInst, span: Option<Span>, k: usize, hides: bool) -> Vec<usize> {
        let mut meets: Vec<usize> = self.done.into_iter().collect();
        if inst.op() == arch::aie2::op::DONE {
            meets.extend(self.done.map_or(0, |d| d + 1)..k);
            *self = UnderWay {
                done: Some(k),
                ..UnderWay::default()
            };
        } else if inst.op().is_lock() {
            meets.extend(self.lock);
            meets.extend(self.port.take());
            meets.extend(self.memory.drain(..).map(|m| m.0));
            self.lock = Some(k);
        } else if is_port(inst) {
            meets.extend(self.lock);
            meets.extend(self.port.replace(k));
        } else if let Some(access) = inst.memory {
            meets.extend(self.lock);
            let meet = |(_, other, at): &&(usize, MemAccess, Option<Span>)| {
                let apart = at.zip(span).is_some_and(|(at, span)| !at.meets(&span));
                may_meet(*other, access) && !apart
            };
            meets.extend(self.memory.iter().filter(meet).map(|m| m.0));
            // Stores to an object stay in order, which costs nothing: they all take one slot.
            let stores = self.memory.iter().rev();
            let mut stores = stores.filter(|m| m.1.write && may_meet(m.1, access));
            meets.extend(stores.next().filter(|_| access.write).map(|m| m.0));
            // Whatever meets bytes that are written over meets what writes it.
            let hidden = |other: MemAccess, at: Option<Span>| {
                hides
                    && access.write
                    && (access.object.is_none() || access.object == other.object)
                    && match (at, span) {
                        (_, None) => true,
                        (at, Some(span)) => at.is_some_and(|at| at.is_within(&span)),
                    }
            };
            self.memory.retain(|(_, other, at)| !hidden(*other, *at));
            self.memory.push((k, access, span));
        }
        meets
    }
}

impl Graph {
    /// The graph of a straight line of instructions, with where they access memory as far as that is known.
    pub fn new(
        func: &VFunc,
        webs: &Webs,
        units: &Units,
        insts: &[VInst],
        spans: &[Option<Span>],
        order: Order,
    ) -> Self {
        let flow = |latency: i32| match order {
            Order::Pipeline { .. } => latency,
            Order::Program => latency.max(0),
        };
        let tail = match order {
            Order::Pipeline { tail } => tail,
            Order::Program => insts.len(),
        };
        let touched: Vec<Vec<Touch>> = insts.iter().map(|i| touches(func, units, i)).collect();
        // Where a register is: values of one web are in the same, and those that must be in one register are
        // in that one.
        let register = |place: Place| match place {
            Place::Reg(unit) => usize::from(unit),
            Place::Value(unit) => {
                let (value, part) = units.value(unit);
                let web = webs.of(crate::mir::ValueId(value as u32));
                let fixed = webs.fixed[web].and_then(|reg| reg.units().get(part));
                fixed.map_or(Reg::UNITS + PARTS * web + part, |unit| usize::from(*unit))
            }
        };
        // Per register, where it is among those seen, counted from 1.
        let mut number = vec![0u32; Reg::UNITS + PARTS * webs.count()];
        let mut seen: Vec<Seen> = Vec::new();
        let mut under_way = UnderWay::default();
        let mut deps: Vec<Dep> = Vec::new();
        // Of the instructions that the one at hand must follow: where the edge is.
        let mut edge: Vec<usize> = vec![usize::MAX; insts.len()];
        for (k, list) in touched.iter().enumerate() {
            let mut need = |from: usize, latency: i32| match deps.get_mut(edge[from]) {
                Some(dep) if dep.to == k => dep.latency = dep.latency.max(latency),
                _ => {
                    edge[from] = deps.len();
                    deps.push(Dep {
                        from,
                        to: k,
                        latency,
                        distance: 0,
                    });
                }
            };
            for write in [false, true] {
                for touch in list.iter().filter(|t| t.write == write) {
                    let number = &mut number[register(touch.place)];
                    if *number == 0 {
                        seen.push(Seen::default());
                        *number = seen.len() as u32;
                    }
                    let seen = &mut seen[*number as usize - 1];
                    if !write {
                        for (w, write) in &seen.writes {
                            need(*w, flow(raw(write, touch)));
                        }
                        seen.reads.push((k, *touch));
                        continue;
                    }
                    for (w, write) in seen.writes.iter().filter(|w| w.0 != k) {
                        need(*w, waw(write, touch));
                    }
                    for (r, read) in seen.reads.drain(..).filter(|r| r.0 != k) {
                        need(r, war(&read, touch));
                    }
                    if k < tail {
                        seen.writes.clear();
                    }
                    seen.writes.push((k, *touch));
                }
            }
            for from in under_way.meets(&insts[k], spans[k], k, k < tail) {
                if let Some(latency) = distance(func, &insts[from], &insts[k]) {
                    need(from, flow(latency));
                }
            }
        }
        let earliest = insts.iter().map(earliest).collect();
        let settled = insts.iter().zip(&touched).map(|(i, t)| settled(func, i, t));
        Graph::from_deps(deps, earliest, settled.collect())
    }

    /// Edges between accesses to memory that meet after two passes or more, and not after one.
    pub fn distant(func: &VFunc, insts: &[VInst], spans: &[Option<Span>]) -> Vec<Dep> {
        let accesses = insts.iter().zip(spans).enumerate();
        let placed =
            |(k, (inst, span)): (usize, (&VInst, &Option<Span>))| Some((k, inst.memory?, (*span)?));
        let accesses: Vec<(usize, MemAccess, Span)> = accesses.filter_map(placed).collect();
        let mut deps = Vec::new();
        for (from, first, at) in &accesses {
            for (to, second, then) in &accesses {
                let passes = at.meets_after(then, 1).filter(|passes| *passes > 1);
                if let Some(distance) = passes.filter(|_| may_meet(*first, *second))
                    && let Some(latency) = self::distance(func, &insts[*from], &insts[*to])
                {
                    deps.push(Dep {
                        from: *from,
                        to: *to,
                        latency,
                        distance,
                    });
                }
            }
        }
        deps
    }

    /// The graph of given edges.
    pub fn from_deps(mut deps: Vec<Dep>, earliest: Vec<i32>, settled: Vec<i32>) -> Self {
        deps.sort_by_key(|d| (d.from, d.to, d.distance));
        let n = earliest.len();
        let mut graph = Graph {
            into: vec![Vec::new(); n],
            out: vec![Vec::new(); n],
            earliest,
            settled,
            deps,
        };
        for (k, dep) in graph.deps.iter().enumerate() {
            graph.into[dep.to].push(k);
            graph.out[dep.from].push(k);
        }
        graph
    }

    /// Per instruction: the longest way from its issue to the end of the block.
    pub fn heights(&self) -> Vec<i32> {
        let mut heights = self.settled.clone();
        for k in (0..heights.len()).rev() {
            for dep in self.out[k].iter().map(|d| &self.deps[*d]) {
                if dep.distance == 0 {
                    heights[k] = heights[k].max(dep.latency + heights[dep.to]);
                }
            }
        }
        heights
    }
}
