//! Where a part of a design is: on a tile, or on one that is still to be chosen.

use std::fmt::{self, Display, Formatter};

use arch::{Tile, TileKind};

use super::{Buffer, Cascade, Consumer, Design, ObjectFifo, Worker};

/// A tile that is left open: any of its kind. One name is one tile wherever it stands; two names of
/// cores are two tiles, two names of memory tiles or shims may be one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenTile {
    /// What kind of tile it has to be.
    pub kind: TileKind,
    /// Name, unique among the open tiles of a kind.
    pub name: String,
}

impl OpenTile {
    /// The word by which the text form names a kind.
    pub const fn word(kind: TileKind) -> &'static str {
        match kind {
            TileKind::Core => "core",
            TileKind::Mem => "mem",
            TileKind::Shim => "shim",
        }
    }
}

impl Display for OpenTile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Self::word(self.kind), self.name)
    }
}

/// A tile, or one that [`place`](crate::place::place) chooses. A design of spots is a
/// `Design<Spot>`; the verifier takes designs of tiles only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spot {
    /// This tile.
    At(Tile),
    /// One that is to be chosen.
    Open(OpenTile),
}

impl Spot {
    /// Any core.
    pub fn core(name: impl Into<String>) -> Self {
        Spot::open(TileKind::Core, name)
    }

    /// Any memory tile.
    pub fn mem(name: impl Into<String>) -> Self {
        Spot::open(TileKind::Mem, name)
    }

    /// Any shim.
    pub fn shim(name: impl Into<String>) -> Self {
        Spot::open(TileKind::Shim, name)
    }

    fn open(kind: TileKind, name: impl Into<String>) -> Self {
        let name = name.into();
        Spot::Open(OpenTile { kind, name })
    }

    /// The tile, if it is chosen.
    pub fn tile(&self) -> Option<Tile> {
        match self {
            Spot::At(tile) => Some(*tile),
            Spot::Open(_) => None,
        }
    }

    /// The open tile, if it is one.
    pub fn open_tile(&self) -> Option<&OpenTile> {
        match self {
            Spot::At(_) => None,
            Spot::Open(open) => Some(open),
        }
    }
}

impl From<Tile> for Spot {
    fn from(tile: Tile) -> Self {
        Spot::At(tile)
    }
}

impl Display for Spot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Spot::At(tile) => write!(f, "{tile}"),
            Spot::Open(open) => write!(f, "{open}"),
        }
    }
}

impl<P> Design<P> {
    /// Every mention of a place.
    pub fn places(&self) -> impl Iterator<Item = &P> {
        let producers = self.fifos.iter().map(|f| &f.producer);
        let consumers = self.fifos.iter().flat_map(|f| &f.consumers);
        producers
            .chain(consumers.map(|c| &c.tile))
            .chain(self.buffers.iter().map(|b| &b.tile))
            .chain(self.workers.iter().map(|w| &w.tile))
            .chain(self.cascades.iter().flat_map(|c| [&c.from, &c.to]))
    }

    /// The same design in other places; `None` as soon as `to` has none.
    pub fn moved<Q>(self, mut to: impl FnMut(P) -> Option<Q>) -> Option<Design<Q>> {
        let mut fifos = Vec::with_capacity(self.fifos.len());
        for fifo in self.fifos {
            let producer = to(fifo.producer)?;
            let consumers = fifo.consumers.into_iter().map(|consumer| {
                Some(Consumer {
                    tile: to(consumer.tile)?,
                    dims_from_stream: consumer.dims_from_stream,
                })
            });
            fifos.push(ObjectFifo {
                name: fifo.name,
                producer,
                consumers: consumers.collect::<Option<_>>()?,
                depth: fifo.depth,
                object: fifo.object,
                dims_to_stream: fifo.dims_to_stream,
                pad: fifo.pad,
                repeat: fifo.repeat,
                init: fifo.init,
                rounds: fifo.rounds,
                via_dma: fifo.via_dma,
                packet: fifo.packet,
            });
        }
        let buffers = self.buffers.into_iter().map(|buffer| {
            Some(Buffer {
                name: buffer.name,
                tile: to(buffer.tile)?,
                object: buffer.object,
                address: buffer.address,
                init: buffer.init,
            })
        });
        let buffers = buffers.collect::<Option<_>>()?;
        let workers = self.workers.into_iter().map(|worker| {
            Some(Worker {
                tile: to(worker.tile)?,
                stack_bytes: worker.stack_bytes,
                body: worker.body,
            })
        });
        let workers = workers.collect::<Option<_>>()?;
        let cascades = self.cascades.into_iter().map(|cascade| {
            Some(Cascade {
                from: to(cascade.from)?,
                to: to(cascade.to)?,
            })
        });
        Some(Design {
            name: self.name,
            columns: self.columns,
            memory: self.memory,
            fifos,
            links: self.links,
            buffers,
            kernels: self.kernels,
            workers,
            cascades: cascades.collect::<Option<_>>()?,
            sequences: self.sequences,
        })
    }
}
