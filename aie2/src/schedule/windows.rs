//! Windows: the cycles that instructions which have theirs leave the others, by the edges of the graph.

use std::collections::VecDeque;

use super::ddg::{Dep, Graph};

/// A first cycle that nothing asks for. Far from any cycle, with room to add gaps.
const NONE: i64 = i64::MIN / 2;

/// Per instruction: the first and the last cycle that it may issue in; of placed ones the cycle that they do
/// issue in.
pub(super) struct Windows {
    out: Gaps,
    into: Gaps,
    low: Side,
    /// Here time runs backwards: what may be no later is no earlier then.
    high: Side,
}

impl Windows {
    /// Those of a loop of which nothing is placed, with `ii` cycles from one pass to the next.
    pub(super) fn new(graph: &Graph, ii: i64) -> Self {
        let n = graph.into.len();
        Windows {
            out: Gaps::new(graph, &graph.out, |dep| dep.to, ii),
            into: Gaps::new(graph, &graph.into, |dep| dep.from, ii),
            low: Side::new(n),
            high: Side::new(n),
        }
    }

    /// The first cycle that those placed leave an instruction, if they ask for any.
    pub(super) fn low(&self, k: usize) -> Option<i64> {
        Some(self.low.first[k]).filter(|low| *low > NONE)
    }

    /// The last one.
    pub(super) fn high(&self, k: usize) -> Option<i64> {
        Some(-self.high.first[k]).filter(|high| *high < -NONE)
    }

    /// What the windows of open instructions are in order of: the narrowest first, of equals the last one. Those
    /// without one side come behind, and those without any at the end.
    pub(super) fn width(&self, k: usize) -> (i64, i64) {
        let (low, late) = (self.low.first[k], self.high.first[k]);
        let width = match usize::from(low > NONE) + usize::from(late > NONE) {
            2 => -late - low,
            sides => i64::MAX - sides as i64,
        };
        (width, if late > NONE { late } else { i64::MAX })
    }

    /// Leaves an instruction one cycle only, and the others, as far as theirs `may` change, what agrees with it.
    pub(super) fn fix(&mut self, k: usize, cycle: i64, may: impl Fn(usize) -> bool) {
        self.low.fix(&self.out, (k, cycle), &may);
        self.high.fix(&self.into, (k, -cycle), &may);
    }

    /// First and last cycle as they are kept.
    pub(super) fn of(&self, k: usize) -> (i64, i64) {
        (self.low.first[k], -self.high.first[k])
    }

    /// Opens the windows of what is `open` where they may follow from nothing but windows that instructions had.
    pub(super) fn free(&mut self, had: &[(usize, (i64, i64))], open: impl Fn(usize) -> bool) {
        let low = had.iter().map(|(k, window)| (*k, window.0)).collect();
        self.low.free((&self.out, &self.into), low, &open);
        let high = had.iter().map(|(k, window)| (*k, -window.1)).collect();
        self.high.free((&self.into, &self.out), high, &open);
    }
}

/// The first cycles that instructions may issue in.
struct Side {
    first: Vec<i64>,
    /// Instructions that others have not been held against, and whether one is among them.
    work: VecDeque<usize>,
    waits: Vec<bool>,
}

impl Side {
    fn new(n: usize) -> Self {
        Side {
            first: vec![NONE; n],
            work: VecDeque::new(),
            waits: vec![false; n],
        }
    }

    fn fix(&mut self, ahead: &Gaps, (k, cycle): (usize, i64), may: impl Fn(usize) -> bool) {
        self.first[k] = cycle;
        self.work.push_back(k);
        self.settle(ahead, may);
    }

    /// Raises first cycles that `may` change to what those ask for that wait.
    fn settle(&mut self, ahead: &Gaps, may: impl Fn(usize) -> bool) {
        while let Some(k) = self.work.pop_front() {
            self.waits[k] = false;
            for (to, gap) in ahead.of(k) {
                let at = self.first[k] + gap;
                if self.first[*to] < at && may(*to) {
                    self.first[*to] = at;
                    if !std::mem::replace(&mut self.waits[*to], true) {
                        self.work.push_back(*to);
                    }
                }
            }
        }
    }

