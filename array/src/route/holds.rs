//! Packets that hold each other up.
//!
//! A packet takes one thing after the other on its way: the slave port at which it enters a switch, the
//! arbiter by which it leaves, the next slave port. It keeps each of them until its last word has passed,
//! so what another packet needs may be kept for as long as the first one finds no room at its receiver.
//! (This is wormhole switching without virtual channels.) What must happen for a packet to go on:
//!
//! - *Get*: to take a thing, every other packet that shares the thing must have passed it.
//! - *Pass*: to have passed a thing, the packet must get all that comes behind it on its way, and its
//!   receivers must have room. Where it goes to several receivers, each word goes on all branches at once,
//!   so things on other branches belong to this.
//! - *Room*: for a receiver to have room, the packets that [`Waits`] names must get what is on their ways.
//!
//! A packet that is on its way has all of its words in memory behind it, so nothing else holds it up.
//! What stands still stands in a circle of these rules. A circle without two packets at one thing would
//! stand still on wires of their own too: fifos and workers are a network of processes that wait for
//! each other through bounded queues and for nothing else, and whether such a network stops does not
//! depend on how long a word takes (G. Kahn, "The semantics of a simple language for parallel programming",
//! 1974). So packets add no deadlock if no step from one packet to another at a thing that they share
//! lies on a circle, which is what [`find`] looks for. This is the condition of Dally and Seitz on
//! channel dependencies ("Deadlock-free message routing in multiprocessor interconnection networks", 1987),
//! with the dependencies between messages at their receivers taken in.
//!
//! It asks too much in one respect: the amounts that are moved are not looked at, every fifo between two
//! tiles may be full or empty.

use std::collections::{BTreeMap, BTreeSet};

/// What must get through before receivers have room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Names of the flows, for messages.
    pub names: Vec<String>,
    /// For each flow and each of its receivers the flows whose packets must get through before the
    /// receiver has room.
    pub room: Vec<Vec<BTreeSet<usize>>>,
}

impl Waits {
    /// A flow as messages name it.
    pub fn name(&self, flow: usize) -> String {
        let known = self.names.get(flow).cloned();
        known.unwrap_or_else(|| format!("flow {flow}"))
    }

    fn at(&self, flow: usize, receiver: usize) -> impl Iterator<Item = usize> {
        let room = self.room.get(flow).and_then(|r| r.get(receiver));
        room.into_iter().flatten().copied()
    }
}

/// A thing that a packet takes on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take<T> {
    /// The thing; packets that take an equal one share it.
    pub thing: T,
    /// What the packet takes next, by place in [`Way::takes`]: several where it is sent to several.
    pub next: Vec<usize>,
    /// Receivers that the packet has reached here.
    pub receivers: Vec<usize>,
}

/// All that the packets of a flow take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way<T> {
    /// Flow.
    pub flow: usize,
    /// Things in any order.
    pub takes: Vec<Take<T>>,
}

impl<T> Way<T> {
    /// The takes that a packet which has `take` may still have to get.
    fn behind(&self, take: usize) -> impl Iterator<Item = usize> {
        let mut has = vec![false; self.takes.len()];
        let mut last = Some(take);
        while let Some(at) = last {
            has[at] = true;
            last = self.takes.iter().position(|t| t.next.contains(&at));
        }
        (0..self.takes.len()).filter(move |&t| !has[t])
    }
}

/// Two flows that share a thing, of which the one may wait for the other without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldUp<T> {
    /// The flow that has the thing.
    pub holder: usize,
    /// The flow that waits for it, and for which the other one waits.
    pub waiter: usize,
    /// The thing.
    pub thing: T,
}

