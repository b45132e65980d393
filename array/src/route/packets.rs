//! Packets through one switch: which arbiter and select each of them takes, and by which rule.
//!
//! A master port belongs to one arbiter and hears some of its four selects; a rule of a slave port sends
//! the ids that it matches to one select of one arbiter. So packets that leave by the same ports share a
//! select, and ports that some packets have in common share an arbiter. Others share one only where the
//! arbiters do not suffice.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIECreatePathFindFlows.cpp`; the order in which arbiters
//! are handed out was read off its output.

use std::collections::{BTreeMap, BTreeSet};

use arch::array::packet::PACKET_IDS;
use arch::array::switch::{ARBITERS, MSELS, SLOTS};

use super::graph::Node;

/// A packet flow at one switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Flow, by its index.
    pub flow: usize,
    /// Port at which it enters.
    pub slave: Node,
    /// Packet id.
    pub id: u8,
    /// Whether it carries task-complete tokens.
    pub control: bool,
    /// Ports by which it leaves.
    pub masters: BTreeSet<Node>,
}

/// A select of an arbiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Select {
    /// Arbiter.
    pub arbiter: u8,
    /// Master select.
    pub msel: u8,
}

/// What one slave port does with the ids that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Port.
    pub slave: Node,
    /// Slot of the port.
    pub slot: u8,
    /// Id, after the mask.
    pub id: u8,
    /// Bits of the id that count.
    pub mask: u8,
    /// Where the packets go.
    pub select: Select,
}

/// Why packets do not pass a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A slave port would need so many rules.
    Slots(Node, usize),
    /// So many combinations of ports are more than the arbiters select.
    Selects(usize),
}

/// For each passage the first one whose ports it has in common, directly or by way of others.
fn families(passages: &[Passage]) -> Vec<usize> {
    let mut family: Vec<usize> = (0..passages.len()).collect();
    for i in 0..passages.len() {
        for j in 0..i {
            let (a, b) = (family[i], family[j]);
            if a != b && !passages[i].masters.is_disjoint(&passages[j].masters) {
                let (low, high) = (a.min(b), a.max(b));
                family
                    .iter_mut()
                    .filter(|f| **f == high)
                    .for_each(|f| *f = low);
            }
        }
    }
    family
}

/// The select of every passage. Tokens take them from the top, the others from the bottom, ports and
/// ids in order. Before ports that have none in common with others get an arbiter of those, `may_share` is asked,
/// with the selects chosen so far and, for all packets that leave by these ports, that arbiter.
///
/// # Errors
/// [`Refusal::Selects`] when there are too few.
pub fn selects(
    passages: &[Passage],
    mut may_share: impl FnMut(&[(usize, Select)]) -> bool,
) -> Result<Vec<Select>, Refusal> {
    let family = families(passages);
    let sets = |f: usize| -> BTreeSet<&BTreeSet<Node>> {
        let members = passages.iter().zip(&family).filter(|(_, g)| **g == f);
        members.map(|(p, _)| &p.masters).collect()
    };
    let mut order: Vec<usize> = (0..passages.len()).collect();
    order.sort_by_key(|&i| (!passages[i].control, passages[i].slave, passages[i].id));
    let upwards: Vec<Select> = (0..MSELS)
        .flat_map(|msel| (0..ARBITERS).map(move |arbiter| Select { arbiter, msel }))
        .collect();
    let mut taken: Vec<(usize, Select)> = Vec::new();
    for &i in &order {
        let same = |(j, _): &&(usize, Select)| passages[*j].masters == passages[i].masters;
        if let Some(&(_, select)) = taken.iter().find(same) {
            taken.push((i, select));
            continue;
        }
        let free = |s: &Select| taken.iter().all(|(_, t)| t != s);
        let arbiter = taken.iter().find(|(j, _)| family[*j] == family[i]);
        let arbiter = arbiter.map(|(_, s)| s.arbiter);
        let room = |s: &Select| match arbiter {
            Some(arbiter) => s.arbiter == arbiter,
            None => {
                let free = upwards.iter().filter(|t| t.arbiter == s.arbiter && free(t));
                free.count() >= sets(family[i]).len()
            }
        };
        let mut alone = |s: &Select| {
            let known = arbiter.is_some() || taken.iter().all(|(_, t)| t.arbiter != s.arbiter);
            let members = (0..passages.len()).filter(|&j| family[j] == family[i]);
            known
                || may_share(
                    &taken
                        .iter()
                        .copied()
                        .chain(members.map(|j| (j, *s)))
                        .collect::<Vec<_>>(),
                )
        };
        let fits = |s: &&Select| free(s) && room(s) && alone(s);
        let select = if passages[i].control {
            upwards.iter().rev().find(fits)
        } else {
            upwards.iter().find(fits)
        };
        let all: BTreeSet<_> = passages.iter().map(|p| &p.masters).collect();
        let select = *select.ok_or(Refusal::Selects(all.len()))?;
        taken.push((i, select));
    }
    taken.sort_unstable();
    Ok(taken.into_iter().map(|(_, select)| select).collect())
}

