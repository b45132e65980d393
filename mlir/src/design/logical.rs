//! A design with its ObjectFIFOs.

use std::collections::BTreeMap;

use arch::Tile;
use melior::ir::{Attribute, Block, Module, Value};
use npuc::array::design::{Buffer, Depth, Design, Link, ObjectFifo};
use npuc::array::verify::Verified;

use super::attributes::{dims, dims_attribute, pads};
use super::frame::{self, Tiles};
use super::{PrintError, sequence, worker};
use crate::aie::Invalid;
use crate::aie::builder::Maker;

/// Every tile that the design names.
fn tiles(design: &Design) -> Vec<Tile> {
    let mut tiles = design.tiles();
    tiles.extend(design.cascades.iter().flat_map(|c| [c.from, c.to]));
    tiles.sort();
    tiles.dedup();
    tiles
}

/// The design as a module.
pub(super) fn module<'c>(maker: Maker<'c>, verified: &Verified) -> Result<Module<'c>, PrintError> {
    let design = verified.design();
    let body = maker.block(&[]);
    let mut tiles_by_place = Tiles::new();
    for tile in tiles(design) {
        tiles_by_place.insert(tile, frame::tile(maker, tile).value_in(&body)?);
    }
    let emitter = Emitter {
        maker,
        body: &body,
        tiles: &tiles_by_place,
    };
    let mut buffers = BTreeMap::new();
    for buffer in &design.buffers {
        buffers.insert(buffer.name.as_str(), emitter.buffer(buffer)?);
    }
    emitter.fifos_and_links(design)?;
    frame::kernels(maker, &body, design)?;
    for cascade in &design.cascades {
        maker
            .op("aie.cascade_flow")
            .operands(&[emitter.tile(cascade.from)?, emitter.tile(cascade.to)?])
            .end_of(&body)?;
    }
    for program in &design.workers {
        let tile = emitter.tile(program.tile)?;
        worker::core(maker, &body, tile, design, program, &buffers)?;
    }
    sequence::sequences(maker, &body, verified, str::to_owned)?;
    Ok(frame::module(maker, design.columns, body)?)
}

struct Emitter<'c, 'a> {
    maker: Maker<'c>,
    body: &'a Block<'c>,
    tiles: &'a Tiles<'c, 'a>,
}

impl<'c, 'a> Emitter<'c, 'a> {
    fn tile(&self, tile: Tile) -> Result<Value<'c, 'a>, Invalid> {
        self.tiles.get(&tile).copied().ok_or_else(|| Invalid {
            messages: format!("tile {tile} is not among the design's"),
        })
    }

    fn buffer(&self, buffer: &Buffer) -> Result<Value<'c, 'a>, Invalid> {
        let mut op = self
            .maker
            .op("aie.buffer")
            .operands(&[self.tile(buffer.tile)?])
            .string("sym_name", &buffer.name)
            .flag("aligned", true)
            .result(self.maker.memref(&buffer.object));
        if let Some(address) = buffer.address {
            op = op.i32("address", address);
        }
        if let Some(bytes) = &buffer.init {
            let contents = self.maker.contents(&buffer.object, bytes)?;
            op = op.with("initial_value", contents);
        }
        op.value_in(self.body)
    }

    /// Fifos in order; a link behind the last of its fifos.
    fn fifos_and_links(&self, design: &Design) -> Result<(), PrintError> {
        let mut waiting: Vec<&Link> = design.links.iter().collect();
        let mut made: Vec<&str> = Vec::new();
        for fifo in &design.fifos {
            self.fifo(fifo)?;
            made.push(&fifo.name);
            let (ready, rest) = waiting.into_iter().partition(|link| {
                let mut ends = link.inputs.iter().chain(&link.outputs);
                ends.all(|name| made.contains(&name.as_str()))
            });
            waiting = rest;
            let ready: Vec<&Link> = ready;
            ready.into_iter().try_for_each(|link| self.link(link))?;
        }
        Ok(())
    }

    fn fifo(&self, fifo: &ObjectFifo) -> Result<(), PrintError> {
        if fifo.packet.is_some() {
            return Err(PrintError::PacketFifo {
                fifo: fifo.name.clone(),
            });
        }
        let maker = self.maker;
        let mut ends = vec![self.tile(fifo.producer)?];
        for consumer in &fifo.consumers {
            ends.push(self.tile(consumer.tile)?);
        }
        let from_stream: Vec<String> = fifo
            .consumers
            .iter()
            .map(|c| dims(&c.dims_from_stream))
            .collect();
        let from_stream = from_stream.join(", ");
        let r#type = format!("!aie.objectfifo<{}>", maker.memref(&fifo.object));
        let mut op = maker
            .op("aie.objectfifo")
            .operands(&ends)
            .string("sym_name", &fifo.name)
            .with("elemNumber", self.depth(&fifo.depth))
            .with(
                "elemType",
                maker.type_attribute(maker.parsed_type(&r#type)?),
            )
            .with(
                "dimensionsToStream",
                dims_attribute(maker, &fifo.dims_to_stream)?,
            )
            .with(
                "dimensionsFromStreamPerConsumer",
                maker.parsed(&format!("#aie<bd_dim_layout_array_array[{from_stream}]>"))?,
            )
            .flag("via_DMA", fifo.via_dma)
            .flag("plio", false)
            .flag("disable_synchronization", false);
        if !fifo.pad.is_empty() {
            op = op.with("padDimensions", pads(maker, &fifo.pad)?);
        }
        if fifo.repeat > 1 {
            op = op.i32("repeat_count", fifo.repeat);
        }
        if let Some(rounds) = fifo.rounds {
            op = op.i32("iter_count", rounds);
        }
        if !fifo.init.is_empty() {
            let contents: Vec<Attribute> = fifo
                .init
                .iter()
                .map(|bytes| maker.memory_contents(&fifo.object, bytes))
                .collect::<Result<_, _>>()?;
            op = op.with("initValues", maker.array(&contents));
        }
        Ok(op.end_of(self.body)?)
    }

    fn depth(&self, depth: &Depth) -> Attribute<'c> {
        match depth {
            Depth::Same(depth) => self.maker.number(self.maker.integer(32), (*depth).into()),
            Depth::PerEnd(depths) => self.numbers(depths),
        }
    }

    /// `[2, 3]`, of 64 bits.
    fn numbers(&self, numbers: &[u32]) -> Attribute<'c> {
        let r#type = self.maker.integer(64);
        let numbers: Vec<Attribute> = numbers
            .iter()
            .map(|&n| self.maker.number(r#type, n.into()))
            .collect();
        self.maker.array(&numbers)
    }

    fn link(&self, link: &Link) -> Result<(), Invalid> {
        let maker = self.maker;
        let names = |names: &[String]| {
            let names: Vec<Attribute> = names.iter().map(|n| maker.reference(n)).collect();
            maker.array(&names)
        };
        let joins = link.inputs.len() > 1;
        let (sources, targets): (&[u32], &[u32]) = if joins {
            (&link.offsets, &[])
        } else {
            (&[], &link.offsets)
        };
        maker
            .op("aie.objectfifo.link")
            .with("fifoIns", names(&link.inputs))
            .with("fifoOuts", names(&link.outputs))
            .with("src_offsets", self.numbers(sources))
            .with("dst_offsets", self.numbers(targets))
            .end_of(self.body)
    }
}
