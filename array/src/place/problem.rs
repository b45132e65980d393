//! A design as numbers, and the price of a placement.

use std::collections::{BTreeMap, BTreeSet};

use arch::geometry::{COLUMNS, ROWS};
use arch::{Tile, TileKind};

use crate::design::{Depth, Design, Link, ObjectFifo, OpenTile, Port, Spot, Worker};
use crate::lower::ends::{held, largest_acquire, shared_tile};

/// Tiles of npu1, by column and row.
const TILES: usize = COLUMNS as usize * ROWS as usize;
/// What a price of one is counted as: what is below says how far in the east the open tiles are, so that
/// of equal placements the one in the west is taken.
pub const UNIT: u64 = 128;
/// Price of one switch further.
const HOP: u64 = 4;
/// Price of a channel, a part of the memory or a step towards its neighbour that a tile lacks.
const OVER: u64 = 100;
/// What is counted as one part of the memory, bytes.
const MEMORY_PART: u64 = 4096;
/// Price of the streams of one shim, once for each pair of them.
const SHIM_LOAD: u64 = 2;

/// The kind of tile that a spot is.
pub fn kind(spot: &Spot) -> TileKind {
    match spot {
        Spot::At(tile) => tile.kind(),
        Spot::Open(open) => open.kind,
    }
}

/// A tile of the design: chosen, or the open one with this number.
#[derive(Clone, Copy)]
enum Place {
    Tile(Tile),
    Open(usize),
}

/// An end of a fifo: where, and how many bytes are held there.
struct Hold {
    place: Place,
    bytes: u64,
}

/// A fifo as far as placement goes.
struct Net {
    from: Hold,
    to: Vec<Hold>,
    /// What neighbours do with it.
    near: Near,
    /// Whether it shares channels of shims where it begins, and where it ends.
    shares: (bool, bool),
}

/// What cores that reach one memory do with a fifo between them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Near {
    /// They send it all the same.
    Send,
    /// They share its objects.
    Share,
    /// They would share its objects, which are too few for that.
    Apart,
}

/// What has to be placed, and what it is placed for.
pub struct Problem {
    columns: u8,
    /// Kind of each open tile.
    kinds: Vec<TileKind>,
    /// Cores that may be chosen.
    cores: Vec<Tile>,
    nets: Vec<Net>,
    cascades: Vec<(Place, Place)>,
    /// Stacks, buffers, and objects that links hold.
    memory: Vec<Hold>,
    /// Cores with a worker.
    workers: Vec<Place>,
}

/// What is used of each tile.
struct Loads {
    begin: Streams,
    end: Streams,
    bytes: [u64; TILES],
}

/// Streams of each tile in one direction.
#[derive(Clone, Copy)]
struct Streams {
    /// Those with a channel of their own.
    alone: [u64; TILES],
    /// Whether there are packets, which share one.
    shared: [bool; TILES],
}

impl Streams {
    const NONE: Streams = Streams {
        alone: [0; TILES],
        shared: [false; TILES],
    };

    fn add(&mut self, tile: Tile, shares: bool) {
        if shares && tile.kind() == TileKind::Shim {
            self.shared[index(tile)] = true;
        } else {
            self.alone[index(tile)] += 1;
        }
    }

    /// Channels that a tile's streams take.
    fn channels(&self, tile: usize) -> u64 {
        self.alone[tile] + u64::from(self.shared[tile])
    }
}

fn index(tile: Tile) -> usize {
    usize::from(tile.col) * usize::from(ROWS) + usize::from(tile.row)
}

fn hops(a: Tile, b: Tile) -> u64 {
    u64::from(a.col.abs_diff(b.col)) + u64::from(a.row.abs_diff(b.row))
}

/// How far a cascade's ends are from where the accumulators go: to the east or to the south.
fn cascade_gap(from: Tile, to: Tile) -> u64 {
    let east = Tile::new(from.col + 1, from.row);
    let south = Tile::new(from.col, from.row.saturating_sub(1));
    hops(east, to).min(hops(south, to))
}

