//! Second pass: memory and locks of the ends.
//!
//! A [`Store`] is a ring of equal buffers with its lock pairs. Every end has one, except that the
//! ends which a link joins in a memory tile share the store of the larger object. An end's
//! [`Walk`] says how its DMA moves over the store.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEObjectFifoStatefulTransform.cpp`.

use std::collections::BTreeMap;

use arch::{Tile, TileKind};

use super::ends::{End, Role};
use crate::design::{Design, Link};

/// A ring of buffers with its locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Name of the end that owns it; buffers are `NAME_buff_I`, locks `NAME_prod_lock_K` and
    /// `NAME_cons_lock_K`.
    pub name: String,
    /// Tile.
    pub tile: Tile,
    /// Number of buffers.
    pub depth: u32,
    /// Size of one buffer, bytes.
    pub bytes: u64,
    /// Number of lock pairs: one, one per part of a split object, or none where the DMA sends what lies
    /// there in rounds.
    pub lock_pairs: u32,
    /// How often each object is sent before its place is free; locks count so many per object.
    pub repeat: u32,
    /// Contents of the first buffers.
    pub init: Vec<Vec<u8>>,
}

impl Store {
    /// Whether the store has buffers; a shim has none, its data is in host memory.
    pub fn has_buffers(&self) -> bool {
        self.tile.kind() != TileKind::Shim
    }

    /// First values of the locks of a pair: free and filled buffers, each as often as it is sent.
    pub fn lock_values(&self) -> (u32, u32) {
        if !self.has_buffers() {
            return (0, 0);
        }
        let filled = self.init.len() as u32;
        let free = self.depth.saturating_sub(filled);
        (free * self.repeat, filled * self.repeat)
    }
}

/// Bytes of each buffer that a descriptor moves, with the lock pair that guards them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
    /// Lock pair.
    pub pair: u32,
}

/// How an end's DMA moves over its store: for every buffer in turn, these parts in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Index of the store.
    pub store: usize,
    /// Parts of a buffer.
    pub parts: Vec<Part>,
}

/// The stores of a design and each end's walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stores {
    /// Stores in the order in which locks are handed out.
    pub stores: Vec<Store>,
    /// One walk per end.
    pub walks: Vec<Walk>,
}

/// Where the parts of a link's larger object begin and end, in bytes.
pub fn link_parts(link: &Link, object_bytes: u64, elem_bytes: u64) -> Vec<(u64, u64)> {
    let starts: Vec<u64> = link
        .offsets
        .iter()
        .map(|&o| u64::from(o) * elem_bytes)
        .collect();
    (0..starts.len())
        .map(|i| {
            let end = starts.get(i + 1).copied().unwrap_or(object_bytes);
            (starts[i], end.saturating_sub(starts[i]))
        })
        .collect()
}

/// Which end owns the store that an end uses, and which part of it the end moves.
struct Use {
    owner: usize,
    parts: Vec<Part>,
}

/// Finds the memory tile's end of a fifo.
fn end_at(ends: &[End], design: &Design, name: &str, tile: Tile, producer: bool) -> Option<usize> {
    let (fifo, _) = design.fifo(name)?;
    ends.iter()
        .position(|e| e.fifo == fifo && e.tile == tile && (e.role == Role::Producer) == producer)
}

/// The tile in which a link's fifos meet: where its outputs begin.
pub fn link_tile(design: &Design, link: &Link) -> Option<Tile> {
    let (_, fifo) = design.fifo(link.outputs.first()?)?;
    Some(fifo.producer)
}

fn whole(bytes: u64) -> Vec<Part> {
    vec![Part {
        offset: 0,
        bytes,
        pair: 0,
    }]
}

