//! Devices, overlays, buffers and dispatch.
//!
//! A [`Device`] loads an [`Overlay`] (the bytes of an XCLBIN); the overlay runs instruction streams
//! ([`InstructionStream`]) on [`Buffer`]s. A submission, of one run or of several ([`Submission`]),
//! gives a [`Run`], which is waited for and says which device served it.
//!
//! ```no_run
//! use runtime::{Buffer, Device, InstructionStream, Overlay};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = Device::open("emulator")?;
//! let overlay = Overlay::load(&device, &std::fs::read("passthrough.xclbin")?)?;
//! let stream = InstructionStream::parse(&std::fs::read("insts_main.bin")?)?;
//! let input = Buffer::from_slice(&[1i16; 32768]);
//! let output = Buffer::<i16>::zeroed(32768);
//! let report = overlay.submit(&stream, &[&input, &output])?.wait()?;
//! println!("{:?} cycles on {}", report.cycles, report.device);
//! assert_eq!(output.read()?, input.read()?);
//! # Ok(())
//! # }
//! ```
//!
//! Everything is `Send`, and all but [`Run`] and [`Submission`] are `Sync`: many threads may submit
//! to one overlay.
//!
//! ```text
//! Device ── Overlay ── Submission ── Run
//!              │            └ Buffer (storage), InstructionStream (stream)
//!              └ context ─┬ npu: the amdxdna driver
//!                         └ emulated: the emulator
//! ```
//!
//! - [`npu`]: the real device, and the traits by which a fake driver stands in for it.
//! - `device`, `overlay`, `submission`, `run`, `buffer`, `stream`: the interface.
//! - `context`, `storage`, `ledger`, `emulated`: what is behind it.
//! - `error`: what can go wrong.

mod buffer;
mod context;
mod device;
mod emulated;
mod error;
mod ledger;
pub mod npu;
mod overlay;
mod run;
mod storage;
mod stream;
mod submission;

pub use buffer::{Argument, Buffer};
pub use device::{Device, Listing};
pub use error::Error;
pub use ledger::Counters;
pub use overlay::{Digest, Overlay};
pub use run::{Report, Run};
pub use stream::InstructionStream;
pub use submission::{RunId, Submission};

/// What the documentation says of threads, for the compiler to check.
const _: () = {
    const fn send<T: Send>() {}
    const fn sync<T: Send + Sync>() {}
    sync::<Device>();
    sync::<Overlay>();
    sync::<InstructionStream>();
    sync::<Buffer<f32>>();
    sync::<Error>();
    send::<Run>();
    send::<Submission<'static>>();
};
