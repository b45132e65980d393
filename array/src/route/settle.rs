//! Packets through all switches: which arbiters, selects and rules they take, so that no packets
//! [hold each other up](super::holds).
//!
//! As in the reference, packets pass every switch on their way by its arbiters. Where these are too few, the
//! packets of a flow that is alone at its ports pass over a fixed connection, header and all: only where
//! ways meet or part, and where headers end, is an arbiter needed. Then arbiters are shared, where that is
//! safe.

use std::collections::{BTreeMap, BTreeSet};

use arch::Tile;
use arch::array::switch::{ARBITERS, MSELS, SLOTS};
use arch::array::{Direction, Port};

use super::graph::{Graph, Node};
use super::holds::{self, HoldUp, Take, Waits, Way};
use super::packets::{self, Passage, Refusal, Rule, Select};
use super::search::{self, Tree};
use super::{Bundle, RouteError, Shared};
use crate::lowered::{Flow, FlowKind};

/// What packets take at one switch.
pub struct Switch {
    /// The packets that pass it by arbiters: flows in order, tokens last.
    pub passages: Vec<Passage>,
    /// Select of each of them.
    pub selects: Vec<Select>,
    /// Rules of the ports at which they enter.
    pub rules: Vec<Rule>,
    /// The packets that pass it over fixed connections.
    pub fixed: Vec<Passage>,
}

/// What stands against the ways of the packets.
pub struct Trouble {
    /// Where other ways would help.
    pub places: Vec<Place>,
    /// What it is.
    pub error: RouteError,
}

/// Where packets meet.
pub enum Place {
    /// All that packets take at a switch.
    Switch(Tile),
    /// What they take from a port on.
    Port(Node),
}

/// What packets have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// A port at which they enter a switch.
    Port(Node),
    /// An arbiter.
    Arbiter(Tile, u8),
    /// A fixed connection, or an arbiter that is not chosen yet, of a flow at the port.
    Own(Node, usize),
}

/// The packets through each switch: flows in order, tokens last.
fn passages(
    graph: &Graph,
    flows: &[Flow],
    routed: &[(&Bundle, &Tree)],
) -> BTreeMap<Tile, Vec<Passage>> {
    let mut by_tile: BTreeMap<Tile, Vec<Passage>> = BTreeMap::new();
    let mut packets: Vec<(bool, usize, &Bundle, &Tree)> = Vec::new();
    for (bundle, tree) in routed.iter().filter(|(b, _)| b.net.group.is_some()) {
        for &i in &bundle.flows {
            let control = matches!(flows[i].kind, FlowKind::Control { .. });
            packets.push((control, i, bundle, tree));
        }
    }
    packets.sort_by_key(|(control, i, ..)| (*control, *i));
    for (control, i, bundle, tree) in packets {
        let dests = flows[i].dests.iter().filter_map(|d| graph.dest(*d));
        let steps = dests.flat_map(|dest| search::way(&bundle.net, tree, dest));
        for step in steps.filter(|s| s.edge.inside) {
            let place = graph.switch_port(step.from, Direction::Mm2s);
            let (Some((tile, _)), Some(id)) = (place, flows[i].kind.packet_id()) else {
                continue;
            };
            let here = by_tile.entry(tile).or_default();
            let same = |p: &&mut Passage| p.slave == step.from && p.flow == i;
            match here.iter_mut().find(same) {
                Some(passage) => {
                    passage.masters.insert(step.edge.to);
                }
                None => here.push(Passage {
                    flow: i,
                    slave: step.from,
                    id,
                    control,
                    masters: BTreeSet::from([step.edge.to]),
                }),
            }
        }
    }
    by_tile
}

/// The way of every packet flow, and for the port and flow of every passage the way and the place in it of
/// its arbiter.
struct Ways {
    ways: Vec<Way<Thing>>,
    arbiters: BTreeMap<(Node, usize), (usize, usize)>,
}

impl Ways {
    fn new(graph: &Graph, flows: &[Flow], passages: &BTreeMap<Tile, Vec<Passage>>) -> Self {
        let mut ways: Vec<Way<Thing>> = Vec::new();
        let mut arbiters = BTreeMap::new();
        // Where the ways take the port of each passage, and which ports come behind it.
        let mut ports: BTreeMap<(usize, Node), usize> = BTreeMap::new();
        let mut behind: Vec<(usize, usize, Node)> = Vec::new();
        for (&tile, here) in passages {
            for passage in here {
                let at = ways.iter().position(|w| w.flow == passage.flow);
                let at = at.unwrap_or_else(|| {
                    let flow = passage.flow;
                    let takes = Vec::new();
                    ways.push(Way { flow, takes });
                    ways.len() - 1
                });
                let takes = &mut ways[at].takes;
                ports.insert((at, passage.slave), takes.len());
                takes.push(Take {
                    thing: Thing::Port(passage.slave),
                    next: vec![takes.len() + 1],
                    receivers: Vec::new(),
                });
                let dests = flows[passage.flow].dests.iter().enumerate();
                let ends = dests.filter(|(_, d)| {
                    let node = graph.dest(**d);
                    node.is_some_and(|node| {
                        passage.masters.contains(&node) && graph.tile(node) == tile
                    })
                });
                let receivers: Vec<usize> = ends.map(|(receiver, _)| receiver).collect();
                let wires = passage.masters.iter().flat_map(|&m| graph.next(m));
                let wires = wires.filter(|e| !e.inside);
                behind.extend(wires.map(|e| (at, takes.len(), e.to)));
                arbiters.insert((passage.slave, passage.flow), (at, takes.len()));
                takes.push(Take {
                    thing: Thing::Own(passage.slave, passage.flow),
                    next: Vec::new(),
                    receivers,
                });
            }
        }
        for (way, take, port) in behind {
            if let Some(next) = ports.get(&(way, port)) {
                ways[way].takes[take].next.push(*next);
            }
        }
        Ways { ways, arbiters }
    }

