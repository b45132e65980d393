//! A recording's samples through the `passthrough` overlay, on the emulator: they come back as they
//! were.
//!
//! `cargo run --example passthrough [FILE.wav]`

use miette::{IntoDiagnostic, Result, ensure};
use runtime::Device;

fn main() -> Result<()> {
    let (samples, name) = common::recording()?;
    let device = Device::open("emulator").into_diagnostic()?;
    let (returned, cycles) = common::through(&device, "passthrough", &samples)?;

    ensure!(returned == samples, "the samples came back changed");
    println!("{name}: {} samples came back identical", samples.len());
    println!("device {}, {cycles} emulated cycles", device.name());
    Ok(())
}
