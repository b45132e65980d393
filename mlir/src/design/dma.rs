//! DMA programs of core and memory tiles.

use arch::TileKind;
use arch::array::Direction;
use melior::ir::{Block, Region, RegionLike};
use npuc::array::lowered::{Bd, Chain, DmaProgram};

use super::attributes::{dims_attribute, packet_info, pads};
use super::physical::{Device, LockAction};
use super::sequence;
use crate::aie::Invalid;

/// The blocks of one chain: where it starts, and one a descriptor.
struct Blocks<'c> {
    start: Block<'c>,
    bds: Vec<Block<'c>>,
}

/// The program of one tile.
pub(super) fn program(device: &Device, program: &DmaProgram) -> Result<(), Invalid> {
    let maker = device.maker;
    let chains: Vec<Blocks> = program
        .chains
        .iter()
        .map(|chain| Blocks {
            start: maker.block(&[]),
            bds: chain.bds.iter().map(|_| maker.block(&[])).collect(),
        })
        .collect();
    let end = maker.block(&[]);
    for (i, (chain, blocks)) in program.chains.iter().zip(&chains).enumerate() {
        let after = chains.get(i + 1).map_or(&end, |next| &next.start);
        maker
            .op("aie.dma_start")
            .i32("channel_dir", sequence::direction(chain.direction))
            .i32("channel_index", chain.channel)
            .i32("repeat_count", chain.repeat.saturating_sub(1))
            .result(maker.integer(1))
            .successors(&[blocks.bds.first().unwrap_or(after), after])
            .end_of(&blocks.start)?;
        for (bd, block) in chain.bds.iter().zip(&blocks.bds) {
            descriptor(device, program, chain, bd, block)?;
            let next = chain.bds.iter().position(|b| Some(b.id) == bd.next);
            let next = next.and_then(|at| blocks.bds.get(at)).unwrap_or(&end);
            maker.op("aie.next_bd").successors(&[next]).end_of(block)?;
        }
    }
    maker.op("aie.end").end_of(&end)?;
    let region = Region::new();
    for blocks in chains {
        region.append_block(blocks.start);
        for block in blocks.bds {
            region.append_block(block);
        }
    }
    region.append_block(end);
    let name = match program.tile.kind() {
        TileKind::Mem => "aie.memtile_dma",
        _ => "aie.mem",
    };
    maker
        .op(name)
        .operands(&[device.tile(program.tile)?])
        .result(maker.index())
        .region(region)
        .end_of(device.body)
}

/// A descriptor between what it waits for and what it gives; lengths and walks in elements.
fn descriptor<'c>(
    device: &Device<'c, '_>,
    program: &DmaProgram,
    chain: &Chain,
    bd: &Bd,
    block: &Block<'c>,
) -> Result<(), Invalid> {
    let maker = device.maker;
    if let Some(lock) = bd.acquire {
        let value = device.lock(program.tile, lock.id)?;
        device.use_lock(block, value, LockAction::AcquireGreaterEqual, lock.count)?;
    }
    let memory = device.buffer(program.tile, &bd.buffer)?;
    let elem = memory.object.elem.bytes();
    let mut op = maker
        .op("aie.dma_bd")
        .operands(&[memory.value])
        .i32("offset", (bd.address - memory.placed.address) / elem)
        .i32("len", bd.bytes / elem)
        .i32("bd_id", bd.id);
    if let Some(next) = bd.next {
        op = op.i32("next_bd_id", next);
    }
    let mut ends = device.verified.plan().ends.iter();
    if let Some(end) = ends.find(|e| e.name == chain.fifo && e.tile == program.tile) {
        let fifo = &device.verified.design().fifos[end.fifo];
        if !end.dims.is_empty() {
            op = op.with("dimensions", dims_attribute(maker, &end.dims)?);
        }
        if chain.direction == Direction::Mm2s && !fifo.pad.is_empty() {
            op = op.with("pad_dimensions", pads(maker, &fifo.pad)?);
        }
    }
    if let Some(id) = bd.packet {
        op = op.with("packet", packet_info(maker, id.into())?);
    }
    op.end_of(block)?;
    if let Some(lock) = bd.release {
        let value = device.lock(program.tile, lock.id)?;
        device.use_lock(block, value, LockAction::Release, lock.count)?;
    }
    Ok(())
}