/// The bytes of each end of a fifo.
fn bytes_held(design: &Design<Spot>, fifo: &ObjectFifo<Spot>) -> (u64, Vec<u64>) {
    let worker = |spot: &Spot| design.workers.iter().find(|w| w.tile == *spot);
    let object = fifo.object.bytes();
    let of = |position: usize, spot: &Spot, port: Port| {
        let depth = held(fifo, position, worker(spot).map(|w: &Worker<Spot>| w), port);
        match kind(spot) {
            TileKind::Shim => 0,
            TileKind::Mem | TileKind::Core => object.saturating_mul(u64::from(depth)),
        }
    };
    let consumers = fifo.consumers.iter().enumerate();
    let to = consumers.map(|(i, c)| of(i + 1, &c.tile, Port::Consume));
    (of(0, &fifo.producer, Port::Produce), to.collect())
}

impl Problem {
    /// A design whose open tiles are `open`.
    pub fn new(design: &Design<Spot>, open: &BTreeSet<OpenTile>) -> Self {
        let numbers: BTreeMap<&OpenTile, usize> = open.iter().zip(0..).collect();
        let place = |spot: &Spot| match spot {
            Spot::At(tile) => Place::Tile(*tile),
            Spot::Open(open) => Place::Open(numbers[open]),
        };
        let taken: BTreeSet<Tile> = design.places().filter_map(Spot::tile).collect();
        let cores = Tile::all()
            .filter(|t| t.kind() == TileKind::Core && t.col < design.columns && !taken.contains(t));
        let mut problem = Problem {
            columns: design.columns,
            kinds: open.iter().map(|t| t.kind).collect(),
            cores: cores.collect(),
            nets: Vec::new(),
            cascades: Vec::new(),
            memory: Vec::new(),
            workers: design.workers.iter().map(|w| place(&w.tile)).collect(),
        };
        for fifo in &design.fifos {
            problem.nets.push(problem_net(design, fifo, &place));
        }
        for link in &design.links {
            problem.memory.extend(link_memory(design, link, &place));
        }
        for worker in &design.workers {
            let (place, bytes) = (place(&worker.tile), u64::from(worker.stack_bytes));
            problem.memory.push(Hold { place, bytes });
        }
        for buffer in &design.buffers {
            let (place, bytes) = (place(&buffer.tile), buffer.object.bytes());
            problem.memory.push(Hold { place, bytes });
        }
        for cascade in &design.cascades {
            let ends = (place(&cascade.from), place(&cascade.to));
            problem.cascades.push(ends);
        }
        problem
    }

    /// Kind of each open tile.
    pub fn kinds(&self) -> &[TileKind] {
        &self.kinds
    }

    /// The tiles that an open tile of a kind may become.
    pub fn choices(&self, kind: TileKind) -> Vec<Tile> {
        match kind {
            TileKind::Core => self.cores.clone(),
            TileKind::Mem | TileKind::Shim => Tile::all()
                .filter(|t| t.kind() == kind && t.col < self.columns)
                .collect(),
        }
    }

    /// The price of a placement: `tiles` has one tile for each open one.
    pub fn price(&self, tiles: &[Tile]) -> u64 {
        let at = |place: Place| match place {
            Place::Tile(tile) => tile,
            Place::Open(n) => tiles[n],
        };
        let mut loads = Loads {
            begin: Streams::NONE,
            end: Streams::NONE,
            bytes: [0; TILES],
        };
        let mut price = 0;
        for hold in &self.memory {
            loads.bytes[index(at(hold.place))] += hold.bytes;
        }
        for net in &self.nets {
            let from = at(net.from.place);
            if net.near != Near::Send
                && let Some(tile) = shared_tile(from, at(net.to[0].place))
            {
                loads.bytes[index(tile)] += net.from.bytes;
                price += if net.near == Near::Apart { OVER } else { 0 };
                continue;
            }
            loads.begin.add(from, net.shares.0);
            loads.bytes[index(from)] += net.from.bytes;
            for hold in &net.to {
                let to = at(hold.place);
                loads.end.add(to, net.shares.1);
                loads.bytes[index(to)] += hold.bytes;
                price += HOP * hops(from, to);
            }
        }
        for (from, to) in &self.cascades {
            price += OVER * cascade_gap(at(*from), at(*to));
        }
        let mut cores = [0; COLUMNS as usize];
        for worker in &self.workers {
            cores[usize::from(at(*worker).col)] += 1;
        }
        let balance: u64 = cores.iter().map(|n: &u64| n * n).sum();
        let east: u64 = tiles.iter().map(|t| u64::from(t.col)).sum();
        UNIT * (price + loads.price() + balance) + east
    }
}

