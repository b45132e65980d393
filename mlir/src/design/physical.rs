//! A lowered design: buffers, locks, descriptors, switch settings.

use std::collections::{BTreeMap, BTreeSet};

use arch::array::packet;
use arch::limits::{CORE_BANK_BYTES, MEM_BANK_BYTES};
use arch::{Tile, TileKind};
use melior::ir::{Block, Module, Value};
use npuc::array::design::ObjectType;
use npuc::array::lowered::{Lowered, PlacedBuffer};
use npuc::array::verify::Verified;

use super::attributes::packet_info;
use super::frame::{self, Tiles};
use super::{PrintError, dma, program, sequence, switches};
use crate::aie::Invalid;
use crate::aie::builder::Maker;

/// A buffer of the device.
pub(super) struct Memory<'c, 'd> {
    /// Its value.
    pub(super) value: Value<'c, 'd>,
    /// Where it lies.
    pub(super) placed: &'d PlacedBuffer,
    /// Its type.
    pub(super) object: &'d ObjectType,
}

/// What the device has, as values of its block.
pub(super) struct Device<'c, 'd> {
    pub(super) maker: Maker<'c>,
    pub(super) body: &'d Block<'c>,
    pub(super) verified: &'d Verified,
    pub(super) lowered: &'d Lowered,
    pub(super) tiles: Tiles<'c, 'd>,
    pub(super) locks: BTreeMap<(Tile, u8), Value<'c, 'd>>,
    pub(super) buffers: Vec<Memory<'c, 'd>>,
}

impl<'c, 'd> Device<'c, 'd> {
    /// The value of a tile.
    pub(super) fn tile(&self, tile: Tile) -> Result<Value<'c, 'd>, Invalid> {
        self.tiles.get(&tile).copied().ok_or_else(|| Invalid {
            messages: format!("tile {tile} is not among the device's"),
        })
    }

    /// The value of a lock.
    pub(super) fn lock(&self, tile: Tile, id: u8) -> Result<Value<'c, 'd>, Invalid> {
        self.locks.get(&(tile, id)).copied().ok_or_else(|| Invalid {
            messages: format!("tile {tile} has no lock {id}"),
        })
    }

    /// The buffer that has a byte of a tile's memory.
    pub(super) fn buffer_at(&self, tile: Tile, byte: u32) -> Result<&Memory<'c, 'd>, Invalid> {
        let has = |m: &&Memory| {
            let begin = m.placed.address;
            m.placed.tile == tile && (begin..begin.saturating_add(m.placed.bytes)).contains(&byte)
        };
        self.buffers.iter().find(has).ok_or_else(|| Invalid {
            messages: format!("tile {tile} has no buffer at {byte:#x}"),
        })
    }

    /// The buffer of a tile by its name.
    pub(super) fn buffer(&self, tile: Tile, name: &str) -> Result<&Memory<'c, 'd>, Invalid> {
        let is = |m: &&Memory| m.placed.tile == tile && m.placed.name == name;
        self.buffers.iter().find(is).ok_or_else(|| Invalid {
            messages: format!("tile {tile} has no buffer `{name}`"),
        })
    }

    /// Waits for a lock, or gives to it.
    pub(super) fn use_lock(
        &self,
        block: &Block<'c>,
        lock: Value<'c, 'd>,
        action: LockAction,
        count: u8,
    ) -> Result<(), Invalid> {
        self.maker
            .op("aie.use_lock")
            .operands(&[lock])
            .i32("action", action as i32)
            .i32("value", count)
            .end_of(block)
    }
}

/// What is done with a lock, with its number in MLIR-AIE.
#[derive(Clone, Copy)]
pub(super) enum LockAction {
    /// Waits until it holds so much, and takes it.
    AcquireGreaterEqual = 2,
    /// Gives so much.
    Release = 1,
}

/// The name by which the device knows the shim channel of a fifo.
fn channel_name(fifo: &str) -> String {
    format!("{fifo}_shim_alloc")
}

/// Tiles that the design uses, and those whose switches it passes.
fn tiles(verified: &Verified, lowered: &Lowered) -> (BTreeSet<Tile>, BTreeSet<Tile>) {
    let design = verified.design();
    let mut used: BTreeSet<Tile> = design.tiles().into_iter().collect();
    used.extend(lowered.cascades.iter().map(|c| c.tile));
    let passed = lowered.switches.iter().map(|s| s.tile);
    let passed = passed.filter(|t| !used.contains(t)).collect();
    (used, passed)
}

