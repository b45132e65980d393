//! The plan of a design: all that follows from it but routes and instruction streams.
//!
//! The verifier makes the plan, judges it against what the tiles have, and hands it on, so that
//! nothing is decided twice.

use std::collections::BTreeMap;

use arch::{Tile, TileKind};

use super::apart::Item;
use super::chains::{self, Inputs};
use super::ends::{self, End, Role};
use super::locks::{self, LockPair};
use super::stores::{self, Stores};
use super::waits::{self, Rooms};
use super::{addresses, apart, channels};
use crate::design::{Allocation, Design, Port};
use crate::lowered::{DmaProgram, Lock, PlacedBuffer};
use crate::worker::{Bindings, Ring, core_ends};

/// Owner of memory: a store's buffer or a buffer of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Store { store: usize, buffer: u32 },
    Buffer(usize),
}

/// Bytes as little-endian words.
fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|w| u32::from_le_bytes(*w)).collect()
}

/// The buffers of one tile, in program order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TileMemory {
    owners: Vec<Owner>,
    names: Vec<String>,
    /// The fifo or buffer as steps name it.
    called: Vec<String>,
    /// Sizes, bytes.
    pub sizes: Vec<u64>,
    /// Addresses that the design gives.
    pub fixed: Vec<Option<u64>>,
    /// Addresses in the tile's data memory.
    pub addresses: Vec<u64>,
}

impl TileMemory {
    fn push(&mut self, owner: Owner, [name, called]: [&str; 2], bytes: u64, fixed: Option<u64>) {
        self.owners.push(owner);
        self.names.push(name.to_string());
        self.called.push(called.to_string());
        self.sizes.push(bytes);
        self.fixed.push(fixed);
    }

    /// Addresses in a core tile that keep what calls use at once in different banks, if they are found.
    fn apart(&self, design: &Design, tile: Tile, stack: u32) -> Option<Vec<u64>> {
        let worker = design.worker(tile)?;
        let items: Vec<Item> = (0..self.owners.len())
            .map(|i| Item {
                name: &self.called[i],
                size: self.sizes[i],
                fixed: self.fixed[i],
            })
            .collect();
        apart::place(
            u64::from(stack),
            &items,
            &apart::prices(&worker.body, &design.kernels),
        )
    }

    /// Who takes how much: `in_cons 2x4096`.
    pub fn summary(&self) -> Vec<String> {
        let mut groups: Vec<(&str, u64, u64)> = Vec::new();
        for (name, &bytes) in self.names.iter().zip(&self.sizes) {
            match groups.last_mut() {
                Some((last, _, count)) if last == name => *count += 1,
                _ => groups.push((name, bytes, 1)),
            }
        }
        groups
            .into_iter()
            .map(|(name, bytes, count)| format!("{name} {count}x{bytes}"))
            .collect()
    }
}

/// What follows from a design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Ends of the fifos.
    pub ends: Vec<End>,
    /// Their memory.
    pub stores: Stores,
    /// Who must get through before the consumers of each fifo have room.
    pub rooms: Rooms,
    /// DMA channel of each end.
    pub channel_of: Vec<Option<u8>>,
    /// Lock pairs of each store.
    pub pairs: Vec<Vec<LockPair>>,
    /// Descriptor ids of each end with a chain.
    pub bd_ids: BTreeMap<usize, Option<Vec<u8>>>,
    /// Buffers by tile.
    pub memory: BTreeMap<Tile, TileMemory>,
    stacks: BTreeMap<Tile, u32>,
}

impl Plan {
    /// Plans a design whose parts are sound each for itself.
    pub fn new(design: &Design) -> Self {
        let ends = ends::split(design);
        let stores = stores::assign(design, &ends);
        let rooms = waits::rooms(design);
        let channel_of = channels::assign(design, &ends, &rooms);
        let pairs = locks::assign(&stores.stores);
        let bd_ids = chains::bd_ids(&ends, &stores, &channel_of);
        let mut plan = Plan {
            ends,
            stores,
            rooms,
            channel_of,
            pairs,
            bd_ids,
            memory: BTreeMap::new(),
            stacks: design
                .workers
                .iter()
                .map(|w| (w.tile, w.stack_bytes))
                .collect(),
        };
        plan.lay_out(design);
        plan
    }

    /// Stack of the core on a tile, bytes.
    pub fn stack_of(&self, tile: Tile) -> u32 {
        self.stacks.get(&tile).copied().unwrap_or(0)
    }

    /// Stores made last lie first, as in the reference; then the design's own buffers.
    fn lay_out(&mut self, design: &Design) {
        for (store, s) in self.stores.stores.iter().enumerate().rev() {
            if !s.has_buffers() {
                continue;
            }
            let end = self.stores.walks.iter().position(|w| w.store == store);
            let fifo = end.map_or("", |end| design.fifos[self.ends[end].fifo].name.as_str());
            let memory = self.memory.entry(s.tile).or_default();
            for buffer in 0..s.depth {
                memory.push(
                    Owner::Store { store, buffer },
                    [&s.name, fifo],
                    s.bytes,
                    None,
                );
            }
        }
        for (i, buffer) in design.buffers.iter().enumerate() {
            let memory = self.memory.entry(buffer.tile).or_default();
            let (bytes, address) = (buffer.object.bytes(), buffer.address.map(u64::from));
            memory.push(Owner::Buffer(i), [&buffer.name; 2], bytes, address);
        }
        for (tile, memory) in &mut self.memory {
            let stack = self.stacks.get(tile).copied().unwrap_or(0);
            let apart = match design.memory {
                Allocation::Apart => memory.apart(design, *tile, stack),
                Allocation::InTurns => None,
            };
            memory.addresses = apart.unwrap_or_else(|| {
                addresses::place(tile.kind(), u64::from(stack), &memory.sizes, &memory.fixed)
            });
        }
    }

