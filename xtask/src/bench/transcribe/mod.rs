//! `cargo xtask bench transcribe`: cost of a transcription beside faster-whisper and whisper.cpp, on
//! one model of base size with random weights, in turns on the same machine.
//!
//! `models.py` makes the model in the format of each program, so that each window gets the same
//! number of tokens; `hear.py` runs the two others, which come from the Python package index into a
//! virtual environment below `target/`. Nothing of it is part of the product.

use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table, presets};
use miette::{IntoDiagnostic, WrapErr, miette};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

/// The other programs, as packages.
const PACKAGES: &[&str] = &["faster-whisper==1.2.1", "pywhispercpp==1.5.1"];

/// Times everything is run; the fastest counts, for other load only ever slows down.
const ROUNDS: usize = 3;

/// What is measured: name, weights, and how it is called.
struct Contender {
    name: &'static str,
    weights: &'static str,
    model: &'static str,
}

const CONTENDERS: &[Contender] = &[
    Contender {
        name: OURS,
        weights: "f32",
        model: "hf",
    },
    Contender {
        name: OURS,
        weights: "int8",
        model: "hf",
    },
    Contender {
        name: "faster-whisper",
        weights: "int8",
        model: "ct2",
    },
    Contender {
        name: "whisper.cpp",
        weights: "q8_0",
        model: "ggml-q8_0.bin",
    },
    Contender {
        name: "whisper.cpp",
        weights: "f16",
        model: "ggml-f16.bin",
    },
];

const OURS: &str = "amanuensis";

/// Where things are.
struct Place {
    /// Models and recording.
    folder: PathBuf,
    python: PathBuf,
    scripts: PathBuf,
    command: PathBuf,
    threads: String,
}

/// Figures of one contender, the best of its rounds.
struct Row {
    contender: &'static Contender,
    beams: usize,
    figures: Value,
}

pub(super) fn run() -> miette::Result<()> {
    let root = crate::root();
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(&root);
    cmd!(sh, "cargo build --release --package amanuensis")
        .run()
        .into_diagnostic()?;
    let place = Place {
        folder: root.join("target/bench/transcribe"),
        python: environment(&sh, &root.join("target/bench/venv"))?,
        scripts: root.join("xtask/src/bench/transcribe"),
        command: root.join("target/release/amanuensis"),
        threads: std::thread::available_parallelism()
            .map_or(1, usize::from)
            .to_string(),
    };
    let (python, folder) = (&place.python, &place.folder);
    let script = place.scripts.join("models.py");
    cmd!(sh, "{python} {script} {folder}")
        .run()
        .into_diagnostic()?;
    let seconds = recorded_seconds(&folder.join("audio.wav"))?;
    let mut rows: Vec<Row> = Vec::new();
    for round in 0..ROUNDS {
        for (i, (beams, contender)) in [1, 5]
            .iter()
            .flat_map(|&beams| CONTENDERS.iter().map(move |c| (beams, c)))
            .enumerate()
        {
            let figures = measure(&sh, &place, contender, beams)?;
            if round == 0 {
                rows.push(Row {
                    contender,
                    beams,
                    figures,
                });
            } else if wall(&figures) < wall(&rows[i].figures) {
                rows[i].figures = figures;
            }
        }
    }
    show(&rows, seconds, &place.threads);
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "program": row.contender.name,
                "weights": row.contender.weights,
                "beams": row.beams,
                "figures": row.figures,
            })
        })
        .collect();
    super::write(
        "transcribe",
        &json!({
            "what": "transcription of made-up audio with random weights of base size, fastest of the rounds",
            "rounds": ROUNDS,
            "threads": place.threads,
            "audio_seconds": seconds,
            "rows": rows,
        }),
    )
}

/// A virtual environment with the other programs; its Python.
fn environment(sh: &Shell, folder: &Path) -> miette::Result<PathBuf> {
    let python = folder.join("bin/python");
    let failed = || {
        miette!(
            help = "install python3 with its venv module, and see that the package index can be reached",
            "the other programs cannot be installed into {}",
            folder.display()
        )
    };
    if !python.exists() {
        cmd!(sh, "python3 -m venv {folder}")
            .run()
            .map_err(|_| failed())?;
    }
    cmd!(
        sh,
        "{python} -m pip install --quiet --disable-pip-version-check"
    )
    .args(PACKAGES)
    .run()
    .map_err(|_| failed())?;
    Ok(python)
}

/// Seconds of a 16 kHz mono 16-bit file.
fn recorded_seconds(path: &Path) -> miette::Result<f64> {
    let bytes = fs::metadata(path)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {}", path.display()))?
        .len();
    Ok(bytes.saturating_sub(44) as f64 / 32_000.0)
}

/// Runs a contender once, in a process of its own.
fn measure(
    sh: &Shell,
    place: &Place,
    contender: &Contender,
    beams: usize,
) -> miette::Result<Value> {
    let Place {
        folder,
        python,
        scripts,
        command,
        threads,
    } = place;
    let (name, weights) = (contender.name, contender.weights);
    let (model, audio) = (folder.join(contender.model), folder.join("audio.wav"));
    let beams = beams.to_string();
    let printed = if name == OURS {
        cmd!(
            sh,
            "{command} bench {audio} --model {model} --device cpu --precision {weights} --threads {threads} --beam-size {beams} --temperature 0 --language en --without-timestamps --no-condition-on-previous-text --runs 1 --json"
        )
        .ignore_stderr()
        .read()
    } else {
        let script = scripts.join("hear.py");
        cmd!(
            sh,
            "{python} {script} {name} {model} {audio} {threads} {beams} 1"
        )
        .ignore_stderr()
        .read()
    };
    let printed = printed
        .into_diagnostic()
        .wrap_err_with(|| format!("{name} with {weights} weights failed"))?;
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(if name == OURS { &printed } else { last })
        .into_diagnostic()
        .wrap_err_with(|| format!("{name} printed something else than its figures: {printed}"))
}

fn wall(figures: &Value) -> f64 {
    figures["transcribe_seconds"]
        .as_f64()
        .unwrap_or(f64::INFINITY)
}

fn show(rows: &[Row], seconds: f64, threads: &str) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "program",
        "weights",
        "beams",
        "seconds",
        "x real time",
        "CPU s",
        "peak MB",
        "tokens",
        "encoder s",
        "decoder s",
    ]);
    for row in rows {
        let number = |name: &str, scale: f64, decimals: usize| {
            row.figures[name]
                .as_f64()
                .map_or(String::new(), |v| format!("{:.decimals$}", v * scale))
        };
        table.add_row([
            row.contender.name.to_owned(),
            row.contender.weights.to_owned(),
            row.beams.to_string(),
            number("transcribe_seconds", 1.0, 2),
            format!("{:.1}", seconds / wall(&row.figures)),
            number("cpu_seconds", 1.0, 2),
            number("peak_memory_bytes", 1e-6, 0),
            number("tokens", 1.0, 0),
            number("encoder_seconds", 1.0, 2),
            number("decoder_seconds", 1.0, 2),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!(
        "{seconds:.0} s of audio, {threads} threads, fastest of {ROUNDS} rounds; loading is not counted"
    );
}