    /// Works out again what may follow from first cycles that instructions had.
    fn free(
        &mut self,
        (ahead, back): (&Gaps, &Gaps),
        mut had: Vec<(usize, i64)>,
        open: impl Fn(usize) -> bool,
    ) {
        had.iter().for_each(|(k, _)| self.waits[*k] = true);
        let mut next = 0;
        while let Some((k, cycle)) = had.get(next).copied() {
            next += 1;
            for (to, gap) in ahead.of(k) {
                let follows = self.first[*to] == cycle + gap && open(*to);
                if follows && !std::mem::replace(&mut self.waits[*to], true) {
                    had.push((*to, self.first[*to]));
                }
            }
        }
        had.iter().for_each(|(k, _)| self.waits[*k] = false);
        had.retain(|(k, _)| open(*k));
        had.iter().for_each(|(k, _)| self.first[*k] = NONE);
        for (k, _) in had {
            let from = back.of(k).iter().filter(|f| self.first[f.0] > NONE);
            let first = from.map(|(from, gap)| self.first[*from] + gap).max();
            if let Some(first) = first {
                self.first[k] = first;
                self.waits[k] = true;
                self.work.push_back(k);
            }
        }
        self.settle(ahead, open);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Instructions of a pass, and cycles from one pass to the next.
    const INSTS: usize = 12;
    const II: i64 = 20;

    /// What placed instructions ask of each, gone over until nothing changes.
    fn wanted(graph: &Graph, time: &[Option<i64>]) -> Vec<(Option<i64>, Option<i64>)> {
        let mut windows: Vec<_> = time.iter().map(|t| (*t, *t)).collect();
        for _ in 0..INSTS {
            for dep in &graph.deps {
                let gap = i64::from(dep.latency) - i64::from(dep.distance) * II;
                if time[dep.to].is_none() {
                    let low = windows[dep.from].0.map(|low| low + gap);
                    windows[dep.to].0 = windows[dep.to].0.max(low);
                }
                if let (None, Some(high)) = (time[dep.from], windows[dep.to].1) {
                    let before = windows[dep.from].1.unwrap_or(i64::MAX);
                    windows[dep.from].1 = Some(before.min(high - gap));
                }
            }
        }
        windows
    }

    #[test]
    fn windows_are_those_of_what_is_placed() {
        let mut seed = 1u64;
        let mut below = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % n
        };
        for _ in 0..100 {
            let deps = (0..2 * INSTS).map(|_| {
                let (a, b) = (below(INSTS as u64) as usize, below(INSTS as u64) as usize);
                // Only as long as passes are in any case: no recurrence contradicts itself.
                Dep {
                    from: a,
                    to: b,
                    latency: if a < b { below(4) as i32 - 1 } else { -1 },
                    distance: u32::from(a >= b),
                }
            });
            let deps = deps.collect();
            let graph = Graph::from_deps(deps, vec![0; INSTS], vec![1; INSTS]);
            let mut windows = Windows::new(&graph, II);
            let mut time = vec![None; INSTS];
            for _ in 0..40 {
                let k = below(INSTS as u64) as usize;
                if time[k].is_some() {
                    continue;
                }
                let cycle = below(60) as i64;
                let mut had = vec![(k, windows.of(k))];
                windows.fix(k, cycle, |_| true);
                for (j, time) in time.iter_mut().enumerate() {
                    // Beside what has no room any more, now and then something else.
                    let mut taken = |t: &i64| windows.of(j) != (*t, *t) || below(5) == 0;
                    if let Some(t) = time.take_if(|t| taken(t)) {
                        had.push((j, (t, t)));
                    }
                }
                time[k] = Some(cycle);
                windows.free(&had, |j| time[j].is_none());
                let now: Vec<_> = (0..INSTS)
                    .map(|j| (windows.low(j), windows.high(j)))
                    .collect();
                assert_eq!(now, wanted(&graph, &time));
            }
        }
    }
}
