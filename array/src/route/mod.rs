//! Routing: flows to settings of the stream switches.
//!
//! - [`graph`]: the switches as a graph.
//! - [`search`]: negotiated congestion over that graph; [`heap`]: its queue.
//! - [`packets`]: arbiters and rules of one switch where ways are found by headers.
//! - [`settle`]: the same for all switches, so that packets do not hold each other up: [`holds`].
//! - [`settings`]: what the switches are told.
//!
//! Where the ways that were found need more rules or arbiters than a switch has, or packets on them hold
//! each other up, the edges at fault become dearer, and packets that enter at one port, which go one way
//! as far as they can, look for ways one by one.

pub mod graph;
pub mod heap;
pub mod holds;
pub mod packets;
pub mod search;
pub mod settings;
pub mod settle;

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use arch::Tile;
use arch::array::Port;
use arch::array::switch::ARBITERS;

use self::graph::{Graph, Node};
use self::holds::Waits;
use self::search::{Net, Router, Step, Tree};
use self::settle::{Place, Trouble};
use crate::lowered::{Endpoint, Flow, FlowKind, SwitchSettings};

/// Rounds in which packets look for other ways.
const PACKET_ROUNDS: usize = 100;

/// Why flows are not routed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A flow begins or ends at a port that the partition does not have.
    #[error(
        "a flow uses port {port} of tile {tile}, which a partition of {columns} columns does not have\nhelp: use tiles and channels of the partition"
    )]
    NoPort {
        /// Tile.
        tile: Tile,
        /// Port.
        port: Port,
        /// Columns of the partition.
        columns: u8,
    },
    /// No way was found for all flows.
    #[error(
        "no routes for all {flows} flows were found in {rounds} rounds; most of them end at tile {busiest}\nhelp: place producers nearer to their consumers, or join streams in a memory tile"
    )]
    Congested {
        /// Flows to be routed.
        flows: usize,
        /// Rounds tried.
        rounds: usize,
        /// Where most flows end.
        busiest: String,
    },
    /// More packet ids than a port can tell apart.
    #[error(
        "packets that enter tile {tile} at port {port} need {needed} rules; a port has {limit}\nhelp: let ids that go the same way differ in few bits, or give some fifos circuits"
    )]
    Slots {
        /// Tile.
        tile: Tile,
        /// Port.
        port: Port,
        /// Rules.
        needed: usize,
        /// Rules of a port.
        limit: u8,
    },
    /// More combinations of ports than the arbiters select.
    #[error(
        "packets leave tile {tile} by {needed} combinations of ports; its {arbiters} arbiters have {msels} selects each, and ports in common share an arbiter\nhelp: give some fifos circuits, or fewer consumers"
    )]
    Selects {
        /// Tile.
        tile: Tile,
        /// Combinations.
        needed: usize,
        /// Arbiters of a switch.
        arbiters: u8,
        /// Selects of an arbiter.
        msels: u8,
    },
    /// Packets of which each may wait for the other's to pass.
    #[error(
        "{waiter} and {holder} would share {thing} of tile {tile}, and the packets of each may wait there for the other's without end; {}\nhelp: give one of them a circuit, or let them end at different tiles",
        .thing.limit()
    )]
    HoldUp {
        /// Who waits.
        waiter: String,
        /// Who is waited for.
        holder: String,
        /// What they share.
        thing: Shared,
        /// Tile.
        tile: Tile,
    },
}

/// What packets share at a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// A port at which they enter.
    Port(Port),
    /// An arbiter.
    Arbiter,
}

impl Shared {
    /// How many of these there are.
    fn limit(&self) -> String {
        match self {
            Shared::Port(_) => "no other way was found".to_string(),
            Shared::Arbiter => format!("a switch has {ARBITERS}"),
        }
    }
}

impl Display for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Shared::Port(port) => write!(f, "port {port}"),
            Shared::Arbiter => write!(f, "an arbiter"),
        }
    }
}

fn net(graph: &Graph, columns: u8, flow: &Flow) -> Result<Net, RouteError> {
    let missing = |e: &Endpoint| RouteError::NoPort {
        tile: e.tile,
        port: e.port,
        columns,
    };
    let source = graph.source(flow.source);
    let source = source.ok_or_else(|| missing(&flow.source))?;
    let dests = flow
        .dests
        .iter()
        .map(|dest| graph.dest(*dest).ok_or_else(|| missing(dest)))
        .collect::<Result<_, _>>()?;
    Ok(Net {
        source,
        dests,
        group: None,
        id: None,
    })
}

/// What is routed as one: a circuit, or the packets that enter the switches at one port.
pub struct Bundle {
    net: Net,
    /// Indices of the flows.
    flows: Vec<usize>,
}

