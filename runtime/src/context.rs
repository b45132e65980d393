//! What every device offers behind an overlay: work is started, and waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Error;
use crate::run::Report;
use crate::storage::Storage;
use crate::stream::Program;

/// One run: a stream and the buffers it is passed, as indices of [`Work::storages`].
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) program: Arc<Program>,
    pub(crate) args: Vec<usize>,
}

/// A submission with the memory that it owns until it has ended.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) steps: Vec<Step>,
    pub(crate) storages: Vec<Storage>,
    /// Whether starting it again after a part has run gives the same result.
    pub(crate) repeatable: bool,
    /// Whether a part of it may have run.
    pub(crate) begun: bool,
    /// How often it was started.
    pub(crate) attempts: u32,
}

impl Work {
    pub(crate) fn new(steps: Vec<Step>, storages: Vec<Storage>) -> Self {
        let repeatable = repeatable(&steps, storages.len());
        Work {
            steps,
            storages,
            repeatable,
            begun: false,
            attempts: 1,
        }
    }

    /// Notes that the device has written the buffers that the steps write.
    pub(crate) fn mark_written(&mut self) {
        for step in &self.steps {
            for (arg, access) in step.args.iter().zip(&step.program.access) {
                if access.writes {
                    self.storages[*arg].mark_written();
                }
            }
        }
    }
}

/// Whether no step reads a buffer that the same or a later step writes: then a second start finds the
/// inputs as the first did.
fn repeatable(steps: &[Step], buffers: usize) -> bool {
    let mut read = vec![false; buffers];
    for step in steps {
        let uses = || step.args.iter().zip(&step.program.access);
        for (arg, access) in uses() {
            read[*arg] |= access.reads;
        }
        if uses().any(|(arg, access)| access.writes && read[*arg]) {
            return false;
        }
    }
    true
}

/// How work ended, and its memory.
pub(crate) struct Ended {
    pub(crate) result: Result<Report, Error>,
    pub(crate) storages: Vec<Storage>,
}

/// Work that could not be started.
pub(crate) struct Refused {
    pub(crate) work: Work,
    pub(crate) error: Error,
}

/// Work that runs.
pub(crate) trait Started: Send {
    /// Waits for the end, but not beyond `until`. After `Some`, it is not called again.
    fn wait(&mut self, until: Option<Instant>) -> Option<Ended>;
}

/// An overlay on a device. Work is run in the order in which it was started.
pub(crate) trait Context: std::fmt::Debug + Send + Sync {
    /// Starts work that is to be given up after `timeout`.
    fn start(&self, work: Work, timeout: Duration) -> Result<Box<dyn Started>, Box<Refused>>;

    /// Buffers that a run can pass.
    fn buffers(&self) -> usize;
}
