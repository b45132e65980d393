//! Modulo scheduling of a hardware loop's body: a pass begins every `ii` cycles, long before the one
//! before it has ended.
//!
//! Every instruction has a window of cycles that those placed before leave it. Those of the busiest
//! slots are placed first, one after the other as the kernel has them; then always the one with the
//! narrowest window, what makes vectors as late as it can be and all else as early, so that vectors live
//! short. Where nothing is free, what is in the way is taken out and placed again.
//!
//! Few registers need unrolling: a value holds its register from the cycle in which it is written, and
//! loads under way hold none. The dependence graph keeps each value from living longer than the time
//! between two passes, or between as many as have registers of their own.
//!
//! After R. A. Huff, "Lifetime-sensitive modulo scheduling" (1993), and B. R. Rau, "Iterative modulo
//! scheduling" (1994).

use std::collections::{HashMap, HashSet};

use arch::aie2::{Dir, OperandDesc};

use super::bound::{Bound, busiest, recurrence, recurrence_bound};
use super::ddg::{Dep, Graph, Order};
use super::pressure;
use super::resources::{Form, Table, collide, meet};
use super::spans::Span;
use super::windows::Windows;
use crate::coalesce::Webs;
use crate::frame::is_wide;
use crate::liveness::Units;
use crate::mir::ValueId;
use crate::vcode::{Arg, VFunc, VInst};

/// Placements that are tried per instruction before a longer time between passes is.
const BUDGET: usize = 4;

/// Whether there are wide registers enough for what a plan of `insts` keeps in them at once.
pub fn fits_registers(func: &VFunc, webs: &Webs, insts: &[VInst], plan: &Plan) -> bool {
    pressure::holds(func, webs, &Units::of(func), insts, plan)
}

/// When each instruction of a pass issues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Cycles from one pass to the next.
    pub ii: u32,
    /// Per instruction: cycles after the beginning of its pass.
    pub time: Vec<u32>,
    /// Per instruction: which of its forms.
    pub form: Vec<usize>,
    /// Cycles that a pass waits because two accesses meet at a bank.
    pub stalls: u32,
    /// Passes that the body of the hardware loop holds.
    pub copies: u32,
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

/// The graphs of a loop's body for loops of which 2, 3, ... `most` passes have registers of their own for the
/// webs `own`; `shared` is the one of passes that share them.
pub fn own_graphs(
    func: &VFunc,
    webs: &Webs,
    (insts, once): (&[VInst], &[Option<Span>]),
    own: &HashSet<usize>,
    shared: &Graph,
    most: u32,
) -> Vec<Graph> {
    // A pass that has them all for itself, whatever the passes before it have.
    let (mut func, mut webs) = (func.clone(), webs.clone());
    let mut names: HashMap<ValueId, ValueId> = HashMap::new();
    let mut copied: HashMap<usize, usize> = HashMap::new();
    let mut next = insts.to_vec();
    for arg in next.iter_mut().flat_map(|i| &mut i.args) {
        let Arg::Value { value, .. } = arg else {
            continue;
        };
        let web = webs.of(*value);
        if own.contains(&web) {
            *value = *names.entry(*value).or_insert_with(|| {
                let name = func.value(func.class(*value));
                match copied.get(&web) {
                    Some(web) => webs.add(name, *web),
                    None => {
                        copied.insert(web, webs.count());
                        webs.alone(name, None, webs.brief[web]);
                    }
                }
                name
            });
        }
    }
    let alone = loop_graph(&func, &webs, (insts, &next), once);
    let edges = alone.deps.iter().copied().collect::<HashSet<Dep>>();
    let by_sharing = shared.deps.iter().filter(|d| !edges.contains(d));
    let by_sharing: Vec<Dep> = by_sharing.copied().collect();
    let further = |distance: u32| {
        let far = by_sharing.iter().map(|dep| Dep { distance, ..*dep });
        let deps = alone.deps.iter().copied().chain(far).collect();
        Graph::from_deps(deps, shared.earliest.clone(), shared.settled.clone())
    };
    (2..=most).map(further).collect()
}

