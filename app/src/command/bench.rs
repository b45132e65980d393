//! `amanuensis bench`.

use std::fmt::Write;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::time::Instant;

use super::{load, print};
use crate::audio::{AudioReader, SAMPLE_RATE};
use crate::cli::Bench;
use crate::exit::{CommandError, Exit};
use crate::interrupt;

pub(super) fn run(arguments: &Bench) -> Result<Exit, CommandError> {
    interrupt::listen();
    let begin = Instant::now();
    let samples = AudioReader::open(&arguments.file)?.read_to_end()?;
    let decoding = begin.elapsed().as_secs_f64();
    let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);

    let begin = Instant::now();
    let mut engine = load(&arguments.model, false)?;
    let loading = begin.elapsed().as_secs_f64();
    let options = engine.options(&arguments.decoding)?;
    let bytes = as_wav(&samples);
    drop(samples);

    let mut best: Option<(f64, f64)> = None;
    let mut tokens = 0;
    for _ in 0..arguments.runs {
        let cpu = cpu_seconds();
        let begin = Instant::now();
        let mut reader = AudioReader::from_stream(Cursor::new(bytes.clone()), "samples")?;
        let outcome = engine.transcribe(&mut reader, &options, &mut |_| {
            if interrupt::asked() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let taken = begin.elapsed().as_secs_f64();
        if let Some(error) = outcome.failure {
            return Err(error);
        }
        if interrupt::asked() {
            return Ok(Exit::Interrupted);
        }
        let spent = cpu.zip(cpu_seconds()).map_or(f64::NAN, |(a, b)| b - a);
        tokens = outcome
            .transcript
            .segments
            .iter()
            .map(|s| s.tokens.len())
            .sum();
        if best.is_none_or(|(fastest, _)| taken < fastest) {
            best = Some((taken, spent));
        }
    }
    let Some((taken, spent)) = best else {
        return Ok(Exit::Done);
    };
    let mut out = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{name:<22}{value}");
    };
    row("served by", engine.provenance().line());
    row("audio", format!("{seconds:.2} s"));
    row("decode and resample", format!("{decoding:.3} s"));
    row("load model", format!("{loading:.3} s"));
    row(
        "transcribe",
        format!("{taken:.3} s, the fastest of {}", arguments.runs),
    );
    row(
        "real-time factor",
        format!("{:.2} times faster than real time", seconds / taken),
    );
    row("tokens", format!("{tokens}"));
    if spent.is_finite() {
        row("cpu time", format!("{spent:.2} s"));
    }
    if let Some(kilobytes) = peak_memory() {
        row(
            "peak memory",
            format!("{:.0} MB", kilobytes as f64 / 1000.0),
        );
    }
    print(&out)?;
    Ok(Exit::Done)
}

/// The samples as a WAV in memory, so that every run reads the same stream.
fn as_wav(samples: &[f32]) -> Vec<u8> {
    let mut bytes = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x03\0\x01\0".to_vec();
    bytes.extend(SAMPLE_RATE.to_le_bytes());
    bytes.extend((SAMPLE_RATE * 4).to_le_bytes());
    bytes.extend(b"\x04\0\x20\0data\xff\xff\xff\xff");
    bytes.extend(samples.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

/// CPU time of this process. Source: proc_pid_stat(5), fields 14 and 15, in ticks of 10 ms.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}

/// Largest resident size so far in kB. Source: proc_pid_status(5), VmHWM.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
