//! Stream switches, the shims' multiplexers, and what goes over them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use arch::array::{Direction, Port, shim};
use arch::{Tile, TileKind};
use melior::ir::{Block, Value};
use npuc::array::lowered::{Endpoint, FlowKind, PacketRule, SwitchSettings};

use super::physical::Device;
use crate::aie::Invalid;
use crate::aie::builder::{Op, region_of};

/// Numbers of kinds of ports in MLIR-AIE.
const CORE: i32 = 0;
const DMA: i32 = 1;
const SOUTH: i32 = 3;
const WEST: i32 = 4;
const NORTH: i32 = 5;
const EAST: i32 = 6;

/// Kind and number of a port in MLIR-AIE.
fn port(port: Port) -> (i32, u8) {
    match port {
        Port::Core => (CORE, 0),
        Port::Dma(channel) => (DMA, channel),
        Port::Fifo => (2, 0),
        Port::South(n) => (SOUTH, n),
        Port::West(n) => (WEST, n),
        Port::North(n) => (NORTH, n),
        Port::East(n) => (EAST, n),
        Port::Trace(n) => (9, n),
        Port::TileCtrl => (10, 0),
    }
}

/// Directions of the cascades.
pub(super) fn cascades(device: &Device) -> Result<(), Invalid> {
    for settings in &device.lowered.cascades {
        device
            .maker
            .op("aie.configure_cascade")
            .operands(&[device.tile(settings.tile)?])
            .i32("inputDir", if settings.in_west { WEST } else { NORTH })
            .i32("outputDir", if settings.out_east { EAST } else { SOUTH })
            .end_of(device.body)?;
    }
    Ok(())
}

/// Flows of packets; circuits are in the switches alone.
pub(super) fn packet_flows(device: &Device) -> Result<(), Invalid> {
    let maker = device.maker;
    for flow in &device.lowered.flows {
        let (id, keep, first) = match flow.kind {
            FlowKind::Circuit => continue,
            FlowKind::Packet(packet) => (packet.id, packet.keep_header, false),
            FlowKind::Control { id } => (id, true, true),
        };
        let block = maker.block(&[]);
        end(device, "aie.packet_source", flow.source)?.end_of(&block)?;
        for dest in &flow.dests {
            end(device, "aie.packet_dest", *dest)?.end_of(&block)?;
        }
        maker.op("aie.end").end_of(&block)?;
        let mut op = maker.op("aie.packet_flow").i8("ID", id);
        if keep {
            op = op.flag("keep_pkt_header", true);
        }
        if first {
            op = op.flag("priority_route", true);
        }
        op.region(region_of(block)).end_of(device.body)?;
    }
    Ok(())
}

fn end<'c>(
    device: &Device<'c, '_>,
    name: &'static str,
    endpoint: Endpoint,
) -> Result<Op<'c>, Invalid> {
    let (bundle, channel) = port(endpoint.port);
    Ok(device
        .maker
        .op(name)
        .operands(&[device.tile(endpoint.tile)?])
        .i32("bundle", bundle)
        .i32("channel", channel))
}

/// Switches and multiplexers of the tiles, by place.
#[derive(Default)]
struct Boxes<'c, 'd> {
    switches: BTreeMap<Tile, Value<'c, 'd>>,
    multiplexers: BTreeMap<Tile, Value<'c, 'd>>,
}

/// A switch for every tile, a multiplexer where a shim's DMA is used, and the wires between them.
pub(super) fn switches(device: &Device) -> Result<(), Invalid> {
    let mut boxes = Boxes::default();
    for settings in &device.lowered.switches {
        let (tile, value) = (settings.tile, device.tile(settings.tile)?);
        let block = device.maker.block(&[]);
        switch(device, settings, &block)?;
        boxes
            .switches
            .insert(tile, closed(device, "aie.switchbox", value, block)?);
        if !settings.shim_dmas.is_empty() {
            let block = device.maker.block(&[]);
            for &(direction, channel) in &settings.shim_dmas {
                multiplexed(device, direction, channel, &block)?;
            }
            boxes
                .multiplexers
                .insert(tile, closed(device, "aie.shim_mux", value, block)?);
        }
    }
    for (&tile, &value) in &device.tiles {
        if let Entry::Vacant(empty) = boxes.switches.entry(tile) {
            let block = device.maker.block(&[]);
            empty.insert(closed(device, "aie.switchbox", value, block)?);
        }
    }
    wires(device, &boxes)
}

/// An operation of a tile around a block.
fn closed<'c, 'd>(
    device: &Device<'c, 'd>,
    name: &'static str,
    tile: Value<'c, 'd>,
    block: Block<'c>,
) -> Result<Value<'c, 'd>, Invalid> {
    device.maker.op("aie.end").end_of(&block)?;
    device
        .maker
        .op(name)
        .operands(&[tile])
        .result(device.maker.index())
        .region(region_of(block))
        .value_in(device.body)
}

fn connect<'c>(
    device: &Device<'c, '_>,
    from: (i32, u8),
    to: (i32, u8),
    block: &Block<'c>,
) -> Result<(), Invalid> {
    device
        .maker
        .op("aie.connect")
        .i32("source_bundle", from.0)
        .i32("source_channel", from.1)
        .i32("dest_bundle", to.0)
        .i32("dest_channel", to.1)
        .end_of(block)
}

