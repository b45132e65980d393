//! First pass: every fifo becomes its ends.
//!
//! A fifo whose two cores reach one memory keeps a single end that both use. Any other becomes a
//! producer end and one end per consumer, each with a depth of its own.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEObjectFifoStatefulTransform.cpp`.

use arch::array::memory;
use arch::{Tile, TileKind};

use crate::design::{Depth, Design, Dim, ObjectFifo, ObjectType, Port, Step, Worker};

/// Which part of its fifo an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Filled by the tile, sent by its DMA.
    Producer,
    /// Received by the tile's DMA; the number counts the fifo's consumers.
    Consumer(usize),
    /// Memory that both cores reach; no DMA.
    Shared,
}

/// One side of a fifo, or the whole of a shared one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// `in`, `in_cons`, `in_0_cons`.
    pub name: String,
    /// Index of the fifo in the design.
    pub fifo: usize,
    /// Which part of the fifo.
    pub role: Role,
    /// Tile whose memory and locks the end uses.
    pub tile: Tile,
    /// Objects held.
    pub depth: u32,
    /// Type of one object.
    pub object: ObjectType,
    /// Order in which the DMA walks an object.
    pub dims: Vec<Dim>,
}

/// Whether the core of `core` can load and store in the memory of `tile`.
fn core_reaches(core: Tile, tile: Tile) -> bool {
    core.kind() == TileKind::Core && memory::core_address(core, tile, 0).is_some()
}

/// The tile whose memory producer and consumer share: the producer's where both reach it.
pub fn shared_tile(producer: Tile, consumer: Tile) -> Option<Tile> {
    [producer, consumer]
        .into_iter()
        .find(|&tile| core_reaches(producer, tile) && core_reaches(consumer, tile))
}

/// The tile that holds the objects of a fifo that needs no DMA; `None` when it needs one.
pub fn shared_memory(design: &Design, fifo: &ObjectFifo) -> Option<Tile> {
    let [consumer] = fifo.consumers.as_slice() else {
        return None;
    };
    let linked = design
        .links
        .iter()
        .any(|l| l.inputs.contains(&fifo.name) || l.outputs.contains(&fifo.name));
    if linked || !fifo.may_share() {
        return None;
    }
    shared_tile(fifo.producer, consumer.tile)
}

/// Most objects of a fifo that the steps acquire at once.
pub fn largest_acquire(steps: &[Step], name: &str, side: Port) -> u32 {
    steps
        .iter()
        .map(|step| match step {
            Step::Acquire { fifo, port, count } if fifo == name && *port == side => *count,
            Step::Repeat { body, .. } | Step::RepeatBy { body, .. } => {
                largest_acquire(body, name, side)
            }
            _ => 0,
        })
        .max()
        .unwrap_or(0)
}

/// Objects that an end holds: number 0 is the producer, the consumers follow. With one depth for all
/// ends, one at a worker keeps what it overlaps with the DMA; a producer of initial objects keeps them.
pub fn held<P>(
    fifo: &ObjectFifo<P>,
    position: usize,
    worker: Option<&Worker<P>>,
    port: Port,
) -> u32 {
    let depth = match &fifo.depth {
        Depth::PerEnd(depths) => return depths.get(position).copied().unwrap_or(0),
        Depth::Same(depth) => *depth,
    };
    let Some(worker) = worker else {
        return depth;
    };
    if port == Port::Produce && !fifo.init.is_empty() {
        return depth;
    }
    match largest_acquire(&worker.body, &fifo.name, port) {
        0 => depth,
        1 if depth == 1 => 1,
        most => most.saturating_add(1),
    }
}

/// The ends of every fifo, in the order of the fifos; producer first, then consumers.
pub fn split(design: &Design) -> Vec<End> {
    let mut ends = Vec::new();
    for (index, fifo) in design.fifos.iter().enumerate() {
        let depth_of = |position: usize, tile: Tile, port: Port| {
            held(fifo, position, design.worker(tile), port)
        };
        if let Some(tile) = shared_memory(design, fifo) {
            let depth = match &fifo.depth {
                Depth::Same(depth) => *depth,
                Depth::PerEnd(depths) => depths[0],
            };
            ends.push(End {
                name: fifo.name.clone(),
                fifo: index,
                role: Role::Shared,
                tile,
                depth,
                object: fifo.object.clone(),
                dims: Vec::new(),
            });
            continue;
        }
        ends.push(End {
            name: fifo.name.clone(),
            fifo: index,
            role: Role::Producer,
            tile: fifo.producer,
            depth: depth_of(0, fifo.producer, Port::Produce),
            object: fifo.object.clone(),
            dims: fifo.dims_to_stream.clone(),
        });
        let broadcast = fifo.consumers.len() > 1;
        for (i, consumer) in fifo.consumers.iter().enumerate() {
            let name = if broadcast {
                format!("{}_{i}_cons", fifo.name)
            } else {
                format!("{}_cons", fifo.name)
            };
            ends.push(End {
                name,
                fifo: index,
                role: Role::Consumer(i),
                tile: consumer.tile,
                depth: depth_of(i + 1, consumer.tile, Port::Consume),
                object: fifo.object.clone(),
                dims: consumer.dims_from_stream.clone(),
            });
        }
    }
    ends
}