impl Loads {
    fn price(&self) -> u64 {
        Tile::all()
            .filter(|t| t.col < COLUMNS)
            .map(|tile| {
                let (i, kind) = (index(tile), tile.kind());
                let channels = u64::from(kind.dma_channels());
                let over = |n: u64| OVER * n.saturating_sub(channels);
                let (begin, end) = (self.begin.channels(i), self.end.channels(i));
                let balance = match kind {
                    TileKind::Shim => SHIM_LOAD * (begin * begin + end * end),
                    TileKind::Mem => begin * begin + end * end,
                    TileKind::Core => 0,
                };
                let lacking = self.bytes[i].saturating_sub(u64::from(kind.data_bytes()));
                over(begin) + over(end) + OVER * lacking.div_ceil(MEMORY_PART) + balance
            })
            .sum()
    }
}

/// Whether a link moves what the end of a fifo in its tile holds.
fn links(link: &Link, fifo: &str) -> bool {
    link.inputs.iter().chain(&link.outputs).any(|n| n == fifo)
}

fn problem_net(
    design: &Design<Spot>,
    fifo: &ObjectFifo<Spot>,
    place: &impl Fn(&Spot) -> Place,
) -> Net {
    let (from, to) = bytes_held(design, fifo);
    // What a link holds is counted there.
    let linked = design.links.iter().any(|l| links(l, &fifo.name));
    let hold = |spot: &Spot, bytes: u64| Hold {
        place: place(spot),
        bytes: if linked && kind(spot) == TileKind::Mem {
            0
        } else {
            bytes
        },
    };
    let consumers = fifo.consumers.iter().zip(to);
    Net {
        from: hold(&fifo.producer, from),
        to: consumers.map(|(c, bytes)| hold(&c.tile, bytes)).collect(),
        shares: (
            fifo.packet.is_some(),
            fifo.packet.is_some_and(|p| p.keep_header),
        ),
        near: if linked || !fifo.may_share() {
            Near::Send
        } else if shared_depth_suffices(design, fifo) {
            Near::Share
        } else {
            Near::Apart
        },
    }
}

/// Whether the objects that neighbours would share are as many as each of them acquires.
fn shared_depth_suffices(design: &Design<Spot>, fifo: &ObjectFifo<Spot>) -> bool {
    let depth = match &fifo.depth {
        Depth::Same(depth) => *depth,
        Depth::PerEnd(depths) => depths.first().copied().unwrap_or(0),
    };
    design.workers.iter().all(|w| {
        let ports = [Port::Produce, Port::Consume].into_iter();
        let mut acquired = ports.map(|port| largest_acquire(&w.body, &fifo.name, port));
        acquired.all(|n| n <= depth)
    })
}

/// What a link holds in its memory tile: the larger object, as often as its fifo's end there.
fn link_memory(
    design: &Design<Spot>,
    link: &Link,
    place: &impl Fn(&Spot) -> Place,
) -> Option<Hold> {
    let fifo = |name: &String| design.fifos.iter().find(|f| f.name == *name);
    let tile = &fifo(link.outputs.first()?)?.producer;
    let inputs = link.inputs.iter().filter_map(fifo).filter_map(|f| {
        let at = f.consumers.iter().position(|c| c.tile == *tile)?;
        bytes_held(design, f).1.get(at).copied()
    });
    let outputs = link.outputs.iter().filter_map(fifo);
    let outputs = outputs.map(|f| bytes_held(design, f).0);
    let bytes = inputs.chain(outputs).max()?;
    Some(Hold {
        place: place(tile),
        bytes,
    })
}