/// A DMA channel of a shim; the multiplexer's side towards the switch is its north.
fn multiplexed<'c>(
    device: &Device<'c, '_>,
    direction: Direction,
    channel: u8,
    block: &Block<'c>,
) -> Result<(), Invalid> {
    let Some(Port::South(number)) = shim::dma_port(direction, channel) else {
        return Err(Invalid {
            messages: format!("no port of a shim's switch is for {direction:?} {channel}"),
        });
    };
    let (dma, switch) = ((DMA, channel), (NORTH, number));
    match direction {
        Direction::Mm2s => connect(device, dma, switch, block),
        Direction::S2mm => connect(device, switch, dma, block),
    }
}

fn switch<'c>(
    device: &Device<'c, '_>,
    settings: &SwitchSettings,
    block: &Block<'c>,
) -> Result<(), Invalid> {
    let (maker, tile) = (device.maker, settings.tile);
    for circuit in &settings.circuits {
        let (from, to) = (port(circuit.slave), port(circuit.master));
        connect(device, from, to, block)?;
    }
    let heard = settings.packet_masters.iter().flat_map(|m| {
        let selects = (0..4u8).filter(|s| m.msels & (1 << s) != 0);
        selects.map(|select| (m.arbiter, select))
    });
    let spoken = settings.packet_rules.iter().map(|r| (r.arbiter, r.msel));
    let pairs: BTreeSet<(u8, u8)> = heard.chain(spoken).collect();
    let mut selects = BTreeMap::new();
    for (arbiter, select) in pairs {
        let value = maker
            .op("aie.amsel")
            .i8("arbiterID", arbiter)
            .i8("msel", select)
            .result(maker.index())
            .value_in(block)?;
        selects.insert((arbiter, select), value);
    }
    for master in &settings.packet_masters {
        let (bundle, channel) = port(master.master);
        let own = selects.iter().filter(|((arbiter, select), _)| {
            *arbiter == master.arbiter && master.msels & (1 << select) != 0
        });
        let own: Vec<Value> = own.map(|(_, value)| *value).collect();
        let mut op = maker
            .op("aie.masterset")
            .i32("dest_bundle", bundle)
            .i32("dest_channel", channel)
            .operands(&own)
            .result(maker.index());
        // Elsewhere packets keep their headers without being told to.
        let drops = bundle == DMA || (bundle == SOUTH && tile.kind() == TileKind::Shim);
        if drops && !master.drop_header {
            op = op.flag("keep_pkt_header", true);
        }
        op.value_in(block)?;
    }
    let mut slaves: Vec<Port> = Vec::new();
    for rule in &settings.packet_rules {
        if !slaves.contains(&rule.slave) {
            slaves.push(rule.slave);
        }
    }
    for slave in slaves {
        let own = settings.packet_rules.iter().filter(|r| r.slave == slave);
        rules(device, port(slave), own, &selects, block)?;
    }
    Ok(())
}

/// What a switch does with packets that enter at a port.
fn rules<'c, 'r>(
    device: &Device<'c, '_>,
    (bundle, channel): (i32, u8),
    rules: impl Iterator<Item = &'r PacketRule>,
    selects: &BTreeMap<(u8, u8), Value<'c, 'c>>,
    block: &Block<'c>,
) -> Result<(), Invalid> {
    let maker = device.maker;
    let inside = maker.block(&[]);
    for rule in rules {
        let select = selects.get(&(rule.arbiter, rule.msel));
        let select = *select.ok_or_else(|| Invalid {
            messages: format!("no arbiter {} with select {}", rule.arbiter, rule.msel),
        })?;
        maker
            .op("aie.rule")
            .i8("mask", rule.mask)
            .i8("value", rule.id)
            .operands(&[select])
            .end_of(&inside)?;
    }
    maker.op("aie.end").end_of(&inside)?;
    maker
        .op("aie.packet_rules")
        .i32("source_bundle", bundle)
        .i32("source_channel", channel)
        .region(region_of(inside))
        .end_of(block)
}

/// The wires that join the boxes: to their tiles, and to the boxes below and in the west.
fn wires(device: &Device, boxes: &Boxes) -> Result<(), Invalid> {
    let wire = |from: Value, from_side: i32, to: Value, to_side: i32| {
        device
            .maker
            .op("aie.wire")
            .operands(&[from, to])
            .i32("source_bundle", from_side)
            .i32("dest_bundle", to_side)
            .end_of(device.body)
    };
    for (&tile, &switch) in &boxes.switches {
        let west = tile.col.checked_sub(1);
        let west = west.and_then(|col| boxes.switches.get(&Tile::new(col, tile.row)));
        if let Some(&west) = west {
            wire(west, EAST, switch, WEST)?;
        }
        let own = device.tile(tile)?;
        if let Some(&multiplexer) = boxes.multiplexers.get(&tile) {
            wire(multiplexer, NORTH, switch, SOUTH)?;
            wire(own, DMA, multiplexer, DMA)?;
        }
        // A shim's switch has no core and no DMA of its own.
        let Some(below) = tile.row.checked_sub(1) else {
            continue;
        };
        wire(own, CORE, switch, CORE)?;
        wire(own, DMA, switch, DMA)?;
        if let Some(&below) = boxes.switches.get(&Tile::new(tile.col, below)) {
            wire(below, NORTH, switch, SOUTH)?;
        }
    }
    Ok(())
}
