//! Core programs: a worker's steps with locks and addresses in place of fifos and objects.
//!
//! Objects of a fifo take turns, so the address that a step uses depends on how many objects went
//! before. A repeated body is therefore unrolled until the positions of all its fifos recur: with
//! `c` objects consumed per pass out of a ring of `d`, after `d / gcd(c, d)` passes, or the least
//! common multiple over the fifos. The loop that remains has constant addresses only. Passes that
//! differ from the steady state, such as the first one of a sliding window, stand before the loop,
//! the passes left over after it.

use std::collections::BTreeMap;

use arch::array::{lock, memory};
use arch::limits::PROGRAM_BYTES;
use arch::{Tile, TileKind};

use super::design::{Arg, Design, Port, Step, Worker};
use super::verify::WorkerError;

/// Passes of one repeated body that are unrolled at most.
pub const MAX_UNROLL: usize = 1024;

/// Steps of a worker with its loops unrolled at most: an instruction has 2 bytes or more, and each step
/// that is left takes one.
pub const MAX_STEPS: usize = PROGRAM_BYTES as usize / 2;

/// The program of one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorePlan {
    /// Core tile.
    pub tile: Tile,
    /// Stack, bytes, at the bottom of the data memory.
    pub stack_bytes: u32,
    /// First byte of the data memory above all buffers: where static data of the program may lie.
    pub data_base: u32,
    /// Steps.
    pub body: Vec<PlanStep>,
}

/// A step of a core program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanStep {
    /// Waits until the lock holds `count` and takes it.
    Acquire {
        /// Lock as the core names it.
        lock: u8,
        /// How much.
        count: u8,
    },
    /// Gives `count` to the lock.
    Release {
        /// Lock as the core names it.
        lock: u8,
        /// How much.
        count: u8,
    },
    /// Calls a kernel.
    Call {
        /// Kernel.
        kernel: String,
        /// Arguments.
        args: Vec<PlanArg>,
    },
    /// Runs the body `times` times, at least twice.
    Loop {
        /// How often.
        times: u32,
        /// Body.
        body: Vec<PlanStep>,
    },
    /// Runs the body as often as a word of memory says.
    LoopBy {
        /// Address of the word in the core's data space.
        address: u32,
        /// Body.
        body: Vec<PlanStep>,
    },
    /// Runs the body without end.
    Forever {
        /// Body.
        body: Vec<PlanStep>,
    },
}

/// An argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanArg {
    /// Address in the core's data space.
    Address(u32),
    /// A constant.
    I32(i32),
}

/// The ring of a fifo end as a core sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Lock that the core acquires, as it names it.
    pub acquire: u8,
    /// Lock that the core releases, as it names it.
    pub release: u8,
    /// Addresses of the objects in the core's data space.
    pub objects: Vec<u32>,
    /// What one object counts in the locks: as often as it is sent.
    pub count: u32,
}

impl Ring {
    /// The ring of objects at `addresses` of `memory`, guarded by locks of that tile, as the core
    /// `core` sees it; `None` when it does not reach them.
    pub fn new(
        core: Tile,
        memory: Tile,
        addresses: &[u64],
        acquire: u32,
        release: u32,
    ) -> Option<Self> {
        let lock_id = |id: u32| lock::core_lock_id(core, memory, u8::try_from(id).ok()?);
        Some(Ring {
            acquire: lock_id(acquire)?,
            release: lock_id(release)?,
            objects: addresses
                .iter()
                .map(|&a| memory::core_address(core, memory, u32::try_from(a).ok()?))
                .collect::<Option<_>>()?,
            count: 1,
        })
    }
}

/// What a core knows of one end: where the oldest object is and how many are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cursor {
    oldest: u32,
    held: u32,
}

type State = BTreeMap<(String, Port), Cursor>;

/// What steps refer to.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// Rings of the fifo ends that the core works on.
    pub rings: BTreeMap<(String, Port), Ring>,
    /// Addresses of buffers in the core's data space.
    pub buffers: BTreeMap<String, u32>,
}

