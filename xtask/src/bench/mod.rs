//! `cargo xtask bench NAME`: each benchmark prints a table and writes the same figures to
//! `target/bench/NAME.json`.

use std::fs;

use clap::ValueEnum;
use miette::{IntoDiagnostic, WrapErr};
use serde_json::Value;

mod build;
mod emulator;
mod gemm;
mod iterate;
mod kernels;
mod runtime;
mod transcribe;
mod wer;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Benchmark
    name: Name,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// Time to build all overlays with the release build of npuc, cold and warm
    Build,
    /// Cycles of every kernel of the library on the emulated core against their bound, and accuracy
    Kernels,
    /// Core cycles a second of the emulator on sixteen cores
    Emulator,
    /// Predicted rates of products on sixteen emulated cores, beside the best published ones
    Gemm,
    /// Time from an edited line of a kernel to its overlay's output on the emulator
    Iterate,
    /// Cost of a transcription on a model of base size, beside faster-whisper and whisper.cpp
    Transcribe,
    /// Word error rates of the command over the recordings of the assets, beside openai-whisper's
    Wer,
    /// Time that the runtime takes for a dispatch, over a fake driver that answers at once
    Runtime,
}

/// Runs a benchmark.
pub(crate) fn run(args: &Args) -> miette::Result<()> {
    match args.name {
        Name::Build => build::run(),
        Name::Kernels => kernels::run(),
        Name::Emulator => emulator::run(),
        Name::Gemm => gemm::run(),
        Name::Iterate => iterate::run(),
        Name::Transcribe => transcribe::run(),
        Name::Wer => wer::run(),
        Name::Runtime => runtime::run(),
    }
}

/// Writes `target/bench/NAME.json`.
fn write(name: &str, figures: &Value) -> miette::Result<()> {
    let folder = crate::root().join("target/bench");
    fs::create_dir_all(&folder).into_diagnostic()?;
    let path = folder.join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(figures).into_diagnostic()?;
    fs::write(&path, text + "\n")
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write {}", path.display()))?;
    println!("written to {}", path.display());
    Ok(())
}
