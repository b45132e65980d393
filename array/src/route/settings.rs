//! Routes to settings of the switches.

use std::collections::{BTreeMap, BTreeSet};

use arch::array::{Direction, Port};
use arch::{Tile, TileKind};

use super::Bundle;
use super::graph::{Graph, Node};
use super::search::Tree;
use super::settle::Switch;
use crate::lowered::{Circuit, Endpoint, Flow, FlowKind, PacketMaster, PacketRule, SwitchSettings};

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

/// Sets a switch for the packets that pass it. `dropping` are the ports at which headers end.
fn set_packets(
    graph: &Graph,
    settings: &mut SwitchSettings,
    switch: &Switch,
    dropping: &BTreeSet<Node>,
) {
    let mut masters: BTreeMap<Node, (u8, u8)> = BTreeMap::new();
    for (passage, select) in switch.passages.iter().zip(&switch.selects) {
        for &master in &passage.masters {
            let (_, msels) = masters.entry(master).or_insert((select.arbiter, 0));
            *msels |= 1 << select.msel;
        }
    }
    for (node, (arbiter, msels)) in masters {
        let Some((_, master)) = graph.switch_port(node, Direction::S2mm) else {
            continue;
        };
        settings.packet_masters.push(PacketMaster {
            master,
            arbiter,
            msels,
            drop_header: dropping.contains(&node),
        });
    }
    for passage in &switch.fixed {
        let slave = graph.switch_port(passage.slave, Direction::Mm2s);
        let masters = passage.masters.iter();
        let masters = masters.filter_map(|&m| graph.switch_port(m, Direction::S2mm));
        for (_, master) in masters {
            let circuit = slave.map(|(_, slave)| Circuit { slave, master });
            settings.circuits.extend(circuit);
        }
    }
    for rule in &switch.rules {
        let Some((_, slave)) = graph.switch_port(rule.slave, Direction::Mm2s) else {
            continue;
        };
        settings.packet_rules.push(PacketRule {
            slave,
            slot: rule.slot,
            id: rule.id,
            mask: rule.mask,
            arbiter: rule.select.arbiter,
            msel: rule.select.msel,
        });
    }
}

/// The settings of all switches for what was routed.
pub fn all(
    graph: &Graph,
    flows: &[Flow],
    routed: &[(&Bundle, &Tree)],
    switches: &BTreeMap<Tile, Switch>,
) -> Vec<SwitchSettings> {
    let mut settings = Settings::default();
    for (bundle, tree) in routed.iter().filter(|(b, _)| b.net.group.is_none()) {
        for (tile, connections) in connections(graph, tree) {
            settings.of(tile).circuits.extend(connections);
        }
        for &i in &bundle.flows {
            settings.shim_dmas(&flows[i]);
        }
    }
    // The reference makes the switches of tiles that the design names before those on the way.
    let packets = flows.iter().filter(|f| f.kind != FlowKind::Circuit);
    let ends = packets
        .clone()
        .flat_map(|f| std::iter::once(&f.source).chain(&f.dests));
    let ends: BTreeSet<Tile> = ends.map(|e| e.tile).collect();
    let on_the_way = switches.keys().filter(|t| !ends.contains(t));
    let dropping = packets.clone().flat_map(|f| match f.kind {
        FlowKind::Packet(packet) if !packet.keep_header => f.dests.as_slice(),
        _ => &[],
    });
    let dropping: BTreeSet<Node> = dropping.filter_map(|d| graph.dest(*d)).collect();
    for tile in ends.iter().chain(on_the_way) {
        if let Some(switch) = switches.get(tile) {
            set_packets(graph, settings.of(*tile), switch, &dropping);
        }
    }
    packets.for_each(|flow| settings.shim_dmas(flow));
    settings.switches
}
