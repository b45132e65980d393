//! Hardware contexts: a queue of commands, the firmware that takes them, a timeline.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use runtime::npu::sys::Errno;
use runtime::npu::uapi;

use crate::bo::Bo;
use crate::faults::{Faults, Upset};
use crate::firmware::{Array, Outcome};
use crate::{Behaviour, Config};

/// A command that was submitted, with everything that it uses.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) command: Arc<Bo>,
    /// BOs that were named as used.
    pub(crate) used: Vec<Arc<Bo>>,
    /// Commands of a list, by handle, as they were when it was submitted.
    pub(crate) listed: Vec<(u32, Arc<Bo>)>,
}

/// How far a context's commands have come. Outlives the context, as a syncobj does.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    submitted: u64,
    ended: u64,
}

impl Timeline {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commands that were submitted, and those that have ended.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let counts = self.counts();
        (counts.submitted, counts.ended)
    }

    fn end_one(&self) {
        self.counts().ended += 1;
        self.changed.notify_all();
    }

    /// Waits for the command with this number. Point 0 of a timeline stands for all that was
    /// submitted, as in Linux `drm_syncobj.c`.
    pub(crate) fn wait(&self, seq: u64, until: Option<Instant>) -> Result<(), Errno> {
        let mut counts = self.counts();
        if seq >= counts.submitted {
            return Err(Errno::EINVAL);
        }
        let target = match seq {
            0 => counts.submitted,
            seq => seq + 1,
        };
        while counts.ended < target {
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return Err(Errno::ETIME);
            }
            let waited = self.changed.wait_timeout(counts, left);
            counts = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

/// What a context's threads share.
#[derive(Debug)]
struct Shared {
    config: Config,
    faults: Arc<Faults>,
    queue: Mutex<Queue>,
    changed: Condvar,
    timeline: Arc<Timeline>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Jobs that are queued or run.
    in_flight: usize,
    /// PDI of the compute unit.
    unit: Option<Vec<u8>>,
    /// The context is being destroyed.
    ending: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hardware context.
#[derive(Debug)]
pub(crate) struct Context {
    shared: Arc<Shared>,
    firmware: Option<thread::JoinHandle<()>>,
    /// Columns that were asked for.
    pub(crate) columns: u32,
    /// Where it took space in the heap for the driver's own lists.
    pub(crate) heap: Vec<usize>,
}

impl Context {
    pub(crate) fn new(config: Config, faults: Arc<Faults>, columns: u32, heap: Vec<usize>) -> Self {
        let shared = Arc::new(Shared {
            config,
            faults,
            queue: Mutex::default(),
            changed: Condvar::new(),
            timeline: Arc::default(),
        });
        let firmware = match config.behaviour {
            Behaviour::Instant => None,
            Behaviour::Emulate => {
                let shared = shared.clone();
                Some(thread::spawn(move || run(&shared)))
            }
        };
        Context {
            shared,
            firmware,
            columns,
            heap,
        }
    }

    pub(crate) fn timeline(&self) -> &Arc<Timeline> {
        &self.shared.timeline
    }

    /// Configures the one compute unit.
    ///
    /// # Errors
    /// EINVAL when there is one already.
    pub(crate) fn configure(&self, pdi: Vec<u8>) -> Result<(), Errno> {
        let mut queue = self.shared.queue();
        if queue.unit.is_some() {
            return Err(Errno::EINVAL);
        }
        queue.unit = Some(pdi);
        Ok(())
    }

    /// A handle by which submissions go on without the device's lock.
    pub(crate) fn submitter(&self) -> Submitter {
        Submitter(self.shared.clone())
    }

    /// Ends the context: what runs is cancelled, what is queued never runs.
    pub(crate) fn end(mut self) {
        self.shared.queue().ending = true;
        self.shared.changed.notify_all();
        if let Some(firmware) = self.firmware.take() {
            // It does not panic; if it did, there is nothing to wait for.
            let _ = firmware.join();
        }
        let left = std::mem::take(&mut self.shared.queue().jobs);
        for _ in left {
            self.shared.timeline.end_one();
        }
    }
}

/// Submits to a context.
pub(crate) struct Submitter(Arc<Shared>);

impl Submitter {
    /// Queues a command; blocks while as many as the driver takes are in flight.
    pub(crate) fn submit(&self, job: Job) -> Result<u64, Errno> {
        let shared = &self.0;
        if shared.config.behaviour == Behaviour::Instant {
            let mut counts = shared.timeline.counts();
            counts.submitted += 1;
            counts.ended += 1;
            let seq = counts.submitted - 1;
            drop(counts);
            set_state(&job, uapi::STATE_COMPLETED);
            return Ok(seq);
        }
        let mut queue = shared.queue();
        while queue.in_flight >= uapi::MAX_IN_FLIGHT && !queue.ending {
            let waited = shared.changed.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if queue.ending {
            return Err(Errno::EINVAL);
        }
        queue.in_flight += 1;
        queue.jobs.push_back(job);
        let seq = {
            let mut counts = shared.timeline.counts();
            counts.submitted += 1;
            counts.submitted - 1
        };
        drop(queue);
        shared.changed.notify_all();
        Ok(seq)
    }
}

fn set_state(job: &Job, state: u32) {
    if let Some(pages) = job.command.pages() {
        pages.set_state(state);
    }
}

/// The firmware's part: takes commands until the context ends.
fn run(shared: &Shared) {
    let mut array = Array::default();
    loop {
        let mut queue = shared.queue();
        let job = loop {
            if queue.ending {
                return;
            }
            if let Some(job) = queue.jobs.pop_front() {
                break job;
            }
            let waited = shared.changed.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        };
        let unit = queue.unit.clone();
        drop(queue);
        let outcome = match shared.faults.on_command() {
            None => array.execute(&job, unit.as_deref()),
            Some(Upset::Hang) => Outcome::Hangs { command: 0, op: 0 },
            Some(Upset::Abort) => Outcome::ended(uapi::STATE_ABORT),
            Some(Upset::Error) => Outcome::ended(uapi::STATE_ERROR),
            Some(Upset::NoResponse) => Outcome::ended(uapi::STATE_NO_RESPONSE),
            Some(Upset::Reject) => Outcome::Rejected,
        };
        match outcome {
            Outcome::Completed => set_state(&job, uapi::STATE_COMPLETED),
            // The driver leaves such a command as it was: state "new", its fence signalled.
            Outcome::Rejected => set_state(&job, uapi::STATE_NEW),
            Outcome::Ended { state, command } => {
                array = Array::default();
                fail(&job, state, command, None);
            }
            Outcome::Hangs { command, op } => {
                array = Array::default();
                if wait_for_watchdog(shared) {
                    let health = uapi::Health {
                        version: 1,
                        txn_op_idx: op,
                        ..Default::default()
                    };
                    fail(&job, uapi::STATE_TIMEOUT, command, Some(health));
                } else {
                    fail(&job, uapi::STATE_ABORT, command, None);
                }
            }
        }
        drop(job);
        shared.queue().in_flight -= 1;
        shared.timeline.end_one();
        shared.changed.notify_all();
    }
}

/// Waits for the watchdog, if there is one; `false` when the context ends before.
fn wait_for_watchdog(shared: &Shared) -> bool {
    let end = shared.config.watchdog.map(|limit| Instant::now() + limit);
    let mut queue = shared.queue();
    while !queue.ending {
        let left = match end {
            Some(end) => end.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        };
        if left.is_zero() {
            return true;
        }
        let waited = shared.changed.wait_timeout(queue, left);
        queue = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    false
}

/// Writes what the driver writes over a command that failed: its state; for a list the index; all
/// ones, or the record of its health, over the data of the command or of the list's first.
fn fail(job: &Job, state: u32, command: usize, health: Option<uapi::Health>) {
    use zerocopy::IntoBytes;
    let Some(pages) = job.command.pages() else {
        return;
    };
    set_state(job, state);
    let list = uapi::opcode(pages.header().load(std::sync::atomic::Ordering::Acquire))
        == uapi::ERT_CMD_CHAIN;
    let over = if list {
        pages.write(12, &(command as u32).to_le_bytes());
        job.listed.first().and_then(|(_, bo)| bo.pages())
    } else {
        Some(pages)
    };
    if let Some(over) = over {
        over.write(4, &vec![0xff; over.len() - 4]);
        if let Some(health) = health {
            over.write(4, health.as_bytes());
        }
    }
}
