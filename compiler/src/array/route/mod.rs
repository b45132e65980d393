//! Routing: flows to settings of the stream switches.
//!
//! - [`graph`]: the switches as a graph.
//! - [`search`]: negotiated congestion over that graph; [`heap`]: its queue.

pub mod graph;
pub mod heap;
pub mod search;

use std::collections::BTreeMap;

use arch::array::{Direction, Port};
use arch::{Tile, TileKind, array::switch};

use self::graph::Graph;
use self::search::{Net, Tree};
use crate::array::lowered::{Circuit, Endpoint, Flow, FlowKind, PacketRule, SwitchSettings};

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
    Ok(Net { source, dests })
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

/// Settings under construction, switches in the order in which they are first needed.
#[derive(Default)]
struct Settings {
    switches: Vec<SwitchSettings>,
}

impl Settings {
    fn of(&mut self, tile: Tile) -> &mut SwitchSettings {
        let at = self.switches.iter().position(|s| s.tile == tile);
        let at = at.unwrap_or_else(|| {
            self.switches.push(SwitchSettings {
                tile,
                circuits: Vec::new(),
                packets: Vec::new(),
                shim_dmas: Vec::new(),
            });
            self.switches.len() - 1
        });
        &mut self.switches[at]
    }

    fn shim_dma(&mut self, endpoint: Endpoint, direction: Direction) {
        if let (TileKind::Shim, Port::Dma(channel)) = (endpoint.tile.kind(), endpoint.port) {
            self.of(endpoint.tile).shim_dmas.push((direction, channel));
        }
    }
}

/// The connections inside switches of a tree, by tile, later branches first as the reference has it.
fn connections(graph: &Graph, tree: &Tree) -> BTreeMap<Tile, Vec<Circuit>> {
    let mut by_tile: BTreeMap<Tile, Vec<Circuit>> = BTreeMap::new();
    for step in tree.iter().rev().filter(|s| s.edge.inside) {
        let slave = graph.switch_port(step.from, Direction::Mm2s);
        let master = graph.switch_port(step.edge.to, Direction::S2mm);
        if let (Some((tile, slave)), Some((_, master))) = (slave, master) {
            by_tile
                .entry(tile)
                .or_default()
                .push(Circuit { slave, master });
        }
    }
    by_tile
}

/// Adds a packet connection. Arbiters and master selects of control flows are taken from the top.
fn packet_rule(switch: &mut SwitchSettings, id: u8, circuit: Circuit) {
    let taken = switch.packets.len() as u8;
    let slot = switch
        .packets
        .iter()
        .filter(|p| p.slave == circuit.slave)
        .count() as u8;
    switch.packets.push(PacketRule {
        slave: circuit.slave,
        slot,
        master: circuit.master,
        id,
        arbiter: switch::ARBITERS - 1 - taken % switch::ARBITERS,
        msel: switch::MSELS - 1 - taken / switch::ARBITERS % switch::MSELS,
    });
}

/// Routes flows through the first `columns` columns.
///
/// # Errors
/// [`RouteError`] when a port does not exist or no legal routing is found.
pub fn route(columns: u8, flows: &[Flow]) -> Result<Vec<SwitchSettings>, RouteError> {
    let graph = Graph::new(columns);
    let nets = flows
        .iter()
        .map(|flow| net(&graph, columns, flow))
        .collect::<Result<Vec<_>, _>>()?;
    let trees = search::route(&graph, &nets).ok_or_else(|| RouteError::Congested {
        flows: flows.len(),
        rounds: search::MAX_ROUNDS,
        busiest: busiest(flows),
    })?;
    let mut settings = Settings::default();
    let circuits = |f: &&(&Flow, &Tree)| f.0.kind == FlowKind::Circuit;
    let routed: Vec<(&Flow, &Tree)> = flows.iter().zip(&trees).collect();
    for (flow, tree) in routed.iter().filter(circuits) {
        for (tile, connections) in connections(&graph, tree) {
            settings.of(tile).circuits.extend(connections);
        }
        settings.shim_dma(flow.source, Direction::Mm2s);
        for dest in &flow.dests {
            settings.shim_dma(*dest, Direction::S2mm);
        }
    }
    for (flow, tree) in &routed {
        let FlowKind::Packet { id } = flow.kind else {
            continue;
        };
        for (tile, connections) in connections(&graph, tree) {
            for circuit in connections {
                packet_rule(settings.of(tile), id, circuit);
            }
        }
    }
    Ok(settings.switches)
}
