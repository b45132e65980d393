//! Core programs that acquire objects, call kernels and release.

use std::collections::{BTreeMap, BTreeSet};

use arch::Tile;
use melior::ir::{Block, Value};
use npuc::array::design::{Arg, Design, Kernel, ObjectType, Port, Step, Worker};

use super::PrintError;
use super::frame::{self, FOREVER};
use crate::aie::Invalid;
use crate::aie::builder::{Maker, Op, region_of};

/// Objects that an acquire gave and calls use.
#[derive(Clone, Debug)]
struct View<'c, 'a> {
    /// Memory of the objects that are used, by their position at the acquire.
    objects: BTreeMap<u32, Value<'c, 'a>>,
    /// Objects released since.
    released: u32,
}

type Views<'c, 'a> = BTreeMap<String, View<'c, 'a>>;

struct Emitter<'c, 'd> {
    maker: Maker<'c>,
    design: &'d Design,
    tile: Tile,
    buffers: &'d BTreeMap<&'d str, Value<'c, 'd>>,
    constants: BTreeMap<i64, Value<'c, 'd>>,
}

/// The `aie.core` of a worker.
pub(super) fn core<'c, 'd>(
    maker: Maker<'c>,
    body: &Block<'c>,
    tile: Value<'c, 'd>,
    design: &'d Design,
    worker: &'d Worker,
    buffers: &'d BTreeMap<&'d str, Value<'c, 'd>>,
) -> Result<(), PrintError> {
    let block = maker.block(&[]);
    let mut numbers = BTreeSet::new();
    bounds(&worker.body, &mut numbers);
    let constants = frame::constants(maker, &block, &numbers)?;
    let emitter = Emitter {
        maker,
        design,
        tile: worker.tile,
        buffers,
        constants,
    };
    emitter.steps(&block, &worker.body, &mut Views::new())?;
    maker.op("aie.end").end_of(&block)?;
    maker
        .op("aie.core")
        .operands(&[tile])
        .i32("stack_size", worker.stack_bytes)
        .result(maker.index())
        .region(region_of(block))
        .end_of(body)?;
    Ok(())
}

/// The indices that loops count with.
fn bounds(steps: &[Step], numbers: &mut BTreeSet<i64>) {
    for step in steps {
        match step {
            Step::Repeat { times, body } => {
                numbers.extend([0, 1, times.map_or(FOREVER, i64::from)]);
                bounds(body, numbers);
            }
            Step::RepeatBy { index, body, .. } => {
                numbers.extend([0, 1, i64::from(*index)]);
                bounds(body, numbers);
            }
            _ => {}
        }
    }
}

/// Finds which objects steps use before they acquire the fifo anew, by their position at the acquire
/// before them. Gives whether there is such an acquire.
fn used(steps: &[Step], name: &str, released: &mut u32, found: &mut BTreeSet<u32>) -> bool {
    for step in steps {
        match step {
            Step::Acquire { fifo, .. } if fifo == name => return true,
            Step::Release { fifo, count, .. } if fifo == name => *released += count,
            Step::Call { args, .. } => {
                for arg in args {
                    match arg {
                        Arg::Object { fifo, index } if fifo == name => {
                            found.insert(index + *released);
                        }
                        _ => {}
                    }
                }
            }
            Step::Repeat { body, .. } | Step::RepeatBy { body, .. }
                if used(body, name, released, found) =>
            {
                return true;
            }
            _ => {}
        }
    }
    false
}

/// Fifos that steps acquire or release.
fn touched<'d>(steps: &'d [Step], found: &mut BTreeSet<&'d str>) {
    for step in steps {
        match step {
            Step::Acquire { fifo, .. } | Step::Release { fifo, .. } => {
                found.insert(fifo);
            }
            Step::Repeat { body, .. } | Step::RepeatBy { body, .. } => touched(body, found),
            Step::Call { .. } => {}
        }
    }
}

impl<'c, 'd> Emitter<'c, 'd> {
    fn steps(
        &self,
        block: &Block<'c>,
        steps: &[Step],
        views: &mut Views<'c, 'd>,
    ) -> Result<(), PrintError> {
        for (i, step) in steps.iter().enumerate() {
            match step {
                Step::Acquire { fifo, port, count } => {
                    let mut objects = BTreeSet::new();
                    used(&steps[i + 1..], fifo, &mut 0, &mut objects);
                    objects.retain(|object| object < count);
                    let view = self.acquire(block, fifo, *port, *count, &objects)?;
                    views.insert(fifo.clone(), view);
                }
                Step::Release { fifo, port, count } => {
                    if let Some(view) = views.get_mut(fifo) {
                        view.released += count;
                    }
                    self.end("aie.objectfifo.release", fifo, *port, *count)
                        .end_of(block)?;
                }
                Step::Call { kernel, args } => self.call(block, kernel, args, views)?,
                Step::Repeat { times, body } => {
                    let times = self.constant(times.map_or(FOREVER, i64::from))?;
                    self.repeat(block, times, body, views)?;
                }
                Step::RepeatBy {
                    buffer,
                    index,
                    body,
                } => {
                    let times = self.count(block, buffer, *index)?;
                    self.repeat(block, times, body, views)?;
                }
            }
        }
        Ok(())
    }