    /// Addresses of each store's buffers.
    pub fn store_addresses(&self) -> Vec<Vec<u64>> {
        let mut all = vec![Vec::new(); self.stores.stores.len()];
        for memory in self.memory.values() {
            for (owner, &address) in memory.owners.iter().zip(&memory.addresses) {
                if let Owner::Store { store, .. } = owner {
                    all[*store].push(address);
                }
            }
        }
        all
    }

    /// Address of each of the design's buffers.
    pub fn buffer_addresses(&self) -> BTreeMap<usize, u64> {
        let mut all = BTreeMap::new();
        for memory in self.memory.values() {
            for (owner, &address) in memory.owners.iter().zip(&memory.addresses) {
                if let Owner::Buffer(i) = owner {
                    all.insert(*i, address);
                }
            }
        }
        all
    }

    /// First byte above all buffers of a core tile, aligned for vectors.
    pub fn data_base(&self, tile: Tile) -> u32 {
        let end = self.memory.get(&tile).map_or(0, |m| {
            let ends = m.addresses.iter().zip(&m.sizes).map(|(a, s)| a + s);
            ends.max().unwrap_or(0)
        });
        let end = end.max(u64::from(self.stack_of(tile)));
        end.next_multiple_of(addresses::alignment(tile.kind())) as u32
    }

    /// The DMA programs with all their descriptors.
    pub fn dma_programs(&self, design: &Design) -> Vec<DmaProgram> {
        chains::build(&Inputs {
            design,
            ends: &self.ends,
            stores: &self.stores,
            channel_of: &self.channel_of,
            pairs: &self.pairs,
            addresses: &self.store_addresses(),
        })
    }

    /// All buffers, fifos' first, in program order.
    pub fn placed_buffers(&self, design: &Design) -> Vec<PlacedBuffer> {
        let addresses = self.store_addresses();
        let mut placed = Vec::new();
        for (store, s) in self.stores.stores.iter().enumerate().rev() {
            for (i, address) in addresses[store].iter().enumerate() {
                placed.push(PlacedBuffer {
                    name: format!("{}_buff_{i}", s.name),
                    tile: s.tile,
                    address: *address as u32,
                    bytes: s.bytes as u32,
                    init: s.init.get(i).map(|bytes| words(bytes)),
                });
            }
        }
        let own = self.buffer_addresses();
        for (i, buffer) in design.buffers.iter().enumerate() {
            placed.push(PlacedBuffer {
                name: buffer.name.clone(),
                tile: buffer.tile,
                address: own.get(&i).copied().unwrap_or(0) as u32,
                bytes: buffer.object.bytes() as u32,
                init: buffer.init.as_ref().map(|bytes| words(bytes)),
            });
        }
        placed
    }

    /// All locks, in the reference's order: those of the stores made last come first.
    pub fn locks(&self) -> Vec<Lock> {
        let mut locks = Vec::new();
        for (store, s) in self.stores.stores.iter().enumerate().rev() {
            let (free, filled) = s.lock_values();
            for (k, pair) in self.pairs[store].iter().enumerate() {
                for (side, id, init) in [("prod", pair.prod, free), ("cons", pair.cons, filled)] {
                    locks.push(Lock {
                        name: format!("{}_{side}_lock_{k}", s.name),
                        tile: s.tile,
                        id: id as u8,
                        init: init as u8,
                    });
                }
            }
        }
        locks
    }

    /// The end of a fifo at which the core of `tile` works.
    fn end_of(&self, fifo: usize, tile: Tile, port: Port) -> Option<usize> {
        self.ends.iter().position(|e| {
            e.fifo == fifo
                && match e.role {
                    Role::Shared => true,
                    Role::Producer => port == Port::Produce && e.tile == tile,
                    Role::Consumer(_) => port == Port::Consume && e.tile == tile,
                }
        })
    }

    /// What the steps of the worker on `tile` refer to.
    pub fn bindings(&self, design: &Design, tile: Tile) -> Bindings {
        let addresses = self.store_addresses();
        let mut bindings = Bindings::default();
        for (fifo, port) in core_ends(design, tile) {
            let Some(end) = self.end_of(fifo, tile, port) else {
                continue;
            };
            let store = self.stores.walks[end].store;
            let Some(pair) = self.pairs[store].first() else {
                continue;
            };
            let (acquire, release) = match port {
                Port::Produce => (pair.prod, pair.cons),
                Port::Consume => (pair.cons, pair.prod),
            };
            let memory = self.stores.stores[store].tile;
            if let Some(mut ring) = Ring::new(tile, memory, &addresses[store], acquire, release) {
                ring.count = self.stores.stores[store].repeat;
                let name = design.fifos[fifo].name.clone();
                bindings.rings.insert((name, port), ring);
            }
        }
        let own = self.buffer_addresses();
        for (i, buffer) in design.buffers.iter().enumerate() {
            if buffer.tile == tile
                && tile.kind() == TileKind::Core
                && let Some(&address) = own.get(&i)
            {
                let address = arch::array::memory::CORE_OWN + address as u32;
                bindings.buffers.insert(buffer.name.clone(), address);
            }
        }
        bindings
    }
}
