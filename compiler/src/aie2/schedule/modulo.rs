//! Iterative modulo scheduling of a hardware loop's body: a pass begins every `ii` cycles, long
//! before the one before it has ended.
//!
//! Registers need no unrolling: a value holds its register from the cycle in which it is written,
//! loads under way hold none, and the dependence graph keeps each value from living longer than the
//! time between two passes.
//!
//! After B. R. Rau, "Iterative modulo scheduling" (1994).

use super::bound::{Bound, recurrence_bound, resource_bound};
use super::ddg::{Dep, Graph, Order};
use super::resources::Table;
use super::timing::itinerary;
use crate::aie2::coalesce::Webs;
use crate::aie2::liveness::Units;
use crate::aie2::vcode::{VFunc, VInst};

/// Placements that are tried per instruction before a longer time between passes is.
const BUDGET: usize = 12;

/// When each instruction of a pass issues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Cycles from one pass to the next.
    pub ii: u32,
    /// Per instruction: cycles after the beginning of its pass.
    pub time: Vec<u32>,
    /// Per instruction: which of its forms.
    pub form: Vec<usize>,
}

impl Plan {
    /// The pass, counted from its own, in which an instruction issues.
    pub fn stage(&self, inst: usize) -> u32 {
        self.time[inst] / self.ii
    }

    /// The cycle of a pass in which an instruction issues.
    pub fn cycle(&self, inst: usize) -> u32 {
        self.time[inst] % self.ii
    }

    /// Passes that overlap.
    pub fn stages(&self) -> u32 {
        (0..self.time.len())
            .map(|k| self.stage(k) + 1)
            .max()
            .unwrap_or(1)
    }
}

/// The graph of a loop's body with what a pass needs of the one before it.
pub fn loop_graph(func: &VFunc, webs: &Webs, units: &Units, insts: &[VInst]) -> Graph {
    let n = insts.len();
    let twice: Vec<VInst> = insts.iter().chain(insts).cloned().collect();
    let double = Graph::new(func, webs, units, &twice, Order::Program);
    let once = double.deps.iter().filter(|d| d.from < n).map(|dep| {
        let (to, distance) = match dep.to < n {
            true => (dep.to, 0),
            false => (dep.to - n, 1),
        };
        Dep {
            to,
            distance,
            ..*dep
        }
    });
    let (earliest, settled) = (&double.earliest[..n], &double.settled[..n]);
    Graph::from_deps(once.collect(), earliest.to_vec(), settled.to_vec())
}

/// The fewest cycles from one pass to the next that the graph and the slots allow.
pub fn bound(func: &VFunc, graph: &Graph, insts: &[VInst], limit: u32) -> Bound {
    let by_resources = resource_bound(func, insts);
    let cycles = recurrence_bound(graph, by_resources.cycles, limit.max(by_resources.cycles));
    if cycles > by_resources.cycles {
        return Bound {
            cycles,
            binding: "recurrence".to_owned(),
        };
    }
    by_resources
}

/// Plans a loop with `ii` cycles from one pass to the next.
pub fn plan(func: &VFunc, graph: &Graph, insts: &[VInst], ii: u32) -> Option<Plan> {
    let n = insts.len();
    let heights = heights(graph, ii)?;
    let mut table = Table::modulo(ii as usize);
    let mut time: Vec<Option<i64>> = vec![None; n];
    let mut form = vec![0; n];
    let mut never: Vec<Option<i64>> = vec![None; n];
    let mut budget = BUDGET * n + 64;
    while let Some(k) = (0..n)
        .filter(|k| time[*k].is_none())
        .max_by_key(|k| (heights[*k], std::cmp::Reverse(*k)))
    {
        if budget == 0 {
            return None;
        }
        budget -= 1;
        let gap = |d: &Dep| i64::from(d.latency) - i64::from(d.distance) * i64::from(ii);
        let into = graph.into[k].iter().map(|d| &graph.deps[*d]);
        let early = into
            .filter_map(|d| Some(time[d.from]? + gap(d)))
            .max()
            .unwrap_or(0)
            .max(0);
        let fits = |table: &Table, f: usize, at: i64| {
            let op = insts[k].forms[f];
            table.fits(op, itinerary(func, &insts[k], op), at as usize)
        };
        let slots = early..early + i64::from(ii);
        let free = slots.clone().find_map(|at| {
            let f = (0..insts[k].forms.len()).find(|f| fits(&table, *f, at))?;
            Some((at, f))
        });
        let (at, f) = free.unwrap_or_else(|| {
            // Nothing is free: push away what is in the way, and never come back to the same place.
            let at = never[k].map_or(early, |last| early.max(last + 1));
            (at, 0)
        });
        if free.is_none() {
            for j in 0..n {
                let Some(taken) = time[j] else {
                    continue;
                };
                let op = insts[j].forms[form[j]];
                let mut alone = Table::modulo(ii as usize);
                alone.take(op, itinerary(func, &insts[j], op), taken as usize);
                if !fits(&alone, f, at) {
                    table.release(op, itinerary(func, &insts[j], op), taken as usize);
                    time[j] = None;
                }
            }
            if !fits(&table, f, at) {
                return None;
            }
        }
        let op = insts[k].forms[f];
        table.take(op, itinerary(func, &insts[k], op), at as usize);
        time[k] = Some(at);
        form[k] = f;
        never[k] = Some(at);
        for dep in graph.out[k]
            .iter()
            .chain(&graph.into[k])
            .map(|d| &graph.deps[*d])
        {
            let (Some(from), Some(to)) = (time[dep.from], time[dep.to]) else {
                continue;
            };
            if from + gap(dep) > to {
                let loser = if dep.from == k { dep.to } else { dep.from };
                if loser == k {
                    return None;
                }
                let op = insts[loser].forms[form[loser]];
                let at = time[loser].take()?;
                table.release(op, itinerary(func, &insts[loser], op), at as usize);
            }
        }
    }
    let first = time.iter().flatten().min().copied().unwrap_or(0) / i64::from(ii) * i64::from(ii);
    let time: Vec<u32> = time
        .into_iter()
        .flatten()
        .map(|t| (t - first) as u32)
        .collect();
    Some(Plan { ii, time, form })
}

/// Per instruction: the longest way from it, later passes included.
fn heights(graph: &Graph, ii: u32) -> Option<Vec<i64>> {
    let n = graph.into.len();
    let mut heights = vec![0i64; n];
    for _ in 0..=n {
        let mut changed = false;
        for dep in &graph.deps {
            let gap = i64::from(dep.latency) - i64::from(dep.distance) * i64::from(ii);
            if heights[dep.to] + gap > heights[dep.from] {
                heights[dep.from] = heights[dep.to] + gap;
                changed = true;
            }
        }
        if !changed {
            return Some(heights);
        }
    }
    None
}
