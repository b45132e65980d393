//! Chains of buffer descriptors: one endless chain per DMA channel of a core or memory tile.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEObjectFifoStatefulTransform.cpp`,
//! `AIEAssignBufferDescriptorIDs.cpp`.

use std::collections::{BTreeMap, BTreeSet};

use arch::array::{Direction, bd};
use arch::{Tile, TileKind};

use super::channels;
use super::ends::End;
use super::locks::LockPair;
use super::stores::Stores;
use crate::array::design::Dim;
use crate::array::lowered::{Bd, Chain, DmaProgram, LockUse, WordDim};

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

/// Descriptors that an end's chain takes.
pub fn chain_length(stores: &Stores, end: usize) -> u64 {
    let walk = &stores.walks[end];
    u64::from(stores.stores[walk.store].depth) * walk.parts.len() as u64
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
        let wanted = chain_length(stores, i) as usize;
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
        ends,
        stores,
        channel_of,
        pairs,
        addresses,
    } = inputs;
    let direction = channels::direction(&ends[end])?;
    let walk = &stores.walks[end];
    let store = &stores.stores[walk.store];
    let dims = word_dims(&ends[end].dims, ends[end].object.elem.bytes());
    let mut bds = Vec::new();
    for (buffer, address) in addresses[walk.store].iter().enumerate() {
        for part in &walk.parts {
            let pair = pairs[walk.store][part.pair as usize];
            let (acquire, release) = match direction {
                Direction::S2mm => (pair.prod, pair.cons),
                Direction::Mm2s => (pair.cons, pair.prod),
            };
            let next = ids[(bds.len() + 1) % ids.len()];
            bds.push(Bd {
                id: ids[bds.len()],
                buffer: format!("{}_buff_{buffer}", store.name),
                address: (address + part.offset) as u32,
                bytes: part.bytes as u32,
                dims: dims.clone(),
                acquire: LockUse::new(acquire as u8, 1),
                release: LockUse::new(release as u8, 1),
                next: Some(next),
            });
        }
    }
    Some(Chain {
        fifo: ends[end].name.clone(),
        direction,
        channel: channel_of[end]?,
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