/// Which of the ways hold each other up, if any do.
pub fn find<T: Copy + Ord>(ways: &[Way<T>], waits: &Waits) -> Option<HoldUp<T>> {
    // Takes numbered through all ways: for take n, node 2n is to get it, 2n + 1 to have passed it.
    let takes: Vec<(usize, &Take<T>)> = ways
        .iter()
        .enumerate()
        .flat_map(|(w, way)| way.takes.iter().map(move |take| (w, take)))
        .collect();
    let mut first = Vec::with_capacity(ways.len());
    let mut count = 0;
    for way in ways {
        first.push(count);
        count += way.takes.len();
    }
    let mut sharers: BTreeMap<T, Vec<usize>> = BTreeMap::new();
    for (n, (_, take)) in takes.iter().enumerate() {
        sharers.entry(take.thing).or_default().push(n);
    }
    if sharers.values().all(|all| all.len() < 2) {
        return None;
    }
    let others = |n: usize| -> Vec<usize> {
        let (way, take) = takes[n];
        let all = sharers[&take.thing].iter().copied();
        all.filter(|&m| ways[takes[m].0].flow != ways[way].flow)
            .collect()
    };
    let behind = |node: usize| -> Vec<usize> {
        let n = node / 2;
        if node.is_multiple_of(2) {
            return others(n).into_iter().map(|m| 2 * m + 1).collect();
        }
        let (way, _) = takes[n];
        let mut after: Vec<usize> = ways[way].behind(n - first[way]).collect();
        after.iter_mut().for_each(|t| *t = 2 * (first[way] + *t));
        let receivers = ways[way].takes.iter().flat_map(|t| &t.receivers);
        for flow in receivers.flat_map(|&r| waits.at(ways[way].flow, r)) {
            let through = (0..ways.len()).filter(|&w| ways[w].flow == flow);
            let takes = through.flat_map(|w| first[w]..first[w] + ways[w].takes.len());
            after.extend(takes.map(|m| 2 * m));
        }
        after
    };
    let after: Vec<Vec<usize>> = (0..2 * takes.len()).map(behind).collect();
    for n in 0..takes.len() {
        for holder in others(n) {
            let mut seen = vec![false; 2 * takes.len()];
            let mut open = vec![2 * holder + 1];
            while let Some(node) = open.pop() {
                if node == 2 * n {
                    return Some(HoldUp {
                        holder: ways[takes[holder].0].flow,
                        waiter: ways[takes[n].0].flow,
                        thing: takes[n].1.thing,
                    });
                }
                for &next in &after[node] {
                    if !std::mem::replace(&mut seen[next], true) {
                        open.push(next);
                    }
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A way that takes one thing after the other.
    fn way(flow: usize, things: &[char]) -> Way<char> {
        let takes = things.iter().enumerate().map(|(i, &thing)| {
            let last = i + 1 == things.len();
            Take {
                thing,
                next: if last { Vec::new() } else { vec![i + 1] },
                receivers: if last { vec![0] } else { Vec::new() },
            }
        });
        let takes = takes.collect();
        Way { flow, takes }
    }

    fn waits(room: &[&[usize]]) -> Waits {
        let room = room.iter().map(|all| vec![all.iter().copied().collect()]);
        Waits {
            names: Vec::new(),
            room: room.collect(),
        }
    }

    #[test]
    fn what_waits_for_the_packet_behind_it_holds_both_up() {
        // A core that gets 0 has room again only when its result 1 has left.
        let found = find(&[way(0, &['a']), way(1, &['a'])], &waits(&[&[1], &[]]));
        let hold = HoldUp {
            holder: 0,
            waiter: 1,
            thing: 'a',
        };
        assert_eq!(found, Some(hold));
        let apart = [way(0, &['a']), way(1, &['b'])];
        assert_eq!(find(&apart, &waits(&[&[1], &[]])), None);
    }

    #[test]
    fn packets_that_do_not_wait_for_each_other_may_share() {
        let ways = [way(0, &['a', 'b', 'c']), way(1, &['a', 'b', 'd'])];
        assert_eq!(find(&ways, &waits(&[&[], &[]])), None);
        // One after the other through all that they share: each waits for the other to pass.
        assert_eq!(find(&ways, &waits(&[&[2], &[2]])), None);
    }

    #[test]
    fn opposite_orders_hold_each_other_up_whatever_the_receivers_do() {
        let ways = [way(0, &['a', 'b']), way(1, &['b', 'a'])];
        assert!(find(&ways, &Waits::default()).is_some());
    }

    #[test]
    fn a_circle_through_two_things_and_two_receivers_is_found() {
        // 0 waits for 1 at its receiver, 1 for 2 at `b`, 2 for 3 at its receiver, 3 for 0 at `a`.
        let ways = [
            way(0, &['a']),
            way(1, &['b']),
            way(2, &['b']),
            way(3, &['a']),
        ];
        assert!(find(&ways, &waits(&[&[1], &[], &[3], &[]])).is_some());
        assert_eq!(find(&ways, &waits(&[&[1], &[], &[], &[]])), None);
    }

    #[test]
    fn all_branches_of_a_packet_wait_for_all_of_its_receivers() {
        let takes = vec![
            Take {
                thing: 'a',
                next: vec![1, 2],
                receivers: Vec::new(),
            },
            Take {
                thing: 'b',
                next: Vec::new(),
                receivers: vec![0],
            },
            Take {
                thing: 'c',
                next: Vec::new(),
                receivers: vec![1],
            },
        ];
        let both = Way { flow: 0, takes };
        let mut waits = waits(&[&[], &[]]);
        waits.room[0].push([1].into());
        let found = |shared| find(&[both.clone(), way(1, &[shared])], &waits).is_some();
        assert_eq!(['a', 'b', 'c'].map(found), [true; 3]);
        waits.room[0][1].clear();
        let found = |shared| find(&[both.clone(), way(1, &[shared])], &waits).is_some();
        assert_eq!(['a', 'b', 'c'].map(found), [false; 3]);
    }
}
