//! Packets through one switch: which arbiter and select each of them takes, and by which rule.
//!
//! A master port belongs to one arbiter and hears some of its four selects; a rule of a slave port sends
//! the ids that it matches to one select of one arbiter. So packets that leave by the same ports share a
//! select, and ports that some packets have in common share an arbiter.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIECreatePathFindFlows.cpp`; the order in which arbiters
//! are handed out was read off its output.

use std::collections::BTreeSet;

use arch::array::packet::PACKET_IDS;
use arch::array::switch::{ARBITERS, MSELS, SLOTS};

use super::graph::Node;

/// A packet flow at one switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
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
/// ids in order.
///
/// # Errors
/// [`Refusal::Selects`] when there are too few.
pub fn selects(passages: &[Passage]) -> Result<Vec<Select>, Refusal> {
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
        let fits = |s: &&Select| free(s) && room(s);
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
fn common_bits(passages: &[Passage], group: &[usize]) -> u8 {
    let all = PACKET_IDS as u8 - 1;
    let first = passages[group[0]].id;
    group
        .iter()
        .fold(all, |mask, &i| mask & !(passages[i].id ^ first))
}

/// Whether the rule of a group would match an id of its port that leaves by other ports.
fn matches_another(passages: &[Passage], group: &[usize]) -> bool {
    let (mask, first) = (common_bits(passages, group), &passages[group[0]]);
    passages.iter().any(|other| {
        other.slave == first.slave
            && other.masters != first.masters
            && (other.id ^ first.id) & mask == 0
    })
}

/// The rules of all slave ports, the passages' last first. Ids of one port that leave it alike share a
/// rule, unless it would match another id of the port.
///
/// # Errors
/// [`Refusal::Slots`] when a port would need too many.
pub fn rules(passages: &[Passage], selects: &[Select]) -> Result<Vec<Rule>, Refusal> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for i in (0..passages.len()).rev() {
        let takes = |group: &&mut Vec<usize>| {
            let other = &passages[group[0]];
            let more: Vec<usize> = group.iter().copied().chain([i]).collect();
            other.slave == passages[i].slave
                && other.masters == passages[i].masters
                && !matches_another(passages, &more)
        };
        match groups.iter_mut().find(takes) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    let mut slaves: Vec<Node> = Vec::new();
    for group in &groups {
        let slave = passages[group[0]].slave;
        if !slaves.contains(&slave) {
            slaves.push(slave);
        }
    }
    let mut rules = Vec::new();
    for slave in slaves {
        let here = groups.iter().filter(|g| passages[g[0]].slave == slave);
        let here: Vec<&Vec<usize>> = here.collect();
        if here.len() > usize::from(SLOTS) {
            return Err(Refusal::Slots(slave, here.len()));
        }
        for (slot, group) in (0..).zip(here) {
            let mask = common_bits(passages, group);
            rules.push(Rule {
                slave,
                slot,
                id: passages[group[0]].id & mask,
                mask,
                select: selects[group[0]],
            });
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(slave: Node, id: u8, masters: &[Node]) -> Passage {
        Passage {
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
