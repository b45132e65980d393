//! `amanuensis bench`.

use std::fmt::Write;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::time::Instant;

use serde::Serialize;
use whisper::transcribe::TranscribeOptions;

use super::{load, print};
use crate::audio::{AudioReader, SAMPLE_RATE};
use crate::cli::Bench;
use crate::engine::Engine;
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

    let mut best: Option<Cost> = None;
    for _ in 0..arguments.runs {
        let cost = once(&mut engine, &options, &bytes)?;
        if interrupt::asked() {
            return Ok(Exit::Interrupted);
        }
        if best
            .as_ref()
            .is_none_or(|b| cost.transcribing < b.transcribing)
        {
            best = Some(cost);
        }
    }
    let Some(cost) = best else {
        return Ok(Exit::Done);
    };
    let figures = Figures {
        served_by: engine.provenance().line(),
        audio_seconds: seconds,
        decode_seconds: decoding,
        load_seconds: loading,
        transcribe_seconds: cost.transcribing,
        encoder_seconds: cost.encoder,
        decoder_seconds: cost.decoder,
        real_time_factor: seconds / cost.transcribing,
        tokens: cost.tokens,
        cpu_seconds: cost.processor,
        peak_memory_bytes: peak_memory(),
        runs: arguments.runs,
    };
    print(&if arguments.json {
        figures.json()
    } else {
        figures.table()
    })?;
    Ok(Exit::Done)
}

/// What one transcription took.
struct Cost {
    /// Seconds in all.
    transcribing: f64,
    encoder: f64,
    decoder: f64,
    /// Seconds of all threads, where the system tells.
    processor: Option<f64>,
    tokens: usize,
}

fn once(
    engine: &mut Engine,
    options: &TranscribeOptions,
    wav: &[u8],
) -> Result<Cost, CommandError> {
    let steps = |engine: &Engine| {
        let spent = engine.spent();
        (spent.encoder.read(), spent.decoder.read())
    };
    let before = (cpu_seconds(), steps(engine));
    let begin = Instant::now();
    let mut reader = AudioReader::from_stream(Cursor::new(wav.to_vec()), "samples")?;
    let outcome = engine.transcribe(&mut reader, options, &mut |_| {
        if interrupt::asked() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let transcribing = begin.elapsed().as_secs_f64();
    if let Some(error) = outcome.failure {
        return Err(error);
    }
    let (encoder, decoder) = steps(engine);
    Ok(Cost {
        transcribing,
        encoder: (encoder - before.1.0).as_secs_f64(),
        decoder: (decoder - before.1.1).as_secs_f64(),
        processor: before.0.zip(cpu_seconds()).map(|(a, b)| b - a),
        tokens: outcome
            .transcript
            .segments
            .iter()
            .map(|s| s.tokens.len())
            .sum(),
    })
}

/// All that is printed.
#[derive(Serialize)]
struct Figures {
    served_by: String,
    audio_seconds: f64,
    decode_seconds: f64,
    load_seconds: f64,
    transcribe_seconds: f64,
    encoder_seconds: f64,
    decoder_seconds: f64,
    real_time_factor: f64,
    tokens: usize,
    cpu_seconds: Option<f64>,
    peak_memory_bytes: Option<u64>,
    runs: u16,
}

impl Figures {
    fn json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(error) => unreachable!("strings and numbers always serialize: {error}"),
        }
    }

    fn table(&self) -> String {
        let mut out = String::new();
        let mut row = |name: &str, value: String| {
            // Writing to a string does not fail.
            let _ = writeln!(out, "{name:<22}{value}");
        };
        row("served by", self.served_by.clone());
        row("audio", format!("{:.2} s", self.audio_seconds));
        row(
            "decode and resample",
            format!("{:.3} s", self.decode_seconds),
        );
        row("load model", format!("{:.3} s", self.load_seconds));
        row(
            "transcribe",
            format!(
                "{:.3} s, the fastest of {}",
                self.transcribe_seconds, self.runs
            ),
        );
        row("  encoder", format!("{:.3} s", self.encoder_seconds));
        row("  decoder", format!("{:.3} s", self.decoder_seconds));
        row(
            "real-time factor",
            format!("{:.2} times faster than real time", self.real_time_factor),
        );
        row("tokens", self.tokens.to_string());
        if let Some(seconds) = self.cpu_seconds {
            row("cpu time", format!("{seconds:.2} s"));
        }
        if let Some(bytes) = self.peak_memory_bytes {
            row("peak memory", format!("{:.0} MB", bytes as f64 / 1e6));
        }
        out
    }
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

/// Largest resident size so far in bytes. Source: proc_pid_status(5), VmHWM, in kB of 1024.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