impl Bindings {
    /// The steps with addresses; `left` is how many more there may be in the whole program.
    fn plan(
        &self,
        steps: &[Step],
        state: &mut State,
        left: &mut usize,
    ) -> Result<Vec<PlanStep>, WorkerError> {
        let mut out = Vec::new();
        for step in steps {
            let length = out.len();
            match step {
                Step::Acquire { fifo, port, count } => {
                    out.extend(self.acquire(fifo, *port, *count, state)?);
                }
                Step::Release { fifo, port, count } => {
                    out.extend(self.release(fifo, *port, *count, state)?);
                }
                Step::Call { kernel, args } => out.push(PlanStep::Call {
                    kernel: kernel.clone(),
                    args: args
                        .iter()
                        .map(|arg| self.argument(arg, state))
                        .collect::<Result<_, _>>()?,
                }),
                Step::Repeat { times, body } => {
                    out.extend(self.repeat(*times, body, state, left)?);
                }
                Step::RepeatBy {
                    buffer,
                    index,
                    body,
                } => {
                    let base = self.buffers.get(buffer).copied().unwrap_or_default();
                    let before = state.clone();
                    let steps = self.plan(body, state, left)?;
                    if let Some((fifo, _)) = moved(&before, state) {
                        return Err(WorkerError::DoesNotRecur {
                            buffer: buffer.clone(),
                            index: *index,
                            fifo,
                        });
                    }
                    out.push(PlanStep::LoopBy {
                        address: base + 4 * index,
                        body: steps,
                    });
                }
            }
            // Those of loops are taken where they are made.
            if !matches!(step, Step::Repeat { .. } | Step::RepeatBy { .. }) {
                take(left, out.len() - length)?;
            }
        }
        Ok(out)
    }

    fn ring(&self, fifo: &str, port: Port) -> Option<&Ring> {
        self.rings.get(&(fifo.to_string(), port))
    }

    fn acquire(
        &self,
        fifo: &str,
        port: Port,
        count: u32,
        state: &mut State,
    ) -> Result<Option<PlanStep>, WorkerError> {
        let Some(ring) = self.ring(fifo, port) else {
            return Ok(None);
        };
        let depth = ring.objects.len() as u32;
        if count > depth {
            return Err(WorkerError::AcquireBeyondDepth {
                fifo: fifo.to_string(),
                count,
                depth,
            });
        }
        let cursor = state.entry((fifo.to_string(), port)).or_default();
        let missing = count.saturating_sub(cursor.held);
        cursor.held += missing;
        Ok((missing > 0).then_some(PlanStep::Acquire {
            lock: ring.acquire,
            count: (missing * ring.count) as u8,
        }))
    }

    fn release(
        &self,
        fifo: &str,
        port: Port,
        count: u32,
        state: &mut State,
    ) -> Result<Option<PlanStep>, WorkerError> {
        let Some(ring) = self.ring(fifo, port) else {
            return Ok(None);
        };
        let cursor = state.entry((fifo.to_string(), port)).or_default();
        if count > cursor.held {
            return Err(WorkerError::ReleaseBeyondHeld {
                fifo: fifo.to_string(),
                count,
                held: cursor.held,
            });
        }
        cursor.held -= count;
        cursor.oldest = (cursor.oldest + count) % ring.objects.len() as u32;
        Ok((count > 0).then_some(PlanStep::Release {
            lock: ring.release,
            count: (count * ring.count) as u8,
        }))
    }

    fn argument(&self, arg: &Arg, state: &State) -> Result<PlanArg, WorkerError> {
        match arg {
            Arg::I32(value) => Ok(PlanArg::I32(*value)),
            Arg::Buffer(name) => Ok(PlanArg::Address(
                self.buffers.get(name).copied().unwrap_or_default(),
            )),
            Arg::Object { fifo, index } => {
                let found = [Port::Consume, Port::Produce]
                    .into_iter()
                    .find_map(|port| Some((port, self.ring(fifo, port)?)));
                let cursor = found
                    .and_then(|(port, _)| state.get(&(fifo.clone(), port)))
                    .copied()
                    .unwrap_or_default();
                match found {
                    Some((_, ring)) if *index < cursor.held => {
                        let at = (cursor.oldest + index) as usize % ring.objects.len();
                        Ok(PlanArg::Address(ring.objects[at]))
                    }
                    _ => Err(WorkerError::NotHeld {
                        fifo: fifo.clone(),
                        index: *index,
                        held: cursor.held,
                    }),
                }
            }
        }
    }

