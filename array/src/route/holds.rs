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

use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldUp<T> {
    /// The flow that has the thing.
    pub holder: usize,
    /// The flow that waits for it, and for which the other one waits.
    pub waiter: usize,
    /// The thing.
    pub thing: T,
    /// What others share on the circle, or these two elsewhere.
    pub others: Vec<T>,
}

/// The events of some ways as a graph: what leads to what that must happen first. To get take `n` is event
/// `2 * n`, to have passed it `2 * n + 1`, takes numbered through all ways; behind them there is one event for
/// every way: that all its receivers have room.
struct Events {
    after: Vec<Vec<usize>>,
    /// Of two packets at one thing: to get it comes after that the other has passed it.
    meets: Vec<(usize, usize)>,
}

impl Events {
    fn new<T: Copy + Ord>(ways: &[Way<T>], waits: &Waits) -> Self {
        let mut first = Vec::with_capacity(ways.len());
        let mut count = 0;
        for way in ways {
            first.push(count);
            count += way.takes.len();
        }
        let mut events = Events {
            after: vec![Vec::new(); 2 * count + ways.len()],
            meets: Vec::new(),
        };
        let mut sharers: BTreeMap<T, Vec<(usize, usize)>> = BTreeMap::new();
        for (w, way) in ways.iter().enumerate() {
            let room = 2 * count + w;
            for (t, take) in way.takes.iter().enumerate() {
                let n = first[w] + t;
                events.after[2 * n + 1].extend(way.behind(t).map(|t| 2 * (first[w] + t)));
                events.after[2 * n + 1].push(room);
                sharers.entry(take.thing).or_default().push((n, way.flow));
            }
            let receivers = way.takes.iter().flat_map(|t| &t.receivers);
            let flows: BTreeSet<usize> = receivers.flat_map(|&r| waits.at(way.flow, r)).collect();
            let others = (0..ways.len()).filter(|&o| flows.contains(&ways[o].flow));
            let takes = others.flat_map(|o| first[o]..first[o] + ways[o].takes.len());
            events.after[room].extend(takes.map(|n| 2 * n));
        }
        for sharers in sharers.values() {
            for (n, flow) in sharers {
                let others = sharers.iter().filter(|(_, other)| other != flow);
                let meets = others.map(|(m, _)| (2 * n, 2 * m + 1));
                events.meets.extend(meets);
            }
        }
        for &(get, passed) in &events.meets {
            events.after[get].push(passed);
        }
        events
    }

    /// For each event the number of its circle: events of one number lead to each other.
    ///
    /// Source: R. Tarjan, "Depth-first search and linear graph algorithms" (1972).
    fn circles(&self) -> Vec<usize> {
        let count = self.after.len();
        let (mut order, mut low) = (vec![usize::MAX; count], vec![0; count]);
        let mut circle = vec![usize::MAX; count];
        let (mut next, mut circles) = (0, 0);
        let mut open: Vec<usize> = Vec::new();
        for root in 0..count {
            // Events on the way from the root, with how many of their successors were visited.
            let mut way = vec![(root, 0)];
            while let Some((event, at)) = way.pop() {
                if at == 0 {
                    if order[event] != usize::MAX {
                        continue;
                    }
                    (order[event], low[event]) = (next, next);
                    next += 1;
                    open.push(event);
                } else {
                    let before = self.after[event][at - 1];
                    if circle[before] == usize::MAX {
                        low[event] = low[event].min(low[before]);
                    }
                }
                if let Some(&to) = self.after[event].get(at) {
                    way.push((event, at + 1));
                    way.push((to, 0));
                } else if low[event] == order[event] {
                    while let Some(member) = open.pop() {
                        circle[member] = circles;
                        if member == event {
                            break;
                        }
                    }
                    circles += 1;
                }
            }
        }
        circle
    }

    /// The events from one to another, the last first.
    fn path(&self, from: usize, to: usize) -> Vec<usize> {
        let mut before: Vec<Option<usize>> = vec![None; self.after.len()];
        before[from] = Some(from);
        let mut open = VecDeque::from([from]);
        while let Some(event) = open.pop_front() {
            for &next in &self.after[event] {
                if before[next].is_none() {
                    before[next] = Some(event);
                    open.push_back(next);
                }
            }
        }
        let way = |event: &usize| before[*event].filter(|b| b != event);
        std::iter::successors(Some(to), way).collect()
    }
}

/// Which of the ways hold each other up, if any do.
pub fn find<T: Copy + Ord>(ways: &[Way<T>], waits: &Waits) -> Option<HoldUp<T>> {
    let events = Events::new(ways, waits);
    if events.meets.is_empty() {
        return None;
    }
    let circle = events.circles();
    let mut meets = events.meets.iter();
    let &(get, passed) = meets.find(|(get, passed)| circle[*get] == circle[*passed])?;
    let takes: Vec<(usize, T)> = ways
        .iter()
        .flat_map(|way| way.takes.iter().map(|take| (way.flow, take.thing)))
        .collect();
    let path = events.path(passed, get);
    // An event on the way that is to get something comes after that another has passed it.
    let gets = path[1..]
        .iter()
        .filter(|e| e.is_multiple_of(2) && **e < 2 * takes.len());
    Some(HoldUp {
        holder: takes[passed / 2].0,
        waiter: takes[get / 2].0,
        thing: takes[get / 2].1,
        others: gets.map(|get| takes[get / 2].1).collect(),
    })
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
            others: Vec::new(),
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
        let found = find(&ways, &waits(&[&[1], &[], &[3], &[]])).unwrap();
        assert_eq!((found.thing, found.others), ('a', vec!['b']));
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