/// The graph of a loop's body, with what a pass needs of those before it, from a pass and the one behind it;
/// `once` says where accesses are.
pub fn loop_graph(
    func: &VFunc,
    webs: &Webs,
    (insts, next): (&[VInst], &[VInst]),
    once: &[Option<Span>],
) -> Graph {
    let n = insts.len();
    let twice: Vec<VInst> = insts.iter().chain(next).cloned().collect();
    let later = once.iter().map(|span| span.map(Span::later));
    let spans: Vec<_> = once.iter().copied().chain(later).collect();
    let double = Graph::new(func, webs, &Units::of(func), &twice, &spans, Order::Program);
    let near = double.deps.iter().filter(|d| d.from < n).map(|dep| {
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
    let deps = near.chain(Graph::distant(func, insts, once)).collect();
    Graph::from_deps(deps, earliest.to_vec(), settled.to_vec())
}

/// The fewest cycles from one pass to the next that the graph and the slots allow.
pub fn bound(graph: &Graph, insts: &[VInst], by_resources: Bound) -> Bound {
    let cycles = recurrence_bound(graph, by_resources.cycles);
    if cycles > by_resources.cycles {
        return Bound {
            cycles,
            binding: named(graph, insts, cycles - 1),
        };
    }
    by_resources
}

/// Instructions of a recurrence that are named.
const NAMED: usize = 8;

/// The recurrence that keeps a pass from taking so few cycles, by its instructions.
fn named(graph: &Graph, insts: &[VInst], cycles: u32) -> String {
    let Some((members, passes)) = recurrence(graph, cycles) else {
        return "recurrence".to_owned();
    };
    let names = members.iter().map(|k| insts[*k].op().desc().mnemonic);
    let mut chain: Vec<&str> = names.collect();
    chain.dedup();
    if chain.len() > NAMED {
        chain.splice(NAMED / 2..chain.len() - NAMED / 2, ["..."]);
    }
    let over = if passes == 1 { "pass" } else { "passes" };
    format!("recurrence {} over {passes} {over}", chain.join(" > "))
}

/// Plans a loop with `ii` cycles from one pass to the next; if `quiet`, so that no two accesses meet at
/// a bank.
pub fn plan(func: &VFunc, graph: &Graph, insts: &[VInst], ii: u32, quiet: bool) -> Option<Plan> {
    let mut search = Search::new(func, graph, insts, ii);
    if quiet && search.busiest_bank() > ii as usize {
        return None;
    }
    search.quiet = quiet;
    let seeds = busiest(insts);
    let mut last = 0;
    for k in seeds {
        let (low, high) = (search.windows.low(k), search.windows.high(k));
        let start = low.map_or(last, |low| low.max(last));
        let start = high.map_or(start, |high| start.min(high));
        last = search.put(k, start, false)?;
    }
    while let Some(k) = search.next() {
        let (low, high) = (search.windows.low(k), search.windows.high(k));
        let late = high.is_some() && search.makes_wide[k];
        // What only other passes hold back goes where the others are.
        let begin = search.time.iter().flatten().min().copied().unwrap_or(last);
        let start = match (late, low, high) {
            (true, _, Some(high)) => high,
            (_, low, high) => {
                let start = low.map_or(begin, |low| low.max(begin));
                high.map_or(start, |high| start.min(high))
            }
        };
        search.put(k, start, late)?;
    }
    let first = search.time.iter().flatten().min().copied().unwrap_or(0);
    let time = search.time.iter().flatten();
    Some(Plan {
        ii,
        time: time.map(|t| (t - first) as u32).collect(),
        stalls: search.stalls(),
        form: search.form,
        copies: 1,
    })
}

/// A plan in the making.
struct Search {
    windows: Windows,
    forms: Vec<Vec<Form>>,
    /// Whether accesses may not meet at a bank.
    quiet: bool,
    /// Whether it makes a vector of none: the later, the shorter that lives.
    makes_wide: Vec<bool>,
    ii: i64,
    table: Table,
    time: Vec<Option<i64>>,
    /// What is not placed.
    open: Vec<usize>,
    /// Of what is placed: its cycle of a pass, and its form.
    rows: Vec<usize>,
    form: Vec<usize>,
    /// Where an instruction was put by force the last time.
    forced: Vec<Option<i64>>,
    budget: usize,
}

impl Search {
    fn new(func: &VFunc, graph: &Graph, insts: &[VInst], ii: u32) -> Self {
        let n = insts.len();
        let makes_wide = insts.iter().map(|i| {
            let wide = |v: (ValueId, u8, &OperandDesc, usize)| is_wide(func.class(v.0));
            let makes = i.values().filter(|v| v.2.dir == Dir::Out).any(wide);
            makes && !i.values().filter(|v| v.2.dir == Dir::In).any(wide)
        });
        let cycles = i64::from(ii);
        Search {
            windows: Windows::new(graph, cycles),
            forms: insts.iter().map(|i| Form::all(func, i)).collect(),
            quiet: false,
            makes_wide: makes_wide.collect(),
            ii: cycles,
            table: Table::modulo(ii as usize),
            time: vec![None; n],
            open: (0..n).collect(),
            rows: vec![0; n],
            form: vec![0; n],
            forced: vec![None; n],
            budget: BUDGET * n + 64,
        }
    }

    /// The instruction with the narrowest window; of those without one side, the last.
    fn next(&self) -> Option<usize> {
        let open = self.open.iter().copied();
        open.min_by_key(|k| (self.windows.width(*k), *k))
    }

    fn row(&self, at: i64) -> usize {
        at.rem_euclid(self.ii) as usize
    }

    fn fits(&self, k: usize, form: usize, row: usize) -> bool {
        let form = &self.forms[k][form];
        self.table.fits(form, row) && (!self.quiet || self.table.quiet(form, row))
    }

    /// Accesses of a pass to the bank with the most of them.
    fn busiest_bank(&self) -> usize {
        let banks: Vec<_> = self.forms.iter().filter_map(|f| f[0].bank).collect();
        let count = |bank| banks.iter().filter(|b| **b == bank).count();
        banks.iter().map(|b| count(*b)).max().unwrap_or(0)
    }

    /// The form and cycle of a placed instruction.
    fn placed(&self, k: usize) -> Option<(&Form, usize)> {
        self.time[k]?;
        Some((&self.forms[k][self.form[k]], self.rows[k]))
    }

    /// Pairs of accesses that meet at a bank.
    fn stalls(&self) -> u32 {
        let placed: Vec<_> = (0..self.time.len())
            .filter_map(|k| self.placed(k))
            .collect();
        let pairs = placed
            .iter()
            .enumerate()
            .flat_map(|(k, a)| placed[..k].iter().map(move |b| (*a, *b)));
        let period = self.ii as usize;
        pairs.filter(|(a, b)| meet(period, *a, *b)).count() as u32
    }

    /// Places an instruction at `start`, inside its window, or as near behind it, or before it if `late`, as it
    /// fits.
    fn put(&mut self, k: usize, start: i64, late: bool) -> Option<i64> {
        self.budget = self.budget.checked_sub(1)?;
        let (before, behind) = (start - self.ii + 1, start + self.ii - 1);
        let first = self.windows.low(k).map_or(before, |low| low.max(before));
        let last = self.windows.high(k).map_or(behind, |high| high.min(behind));
        let fit = |at: i64| {
            let row = self.row(at);
            let form = (0..self.forms[k].len()).find(|f| self.fits(k, *f, row))?;
            Some((at, row, form))
        };
        let free = match late {
            false => (start..=last).chain((first..start).rev()).find_map(fit),
            true => (first..=start).rev().chain(start + 1..=last).find_map(fit),
        };
        let (at, row, form) = match free {
            Some(found) => found,
            None => {
                // Never twice at the same place: further on, whatever depends on the old one.
                let step = if late { -1 } else { 1 };
                let at = self.forced[k].map_or(start, |last| last + step);
                self.forced[k] = Some(at);
                (at, self.row(at), 0)
            }
        };
        let had = match free {
            Some(_) => Vec::new(),
            None => self.make_room(k, at, row)?,
        };
        self.table.take(&self.forms[k][form], row);
        self.open.retain(|open| *open != k);
        (self.time[k], self.rows[k], self.form[k]) = (Some(at), row, form);
        let open = |j: usize| self.time[j].is_none();
        match free {
            Some(_) => self.windows.fix(k, at, open),
            None => self.windows.free(&had, open),
        }
        Some(at)
    }

    /// Takes out what is in the way of an instruction's first form, and what cannot stay where it is then; gives
    /// the windows that they and the instruction had.
    fn make_room(&mut self, k: usize, at: i64, row: usize) -> Option<Vec<(usize, (i64, i64))>> {
        let mut had = vec![(k, self.windows.of(k))];
        self.windows.fix(k, at, |_| true);
        let (own, period) = ((&self.forms[k][0], row), self.ii as usize);
        for j in 0..self.time.len() {
            let Some(time) = self.time[j] else {
                continue;
            };
            let other = (&self.forms[j][self.form[j]], self.rows[j]);
            let stays = self.windows.of(j) == (time, time);
            let meets = self.quiet && meet(period, own, other);
            if !stays || meets || collide(period, own, other) {
                self.table.release(other.0, other.1);
                self.time[j] = None;
                self.open.push(j);
                had.push((j, (time, time)));
            }
        }
        // Alone it may not fit at all: it meets itself.
        self.fits(k, 0, row).then_some(had)
    }
}
