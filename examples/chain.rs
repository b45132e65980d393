//! Ten runs in one submission: each scales what the one before left on the device, and only the last
//! result comes back to the host.
//!
//! `cargo run --release --example chain [DEVICE]`

use miette::{IntoDiagnostic, Result, ensure};
use npuc::overlays::scale_i16::{FACTOR, SHIFT};
use runtime::{Buffer, Device};

const RUNS: usize = 10;
const SAMPLES: usize = 32768;

/// A sample times the overlay's factor, rounded to nearest even and saturated.
fn scaled(sample: i16) -> i16 {
    let product = i32::from(sample) * i32::from(FACTOR);
    let (floor, rest, half) = (
        product >> SHIFT,
        product & ((1 << SHIFT) - 1),
        1 << (SHIFT - 1),
    );
    let up = rest > half || (rest == half && floor & 1 == 1);
    (floor + i32::from(up)).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

fn main() -> Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "emulator".into());
    let device = Device::open(&name).into_diagnostic()?;
    let (overlay, stream) = common::load(&device, "scale_i16", "main")?;
    let samples: Vec<i16> = (0..SAMPLES).map(|i| (i % 401) as i16 - 200).collect();
    // Two buffers in turn would do; one for each run also lets a lost chain be started again.
    let buffers: Vec<Buffer<i16>> = (0..=RUNS)
        .map(|n| match n {
            0 => Buffer::from_slice(&samples),
            _ => Buffer::zeroed(SAMPLES),
        })
        .collect();

    let mut work = overlay.submission();
    let mut before = None;
    for pair in buffers.windows(2) {
        let run = work.run(&stream, &[&pair[0], &pair[1]]).into_diagnostic()?;
        if let Some(before) = before {
            work.order(before, run);
        }
        before = Some(run);
    }
    let report = work.submit().into_diagnostic()?.wait().into_diagnostic()?;

    let expected: Vec<i16> = samples
        .iter()
        .map(|s| (0..RUNS).fold(*s, |s, _| scaled(s)))
        .collect();
    let result = buffers[RUNS].read().into_diagnostic()?;
    ensure!(result == expected, "the result differs from plain Rust");
    println!("ten runs in one submission, equal to plain Rust");
    println!(
        "device {}, {} runs, {:?}",
        report.device, report.runs, report.time
    );
    Ok(())
}
