//! Loaded overlays, submissions and what comes back.

use std::sync::mpsc;
use std::thread;

use formats::txn::{Op, Stream};

use crate::buffer::{Argument, Slot, give_back, take};
use crate::{Device, Error};

/// An instruction stream: the host-side DMA program of one dispatch.
#[derive(Clone, Debug)]
pub struct InstructionStream {
    stream: Stream,
    /// How many arguments it uses: one more than the highest index.
    arguments: u32,
}

impl InstructionStream {
    /// Reads the binary form.
    ///
    /// # Errors
    /// [`Error::Stream`] when the bytes are not an instruction stream.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let stream = Stream::parse(bytes)?;
        let patches = stream.ops.iter().filter_map(|op| match op {
            Op::DdrPatch { arg, .. } => Some(arg.saturating_add(1)),
            _ => None,
        });
        let arguments = patches.max().unwrap_or(0);
        Ok(InstructionStream { stream, arguments })
    }
}

/// What a run says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Device that served it.
    pub device: &'static str,
    /// Clock cycles of the array from the first operation of the stream to its last; emulated where
    /// the device is the emulator.
    pub cycles: u64,
}

/// One overlay at work: executes one stream at a time.
pub(crate) trait Context: Send + 'static {
    /// Runs `stream` to its end on `args`.
    fn execute(&mut self, stream: &Stream, args: &mut [Vec<u8>]) -> Result<Report, Error>;
}

/// What the XCLBIN says of its kernel.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) kernel: String,
    /// Host buffers that a dispatch can pass.
    pub(crate) buffers: usize,
}

struct Job {
    stream: Stream,
    args: Vec<(Slot, Vec<u8>)>,
    done: mpsc::Sender<Result<Report, Error>>,
}

/// An overlay loaded on a device: one hardware context, which executes submissions in order.
///
/// `Send` and `Sync`: any thread may submit. Dropping it waits for what was submitted.
#[derive(Debug)]
pub struct Overlay {
    device: Device,
    interface: Interface,
    jobs: Option<mpsc::Sender<Job>>,
    worker: Option<thread::JoinHandle<()>>,
}

impl Overlay {
    pub(crate) fn start(device: Device, interface: Interface, mut context: impl Context) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let worker = thread::spawn(move || {
            for Job { stream, args, done } in queue {
                let (slots, mut bytes): (Vec<Slot>, Vec<Vec<u8>>) = args.into_iter().unzip();
                let result = context.execute(&stream, &mut bytes);
                give_back(slots.into_iter().zip(bytes).collect());
                // Nobody waits for this run any more when the receiver is gone.
                let _ = done.send(result);
            }
        });
        Overlay {
            device,
            interface,
            jobs: Some(jobs),
            worker: Some(worker),
        }
    }

    /// The device that it is loaded on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Name of the kernel in the XCLBIN.
    pub fn kernel(&self) -> &str {
        &self.interface.kernel
    }

    /// Hands a stream and its buffers to the context, which runs submissions in order. The buffers
    /// belong to the run until it has finished.
    ///
    /// # Errors
    /// [`Error::MissingArgument`], [`Error::TooManyArguments`] or [`Error::ArgumentBusy`] when the
    /// buffers do not fit the stream.
    pub fn submit(&self, stream: &InstructionStream, args: &[&dyn Argument]) -> Result<Run, Error> {
        let passed = args.len();
        let limit = self.interface.buffers;
        if passed > limit {
            return Err(Error::TooManyArguments { passed, limit });
        }
        if stream.arguments as usize > passed {
            let index = stream.arguments - 1;
            return Err(Error::MissingArgument { index, passed });
        }
        let jobs = self.jobs.as_ref().ok_or(Error::ContextGone)?;
        let (done, result) = mpsc::channel();
        let args = take(args)?;
        let stream = stream.stream.clone();
        jobs.send(Job { stream, args, done }).map_err(|refused| {
            give_back(refused.0.args);
            Error::ContextGone
        })?;
        Ok(Run { result })
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// A submission under way.
#[derive(Debug)]
pub struct Run {
    result: mpsc::Receiver<Result<Report, Error>>,
}

impl Run {
    /// Waits for the end of the run; its buffers are free again then.
    ///
    /// # Errors
    /// What stopped the run, for instance [`Error::Emulator`] with who waits for what.
    pub fn wait(self) -> Result<Report, Error> {
        self.result.recv().map_err(|_| Error::ContextGone)?
    }
}