    /// Gives passages through a tile their arbiters.
    fn choose(&mut self, tile: Tile, passages: &[Passage], chosen: &[(usize, Select)]) {
        for (n, select) in chosen {
            let (way, take) = self.arbiters[&(passages[*n].slave, passages[*n].flow)];
            self.ways[way].takes[take].thing = Thing::Arbiter(tile, select.arbiter);
        }
    }
}

fn held_up(graph: &Graph, waits: &Waits, hold: HoldUp<Thing>) -> Trouble {
    let place = |thing: &Thing| match thing {
        Thing::Port(node) | Thing::Own(node, _) => Place::Port(*node),
        Thing::Arbiter(tile, _) => Place::Switch(*tile),
    };
    let (tile, thing) = match hold.thing {
        Thing::Port(node) | Thing::Own(node, _) => {
            let port = graph.switch_port(node, Direction::Mm2s);
            let port = port.map_or(Port::TileCtrl, |(_, port)| port);
            (graph.tile(node), Shared::Port(port))
        }
        Thing::Arbiter(tile, _) => (tile, Shared::Arbiter),
    };
    Trouble {
        places: hold.others.iter().chain([&hold.thing]).map(place).collect(),
        error: RouteError::HoldUp {
            waiter: waits.name(hold.waiter),
            holder: waits.name(hold.holder),
            thing,
            tile,
        },
    }
}

fn refused(graph: &Graph, tile: Tile, refusal: Refusal) -> Trouble {
    let (place, error) = match refusal {
        Refusal::Selects(needed) => {
            let (arbiters, msels) = (ARBITERS, MSELS);
            let error = RouteError::Selects {
                tile,
                needed,
                arbiters,
                msels,
            };
            (Place::Switch(tile), error)
        }
        Refusal::Slots(slave, needed) => {
            let port = graph.switch_port(slave, Direction::Mm2s);
            let error = RouteError::Slots {
                tile,
                port: port.map_or(Port::TileCtrl, |(_, port)| port),
                needed,
                limit: SLOTS,
            };
            (Place::Port(slave), error)
        }
    };
    Trouble {
        places: vec![place],
        error,
    }
}

/// Parts passages into those that share a port with others or end there, and those that could as well be
/// fixed connections.
fn part(graph: &Graph, flows: &[Flow], passages: Vec<Passage>) -> (Vec<Passage>, Vec<Passage>) {
    let ends = |p: &Passage| {
        let dests = flows[p.flow].dests.iter().filter_map(|d| graph.dest(*d));
        dests.into_iter().any(|d| p.masters.contains(&d))
    };
    let meet = |p: &Passage, other: &Passage| {
        p.flow != other.flow && (p.slave == other.slave || !p.masters.is_disjoint(&other.masters))
    };
    let all = passages.clone();
    passages
        .into_iter()
        .partition(|p| ends(p) || all.iter().any(|other| meet(p, other)))
}

/// Chooses what the packets take at every switch.
///
/// # Errors
/// What a switch does not have enough of, or whose packets hold each other up.
pub fn settle(
    graph: &Graph,
    flows: &[Flow],
    routed: &[(&Bundle, &Tree)],
    waits: &Waits,
) -> Result<BTreeMap<Tile, Switch>, Trouble> {
    let passages = passages(graph, flows, routed);
    let mut ways = Ways::new(graph, flows, &passages);
    let mut switches = BTreeMap::new();
    for (tile, passages) in passages {
        let (passages, fixed, selects) = match packets::selects(&passages, |_| false) {
            Ok(selects) => (passages, Vec::new(), selects),
            Err(_) => {
                let (passages, fixed) = part(graph, flows, passages);
                let mut hold = None;
                let selects = packets::selects(&passages, |chosen| {
                    ways.choose(tile, &passages, chosen);
                    let found = holds::find(&ways.ways, waits);
                    let safe = found.is_none();
                    hold = found.or_else(|| hold.take());
                    safe
                });
                let selects = selects.map_err(|refusal| match hold {
                    Some(hold) => held_up(graph, waits, hold),
                    None => refused(graph, tile, refusal),
                })?;
                (passages, fixed, selects)
            }
        };
        let chosen: Vec<(usize, Select)> = selects.iter().copied().enumerate().collect();
        ways.choose(tile, &passages, &chosen);
        let rules = packets::rules(&passages, &selects);
        let rules = rules.map_err(|refusal| refused(graph, tile, refusal))?;
        let switch = Switch {
            passages,
            selects,
            rules,
            fixed,
        };
        switches.insert(tile, switch);
    }
    match holds::find(&ways.ways, waits) {
        Some(hold) => Err(held_up(graph, waits, hold)),
        None => Ok(switches),
    }
}
