//! Checks of workers: names, ends, calls; and that they use only what they hold.

use arch::limits::{CORE_BANK_BYTES, CORE_DATA_BYTES, MAX_LOCK_VALUE};
use arch::{Tile, TileKind};

use super::error::DesignError;
use super::fifos::tile_is;
use super::names;
use super::worker_error::WorkerError;
use crate::design::{Arg, Buffer, Design, Kernel, ObjectFifo, Other, Param, Port, Step};
use crate::lower::plan::Plan;
use crate::lower::stores::link_tile;
use crate::text::list;
use crate::worker;

/// Checks of one worker.
struct Checker<'a> {
    design: &'a Design,
    tile: Tile,
}

impl Checker<'_> {
    fn wrong(&self, source: WorkerError) -> DesignError {
        DesignError::Worker {
            tile: self.tile,
            source,
        }
    }

    fn unknown<'a>(
        &self,
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a String>,
    ) -> DesignError {
        let known = known.into_iter().map(String::as_str);
        names::unknown(format!("worker {}", self.tile), what, name, known)
    }

    /// Checks that one end of a fifo, or the given one, is on the worker's tile.
    fn end_is_here(&self, name: &str, port: Option<Port>) -> Result<&ObjectFifo, DesignError> {
        let Some((_, fifo)) = self.design.fifo(name) else {
            let known = self.design.fifos.iter().map(|f| &f.name);
            return Err(self.unknown("fifo", name, known));
        };
        let produces = fifo.producer == self.tile;
        let consumes = fifo.consumers.iter().any(|c| c.tile == self.tile);
        let (here, wanted) = match port {
            Some(Port::Produce) => (produces, Port::Produce),
            Some(Port::Consume) => (consumes, Port::Consume),
            None => (produces || consumes, Port::Consume),
        };
        let mut links = self.design.links.iter();
        let links = links.find(|l| {
            let names = l.inputs.iter().chain(&l.outputs);
            names.into_iter().any(|n| n == name) && link_tile(self.design, l) == Some(self.tile)
        });
        if here && links.is_some() {
            let fifo = name.to_string();
            return Err(self.wrong(WorkerError::Forwarded { fifo }));
        }
        if here {
            return Ok(fifo);
        }
        Err(self.wrong(WorkerError::NotItsEnd {
            fifo: name.to_string(),
            port: wanted,
            at: match wanted {
                Port::Produce => fifo.producer.to_string(),
                Port::Consume => list(fifo.consumers.iter().map(|c| c.tile)),
            },
        }))
    }

    /// What an argument is, as a parameter would be declared.
    fn given(&self, arg: &Arg) -> Result<Param, DesignError> {
        match arg {
            Arg::Object { fifo, .. } => {
                let fifo = self.end_is_here(fifo, None)?;
                Ok(Param::Memory(fifo.object.clone()))
            }
            Arg::Buffer(name) => Ok(Param::Memory(self.buffer(name)?.object.clone())),
            Arg::I32(_) => Ok(Param::I32),
        }
    }

    /// The buffer `name`, which must be on the worker's tile.
    fn buffer(&self, name: &str) -> Result<&Buffer, DesignError> {
        let buffers = &self.design.buffers;
        let Some(buffer) = buffers.iter().find(|b| b.name == name) else {
            return Err(self.unknown("buffer", name, buffers.iter().map(|b| &b.name)));
        };
        if buffer.tile != self.tile {
            return Err(self.wrong(WorkerError::BufferElsewhere {
                buffer: name.to_string(),
                at: buffer.tile,
            }));
        }
        Ok(buffer)
    }

    fn call(&self, name: &str, args: &[Arg]) -> Result<(), DesignError> {
        let kernels = &self.design.kernels;
        let Some(kernel) = kernels.iter().find(|k| k.name == name) else {
            return Err(self.unknown("kernel", name, kernels.iter().map(|k| &k.name)));
        };
        if args.len() != kernel.params.len() {
            return Err(self.wrong(WorkerError::ArgCount {
                kernel: name.to_string(),
                given: args.len(),
                params: kernel.params.len(),
                signature: list(&kernel.params),
            }));
        }
        for (index, (arg, param)) in args.iter().zip(&kernel.params).enumerate() {
            let given = self.given(arg)?;
            let fits = match (&given, param) {
                (Param::Memory(a), Param::Memory(b)) => a.elem == b.elem && a.len() == b.len(),
                (Param::I32, Param::I32) => true,
                _ => false,
            };
            if !fits {
                return Err(self.wrong(WorkerError::ArgType {
                    kernel: name.to_string(),
                    index,
                    given: given.to_string(),
                    param: param.to_string(),
                }));
            }
        }
        Ok(())
    }

    fn steps(&self, body: &[Step]) -> Result<(), DesignError> {
        for (i, step) in body.iter().enumerate() {
            match step {
                Step::Acquire { fifo, port, count } => {
                    self.end_is_here(fifo, Some(*port))?;
                    let most = u32::from(MAX_LOCK_VALUE);
                    if *count > most {
                        return Err(self.wrong(WorkerError::AcquireBeyondDepth {
                            fifo: fifo.clone(),
                            count: *count,
                            depth: most,
                        }));
                    }
                }
                Step::Release { fifo, port, .. } => {
                    self.end_is_here(fifo, Some(*port))?;
                }
                Step::Call { kernel, args } => self.call(kernel, args)?,
                Step::Repeat { body, .. } => self.steps(body)?,
                Step::RepeatBy {
                    buffer,
                    index,
                    body,
                } => {
                    let words = self.buffer(buffer)?.object.bytes() / 4;
                    if u64::from(*index) >= words {
                        return Err(self.wrong(WorkerError::CountOutside {
                            buffer: buffer.clone(),
                            index: *index,
                            words,
                        }));
                    }
                    self.steps(body)?;
                }
            }
            if endless(step) && i + 1 < body.len() {
                return Err(self.wrong(WorkerError::Unreachable));
            }
        }
        Ok(())
    }
}

