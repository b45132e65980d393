//! Several runs in one submission.

use std::collections::BTreeMap;

use crate::buffer::{Slot, give_back, slot_of, take};
use crate::context::{Refused, Step, Work};
use crate::run::Run;
use crate::{Argument, Error, InstructionStream, Overlay};

/// Runs that one submission can have.
const MAX_RUNS: usize = 4096;

/// A run of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunId(usize);

/// Runs that are handed to the device as one: their buffers are taken and given back together, and
/// nothing comes between them.
///
/// The runs are executed one after the other: in the order in which they were added, except where
/// [`Submission::order`] asks for another one. A run sees what the runs before it wrote, so results
/// can stay on the device from one run to the next.
///
/// ```no_run
/// use runtime::{Buffer, Device, InstructionStream, Overlay};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let overlay = Overlay::load_file(&Device::open("npu")?, "scale.xclbin".as_ref())?;
/// let scale = InstructionStream::parse(&std::fs::read("insts_main.bin")?)?;
/// let buffers: Vec<Buffer<i16>> = (0..11).map(|_| Buffer::zeroed(32768)).collect();
/// buffers[0].write(&[100; 32768])?;
/// let mut chain = overlay.submission();
/// for pair in buffers.windows(2) {
///     chain.run(&scale, &[&pair[0], &pair[1]])?;
/// }
/// let report = chain.submit()?.wait()?;
/// println!("{} runs in {:?} on {}", report.runs, report.time, report.device);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Submission<'a> {
    overlay: &'a Overlay,
    steps: Vec<Step>,
    /// The buffers, each once.
    slots: Vec<Slot>,
    /// Index in `slots` by the slot's address.
    known: BTreeMap<usize, usize>,
    /// Pairs of which the first goes before the second.
    orders: Vec<(usize, usize)>,
}

impl<'a> Submission<'a> {
    pub(crate) fn new(overlay: &'a Overlay) -> Self {
        Submission {
            overlay,
            steps: Vec::new(),
            slots: Vec::new(),
            known: BTreeMap::new(),
            orders: Vec::new(),
        }
    }

    /// Adds a run of a stream on buffers, which other runs of the submission may use as well.
    ///
    /// # Errors
    /// [`Error::TooManyArguments`] or [`Error::MissingArgument`] when the buffers do not fit the
    /// stream, [`Error::ArgumentBusy`] when this run names a buffer twice, [`Error::TooManyRuns`].
    pub fn run(
        &mut self,
        stream: &InstructionStream,
        args: &[&dyn Argument],
    ) -> Result<RunId, Error> {
        let passed = args.len();
        let limit = self.overlay.buffers();
        if passed > limit {
            return Err(Error::TooManyArguments { passed, limit });
        }
        let used = stream.arguments();
        if used > passed {
            let index = used - 1;
            return Err(Error::MissingArgument { index, passed });
        }
        if self.steps.len() == MAX_RUNS {
            return Err(Error::TooManyRuns { limit: MAX_RUNS });
        }
        for (index, arg) in args.iter().enumerate() {
            let again = |other: &&dyn Argument| slot_of(*other).key() == slot_of(*arg).key();
            if args[..index].iter().any(again) {
                return Err(Error::ArgumentBusy { index });
            }
        }
        let args = args.iter().map(|arg| {
            let (slot, next) = (slot_of(*arg), self.slots.len());
            let index = *self.known.entry(slot.key()).or_insert(next);
            if index == next {
                self.slots.push(slot.clone());
            }
            index
        });
        let args = args.collect();
        self.steps.push(Step {
            program: stream.0.clone(),
            args,
        });
        Ok(RunId(self.steps.len() - 1))
    }

    /// Asks for `first` to be executed before `then`.
    pub fn order(&mut self, first: RunId, then: RunId) {
        self.orders.push((first.0, then.0));
    }

    /// Number of runs.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no run.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Hands the runs to the device. The buffers belong to them until they have been waited for.
    ///
    /// # Errors
    /// [`Error::NothingToRun`], [`Error::Order`] when the orders contradict each other,
    /// [`Error::ArgumentBusy`] when another submission has one of the buffers (the index counts the
    /// submission's buffers in the order in which they were first named), [`Error::Driver`] when the
    /// driver does not take it. The buffers are free again after an error.
    pub fn submit(self) -> Result<Run, Error> {
        if self.steps.is_empty() {
            return Err(Error::NothingToRun);
        }
        let steps = match self.orders.as_slice() {
            [] => self.steps,
            orders => sorted(self.steps, orders)?,
        };
        let storages = take(&self.slots).map_err(|index| Error::ArgumentBusy { index })?;
        let work = Work::new(steps, storages);
        let overlay = self.overlay;
        match overlay.context().start(work, overlay.timeout()) {
            Ok(started) => Ok(Run::new(started, self.slots, overlay.completer().clone())),
            Err(refused) => {
                let Refused { work, error } = *refused;
                give_back(&self.slots, work.storages);
                Err(error)
            }
        }
    }
}

/// The steps in an order that keeps every pair, and otherwise as they were.
fn sorted(steps: Vec<Step>, orders: &[(usize, usize)]) -> Result<Vec<Step>, Error> {
    let mut waits_for = vec![0usize; steps.len()];
    for (first, then) in orders {
        let known = |run: &usize| *run < steps.len();
        if !known(first) || !known(then) {
            return Err(Error::Order { runs: steps.len() });
        }
        waits_for[*then] += 1;
    }
    let runs = steps.len();
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut out = Vec::with_capacity(runs);
    while out.len() < runs {
        let ready = |run: &usize| steps[*run].is_some() && waits_for[*run] == 0;
        let next = (0..runs).find(ready).ok_or(Error::Order { runs })?;
        out.extend(steps[next].take());
        for (first, then) in orders {
            if *first == next {
                waits_for[*then] -= 1;
            }
        }
    }
    Ok(out)
}
