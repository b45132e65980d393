//! Submissions under way on the NPU: waiting, and what happens when one does not end well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::command::{error_index, health, state};
use super::context::{NpuContext, Submitted};
use super::fault::DriverError;
use super::memory::Bo;
use super::uapi;
use crate::Error;
use crate::context::{Ended, Started, Work};
use crate::run::Report;

/// How often work starts again that lost its context to the failure of other work.
const DISPLACEMENTS: u32 = 16;

/// Commands that were submitted as one: a single one, or a list.
#[derive(Debug)]
pub(super) struct Group {
    /// Index of its first step.
    pub(super) first: usize,
    /// The list, where there is one.
    pub(super) head: Option<Bo>,
    pub(super) commands: Vec<Bo>,
    pub(super) seq: u64,
}

impl Group {
    /// What is submitted.
    pub(super) fn packet(&self) -> &Bo {
        self.head.as_ref().unwrap_or(&self.commands[0])
    }

    pub(super) fn give_back(self, context: &NpuContext) {
        let mut commands = self.commands;
        commands.extend(self.head);
        context.give_back(commands);
    }

    /// Step at which it failed.
    fn failed_step(&self) -> usize {
        let within = self.head.as_ref().map_or(0, error_index);
        self.first + within.min(self.commands.len() - 1)
    }

    /// Operation of the instruction stream that was reached, where the driver tells.
    fn reached(&self) -> Option<u32> {
        health(&self.commands[0]).map(|h| h.txn_op_idx)
    }
}

/// How a group came to its end.
enum End {
    Completed,
    /// The firmware reports an error of the command.
    Failed,
    /// It hangs: the driver's watchdog or our own time says so.
    Hung,
    /// It was cancelled, or never run.
    Lost,
}

/// Work that has been submitted.
#[derive(Debug)]
pub(super) struct Flight {
    context: Arc<NpuContext>,
    work: Work,
    submitted: Option<Submitted>,
    /// Groups that have completed.
    completed: usize,
    begun: Instant,
    timeout: Duration,
    deadline: Instant,
    /// It was started again because of its own failure, which is done once.
    restarted: bool,
    /// How often it was started again because of others' failures.
    displaced: u32,
}

impl Flight {
    pub(super) fn new(
        context: Arc<NpuContext>,
        work: Work,
        submitted: Submitted,
        begun: Instant,
        timeout: Duration,
    ) -> Self {
        Flight {
            context,
            work,
            submitted: Some(submitted),
            completed: 0,
            begun,
            timeout,
            deadline: begun + timeout,
            restarted: false,
            displaced: 0,
        }
    }

    /// How the next group ended; `None` when `until` comes first.
    fn next_end(
        &self,
        submitted: &Submitted,
        until: Option<Instant>,
    ) -> Result<Option<End>, DriverError> {
        let group = &submitted.groups[self.completed];
        let mut now = state(group.packet());
        if !is_final(now) {
            let until = until.map_or(self.deadline, |t| t.min(self.deadline));
            let (driver, handle) = (&self.context.npu.driver, submitted.hardware.handle);
            let done = driver.wait(handle, group.seq, Some(until))?;
            now = state(group.packet());
            if !done && !is_final(now) {
                let late = Instant::now() >= self.deadline;
                return Ok(late.then_some(End::Hung));
            }
        }
        Ok(Some(match now {
            uapi::STATE_COMPLETED => End::Completed,
            uapi::STATE_ERROR => End::Failed,
            uapi::STATE_TIMEOUT | uapi::STATE_NO_RESPONSE => End::Hung,
            _ => End::Lost,
        }))
    }

    /// Calls the work back, whose context is in doubt. Returns what was submitted, and whether the
    /// context was lost to somebody else's failure.
    fn call_back(&mut self) -> (Option<Submitted>, Result<bool, DriverError>) {
        let submitted = self.submitted.take();
        let replaced = match &submitted {
            Some(submitted) => self.context.replace(submitted.epoch).map(|own| !own),
            None => Ok(false),
        };
        (submitted, replaced)
    }