/// Whether a step never comes to an end.
fn endless(step: &Step) -> bool {
    match step {
        Step::Repeat { times: None, .. } => true,
        Step::Repeat { times, body } => *times != Some(0) && body.iter().any(endless),
        Step::RepeatBy { body, .. } => body.iter().any(endless),
        _ => false,
    }
}

/// Checks that what a kernel accesses together is there.
fn meets(kernel: &Kernel) -> Result<(), DesignError> {
    let banks = CORE_DATA_BYTES / CORE_BANK_BYTES;
    let params = kernel.params.len() as u32;
    let named = kernel.meets.iter().flat_map(|m| {
        let other = match m.other {
            Other::Param(other) => (other, "parameter", params),
            Other::Bank(bank) => (bank.into(), "bank", banks),
        };
        [(m.param, "parameter", params), other]
    });
    for (other, what, count) in named {
        if other >= count {
            return Err(DesignError::MeetsNothing {
                kernel: kernel.name.clone(),
                other,
                what,
                last: count.saturating_sub(1),
            });
        }
    }
    Ok(())
}

/// Checks what workers name.
pub(super) fn check_names(design: &Design) -> Result<(), DesignError> {
    names::unique(
        "kernel",
        "kernels",
        design.kernels.iter().map(|k| k.name.as_str()),
    )?;
    design.kernels.iter().try_for_each(meets)?;
    let mut seen: Vec<Tile> = Vec::new();
    for worker in &design.workers {
        let tile = worker.tile;
        tile_is(design, &format!("worker {tile}"), tile, TileKind::Core)?;
        if seen.contains(&tile) {
            return Err(DesignError::WorkerTwice { tile });
        }
        seen.push(tile);
        Checker { design, tile }.steps(&worker.body)?;
    }
    Ok(())
}

/// Checks that workers use only what they hold.
pub(super) fn check_steps(design: &Design, plan: &Plan) -> Result<(), DesignError> {
    for worker in &design.workers {
        let tile = worker.tile;
        worker::plan(worker, &plan.bindings(design, tile))
            .map_err(|source| DesignError::Worker { tile, source })?;
    }
    Ok(())
}