/// Bits in which all ids agree.
fn common_bits(ids: &[u8]) -> u8 {
    let all = PACKET_IDS as u8 - 1;
    ids.iter().fold(all, |mask, id| mask & !(id ^ ids[0]))
}

/// The fewest sets of ids of which each is matched by one rule that matches none of the others, at most
/// `most`. The first id is in the first set.
fn sets(ids: &[u8], others: &[u8], most: usize) -> Option<Vec<Vec<u8>>> {
    let Some(&first) = ids.first() else {
        return Some(Vec::new());
    };
    let masks = (0..PACKET_IDS as u8).filter(|m| others.iter().all(|o| (o ^ first) & m != 0));
    let matched = masks.map(|m| ids.iter().copied().filter(move |id| (id ^ first) & m == 0));
    let matched: BTreeSet<Vec<u8>> = matched.map(Iterator::collect).collect();
    let within = |set: &Vec<u8>, other: &Vec<u8>| set.iter().all(|id| other.contains(id));
    let larger = |set: &Vec<u8>| matched.iter().any(|o| o != set && within(set, o));
    let mut best: Option<Vec<Vec<u8>>> = None;
    for set in matched.iter().filter(|set| !larger(set)) {
        let most = best.as_ref().map_or(most, |b| b.len() - 1);
        let rest: Vec<u8> = ids.iter().copied().filter(|id| !set.contains(id)).collect();
        if most > 0
            && let Some(more) = sets(&rest, others, most - 1)
        {
            best = Some([vec![set.clone()], more].concat());
        }
    }
    best
}

/// The ids of a port, those that leave alike together.
pub type Leaving<M> = BTreeMap<M, Vec<u8>>;

/// For each way of leaving a port the ids that one rule each matches.
fn port_sets<M: Ord>(leaving: &Leaving<M>) -> Vec<Vec<Vec<u8>>> {
    let all = leaving.iter().map(|(way, ids)| {
        let others = leaving.iter().filter(|(w, _)| *w != way);
        let others: Vec<u8> = others.flat_map(|(_, ids)| ids.iter().copied()).collect();
        let alone = || ids.iter().map(|id| vec![*id]).collect();
        sets(ids, &others, usize::from(SLOTS)).unwrap_or_else(alone)
    });
    all.collect()
}

/// Rules that a port needs for its ids.
pub fn rules_needed<M: Ord>(leaving: &Leaving<M>) -> usize {
    port_sets(leaving).iter().map(Vec::len).sum()
}

