//! A recording's samples through the `passthrough` overlay, on the emulator: they come back as they
//! were.
//!
//! `cargo run --example passthrough [FILE.wav]`

use common::DISPATCH;
use miette::{IntoDiagnostic, Result, ensure};
use runtime::{Buffer, Device};

fn main() -> Result<()> {
    let (samples, name) = common::recording()?;
    let device = Device::open("emulator").into_diagnostic()?;
    let (overlay, stream) = common::load(device, "passthrough", "main")?;
    let (input, output) = (Buffer::zeroed(DISPATCH), Buffer::<i16>::zeroed(DISPATCH));

    let (mut returned, mut cycles) = (Vec::new(), 0);
    for chunk in samples.chunks(DISPATCH) {
        let mut padded = chunk.to_vec();
        padded.resize(DISPATCH, 0);
        input.write(&padded).into_diagnostic()?;
        let run = overlay
            .submit(&stream, &[&input, &output])
            .into_diagnostic()?;
        cycles += run.wait().into_diagnostic()?.cycles;
        returned.extend_from_slice(&output.read().into_diagnostic()?[..chunk.len()]);
    }

    ensure!(returned == samples, "the samples came back changed");
    println!("{name}: {} samples came back identical", samples.len());
    println!("device {}, {cycles} emulated cycles", device.name());
    Ok(())
}
