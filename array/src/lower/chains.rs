//! Chains of buffer descriptors: one per DMA channel of a core or memory tile, endless but for what is
//! sent in rounds.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEObjectFifoStatefulTransform.cpp`,
//! `AIEAssignBufferDescriptorIDs.cpp`.

use std::collections::{BTreeMap, BTreeSet};

use arch::array::{Direction, bd};
use arch::{Tile, TileKind};

use super::channels;
use super::ends::{End, Role};
use super::locks::LockPair;
use super::stores::Stores;
use crate::design::{Design, Dim, Pad};
use crate::lowered::{Bd, Chain, DmaProgram, LockUse, WordDim, WordPad};

/// A walk in words, innermost first, of a walk in elements, outermost first.
///
/// Elements narrower than a word move as words: the innermost size shrinks, other strides too.
pub fn word_dims(dims: &[Dim], elem_bytes: u32) -> Vec<WordDim> {
    dims.iter()
        .rev()
        .enumerate()
        .map(|(i, dim)| {
            let inner = i == 0;
            WordDim {
                size: if inner {
                    dim.size * elem_bytes / 4
                } else {
                    dim.size
                },
                step: if inner && elem_bytes < 4 {
                    1
                } else {
                    dim.stride * elem_bytes / 4
                },
            }
        })
        .collect()
}

/// Zeros around a walk in words, innermost first, of zeros in elements, outermost first.
pub fn word_pads(pads: &[Pad], elem_bytes: u32) -> Vec<WordPad> {
    pads.iter()
        .rev()
        .enumerate()
        .map(|(i, pad)| {
            let words = |steps: u32| {
                if i == 0 {
                    steps * elem_bytes / 4
                } else {
                    steps
                }
            };
            WordPad {
                before: words(pad.before),
                after: words(pad.after),
            }
        })
        .collect()
}

/// How often each descriptor of an end stands in its chain: as often as objects are sent, unless there
/// is only one, which is its own successor anyway.
fn copies(ends: &[End], stores: &Stores, end: usize) -> u64 {
    let store = &stores.stores[stores.walks[end].store];
    match ends[end].role {
        Role::Producer if store.depth > 1 => u64::from(store.repeat),
        _ => 1,
    }
}

/// Descriptors that an end's chain takes.
pub fn chain_length(ends: &[End], stores: &Stores, end: usize) -> u64 {
    let walk = &stores.walks[end];
    let buffers = u64::from(stores.stores[walk.store].depth);
    buffers * walk.parts.len() as u64 * copies(ends, stores, end)
}

/// The descriptor ids of every chain, `None` where a tile runs out of those its channel can use.
/// The map is keyed by end.
pub fn bd_ids(
    ends: &[End],
    stores: &Stores,
    channel_of: &[Option<u8>],
) -> BTreeMap<usize, Option<Vec<u8>>> {
    let mut used: BTreeMap<Tile, BTreeSet<u8>> = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for (i, end) in ends.iter().enumerate() {
        let Some(channel) = channel_of[i] else {
            continue;
        };
        let kind = end.tile.kind();
        if kind == TileKind::Shim {
            continue;
        }
        let taken = used.entry(end.tile).or_default();
        let wanted = chain_length(ends, stores, i) as usize;
        let free: Vec<u8> = (0..kind.bds())
            .filter(|id| bd::bd_usable(kind, channel, *id) && !taken.contains(id))
            .take(wanted)
            .collect();
        let enough = free.len() == wanted;
        taken.extend(&free);
        ids.insert(i, enough.then_some(free));
    }
    ids
}

/// What the chains are made of.
pub struct Inputs<'a> {
    /// The design.
    pub design: &'a Design,
    /// Ends of the design.
    pub ends: &'a [End],
    /// Their stores.
    pub stores: &'a Stores,
    /// Channel of each end.
    pub channel_of: &'a [Option<u8>],
    /// Lock pairs of each store.
    pub pairs: &'a [Vec<LockPair>],
    /// Byte addresses of each store's buffers.
    pub addresses: &'a [Vec<u64>],
}

fn chain(inputs: &Inputs, end: usize, ids: &[u8]) -> Option<Chain> {
    let Inputs {
        design,
        ends,
        stores,
        channel_of,
        pairs,
        addresses,
    } = inputs;
    let direction = channels::direction(&ends[end])?;
    let walk = &stores.walks[end];
    let store = &stores.stores[walk.store];
    let (fifo, elem) = (&design.fifos[ends[end].fifo], ends[end].object.elem.bytes());
    let sends = direction == Direction::Mm2s;
    let dims = word_dims(&ends[end].dims, elem);
    let pad = if sends {
        word_pads(&fifo.pad, elem)
    } else {
        Vec::new()
    };
    // What is written once and sent several times counts as often in the locks.
    let count = if sends { 1 } else { store.repeat as u8 };
    let copies = copies(ends, stores, end);
    let endless = !sends || fifo.rounds.is_none();
    let mut bds = Vec::new();
    for (buffer, address) in addresses[walk.store].iter().enumerate() {
        let parts = walk.parts.iter();
        for part in parts.flat_map(|part| (0..copies).map(move |_| part)) {
            let pair = pairs[walk.store].get(part.pair as usize);
            let locks = pair.map(|pair| match direction {
                Direction::S2mm => (pair.prod, pair.cons),
                Direction::Mm2s => (pair.cons, pair.prod),
            });
            let next = ids[(bds.len() + 1) % ids.len()];
            let last = bds.len() + 1 == ids.len();
            let bytes = if pad.is_empty() {
                part.bytes
            } else {
                ends[end].object.bytes()
            };
            bds.push(Bd {
                id: ids[bds.len()],
                buffer: format!("{}_buff_{buffer}", store.name),
                address: (address + part.offset) as u32,
                bytes: bytes as u32,
                dims: dims.clone(),
                pad: pad.clone(),
                acquire: locks.map(|(acquire, _)| LockUse::new(acquire as u8, count)),
                release: locks.map(|(_, release)| LockUse::new(release as u8, count)),
                next: (endless || !last).then_some(next),
                packet: fifo.packet.filter(|_| sends).map(|packet| packet.id),
            });
        }
    }
    let repeat = match fifo.rounds {
        _ if !sends => 1,
        Some(rounds) => rounds,
        None if bds.len() == 1 => store.repeat,
        None => 1,
    };
    Some(Chain {
        fifo: ends[end].name.clone(),
        direction,
        channel: channel_of[end]?,
        repeat,
        bds,
    })
}

/// The DMA programs, tiles in the order in which the fifos first use their DMA.
pub fn build(inputs: &Inputs) -> Vec<DmaProgram> {
    let mut programs: Vec<DmaProgram> = Vec::new();
    for (end, ids) in bd_ids(inputs.ends, inputs.stores, inputs.channel_of) {
        let tile = inputs.ends[end].tile;
        let Some(chain) = ids.and_then(|ids| chain(inputs, end, &ids)) else {
            continue;
        };
        match programs.iter_mut().find(|p| p.tile == tile) {
            Some(program) => program.chains.push(chain),
            None => programs.push(DmaProgram {
                tile,
                chains: vec![chain],
            }),
        }
    }
    programs
}
