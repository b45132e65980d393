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
        let start = last.max(search.low[k]).min(search.high[k]);
        last = search.put(k, start, false)?;
    }
    while let Some(k) = search.next() {
        let (low, high) = (search.low(k), search.high(k));
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

/// Edges of a graph by the instruction at one end: the instruction at the other and the cycles between
/// the two, one after the other in memory, for they are gone over again and again.
struct Gaps {
    /// Per instruction: where its edges begin; one more for the end.
    first: Vec<usize>,
    edges: Vec<(usize, i64)>,
}

impl Gaps {
    /// The edges of `lists` (indices of the graph's), with `ii` cycles from one pass to the next.
    fn new(graph: &Graph, lists: &[Vec<usize>], end: impl Fn(&Dep) -> usize, ii: i64) -> Self {
        let mut gaps = Gaps {
            first: vec![0],
            edges: Vec::with_capacity(graph.deps.len()),
        };
        for list in lists {
            let edges = list.iter().map(|d| &graph.deps[*d]);
            let gap = |dep: &Dep| i64::from(dep.latency) - i64::from(dep.distance) * ii;
            gaps.edges.extend(edges.map(|dep| (end(dep), gap(dep))));
            gaps.first.push(gaps.edges.len());
        }
        gaps
    }

    fn of(&self, k: usize) -> &[(usize, i64)] {
        &self.edges[self.first[k]..self.first[k + 1]]
    }
}

/// A first cycle that nothing asks for, and a last one. Far from any cycle, with room to add gaps.
const NO_LOW: i64 = i64::MIN / 2;
const NO_HIGH: i64 = i64::MAX / 2;

/// A plan in the making.
struct Search {
    out: Gaps,
    into: Gaps,
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
    /// First and last cycle that those placed leave; those of the placed are their own.
    low: Vec<i64>,
    high: Vec<i64>,
    /// Instructions whose windows changed, while others are made to agree with them; none between.
    marked: Vec<bool>,
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
            out: Gaps::new(graph, &graph.out, |dep| dep.to, cycles),
            into: Gaps::new(graph, &graph.into, |dep| dep.from, cycles),
            forms: insts.iter().map(|i| Form::all(func, i)).collect(),
            quiet: false,
            makes_wide: makes_wide.collect(),
            ii: cycles,
            table: Table::modulo(ii as usize),
            time: vec![None; n],
            open: (0..n).collect(),
            rows: vec![0; n],
            form: vec![0; n],
            low: vec![NO_LOW; n],
            high: vec![NO_HIGH; n],
            marked: vec![false; n],
            forced: vec![None; n],
            budget: BUDGET * n + 64,
        }
    }

    /// The first cycle that those placed leave an instruction, if they ask for any.
    fn low(&self, k: usize) -> Option<i64> {
        Some(self.low[k]).filter(|low| *low > NO_LOW)
    }

    /// The last one.
    fn high(&self, k: usize) -> Option<i64> {
        Some(self.high[k]).filter(|high| *high < NO_HIGH)
    }

    /// The instruction with the narrowest window; of those without one side, the last.
    fn next(&self) -> Option<usize> {
        let window = |k: &usize| {
            let width = match (self.low(*k), self.high(*k)) {
                (Some(low), Some(high)) => high - low,
                (None, None) => i64::MAX,
                _ => i64::MAX - 1,
            };
            (width, std::cmp::Reverse(self.high(*k)), *k)
        };
        self.open.iter().copied().min_by_key(window)
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
        let first = self.low[k].max(start - self.ii + 1);
        let last = self.high[k].min(start + self.ii - 1);
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
        (self.low[k], self.high[k]) = (at, at);
        if free.is_none() {
            self.make_room(k, row)?;
        }
        self.table.take(&self.forms[k][form], row);
        self.open.retain(|open| *open != k);
        (self.time[k], self.rows[k], self.form[k]) = (Some(at), row, form);
        match free {
            Some(_) => self.narrow(k, |time| time.is_none()),
            None => self.widen(),
        }
        Some(at)
    }

    /// Takes out what is in the way of an instruction's first form at the one cycle of its window, and what
    /// cannot stay where it is then.
    fn make_room(&mut self, k: usize, row: usize) -> Option<()> {
        self.narrow(k, |_| true);
        let (own, period) = ((&self.forms[k][0], row), self.ii as usize);
        for j in 0..self.time.len() {
            let Some(time) = self.time[j] else {
                continue;
            };
            let other = (&self.forms[j][self.form[j]], self.rows[j]);
            let outside = self.low[j] > time || self.high[j] < time;
            let meets = self.quiet && meet(period, own, other);
            if outside || meets || collide(period, own, other) {
                self.table.release(other.0, other.1);
                self.time[j] = None;
                self.open.push(j);
            }
        }
        // Alone it may not fit at all: it meets itself.
        self.fits(k, 0, row).then_some(())
    }

    /// Narrows the windows of what depends on an instruction with a window of one cycle, and of what it depends
    /// on, where the instructions' times `may` have others.
    fn narrow(&mut self, k: usize, may: impl Fn(Option<i64>) -> bool) {
        self.marked[k] = true;
        self.raise(&may);
        self.marked[k] = true;
        self.lower(&may);
    }

    /// Opens the windows of what is not placed as far as what is placed leaves them.
    fn widen(&mut self) {
        for k in &self.open {
            let placed = |(from, gap): &(usize, i64)| Some(self.time[*from]? + gap);
            let low = self.into.of(*k).iter().filter_map(placed).max();
            self.low[*k] = low.unwrap_or(NO_LOW);
            self.marked[*k] = low.is_some();
        }
        self.raise(|time| time.is_none());
        for k in &self.open {
            let placed = |(to, gap): &(usize, i64)| Some(self.time[*to]? - gap);
            let high = self.out.of(*k).iter().filter_map(placed).min();
            self.high[*k] = high.unwrap_or(NO_HIGH);
            self.marked[*k] = high.is_some();
        }
        self.lower(|time| time.is_none());
    }

    /// Raises first cycles to what those of the marked instructions ask for, of instructions whose times `may`
    /// have others.
    ///
    /// Program order is followed, so that only what leads into the next pass is gone over again.
    fn raise(&mut self, may: impl Fn(Option<i64>) -> bool) {
        let mut again = true;
        while std::mem::take(&mut again) {
            for from in 0..self.marked.len() {
                if !std::mem::take(&mut self.marked[from]) {
                    continue;
                }
                for (to, gap) in self.out.of(from) {
                    let at = self.low[from] + gap;
                    if self.low[*to] < at && may(self.time[*to]) {
                        self.low[*to] = at;
                        self.marked[*to] = true;
                        again |= *to <= from;
                    }
                }
            }
        }
    }

    /// Lowers last cycles, as [`Search::raise`] raises first ones.
    fn lower(&mut self, may: impl Fn(Option<i64>) -> bool) {
        let mut again = true;
        while std::mem::take(&mut again) {
            for to in (0..self.marked.len()).rev() {
                if !std::mem::take(&mut self.marked[to]) {
                    continue;
                }
                for (from, gap) in self.into.of(to) {
                    let at = self.high[to] - gap;
                    if self.high[*from] > at && may(self.time[*from]) {
                        self.high[*from] = at;
                        self.marked[*from] = true;
                        again |= *from >= to;
                    }
                }
            }
        }
    }
}
