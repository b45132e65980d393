//! How few cycles a pass of a loop can take: by slots and ports, and by what a pass needs of the one
//! before it.

use arch::aie2::{Resource, Slot, UseKind};

use super::ddg::Graph;
use super::timing::{itinerary, stages};
use crate::vcode::{VFunc, VInst};

/// A lower bound of cycles per pass and what makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Cycles.
    pub cycles: u32,
    /// Slots, port or recurrence.
    pub binding: String,
}

/// Slots that count; a long move takes those of both halves.
const SLOTS: [Slot; 6] = [
    Slot::Lda,
    Slot::Ldb,
    Slot::St,
    Slot::Alu,
    Slot::Mv,
    Slot::Vec,
];

/// Slots of `SLOTS` that a form takes, as bits.
fn slots_of(slot: Slot) -> u32 {
    let bit = |s: Slot| SLOTS.iter().position(|x| *x == s).map_or(0, |k| 1 << k);
    match slot {
        Slot::Lng => bit(Slot::Alu) | bit(Slot::Mv),
        other => bit(other),
    }
}

/// The bound by slots and ports.
pub fn resource_bound(func: &VFunc, insts: &[VInst]) -> Bound {
    let mut best = Bound {
        cycles: 0,
        binding: "nothing".to_owned(),
    };
    // Whatever has all its forms in a set of slots must be spread over it; of sets that bind alike the
    // smallest is named.
    let mut sets: Vec<u32> = (1..1 << SLOTS.len()).collect();
    sets.sort_by_key(|set| set.count_ones());
    for set in sets {
        let demand: u32 = insts
            .iter()
            .map(|i| {
                let taken = i.forms.iter().map(|f| slots_of(f.slot()));
                taken.map(|s| (s & set).count_ones()).min().unwrap_or(0)
            })
            .sum();
        let size = set.count_ones();
        if demand.div_ceil(size) > best.cycles {
            let names = SLOTS.iter().enumerate().filter(|(k, _)| set >> k & 1 == 1);
            let names: Vec<&str> = names.map(|(_, s)| s.name()).collect();
            best = Bound {
                cycles: demand.div_ceil(size),
                binding: format!("slot {}", names.join("+")),
            };
        }
    }
    for resource in Resource::ALL {
        let demand: u32 = insts
            .iter()
            .map(|i| {
                let forms = i.forms.iter().map(|f| {
                    let stages = stages(itinerary(func, i, *f));
                    let used =
                        stages.filter(|s| s.resource == resource && s.kind == UseKind::Required);
                    used.map(|s| u32::from(s.cycles)).sum::<u32>()
                });
                forms.min().unwrap_or(0)
            })
            .sum();
        if demand > best.cycles {
            best = Bound {
                cycles: demand,
                binding: format!("port {}", resource.name()),
            };
        }
    }
    best.cycles = best.cycles.max(1);
    best
}

/// The instructions of the slots that are the fullest, in program order.
pub fn busiest(insts: &[VInst]) -> Vec<usize> {
    let sets = [
        &[Slot::Vec][..],
        &[Slot::St],
        &[Slot::Lda, Slot::Ldb],
        &[Slot::Mv, Slot::Lng],
        &[Slot::Alu, Slot::Lng],
    ];
    let bound = |set: &[Slot]| {
        let inside = |i: &&VInst| i.forms.iter().all(|f| set.contains(&f.slot()));
        let of = insts.iter().enumerate().filter(|(_, i)| inside(i));
        of.map(|(k, _)| k).collect::<Vec<_>>()
    };
    let weight = |set: &[Slot], list: &[usize]| match set {
        [Slot::Lda, ..] => list.len().div_ceil(2),
        _ => list.len(),
    };
    let lists = sets.map(|set| (set, bound(set)));
    // Of equals the first: the unit that does the work.
    let fullest = lists
        .iter()
        .rev()
        .max_by_key(|(set, list)| weight(set, list));
    fullest.map_or_else(Vec::new, |(_, list)| list.clone())
}

/// The bound by recurrences: the fewest cycles with which no cycle of dependences contradicts
/// itself; at least `from`.
pub fn recurrence_bound(graph: &Graph, from: u32) -> u32 {
    if consistent(graph, from) {
        return from;
    }
    // No cycle of dependences is longer than all instructions one after the other.
    let longest = |out: &Vec<usize>| out.iter().map(|d| graph.deps[*d].latency).max();
    let all: i32 = graph.out.iter().filter_map(longest).map(|l| l.max(0)).sum();
    let (mut low, mut high) = (from + 1, (from + 1).max(all as u32));
    while low < high {
        let middle = low + (high - low) / 2;
        if consistent(graph, middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The instructions of a recurrence that a pass of so many cycles is too short for, in the order in which
/// they wait for each other, and the passes that it goes over.
pub fn recurrence(graph: &Graph, cycles: u32) -> Option<(Vec<usize>, u32)> {
    let n = graph.into.len();
    let mut start = vec![0i64; n];
    let mut by: Vec<Option<usize>> = vec![None; n];
    let mut last = None;
    for _ in 0..=n {
        last = None;
        for (k, dep) in graph.deps.iter().enumerate() {
            let span = i64::from(dep.latency) - i64::from(dep.distance) * i64::from(cycles);
            if start[dep.from] + span > start[dep.to] {
                start[dep.to] = start[dep.from] + span;
                by[dep.to] = Some(k);
                last = Some(dep.to);
            }
        }
    }
    // Whatever still moves after that many rounds stands behind a recurrence: going back leads into it.
    let back = |at: usize| by[at].map(|k| graph.deps[k]);
    let mut at = last?;
    for _ in 0..n {
        at = back(at)?.from;
    }
    let (first, mut members, mut passes) = (at, Vec::new(), 0);
    loop {
        let dep = back(at)?;
        members.push(at);
        passes += dep.distance;
        at = dep.from;
        if at == first {
            members.reverse();
            return Some((members, passes));
        }
    }
}

/// Whether start times exist for a pass every `cycles` cycles.
fn consistent(graph: &Graph, cycles: u32) -> bool {
    let n = graph.into.len();
    let mut start = vec![0i64; n];
    for _ in 0..=n {
        let mut changed = false;
        for dep in &graph.deps {
            let span = i64::from(dep.latency) - i64::from(dep.distance) * i64::from(cycles);
            if start[dep.from] + span > start[dep.to] {
                start[dep.to] = start[dep.from] + span;
                changed = true;
            }
        }
        if !changed {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::ddg::Dep;

    #[test]
    fn a_recurrence_may_be_longer_than_what_issues_in_it() {
        let dep = |from, to, distance| Dep {
            from,
            to,
            latency: 8,
            distance,
        };
        let graph = Graph::from_deps(vec![dep(0, 1, 0), dep(1, 0, 1)], vec![0; 2], vec![1; 2]);
        assert_eq!(recurrence_bound(&graph, 1), 16);
        assert!(recurrence(&graph, 15).is_some());
        assert!(recurrence(&graph, 16).is_none());
    }
}
