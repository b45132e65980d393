//! What can go wrong between a program and a device.

use std::path::PathBuf;
use std::time::Duration;

use formats::txn::TxnError;
use formats::xclbin::XclbinError;

use crate::npu::{DriverError, Fault};
use crate::overlay::Digest;

/// An error of the runtime.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No device has this name.
    #[error("unknown device `{0}`\nhelp: the devices are `auto`, `npu`, `emulator` and `cpu`")]
    UnknownDevice(String),
    /// A call of the NPU's driver failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The device file is that of another NPU.
    #[error(
        "this NPU has {columns} columns of {core_rows} cores; npu1 has 5 columns of 4\n\
         help: overlays are built for npu1 (Phoenix, Hawk Point) only; use device `emulator` or `cpu`"
    )]
    OtherNpu {
        /// Columns.
        columns: u32,
        /// Rows of core tiles.
        core_rows: u32,
    },
    /// The device runs no overlays.
    #[error("device {device} runs no overlays ({why})\nhelp: open `npu`, or `emulator` for a test")]
    NoOverlays {
        /// Device.
        device: &'static str,
        /// How it came to be the device.
        why: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {why}\nhelp: `cargo xtask build-kernels` writes overlays into target/kernels", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The XCLBIN is not usable.
    #[error(transparent)]
    Xclbin(#[from] XclbinError),
    /// The XCLBIN has no kernel for the NPU.
    #[error(
        "the XCLBIN has no kernel that the NPU can run\n\
         help: `npuc inspect` shows its kernels and the partition's kernel ids"
    )]
    NoKernel,
    /// The kernel's arguments are not those of a kernel that streams drive.
    #[error(
        "kernel {kernel} cannot be started: {why}\n\
         help: arguments are opcode, instruction stream, its length, then buffers; `npuc inspect` shows them"
    )]
    Interface {
        /// Kernel.
        kernel: String,
        /// Why not.
        why: String,
    },
    /// The overlay does not fit the device.
    #[error(
        "the overlay takes {columns} columns; the device has {limit}\n\
         help: build it for 1 to {limit} columns"
    )]
    Columns {
        /// Columns of the overlay.
        columns: u32,
        /// Columns of the device.
        limit: u32,
    },
    /// The bytes are not those that were pinned.
    #[error(
        "the overlay's SHA-256 is {found}, not {expected}\n\
         help: get the file again from where the digest comes from; do not load this one"
    )]
    Digest {
        /// What was pinned.
        expected: Digest,
        /// What was found.
        found: Digest,
    },
    /// No digest.
    #[error("`{0}` is no SHA-256\nhelp: a digest is 64 hexadecimal digits")]
    DigestText(String),
    /// The instruction stream is not usable.
    #[error(transparent)]
    Stream(#[from] TxnError),
    /// The instruction stream is too large for the device.
    #[error(
        "the instruction stream has {bytes} bytes, the limit is {limit}\nhelp: split it into several runs"
    )]
    LargeStream {
        /// Bytes.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The instruction stream names an argument that no kernel has.
    #[error(
        "the instruction stream names argument {index}, the limit is {limit}\n\
         help: the stream is damaged, or made for another runtime"
    )]
    ArgumentIndex {
        /// Argument.
        index: u32,
        /// The highest that is taken.
        limit: u32,
    },
    /// The emulator refused or could not finish.
    #[error(transparent)]
    Emulator(#[from] emulator::EmuError),
    /// The stream patches the address of an argument that was not passed.
    #[error(
        "the instruction stream uses argument {index}, but {passed} buffers were passed\n\
         help: pass one buffer for each argument of the runtime sequence"
    )]
    MissingArgument {
        /// Argument.
        index: usize,
        /// Buffers passed.
        passed: usize,
    },
    /// More buffers than the kernel's interface has.
    #[error(
        "{passed} buffers were passed; a kernel takes at most {limit}\n\
         help: pass several arrays in one buffer, at different offsets"
    )]
    TooManyArguments {
        /// Buffers passed.
        passed: usize,
        /// Buffers that the interface has.
        limit: usize,
    },
    /// More runs than a submission takes.
    #[error("a submission takes at most {limit} runs\nhelp: submit it and start another one")]
    TooManyRuns {
        /// The most that is taken.
        limit: usize,
    },
    /// A submission without runs.
    #[error("the submission has no run\nhelp: add one with `Submission::run`")]
    NothingToRun,
    /// No order of the runs keeps what was asked for.
    #[error(
        "no order of the submission's {runs} runs keeps every one that was asked for\n\
         help: `Submission::order` was given a circle, or a run of another submission"
    )]
    Order {
        /// Runs.
        runs: usize,
    },
    /// The buffer belongs to a submission that has not been waited for.
    #[error(
        "argument {index} belongs to a run that has not been waited for\n\
         help: wait for that run first, and pass a buffer only once"
    )]
    ArgumentBusy {
        /// Argument.
        index: usize,
    },
    /// The buffer belongs to a submission that has not been waited for.
    #[error(
        "the buffer belongs to a run that has not been waited for\nhelp: wait for that run first"
    )]
    BufferBusy,
    /// Contents of another length.
    #[error(
        "{given} elements do not fit a buffer of {held}\n\
         help: a buffer keeps its length; make another one"
    )]
    WrongLength {
        /// Elements given.
        given: usize,
        /// Elements of the buffer.
        held: usize,
    },
    /// The device reports that a run failed.
    #[error(
        "run {step} of {steps} failed on the device\n\
         help: run it on device `emulator`, which says where; check the buffers' sizes"
    )]
    CommandFailed {
        /// Index of the run.
        step: usize,
        /// Runs of the submission.
        steps: usize,
    },
    /// A run did not end.
    #[error(
        "run {step} of {steps} hangs{reached}: it was given up after {after:?}, started {attempts} times; its context was built again\n\
         help: run it on device `emulator`, which says who waits for what; `Overlay::set_timeout` allows more time"
    )]
    Hung {
        /// Index of the run.
        step: usize,
        /// Runs of the submission.
        steps: usize,
        /// How far it came, in words; empty when the driver does not tell.
        reached: String,
        /// Since the submission.
        after: Duration,
        /// How often it was started.
        attempts: u32,
    },
    /// A run was cancelled.
    #[error(
        "run {step} of {steps} was cancelled by the driver, started {attempts} times; its context was built again\n\
         help: submit it again; `dmesg` says why contexts are lost"
    )]
    Aborted {
        /// Index of the run.
        step: usize,
        /// Runs of the submission.
        steps: usize,
        /// How often it was started.
        attempts: u32,
    },
    /// The context that serves the overlay ended.
    #[error("the context that serves the overlay ended\nhelp: load the overlay again")]
    ContextGone,
}

impl Error {
    /// What a failed call of the driver means; `None` for other errors.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Error::Driver(e) => Some(e.fault()),
            _ => None,
        }
    }
}
