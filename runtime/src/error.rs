//! What can go wrong between a program and a device.

use formats::txn::TxnError;
use formats::xclbin::XclbinError;

/// An error of the runtime.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No device has this name.
    #[error("unknown device `{0}`\nhelp: this version has the device `emulator`")]
    UnknownDevice(String),
    /// The XCLBIN is not usable.
    #[error(transparent)]
    Xclbin(#[from] XclbinError),
    /// The XCLBIN has no kernel for the NPU.
    #[error(
        "the XCLBIN has no kernel that the NPU can run\n\
         help: `npuc inspect` shows its kernels and the partition's kernel ids"
    )]
    NoKernel,
    /// The instruction stream is not usable.
    #[error(transparent)]
    Stream(#[from] TxnError),
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
        index: u32,
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
    /// The buffer belongs to a submission that has not finished.
    #[error(
        "argument {index} belongs to a run that has not finished\n\
         help: wait for that run first, and pass a buffer only once"
    )]
    ArgumentBusy {
        /// Argument.
        index: usize,
    },
    /// The buffer belongs to a submission that has not finished.
    #[error("the buffer belongs to a run that has not finished\nhelp: wait for that run first")]
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
    /// The context that serves the overlay ended.
    #[error("the context that serves the overlay ended\nhelp: load the overlay again")]
    ContextGone,
}
