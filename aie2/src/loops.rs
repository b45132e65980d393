//! Which hardware loops are pipelined, and what keeps them from being shorter.

use std::collections::{HashMap, HashSet};
use std::fmt;

use arch::aie2::Reg;

use super::coalesce::Webs;
use super::liveness::Liveness;
use super::mir::BlockKind;
use super::pipeline::{candidate, expand};
use super::schedule::bound::{Bound, recurrence_bound, resource_bound};
use super::schedule::ddg::Graph;
use super::schedule::modulo::{Plan, bound, fits_registers, loop_graph, own_graphs, plan};
use super::schedule::spans::{self, Span};
use super::schedule::{Limits, Line};
use super::vcode::{Trip, VFunc, VInst};

/// What became of a hardware loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopReport {
    /// Function.
    pub func: String,
    /// Block of the function.
    pub block: usize,
    /// Passes, where they are known.
    pub trips: Option<u32>,
    /// Cycles of a pass.
    pub cycles: u32,
    /// Passes under way at once; 1 where they do not overlap.
    pub stages: u32,
    /// Passes that the body of the hardware loop holds.
    pub copies: u32,
    /// Cycles that a pass waits because accesses to one object meet, where passes overlap; objects are
    /// taken to lie in banks of their own.
    pub stalls: u32,
    /// Fewest cycles that a pass can take.
    pub bound: u32,
    /// What makes the bound: slots, a port or a recurrence.
    pub binding: String,
    /// Why the passes do not overlap, where they do not.
    pub note: Option<&'static str>,
}

impl fmt::Display for LoopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.cycles == 1 { "" } else { "s" };
        let (func, block, cycles) = (&self.func, self.block, self.cycles);
        write!(f, "{func} block {block}: {cycles} cycle{plural} a pass")?;
        write!(f, ", bound {} by {}", self.bound, self.binding)?;
        match self.note {
            Some(note) => write!(f, "; {note}")?,
            None if self.stages > 1 => write!(f, "; {} passes overlap", self.stages)?,
            None => {}
        }
        if self.copies > 1 {
            write!(f, "; {} passes in the body", self.copies)?;
        }
        match self.stalls {
            0 => Ok(()),
            n => write!(f, "; {n} more for accesses that meet at a bank"),
        }
    }
}

/// Cycles that the body of a loop takes at least. No source says that the loop registers work for bodies
/// of only one or two bundles; a body of several passes makes up for it.
const SHORTEST: u32 = 4;
/// Passes that the body of a loop holds at most.
const MOST_COPIES: u32 = 4;

/// Times the least number of passes that a loop is taken to make whose number is not known.
const LIKELY: u32 = 4;
/// Cycles that a pass may take beyond the bound before a loop is left as it is.
const BEYOND: u32 = 24;
/// Plans without waits for banks among which the one with the fewest cycles for the whole loop is taken.
const PLANS: usize = 2;

/// What is known of the loops of a function that is tried again and again with other registers: one that
/// is what it was has the plans that it had.
#[derive(Default)]
pub(super) struct Known {
    loops: Vec<KnownLoop>,
}

/// The body of a loop, and what has been found out about it.
struct KnownLoop {
    insts: Vec<VInst>,
    /// The web of each operand that is a value, with the register that it must have.
    webs: Vec<(usize, Option<Reg>)>,
    /// Where its accesses are.
    spans: Vec<Option<Span>>,
    /// Cycles of a pass alone.
    length: u32,
    /// Webs of which each pass of the body can have its own.
    own: HashSet<usize>,
    /// The graphs of bodies of 1, 2, ... passes, each with the fewest cycles that its recurrences leave a
    /// pass; of 1 where registers of their own do not help passes.
    graphs: Vec<(Graph, u32)>,
    least: Bound,
    /// By cycles from one pass to the next, and whether passes have registers of their own.
    plans: HashMap<(u32, bool), Option<Plan>>,
}

impl Known {
    fn body(&mut self, func: &VFunc, webs: &Webs, block: usize) -> &mut KnownLoop {
        let insts = &func.blocks[block].insts;
        let values = insts.iter().flat_map(|i| i.values());
        let of = |value| (webs.of(value), webs.fixed[webs.of(value)]);
        let named: Vec<_> = values.map(|v| of(v.0)).collect();
        let spans = spans::of_loop(func, block);
        let own = candidate(func, block).map(|c| c.own_webs(func, webs));
        let own = own.unwrap_or_default();
        let same = |l: &KnownLoop| {
            l.insts == *insts && l.webs == named && l.spans == spans && l.own == own
        };
        if let Some(known) = self.loops.iter().position(same) {
            return &mut self.loops[known];
        }
        let live = Liveness::of(func);
        let list = Line::of(func, webs, &live, block).schedule(Limits::None);
        let resources = resource_bound(func, insts);
        let graph = loop_graph(func, webs, (insts, insts), &spans);
        let mut graphs = vec![graph];
        let helps = resources.cycles < SHORTEST
            || recurrence_bound(&graphs[0], resources.cycles) > resources.cycles;
        if helps && !own.is_empty() {
            let body = (&insts[..], &spans[..]);
            let more = own_graphs(func, webs, body, &own, &graphs[0], MOST_COPIES);
            graphs.extend(more);
        }
        let mut least = bound(&graphs[graphs.len() - 1], insts, resources);
        let graphs = graphs.into_iter().map(|graph| {
            let cycles = recurrence_bound(&graph, least.cycles);
            (graph, cycles)
        });
        let graphs: Vec<_> = graphs.collect();
        // Where passes do not overlap, the end of one is all that keeps ports of the next apart.
        least.cycles = least.cycles.min(list.length);
        self.loops.push(KnownLoop {
            insts: insts.clone(),
            webs: named,
            spans,
            length: list.length,
            least,
            own,
            graphs,
            plans: HashMap::new(),
        });
        let last = self.loops.len() - 1;
        &mut self.loops[last]
    }
}

