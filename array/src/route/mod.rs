//! Routing: flows to settings of the stream switches.
//!
//! - [`graph`]: the switches as a graph.
//! - [`search`]: negotiated congestion over that graph; [`heap`]: its queue.
//! - [`packets`]: arbiters and rules where ways are found by headers.

pub mod graph;
pub mod heap;
pub mod packets;
pub mod search;

use std::collections::{BTreeMap, BTreeSet};

use arch::array::switch::{ARBITERS, MSELS, SLOTS};
use arch::array::{Direction, Port};
use arch::{Tile, TileKind};

use self::graph::{Graph, Node};
use self::packets::{Passage, Refusal};
use self::search::{Net, Tree};
use crate::lowered::{Circuit, Endpoint, Flow, FlowKind, PacketMaster, PacketRule, SwitchSettings};

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
    })
}

/// What is routed as one: a circuit, or the packets that enter the switches at one port.
struct Bundle {
    net: Net,
    /// Indices of the flows.
    flows: Vec<usize>,
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
                packet_masters: Vec::new(),
                packet_rules: Vec::new(),
                shim_dmas: Vec::new(),
            });
            self.switches.len() - 1
        });
        &mut self.switches[at]
    }

    fn shim_dmas(&mut self, flow: &Flow) {
        self.shim_dma(flow.source, Direction::Mm2s);
        for dest in &flow.dests {
            self.shim_dma(*dest, Direction::S2mm);
        }
    }

    fn shim_dma(&mut self, endpoint: Endpoint, direction: Direction) {
        if let (TileKind::Shim, Port::Dma(channel)) = (endpoint.tile.kind(), endpoint.port) {
            let dmas = &mut self.of(endpoint.tile).shim_dmas;
            if !dmas.contains(&(direction, channel)) {
                dmas.push((direction, channel));
            }
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
            let same = |p: &&mut Passage| p.slave == step.from && p.id == id;
            match here.iter_mut().find(same) {
                Some(passage) => {
                    passage.masters.insert(step.edge.to);
                }
                None => here.push(Passage {
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

/// Sets a switch for the packets that pass it. `dropping` are the ports at which headers end.
fn set_packets(
    graph: &Graph,
    switch: &mut SwitchSettings,
    passages: &[Passage],
    dropping: &BTreeSet<Node>,
) -> Result<(), RouteError> {
    let tile = switch.tile;
    let refused = |refusal: Refusal| match refusal {
        Refusal::Selects(needed) => RouteError::Selects {
            tile,
            needed,
            arbiters: ARBITERS,
            msels: MSELS,
        },
        Refusal::Slots(slave, needed) => RouteError::Slots {
            tile,
            port: graph
                .switch_port(slave, Direction::Mm2s)
                .map_or(Port::TileCtrl, |(_, port)| port),
            needed,
            limit: SLOTS,
        },
    };
    let selects = packets::selects(passages).map_err(refused)?;
    let rules = packets::rules(passages, &selects).map_err(refused)?;
    let mut masters: BTreeMap<Node, (u8, u8)> = BTreeMap::new();
    for (passage, select) in passages.iter().zip(&selects) {
        for &master in &passage.masters {
            let (_, msels) = masters.entry(master).or_insert((select.arbiter, 0));
            *msels |= 1 << select.msel;
        }
    }
    for (node, (arbiter, msels)) in masters {
        let Some((_, master)) = graph.switch_port(node, Direction::S2mm) else {
            continue;
        };
        switch.packet_masters.push(PacketMaster {
            master,
            arbiter,
            msels,
            drop_header: dropping.contains(&node),
        });
    }
    for rule in rules {
        let Some((_, slave)) = graph.switch_port(rule.slave, Direction::Mm2s) else {
            continue;
        };
        switch.packet_rules.push(PacketRule {
            slave,
            slot: rule.slot,
            id: rule.id,
            mask: rule.mask,
            arbiter: rule.select.arbiter,
            msel: rule.select.msel,
        });
    }
    Ok(())
}

/// Routes flows through the first `columns` columns.
///
/// # Errors
/// [`RouteError`] when a port does not exist, no legal routing is found, or packets through a switch are
/// too many to be told apart.
pub fn route(columns: u8, flows: &[Flow]) -> Result<Vec<SwitchSettings>, RouteError> {
    let graph = Graph::new(columns);
    let bundles = bundles(&graph, columns, flows)?;
    let nets: Vec<Net> = bundles.iter().map(|b| b.net.clone()).collect();
    let trees = search::route(&graph, &nets).ok_or_else(|| RouteError::Congested {
        flows: flows.len(),
        rounds: search::MAX_ROUNDS,
        busiest: busiest(flows),
    })?;
    let mut settings = Settings::default();
    let routed: Vec<(&Bundle, &Tree)> = bundles.iter().zip(&trees).collect();
    for (bundle, tree) in routed.iter().filter(|(b, _)| b.net.group.is_none()) {
        for (tile, connections) in connections(&graph, tree) {
            settings.of(tile).circuits.extend(connections);
        }
        for &i in &bundle.flows {
            settings.shim_dmas(&flows[i]);
        }
    }
    // The reference makes the switches of tiles that the design names before those on the way.
    let packets = flows.iter().filter(|f| f.kind != FlowKind::Circuit);
    let passages = passages(&graph, flows, &routed);
    let ends = packets
        .clone()
        .flat_map(|f| std::iter::once(&f.source).chain(&f.dests));
    let ends: BTreeSet<Tile> = ends.map(|e| e.tile).collect();
    let on_the_way = passages.keys().filter(|t| !ends.contains(t));
    let dropping = packets.clone().flat_map(|f| match f.kind {
        FlowKind::Packet(packet) if !packet.keep_header => f.dests.as_slice(),
        _ => &[],
    });
    let dropping: BTreeSet<Node> = dropping.filter_map(|d| graph.dest(*d)).collect();
    for tile in ends.iter().chain(on_the_way) {
        if let Some(passages) = passages.get(tile) {
            set_packets(&graph, settings.of(*tile), passages, &dropping)?;
        }
    }
    packets.for_each(|flow| settings.shim_dmas(flow));
    Ok(settings.switches)
}