    fn release(&mut self, submitted: Option<Submitted>) {
        for group in submitted.into_iter().flat_map(|s| s.groups) {
            group.give_back(&self.context);
        }
    }

    /// After a failure: starts the work again where that is allowed, or says why not.
    fn recover(&mut self, end: End) -> Result<(), Error> {
        let (submitted, replaced) = self.call_back();
        let group = submitted.as_ref().map(|s| &s.groups[self.completed]);
        let step = group.map_or(0, Group::failed_step);
        let reached = group.and_then(Group::reached);
        self.release(submitted);
        // Nothing of the work runs any more, whether or not there is a new context.
        let displaced = replaced?;
        let (steps, repeatable) = (self.work.steps.len(), self.work.repeatable);
        let again = match end {
            End::Failed => false,
            _ if displaced => self.displaced < DISPLACEMENTS && repeatable,
            _ => !self.restarted && repeatable,
        };
        if !again {
            let attempts = self.work.attempts;
            return Err(match end {
                End::Failed | End::Completed => Error::CommandFailed { step, steps },
                End::Hung => Error::Hung {
                    step,
                    steps,
                    reached: reached.map_or_else(String::new, |op| {
                        format!(" at operation {op} of its instruction stream")
                    }),
                    after: self.begun.elapsed(),
                    attempts,
                },
                End::Lost => Error::Aborted {
                    step,
                    steps,
                    attempts,
                },
            });
        }
        match displaced {
            true => self.displaced += 1,
            false => self.restarted = true,
        }
        self.work.attempts += 1;
        self.context.npu.driver.ledger.retries.add(1);
        self.completed = 0;
        self.deadline = Instant::now() + self.timeout;
        self.submitted = Some(self.context.submit(&mut self.work)?);
        Ok(())
    }

    fn ended(&mut self, result: Result<(), Error>) -> Ended {
        let ledger = &self.context.npu.driver.ledger;
        let submitted = self.submitted.take();
        let epoch = submitted.as_ref().map_or(0, |s| s.epoch);
        if result.is_err() {
            ledger.failures.add(1);
        }
        self.release(submitted);
        let mut work = std::mem::take(&mut self.work);
        work.mark_written();
        Ended {
            result: result.map(|()| Report {
                device: crate::device::NPU,
                cycles: None,
                time: self.begun.elapsed(),
                runs: work.steps.len(),
                attempts: work.attempts,
                rebuilds: epoch,
            }),
            storages: work.storages,
        }
    }
}

/// Whether a command in this state will not change any more.
fn is_final(state: u32) -> bool {
    matches!(
        state,
        uapi::STATE_COMPLETED
            | uapi::STATE_ERROR
            | uapi::STATE_ABORT
            | uapi::STATE_TIMEOUT
            | uapi::STATE_NO_RESPONSE
    )
}

impl Started for Flight {
    fn wait(&mut self, until: Option<Instant>) -> Option<Ended> {
        loop {
            let Some(submitted) = &self.submitted else {
                return Some(self.ended(Err(Error::ContextGone)));
            };
            if self.completed == submitted.groups.len() {
                return Some(self.ended(Ok(())));
            }
            let result = match self.next_end(submitted, until) {
                Ok(None) => return None,
                Ok(Some(End::Completed)) => {
                    self.completed += 1;
                    continue;
                }
                Ok(Some(end)) => self.recover(end),
                // Another thread has replaced the context, and with it what the driver knew of this.
                Err(_) if self.context.epoch() != submitted.epoch => self.recover(End::Lost),
                // The driver cannot say whether the command has ended: it is called back.
                Err(e) => {
                    let (submitted, replaced) = self.call_back();
                    self.release(submitted);
                    Err(replaced.err().unwrap_or(e).into())
                }
            };
            if let Err(e) = result {
                return Some(self.ended(Err(e)));
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Owners wait to the end; if one goes without, its memory must not be written to later.
        if self.submitted.is_some() {
            let (submitted, _) = self.call_back();
            self.release(submitted);
        }
    }
}