    /// Passes until the state recurs, a loop over the recurring ones, and the rest.
    fn repeat(
        &self,
        times: Option<u32>,
        body: &[Step],
        state: &mut State,
        left: &mut usize,
    ) -> Result<Vec<PlanStep>, WorkerError> {
        let limit = times.map_or(usize::MAX, |n| n as usize);
        let mut starts: Vec<State> = Vec::new();
        let mut passes: Vec<Vec<PlanStep>> = Vec::new();
        let first = loop {
            let recurs = starts.iter().position(|s| same(s, state));
            if recurs.is_some() || passes.len() == limit {
                break recurs;
            }
            if passes.len() == MAX_UNROLL {
                return Err(WorkerError::Unroll { limit: MAX_UNROLL });
            }
            starts.push(state.clone());
            passes.push(self.plan(body, state, left)?);
        };
        let Some(first) = first else {
            return Ok(passes.concat());
        };
        let period = passes.len() - first;
        let mut out = passes[..first].concat();
        let steady = passes[first..].concat();
        let Some(times) = times else {
            out.push(PlanStep::Forever { body: steady });
            return Ok(out);
        };
        let more = times as usize - first;
        let (rounds, rest) = (more / period, more % period);
        if rounds > 1 {
            out.push(PlanStep::Loop {
                times: rounds as u32,
                body: steady,
            });
        } else if rounds == 1 {
            out.extend(steady);
        }
        let rest_passes = passes[first..first + rest].concat();
        take(left, size(&rest_passes))?;
        out.extend(rest_passes);
        *state = starts[first + rest].clone();
        Ok(out)
    }
}

/// Takes so many steps of those that there may be.
fn take(left: &mut usize, steps: usize) -> Result<(), WorkerError> {
    let more = left.checked_sub(steps);
    *left = more.ok_or(WorkerError::Steps { limit: MAX_STEPS })?;
    Ok(())
}

/// Steps, those of loops counted once.
fn size(steps: &[PlanStep]) -> usize {
    let sizes = steps.iter().map(|step| match step {
        PlanStep::Acquire { .. } | PlanStep::Release { .. } | PlanStep::Call { .. } => 1,
        PlanStep::Loop { body, .. }
        | PlanStep::LoopBy { body, .. }
        | PlanStep::Forever { body } => 1 + size(body),
    });
    sizes.sum()
}

/// An end at which two states differ; one that was never used stands at the start of its ring.
fn moved(a: &State, b: &State) -> Option<(String, Port)> {
    let at = |s: &State, key| s.get(key).copied().unwrap_or_default();
    let mut ends = a.keys().chain(b.keys());
    ends.find(|key| at(a, key) != at(b, key)).cloned()
}

/// Whether two states are equal.
fn same(a: &State, b: &State) -> bool {
    moved(a, b).is_none()
}

/// The steps of `worker` with locks and addresses.
///
/// # Errors
/// [`WorkerError`] when the steps use objects that they do not hold.
pub fn plan(worker: &Worker, bindings: &Bindings) -> Result<Vec<PlanStep>, WorkerError> {
    bindings.plan(&worker.body, &mut State::new(), &mut { MAX_STEPS })
}

/// The ends that a core works on: index of the fifo and side.
pub fn core_ends(design: &Design, tile: Tile) -> Vec<(usize, Port)> {
    if tile.kind() != TileKind::Core {
        return Vec::new();
    }
    let mut ends = Vec::new();
    for (i, fifo) in design.fifos.iter().enumerate() {
        if fifo.producer == tile {
            ends.push((i, Port::Produce));
        }
        if fifo.consumers.iter().any(|c| c.tile == tile) {
            ends.push((i, Port::Consume));
        }
    }
    ends
}
