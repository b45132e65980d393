//! Devices, overlays, buffers and dispatch.
//!
//! A [`Device`] loads an [`Overlay`] (the bytes of an XCLBIN); the overlay runs instruction streams
//! ([`InstructionStream`]) on [`Buffer`]s. A submission gives a [`Run`], which is waited for and says
//! which device served it.
//!
//! ```no_run
//! use runtime::{Buffer, Device, InstructionStream};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = Device::open("emulator")?;
//! let overlay = device.load(&std::fs::read("passthrough.xclbin")?)?;
//! let stream = InstructionStream::parse(&std::fs::read("insts_main.bin")?)?;
//! let input = Buffer::from_slice(&[1i16; 32768]);
//! let output = Buffer::<i16>::zeroed(32768);
//! let report = overlay.submit(&stream, &[&input, &output])?.wait()?;
//! println!("{} cycles on {}", report.cycles, report.device);
//! assert_eq!(output.read()?, input.read()?);
//! # Ok(())
//! # }
//! ```

mod buffer;
mod device;
mod emulated;
mod error;
mod overlay;

pub use buffer::{Argument, Buffer};
pub use device::Device;
pub use error::Error;
pub use overlay::{InstructionStream, Overlay, Report, Run};