fn link_uses(design: &Design, ends: &[End], uses: &mut BTreeMap<usize, Use>) {
    for link in &design.links {
        let Some(tile) = link_tile(design, link) else {
            continue;
        };
        let find = |names: &[String], producer: bool| -> Vec<usize> {
            names
                .iter()
                .filter_map(|n| end_at(ends, design, n, tile, producer))
                .collect()
        };
        let inputs = find(&link.inputs, false);
        let outputs = find(&link.outputs, true);
        if let ([input], [output]) = (inputs.as_slice(), outputs.as_slice()) {
            let fifo = &design.fifos[ends[*output].fifo];
            let larger = ends[*output].object.bytes() > ends[*input].object.bytes();
            let owner = if !fifo.init.is_empty() || (larger && fifo.pad.is_empty()) {
                *output
            } else {
                *input
            };
            for end in [*input, *output] {
                let parts = whole(ends[owner].object.bytes());
                uses.insert(end, Use { owner, parts });
            }
            continue;
        }
        let (owner, others) = if inputs.len() == 1 {
            (inputs[0], outputs)
        } else {
            (outputs[0], inputs)
        };
        let object = &ends[owner].object;
        let parts: Vec<Part> = link_parts(link, object.bytes(), u64::from(object.elem.bytes()))
            .into_iter()
            .zip(0..)
            .map(|((offset, bytes), pair)| Part {
                offset,
                bytes,
                pair,
            })
            .collect();
        for (end, part) in others.into_iter().zip(&parts) {
            let parts = vec![*part];
            uses.insert(end, Use { owner, parts });
        }
        uses.insert(owner, Use { owner, parts });
    }
}

/// The order in which the reference creates buffers and locks: consumers of a broadcast last to
/// first, and the ends in memory tiles among themselves by object size, largest first.
fn creation_order(ends: &[End]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(ends.len());
    for (i, end) in ends.iter().enumerate() {
        match end.role {
            Role::Consumer(n) => order.insert(order.len() - n, i),
            Role::Producer | Role::Shared => order.push(i),
        }
    }
    let places: Vec<usize> = (0..order.len())
        .filter(|&p| ends[order[p]].tile.kind() == TileKind::Mem)
        .collect();
    let mut in_memory: Vec<usize> = places.iter().map(|&p| order[p]).collect();
    in_memory.sort_by_key(|&e| std::cmp::Reverse(ends[e].object.bytes()));
    for (place, end) in places.into_iter().zip(in_memory) {
        order[place] = end;
    }
    order
}

/// How often the objects of an owner's store are sent: as often as its producing ends say.
fn repeats(design: &Design, ends: &[End], uses: &BTreeMap<usize, Use>, owner: usize) -> u32 {
    let users = uses.iter().filter(|(_, u)| u.owner == owner);
    users
        .map(|(end, _)| *end)
        .chain([owner])
        .filter(|&end| ends[end].role == Role::Producer)
        .map(|end| design.fifos[ends[end].fifo].repeat)
        .max()
        .unwrap_or(1)
}

/// Gives every end its store and its walk. Links must be sound: see the verifier.
pub fn assign(design: &Design, ends: &[End]) -> Stores {
    let mut uses = BTreeMap::new();
    link_uses(design, ends, &mut uses);
    let mut store_of_owner = BTreeMap::new();
    let mut stores = Vec::new();
    for end in creation_order(ends) {
        let fifo = &design.fifos[ends[end].fifo];
        let produces = matches!(ends[end].role, Role::Producer | Role::Shared);
        let (owner, pairs) = match uses.get(&end) {
            Some(u) => (u.owner, uses[&u.owner].parts.len() as u32),
            None if produces && fifo.rounds.is_some() => (end, 0),
            None => (end, 1),
        };
        if owner != end {
            continue;
        }
        store_of_owner.insert(owner, stores.len());
        stores.push(Store {
            name: ends[owner].name.clone(),
            tile: ends[owner].tile,
            depth: ends[owner].depth,
            bytes: ends[owner].object.bytes(),
            lock_pairs: pairs,
            repeat: repeats(design, ends, &uses, owner),
            init: if produces {
                fifo.init.clone()
            } else {
                Vec::new()
            },
        });
    }
    let walks = ends
        .iter()
        .enumerate()
        .map(|(i, end)| match uses.remove(&i) {
            Some(u) => Walk {
                store: store_of_owner[&u.owner],
                parts: u.parts,
            },
            None => Walk {
                store: store_of_owner[&i],
                parts: whole(end.object.bytes()),
            },
        })
        .collect();
    Stores { stores, walks }
}
