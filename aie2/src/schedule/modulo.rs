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
    form: Vec<usize>,
    /// First and last cycle that those placed leave; those of the placed are their own.
    low: Vec<i64>,
    high: Vec<i64>,
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
            form: vec![0; n],
            low: vec![NO_LOW; n],
            high: vec![NO_HIGH; n],
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
        let open = (0..self.time.len()).filter(|k| self.time[*k].is_none());
        open.min_by_key(|k| {
            let width = match (self.low(*k), self.high(*k)) {
                (Some(low), Some(high)) => high - low,
                (None, None) => i64::MAX,
                _ => i64::MAX - 1,
            };
            (width, std::cmp::Reverse(self.high(*k)), *k)
        })
    }

    fn row(&self, at: i64) -> usize {
        at.rem_euclid(self.ii) as usize
    }

    fn fits(&self, k: usize, form: usize, at: i64) -> bool {
        let (form, row) = (self.forms[k][form], self.row(at));
        self.table.fits(form, row) && (!self.quiet || self.table.quiet(form, row))
    }

    /// Accesses of a pass to the bank with the most of them.
    fn busiest_bank(&self) -> usize {
        let banks: Vec<_> = self.forms.iter().filter_map(|f| f[0].bank).collect();
        let count = |bank| banks.iter().filter(|b| **b == bank).count();
        banks.iter().map(|b| count(*b)).max().unwrap_or(0)
    }

    /// The form and cycle of a placed instruction.
    fn placed(&self, k: usize) -> Option<(Form, usize)> {
        Some((self.forms[k][self.form[k]], self.row(self.time[k]?)))
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

    /// Places an instruction at `start` or as near behind it, or before it if `late`, as it fits.
    fn put(&mut self, k: usize, start: i64, late: bool) -> Option<i64> {
        self.budget = self.budget.checked_sub(1)?;
        let inside = |at: &i64| (self.low[k]..=self.high[k]).contains(at);
        let forms = 0..self.forms[k].len();
        let step = if late { -1 } else { 1 };
        let there = (0..self.ii).map(|n| start + n * step);
        let back = (1..self.ii).map(|n| start - n * step);
        let free = there.chain(back).filter(inside).find_map(|at| {
            let form = forms.clone().find(|f| self.fits(k, *f, at))?;
            Some((at, form))
        });
        let (at, form) = match free {
            Some(found) => found,
            None => {
                // Never twice at the same place: further on, whatever depends on the old one.
                let at = self.forced[k].map_or(start, |last| last + step);
                self.forced[k] = Some(at);
                self.make_room(k, 0, at)?;
                (at, 0)
            }
        };
        self.table.take(self.forms[k][form], self.row(at));
        self.time[k] = Some(at);
        self.form[k] = form;
        (self.low[k], self.high[k]) = (at, at);
        self.narrow((0..self.time.len()).map(|j| j == k).collect());
        Some(at)
    }

    /// Takes out what is in the way of a form at a cycle, and what cannot stay where it is then.
    fn make_room(&mut self, k: usize, form: usize, at: i64) -> Option<()> {
        for (j, outside) in self.outside(k, at).into_iter().enumerate() {
            let Some(other) = self.placed(j) else {
                continue;
            };
            let (own, period) = ((self.forms[k][form], self.row(at)), self.ii as usize);
            let meets = self.quiet && meet(period, own, other);
            if outside || meets || collide(period, own, other) {
                self.table.release(other.0, other.1);
                self.time[j] = None;
            }
        }
        // Alone it may not fit at all: it meets itself.
        self.fits(k, form, at).then_some(())?;
        let or = |none: i64| self.time.iter().map(move |t| t.unwrap_or(none)).collect();
        (self.low, self.high) = (or(NO_LOW), or(NO_HIGH));
        self.narrow(self.time.iter().map(Option::is_some).collect());
        Some(())
    }

    /// Per instruction: whether it is placed where it cannot be with instruction `k` at `at`.
    fn outside(&self, k: usize, at: i64) -> Vec<bool> {
        let n = self.time.len();
        let (mut low, mut high) = (vec![NO_LOW; n], vec![NO_HIGH; n]);
        (low[k], high[k]) = (at, at);
        let from: Vec<bool> = (0..n).map(|j| j == k).collect();
        self.raise(&mut low, from.clone(), |_| true);
        self.lower(&mut high, from, |_| true);
        let beyond = |j: usize| self.time[j].is_some_and(|time| low[j] > time || high[j] < time);
        (0..n).map(beyond).collect()
    }

    /// Narrows the windows of what depends on the marked instructions, which are placed, and of what they
    /// depend on.
    fn narrow(&mut self, marked: Vec<bool>) {
        let (mut low, mut high) = (
            std::mem::take(&mut self.low),
            std::mem::take(&mut self.high),
        );
        self.raise(&mut low, marked.clone(), |k| self.time[k].is_none());
        self.lower(&mut high, marked, |k| self.time[k].is_none());
        (self.low, self.high) = (low, high);
    }

    /// Raises first cycles to what those of the marked instructions ask for, for instructions that `may`
    /// change.
    ///
    /// Program order is followed, so that only what leads into the next pass is gone over again.
    fn raise(&self, low: &mut [i64], mut marked: Vec<bool>, may: impl Fn(usize) -> bool) {
        let mut again = true;
        while std::mem::take(&mut again) {
            for from in 0..marked.len() {
                if !std::mem::take(&mut marked[from]) {
                    continue;
                }
                for (to, gap) in self.out.of(from) {
                    let at = low[from] + gap;
                    if low[*to] < at && may(*to) {
                        low[*to] = at;
                        marked[*to] = true;
                        again |= *to <= from;
                    }
                }
            }
        }
    }

    /// Lowers last cycles, as [`Search::raise`] raises first ones.
    fn lower(&self, high: &mut [i64], mut marked: Vec<bool>, may: impl Fn(usize) -> bool) {
        let mut again = true;
        while std::mem::take(&mut again) {
            for to in (0..marked.len()).rev() {
                if !std::mem::take(&mut marked[to]) {
                    continue;
                }
                for (from, gap) in self.into.of(to) {
                    let at = high[to] - gap;
                    if high[*from] > at && may(*from) {
                        high[*from] = at;
                        marked[*from] = true;
                        again |= *from >= to;
                    }
                }
            }
        }
    }
}
