//! A recording's samples times 1.5 through the `scale_i16` overlay, on the emulator, against the same
//! in plain Rust.
//!
//! `cargo run --example scale_i16 [FILE.wav]`

use miette::{IntoDiagnostic, Result, ensure};
use npuc::overlays::scale_i16::{FACTOR, SHIFT};
use runtime::Device;

/// The product, rounded to nearest even and saturated.
fn reference(sample: i16) -> i16 {
    let product = i32::from(sample) * i32::from(FACTOR);
    let (floor, rest) = (product >> SHIFT, product & ((1 << SHIFT) - 1));
    let half = 1 << (SHIFT - 1);
    let up = rest > half || (rest == half && floor & 1 == 1);
    (floor + i32::from(up)).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

fn main() -> Result<()> {
    let (samples, name) = common::recording()?;
    let device = Device::open("emulator").into_diagnostic()?;
    let (scaled, cycles) = common::through(&device, "scale_i16", &samples)?;

    let expected: Vec<i16> = samples.iter().copied().map(reference).collect();
    let wrong = scaled.iter().zip(&expected).filter(|(a, b)| a != b).count();
    ensure!(
        wrong == 0,
        "{wrong} of {} samples differ from the reference",
        samples.len()
    );
    let saturated = expected
        .iter()
        .filter(|s| matches!(**s, i16::MIN | i16::MAX))
        .count();
    println!(
        "{name}: {} samples equal to the reference, {saturated} saturated",
        samples.len()
    );
    println!("device {}, {cycles} emulated cycles", device.name());
    Ok(())
}