    fn constant(&self, number: i64) -> Result<Value<'c, 'd>, Invalid> {
        self.constants.get(&number).copied().ok_or_else(|| Invalid {
            messages: format!("worker {} has no constant {number}", self.tile),
        })
    }

    fn end(&self, name: &'static str, fifo: &str, port: Port, count: u32) -> Op<'c> {
        let port = match port {
            Port::Produce => 0,
            Port::Consume => 1,
        };
        self.maker
            .op(name)
            .i32("port", port)
            .reference("objFifo_name", fifo)
            .i32("size", count)
    }

    fn object(&self, fifo: &str) -> Result<&'d ObjectType, Invalid> {
        let (_, fifo) = self.design.fifo(fifo).ok_or_else(|| Invalid {
            messages: format!("worker {} has no fifo `{fifo}`", self.tile),
        })?;
        Ok(&fifo.object)
    }

    fn acquire(
        &self,
        block: &Block<'c>,
        fifo: &str,
        port: Port,
        count: u32,
        objects: &BTreeSet<u32>,
    ) -> Result<View<'c, 'd>, Invalid> {
        let memref = self.maker.memref(self.object(fifo)?);
        let r#type = format!("!aie.objectfifosubview<{memref}>");
        let view = self
            .end("aie.objectfifo.acquire", fifo, port, count)
            .result(self.maker.parsed_type(&r#type)?)
            .value_in(block)?;
        let mut memory = BTreeMap::new();
        for &index in objects {
            let object = self
                .maker
                .op("aie.objectfifo.subview.access")
                .operands(&[view])
                .i32("index", index)
                .result(memref)
                .value_in(block)?;
            memory.insert(index, object);
        }
        Ok(View {
            objects: memory,
            released: 0,
        })
    }

    fn call(
        &self,
        block: &Block<'c>,
        name: &str,
        args: &[Arg],
        views: &Views<'c, 'd>,
    ) -> Result<(), PrintError> {
        let kernel = self.design.kernels.iter().find(|k| k.name == name);
        let params = kernel.map_or(&[][..], |k: &Kernel| &k.params);
        let mut operands = Vec::new();
        for (arg, param) in args.iter().zip(params) {
            let value = match arg {
                Arg::Object { fifo, index } => {
                    let view = views.get(fifo);
                    let object = view.and_then(|v| v.objects.get(&(index + v.released)));
                    *object.ok_or_else(|| PrintError::NoAcquire {
                        tile: self.tile,
                        fifo: fifo.clone(),
                        index: *index,
                    })?
                }
                Arg::Buffer(name) => self.buffer(name)?,
                Arg::I32(value) => frame::word(self.maker, block, *value)?,
            };
            operands.push(frame::as_parameter(self.maker, block, value, param)?);
        }
        self.maker
            .op("func.call")
            .operands(&operands)
            .reference("callee", name)
            .end_of(block)?;
        Ok(())
    }

    fn buffer(&self, name: &str) -> Result<Value<'c, 'd>, Invalid> {
        self.buffers.get(name).copied().ok_or_else(|| Invalid {
            messages: format!("worker {} has no buffer `{name}`", self.tile),
        })
    }

    /// A word of a buffer as the number of passes of a loop.
    fn count(
        &self,
        block: &Block<'c>,
        buffer: &str,
        index: u32,
    ) -> Result<Value<'c, 'd>, PrintError> {
        let object = self.design.buffers.iter().find(|b| b.name == buffer);
        let object = object.map(|b| &b.object);
        let words = frame::as_words(self.maker, block, self.buffer(buffer)?, buffer, object)?;
        let index = self.constant(i64::from(index))?;
        Ok(frame::loaded_count(self.maker, block, words, index)?)
    }

    fn repeat(
        &self,
        block: &Block<'c>,
        times: Value<'c, 'd>,
        body: &[Step],
        views: &mut Views<'c, 'd>,
    ) -> Result<(), PrintError> {
        let mut stale = BTreeSet::new();
        touched(body, &mut stale);
        // An object acquired outside is another one in the second pass if a pass moves on.
        let mut inner = views.clone();
        inner.retain(|fifo, _| !stale.contains(fifo.as_str()));
        let bounds = [self.constant(0)?, times, self.constant(1)?];
        let inside = self.maker.block(&[self.maker.index()]);
        self.steps(&inside, body, &mut inner)?;
        frame::for_loop(self.maker, block, bounds, inside)?;
        views.retain(|fifo, _| !stale.contains(fifo.as_str()));
        Ok(())
    }
}