impl KnownLoop {
    /// A plan with `ii` cycles from one pass to the next that there are registers for, at best without
    /// accesses that meet at a bank; passes have registers of their own if `own`.
    fn plan(&mut self, func: &VFunc, webs: &Webs, ii: u32, own: bool) -> Option<Plan> {
        let insts = &self.insts;
        let own = own && self.graphs.len() > 1;
        let make = |copies: u32| {
            let (graph, least) = &self.graphs[if own { copies as usize - 1 } else { 0 }];
            let plan = |quiet| {
                let plan = plan(func, graph, insts, ii, quiet)?;
                fits_registers(func, webs, insts, &plan).then_some(Plan { copies, ..plan })
            };
            (*least <= ii).then(|| plan(true).or_else(|| plan(false)))
        };
        let mut copies = SHORTEST.div_ceil(ii)..=MOST_COPIES;
        let plan = self.plans.entry((ii, own));
        plan.or_insert_with(|| copies.find_map(make).flatten())
            .clone()
    }
}

/// Whether a hardware loop is pipelined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlap {
    /// If it is shorter then, with at least so many cycles a pass.
    Shorter(u32),
    /// The same, without registers of their own for the passes of a body.
    Sharing(u32),
    /// If it can be, even where a pass takes longer: there are no registers for the shorter schedule.
    Longer,
    /// No.
    Never,
}

/// Pipelines hardware loops of a function, each block's as `overlap` says, and reports all of them.
pub(super) fn pipeline_loops(
    func: &mut VFunc,
    webs: &mut Webs,
    overlap: &[Overlap],
    known: &mut Known,
) -> Vec<LoopReport> {
    let mut reports = Vec::new();
    for (block, overlap) in overlap.iter().copied().enumerate() {
        if func.blocks[block].kind != BlockKind::HardwareLoop {
            continue;
        }
        let known = known.body(func, webs, block);
        let mut report = LoopReport {
            func: func.name.clone(),
            block,
            trips: match func.blocks[block].trip {
                Some(Trip::Const(n)) => Some(n),
                _ => None,
            },
            cycles: known.length,
            stages: 1,
            copies: 1,
            stalls: 0,
            bound: known.least.cycles,
            binding: known.least.binding.clone(),
            note: None,
        };
        let found = candidate(func, block).filter(|_| overlap != Overlap::Never);
        let Some(found) = found else {
            report.note = Some(match overlap {
                Overlap::Never => "the passes do not overlap: too many registers would be needed",
                _ => "the passes cannot overlap: their number or what they carry is not known",
            });
            reports.push(report);
            continue;
        };
        let length = known.length;
        let from = match overlap {
            Overlap::Shorter(least) | Overlap::Sharing(least) => least.max(known.least.cycles),
            Overlap::Longer | Overlap::Never => known.least.cycles,
        };
        // Passes that are left over can be made before the loop only where their number is known.
        let several = found.trips.is_some();
        let from = from.max(if several { 1 } else { SHORTEST });
        let own = several && matches!(overlap, Overlap::Shorter(_));
        let trips = found.trips.unwrap_or(LIKELY * found.least);
        let cost = |p: &Plan| (trips + p.stages() - 1) * (p.ii + p.stalls);
        let (below, most) = match overlap {
            Overlap::Longer => (2 * length, u32::MAX),
            _ => (length.min(from + BEYOND), trips.saturating_mul(length)),
        };
        // In growing steps: what does not fit by a cycle rarely fits by two.
        let longer = |ii: &u32| Some(ii + ((ii - from) / 2).max(1));
        let tried = std::iter::successors(Some(from), longer);
        let tried = tried.take_while(|ii| *ii < below);
        let (mut best, mut quiet) = (None::<Plan>, 0);
        for ii in tried {
            let beaten = |p: &Plan| p.ii + p.stalls <= ii;
            if quiet == PLANS || (quiet > 0 && best.as_ref().is_some_and(beaten)) {
                break;
            }
            let Some(plan) = known.plan(func, webs, ii, own) else {
                continue;
            };
            if plan.stages() + plan.copies - 1 > found.least || cost(&plan) >= most {
                continue;
            }
            quiet += usize::from(plan.stalls == 0);
            if best.as_ref().is_none_or(|best| cost(&plan) < cost(best)) {
                best = Some(plan);
            }
        }
        match best {
            Some(plan) => {
                let own = if own {
                    known.own.clone()
                } else {
                    HashSet::new()
                };
                expand(func, webs, &found, &plan, own);
                report.cycles = plan.ii;
                report.stages = plan.stages();
                report.copies = plan.copies;
                report.stalls = plan.stalls;
            }
            None => report.note = Some("the passes do not overlap: that would not be shorter"),
        }
        reports.push(report);
    }
    reports
}