/// The type of a buffer: that of its fifo's end, or of the design's buffer.
fn object<'d>(verified: &'d Verified, placed: &PlacedBuffer) -> Result<&'d ObjectType, Invalid> {
    let end = placed.name.rsplit_once("_buff_").and_then(|(end, _)| {
        let mut ends = verified.plan().ends.iter();
        ends.find(|e| e.name == end && e.tile == placed.tile)
    });
    let own = || {
        let mut buffers = verified.design().buffers.iter();
        buffers.find(|b| b.name == placed.name)
    };
    end.map(|e| &e.object)
        .or_else(|| own().map(|b| &b.object))
        .ok_or_else(|| Invalid {
            messages: format!("nothing says of what type `{}` is", placed.name),
        })
}

/// The lowered design as a module.
pub(super) fn module<'c>(
    maker: Maker<'c>,
    verified: &Verified,
    lowered: &Lowered,
) -> Result<Module<'c>, PrintError> {
    let body = maker.block(&[]);
    let mut device = Device {
        maker,
        body: &body,
        verified,
        lowered,
        tiles: Tiles::new(),
        locks: BTreeMap::new(),
        buffers: Vec::new(),
    };
    let (used, passed) = tiles(verified, lowered);
    for tile in used {
        let id = packet_info(maker, packet::controller_id(tile))?;
        let value = frame::tile(maker, tile)
            .with("controller_id", id)
            .value_in(&body)?;
        device.tiles.insert(tile, value);
    }
    for tile in passed {
        let value = frame::tile(maker, tile).value_in(&body)?;
        device.tiles.insert(tile, value);
    }
    buffers(&mut device)?;
    locks(&mut device)?;
    frame::kernels(maker, &body, verified.design())?;
    for core in &lowered.cores {
        program::core(&device, core)?;
    }
    sequence::sequences(maker, &body, verified, channel_name)?;
    for channel in &lowered.shim_channels {
        maker
            .op("aie.shim_dma_allocation")
            .string("sym_name", &channel_name(&channel.fifo))
            .operands(&[device.tile(channel.tile)?])
            .i32("channel_dir", sequence::direction(channel.direction))
            .i64("channel_index", channel.channel)
            .flag("plio", false)
            .end_of(&body)?;
    }
    for program in &lowered.dmas {
        dma::program(&device, program)?;
    }
    switches::cascades(&device)?;
    switches::packet_flows(&device)?;
    switches::switches(&device)?;
    Ok(frame::module(maker, lowered.columns, body)?)
}

fn buffers<'c, 'd>(device: &mut Device<'c, 'd>) -> Result<(), Invalid> {
    let (lowered, verified) = (device.lowered, device.verified);
    for placed in &lowered.buffers {
        let object = object(verified, placed)?;
        let bank = match placed.tile.kind() {
            TileKind::Mem => MEM_BANK_BYTES,
            _ => CORE_BANK_BYTES,
        };
        let mut op = device
            .maker
            .op("aie.buffer")
            .operands(&[device.tile(placed.tile)?])
            .string("sym_name", &placed.name)
            .i32("address", placed.address)
            .i32("mem_bank", placed.address / bank)
            .flag("aligned", true)
            .result(device.maker.memref(object));
        if let Some(words) = &placed.init {
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            op = op.with("initial_value", device.maker.contents(object, &bytes)?);
        }
        let value = op.value_in(device.body)?;
        device.buffers.push(Memory {
            value,
            placed,
            object,
        });
    }
    Ok(())
}

fn locks(device: &mut Device) -> Result<(), Invalid> {
    let lowered = device.lowered;
    for lock in &lowered.locks {
        let value = device
            .maker
            .op("aie.lock")
            .operands(&[device.tile(lock.tile)?])
            .i32("lockID", lock.id)
            .i32("init", lock.init)
            .string("sym_name", &lock.name)
            .result(device.maker.index())
            .value_in(device.body)?;
        device.locks.insert((lock.tile, lock.id), value);
    }
    Ok(())
}