/// Takes bundles of packets apart, so that each flow finds a way of its own.
fn take_apart(graph: &Graph, flows: &[Flow], bundles: Vec<Bundle>) -> Vec<Bundle> {
    let one = |bundle: &Bundle, flow: usize| Bundle {
        net: Net {
            dests: flows[flow]
                .dests
                .iter()
                .filter_map(|d| graph.dest(*d))
                .collect(),
            id: flows[flow].kind.packet_id(),
            ..bundle.net.clone()
        },
        flows: vec![flow],
    };
    let apart = bundles.into_iter().flat_map(|bundle| {
        let flows = bundle.flows.iter();
        flows.map(|flow| one(&bundle, *flow)).collect::<Vec<_>>()
    });
    apart.collect()
}

fn bundles(graph: &Graph, columns: u8, flows: &[Flow]) -> Result<Vec<Bundle>, RouteError> {
    let mut bundles: Vec<Bundle> = Vec::new();
    for (i, flow) in flows.iter().enumerate() {
        let mut net = net(graph, columns, flow)?;
        if flow.kind != FlowKind::Circuit {
            let packets = bundles.iter_mut().filter(|b| b.net.group.is_some());
            if let Some(bundle) = packets.into_iter().find(|b| b.net.source == net.source) {
                let new = |d: &Node| !bundle.net.dests.contains(d);
                let dests: Vec<Node> = net.dests.into_iter().filter(new).collect();
                bundle.net.dests.extend(dests);
                bundle.flows.push(i);
                continue;
            }
            net.group = Some(bundles.len());
        }
        let flows = vec![i];
        bundles.push(Bundle { net, flows });
    }
    share_groups(&mut bundles);
    Ok(bundles)
}

/// Puts packets that end at one port into one group.
fn share_groups(bundles: &mut [Bundle]) {
    for i in 0..bundles.len() {
        for j in 0..i {
            let (a, b) = (&bundles[i].net, &bundles[j].net);
            let (Some(mine), Some(other)) = (a.group, b.group) else {
                continue;
            };
            if a.dests.iter().any(|d| b.dests.contains(d)) {
                let members = bundles.iter_mut().filter(|b| b.net.group == Some(mine));
                members.for_each(|b| b.net.group = Some(other));
            }
        }
    }
}

/// The tile at which most flows end.
fn busiest(flows: &[Flow]) -> String {
    let mut ends: BTreeMap<Tile, usize> = BTreeMap::new();
    for flow in flows {
        for dest in &flow.dests {
            *ends.entry(dest.tile).or_default() += 1;
        }
    }
    ends.iter()
        .max_by_key(|(_, n)| **n)
        .map_or_else(String::new, |(tile, n)| format!("{tile} with {n}"))
}

/// The edges at fault: those that packets take inside the switches, or from the ports.
fn at_fault<'a>(
    graph: &'a Graph,
    routed: &'a [(&'a Bundle, &'a Tree)],
    trouble: &'a Trouble,
) -> impl Iterator<Item = usize> + 'a {
    let packets = routed.iter().filter(|(b, _)| b.net.group.is_some());
    let steps = packets
        .flat_map(|(_, tree)| tree.iter())
        .filter(|s| s.edge.inside);
    let at = |step: &Step, place: &Place| match place {
        Place::Port(port) => step.from == *port,
        Place::Switch(tile) => graph.tile(step.from) == *tile,
    };
    let here = steps.filter(move |s| trouble.places.iter().any(|place| at(s, place)));
    here.map(|s| s.edge.id)
}

/// Routes flows through the first `columns` columns. `waits` says which packets wait for which others, by
/// the index of the flow.
///
/// # Errors
/// [`RouteError`] when a port does not exist, no legal routing is found, packets through a switch are
/// too many to be told apart, or would hold each other up.
pub fn route(
    columns: u8,
    flows: &[Flow],
    waits: &Waits,
) -> Result<Vec<SwitchSettings>, RouteError> {
    let graph = Graph::new(columns);
    let mut bundles = bundles(&graph, columns, flows)?;
    let mut router = Router::new(&graph);
    let mut trouble: Option<Trouble> = None;
    let mut refused = 0;
    for _ in 0..search::MAX_ROUNDS {
        let nets: Vec<&Net> = bundles.iter().map(|b| &b.net).collect();
        let Some((trees, legal)) = router.round(&nets, refused) else {
            break;
        };
        if !legal {
            continue;
        }
        let routed: Vec<(&Bundle, &Tree)> = bundles.iter().zip(&trees).collect();
        let found = match settle::settle(&graph, flows, &routed, waits) {
            Ok(switches) => return Ok(settings::all(&graph, flows, &routed, &switches)),
            Err(found) => found,
        };
        router.refuse(at_fault(&graph, &routed, &found));
        trouble = Some(found);
        if refused == 0 {
            bundles = take_apart(&graph, flows, bundles);
        }
        refused += 1;
        if refused == PACKET_ROUNDS {
            break;
        }
    }
    Err(trouble.map_or_else(
        || RouteError::Congested {
            flows: flows.len(),
            rounds: search::MAX_ROUNDS,
            busiest: busiest(flows),
        },
        |t| t.error,
    ))
}