/// The rules of all slave ports, the passages' last first. Ids of one port that leave it alike share as
/// few rules as they can, none of which matches another id of the port.
///
/// # Errors
/// [`Refusal::Slots`] when a port would need too many.
pub fn rules(passages: &[Passage], selects: &[Select]) -> Result<Vec<Rule>, Refusal> {
    let mut slaves: Vec<Node> = Vec::new();
    for passage in passages.iter().rev() {
        if !slaves.contains(&passage.slave) {
            slaves.push(passage.slave);
        }
    }
    let mut rules = Vec::new();
    for slave in slaves {
        let here = || {
            passages
                .iter()
                .zip(selects)
                .rev()
                .filter(|(p, _)| p.slave == slave)
        };
        let mut leaving: Leaving<&BTreeSet<Node>> = BTreeMap::new();
        for (passage, _) in here() {
            leaving
                .entry(&passage.masters)
                .or_default()
                .push(passage.id);
        }
        let mut sets: Vec<Vec<u8>> = port_sets(&leaving).concat();
        sets.sort_by_key(|ids| here().position(|(p, _)| p.id == ids[0]));
        if sets.len() > usize::from(SLOTS) {
            return Err(Refusal::Slots(slave, sets.len()));
        }
        for (slot, ids) in (0..).zip(sets) {
            let select = here().find(|(p, _)| p.id == ids[0]).map(|(_, s)| *s);
            let mask = common_bits(&ids);
            rules.extend(select.map(|select| Rule {
                slave,
                slot,
                id: ids[0] & mask,
                mask,
                select,
            }));
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(passages: &[Passage]) -> Result<Vec<Select>, Refusal> {
        super::selects(passages, |_| true)
    }

    fn passage(slave: Node, id: u8, masters: &[Node]) -> Passage {
        Passage {
            flow: id.into(),
            slave,
            id,
            control: false,
            masters: masters.iter().copied().collect(),
        }
    }

    #[test]
    fn ids_that_go_the_same_way_share_a_rule() {
        let passages = [
            passage(3, 1, &[9]),
            passage(3, 2, &[9]),
            passage(3, 4, &[8]),
        ];
        let selects = selects(&passages).unwrap();
        let rules = rules(&passages, &selects).unwrap();
        let rules: Vec<(u8, u8)> = rules.iter().map(|r| (r.id, r.mask)).collect();
        assert_eq!(rules, [(4, 31), (0, 28)]);
        assert_eq!(selects[0], selects[1]);
        assert_ne!(selects[0], selects[2]);
    }

    #[test]
    fn a_rule_that_would_match_another_id_is_not_shared() {
        let passages = [
            passage(3, 1, &[9]),
            passage(3, 2, &[9]),
            passage(3, 3, &[8]),
        ];
        let rules = rules(&passages, &selects(&passages).unwrap()).unwrap();
        assert_eq!(rules.len(), 3);
        assert!(rules.iter().all(|r| r.mask == 31));
    }

    #[test]
    fn rules_are_as_few_as_ids_allow() {
        let needed = |ways: &[&[u8]]| {
            let leaving = ways.iter().zip(0..).map(|(ids, way)| (way, ids.to_vec()));
            rules_needed(&leaving.collect::<Leaving<u8>>())
        };
        assert_eq!(needed(&[&[0, 4, 8], &[1, 5], &[2, 6], &[3, 7]]), 4);
        // 1, 3 and 5, 7 go together; the first that fits, 1 and 5, would leave three rules.
        assert_eq!(needed(&[&[1, 3, 5, 7, 4], &[0, 6]]), 4);
        assert_eq!(needed(&[&[0, 5], &[1, 4]]), 4);
        assert_eq!(needed(&[&[0, 31], &[8]]), 3);
    }

    #[test]
    fn arbiters_are_shared_only_where_that_is_allowed() {
        let passages: Vec<Passage> = (0..8)
            .map(|i| passage(usize::from(i), i, &[20 + usize::from(i)]))
            .collect();
        let shared = selects(&passages).unwrap();
        assert_eq!((shared[6].arbiter, shared[7].arbiter), (0, 1));
        // Nothing may share arbiters 0 and 1.
        let may = |chosen: &[(usize, Select)]| chosen.last().is_some_and(|(_, s)| s.arbiter > 1);
        let shared = super::selects(&passages, may).unwrap();
        assert_eq!((shared[6].arbiter, shared[7].arbiter), (2, 3));
        let none = super::selects(&passages, |_| false);
        assert_eq!(none, Err(Refusal::Selects(8)));
    }

    #[test]
    fn ports_that_packets_have_in_common_share_an_arbiter() {
        let passages = [
            passage(1, 1, &[7]),
            passage(2, 2, &[8]),
            passage(3, 3, &[7, 8]),
            passage(4, 4, &[9]),
        ];
        let selects = selects(&passages).unwrap();
        assert_eq!(selects[0].arbiter, selects[1].arbiter);
        assert_eq!(selects[0].arbiter, selects[2].arbiter);
        assert_ne!(selects[0].arbiter, selects[3].arbiter);
        let all: BTreeSet<Select> = selects.into_iter().collect();
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn too_many_ids_and_too_many_ports_in_common_are_refused() {
        let apart: Vec<Passage> = (0..5)
            .map(|i| passage(3, i, &[5 + usize::from(i)]))
            .collect();
        let found = selects(&apart).unwrap();
        assert_eq!(rules(&apart, &found), Err(Refusal::Slots(3, 5)));
        let common: Vec<Passage> = (0..5)
            .map(|i| passage(usize::from(i), i, &[9, 10 + usize::from(i)]))
            .collect();
        assert_eq!(selects(&common), Err(Refusal::Selects(5)));
    }
}
