//! The device `emulator`: contexts that run on the emulated array.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use emulator::{Budget, Npu};

use crate::Error;
use crate::context::{Context, Ended, Refused, Started, Work};
use crate::device::EMULATOR;
use crate::ledger::Ledger;
use crate::run::Report;
use crate::storage::Storage;

/// Cycles after which a run that has not ended is given up: more than a minute of a real NPU. The
/// host's time says nothing of an emulated device, so the time that a caller allows does not count.
const BUDGET: u64 = 100_000_000_000;

/// An emulated array with one overlay, and the thread that runs it.
pub(crate) struct EmulatedContext {
    jobs: Mutex<mpsc::Sender<Job>>,
    buffers: usize,
}

struct Job {
    work: Work,
    done: mpsc::Sender<Ended>,
}

impl EmulatedContext {
    /// An array that is configured by a PDI.
    pub(crate) fn new(pdi: &[u8], buffers: usize, ledger: Arc<Ledger>) -> Result<Self, Error> {
        let mut array = Array {
            pdi: pdi.to_vec(),
            npu: None,
            rebuilds: 0,
            ledger,
        };
        array.npu = Some(array.configured()?);
        array.ledger.contexts.add(1);
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for Job { work, done } in queue {
                // Nobody waits any more when the receiver is gone.
                let _ = done.send(array.run(work));
            }
        });
        Ok(EmulatedContext {
            jobs: Mutex::new(jobs),
            buffers,
        })
    }
}

/// What the thread has.
struct Array {
    pdi: Vec<u8>,
    /// Absent after a run that failed: what it left behind is no state to go on from.
    npu: Option<Npu>,
    rebuilds: u64,
    ledger: Arc<Ledger>,
}

impl Array {
    fn configured(&self) -> Result<Npu, Error> {
        let mut npu = Npu::new();
        npu.load_pdi(&self.pdi)?;
        Ok(npu)
    }

    fn run(&mut self, mut work: Work) -> Ended {
        let begun = Instant::now();
        let result = self.steps(&mut work).map(|cycles| Report {
            device: EMULATOR,
            cycles: Some(cycles),
            time: begun.elapsed(),
            runs: work.steps.len(),
            attempts: work.attempts,
            rebuilds: self.rebuilds,
        });
        if result.is_err() {
            self.ledger.failures.add(1);
        }
        Ended {
            result,
            storages: work.storages,
        }
    }

    /// Runs every step; returns the cycles that they took.
    fn steps(&mut self, work: &mut Work) -> Result<u64, Error> {
        let mut cycles = 0;
        for step in &work.steps {
            let mut args = Vec::with_capacity(step.args.len());
            let mut refused = None;
            for arg in &step.args {
                match work.storages[*arg].take_bytes() {
                    Ok(bytes) => args.push(bytes),
                    Err(e) => {
                        refused = Some(e);
                        break;
                    }
                }
            }
            let result = match refused {
                Some(e) => Err(e),
                None => self.step(step.program.as_ref(), &mut args),
            };
            for (arg, bytes) in step.args.iter().zip(args) {
                work.storages[*arg] = Storage::Host(bytes);
            }
            cycles += result?;
        }
        Ok(cycles)
    }

    fn step(
        &mut self,
        program: &crate::stream::Program,
        args: &mut [Vec<u8>],
    ) -> Result<u64, Error> {
        let mut npu = match self.npu.take() {
            Some(npu) => npu,
            None => {
                self.rebuilds += 1;
                self.ledger.rebuilds.add(1);
                self.configured()?
            }
        };
        let report = npu.run(&program.stream, args, Budget { cycles: BUDGET })?;
        self.npu = Some(npu);
        Ok(report.cycles)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        self.ledger.contexts.sub(1);
    }
}

/// Work that the thread has.
struct Underway(mpsc::Receiver<Ended>);

impl Started for Underway {
    fn wait(&mut self, until: Option<Instant>) -> Option<Ended> {
        let gone = Ended {
            result: Err(Error::ContextGone),
            storages: Vec::new(),
        };
        let Some(until) = until else {
            return Some(self.0.recv().unwrap_or(gone));
        };
        let left = until.saturating_duration_since(Instant::now());
        match self.0.recv_timeout(left) {
            Ok(ended) => Some(ended),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(gone),
        }
    }
}

impl Context for EmulatedContext {
    fn start(&self, work: Work, _timeout: Duration) -> Result<Box<dyn Started>, Box<Refused>> {
        let (done, ended) = mpsc::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        match jobs.send(Job { work, done }) {
            Ok(()) => Ok(Box::new(Underway(ended))),
            Err(mpsc::SendError(job)) => Err(Box::new(Refused {
                work: job.work,
                error: Error::ContextGone,
            })),
        }
    }

    fn buffers(&self) -> usize {
        self.buffers
    }
}

impl fmt::Debug for EmulatedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatedContext")
            .field("buffers", &self.buffers)
            .finish_non_exhaustive()
    }
}
