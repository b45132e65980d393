//! `cargo xtask bench wer`: word error rates over the recordings of the assets, beside those of the
//! texts that openai-whisper wrote for them, and how many texts are the same.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table, presets};
use miette::{IntoDiagnostic, WrapErr, miette};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

mod edits;
mod normalise;
mod numbers;

use edits::Edits;
use normalise::normalise;

/// The checkpoint in the assets.
const MODEL: &str = "models/tiny.en-libri";

/// What one tool wrote for a recording.
#[derive(Debug, Default)]
struct Heard {
    text: String,
    tokens: Vec<u64>,
    /// Mean log-probabilities of the segments.
    log_probabilities: Vec<f64>,
}

impl Heard {
    /// From a transcript of the reference or of ours: they name fields alike.
    fn new(transcript: &Value) -> Self {
        let segments = transcript["segments"].as_array();
        let segments = || segments.into_iter().flatten();
        let text: String = segments().filter_map(|s| s["text"].as_str()).collect();
        let tokens = segments().filter_map(|s| s["tokens"].as_array());
        Heard {
            text: text.trim().to_owned(),
            tokens: tokens.flatten().filter_map(Value::as_u64).collect(),
            log_probabilities: segments()
                .filter_map(|s| s["avg_logprob"].as_f64())
                .collect(),
        }
    }
}

/// A recording that another text was heard in than by the reference.
struct Difference {
    file: String,
    ours: Heard,
    reference: String,
    log_probabilities: Vec<f64>,
}

/// One row of the table.
struct Row {
    search: &'static str,
    precision: &'static str,
    clips: usize,
    ours: Edits,
    reference: Edits,
    same_text: usize,
    same_tokens: usize,
    differences: Vec<Difference>,
}

pub(super) fn run() -> miette::Result<()> {
    let assets = std::env::var_os("AMANUENSIS_ASSETS")
        .map(PathBuf::from)
        .ok_or_else(|| {
            miette!(
                help = "set AMANUENSIS_ASSETS to the folder with models, audio and goldens",
                "the recordings and the model are in the assets, and AMANUENSIS_ASSETS is not set"
            )
        })?;
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    cmd!(sh, "cargo build --release --package amanuensis")
        .run()
        .into_diagnostic()?;
    let transcripts = transcripts(&assets)?;
    let searches = [
        ("greedy", "1", "openai-whisper-greedy.jsonl"),
        ("beam 5", "5", "openai-whisper-beam5.jsonl"),
    ];
    let mut rows = Vec::new();
    for (search, beams, golden) in searches {
        let reference = reference(&assets.join("goldens").join(golden))?;
        for precision in ["f32", "int8"] {
            let files: Vec<&str> = reference
                .iter()
                .map(|(file, _)| file.as_str())
                .filter(|file| file.starts_with("librispeech/"))
                .collect();
            let ours = transcribe(&sh, &assets, &files, beams, precision)?;
            rows.push(compare(
                (search, precision),
                &transcripts,
                ours,
                &reference,
            )?);
        }
    }
    show(&rows);
    super::write("wer", &figures(&rows))
}

/// Transcripts of the recordings by file.
fn transcripts(assets: &Path) -> miette::Result<HashMap<String, String>> {
    let text = read(&assets.join("audio/transcripts.tsv"))?;
    let rows = text.lines().skip(1).filter_map(|line| {
        let mut cells = line.split('\t');
        let (file, _, transcript) = (cells.next()?, cells.next()?, cells.next()?);
        Some((file.to_owned(), transcript.to_owned()))
    });
    Ok(rows.collect())
}

/// What the reference wrote, in the order of its file.
fn reference(path: &Path) -> miette::Result<Vec<(String, Heard)>> {
    read(path)?
        .lines()
        .map(|line| {
            let json: Value = serde_json::from_str(line).into_diagnostic()?;
            let file = json["file"].as_str().unwrap_or_default().to_owned();
            Ok((file, Heard::new(&json)))
        })
        .collect()
}

fn read(path: &Path) -> miette::Result<String> {
    fs::read_to_string(path)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {}", path.display()))
}

/// What the release build of the command writes for `files`, without fallback, as the reference ran.
fn transcribe(
    sh: &Shell,
    assets: &Path,
    files: &[&str],
    beams: &str,
    precision: &str,
) -> miette::Result<HashMap<String, Heard>> {
    let command = crate::root().join("target/release/amanuensis");
    let folder = tempfile::tempdir().into_diagnostic()?;
    let out = folder.path();
    let model = assets.join(MODEL);
    let paths: Vec<PathBuf> = files.iter().map(|f| assets.join("audio").join(f)).collect();
    cmd!(
        sh,
        "{command} transcribe {paths...} --model {model} --device cpu --precision {precision} --beam-size {beams} --temperature 0 --format json --output-dir {out} --quiet"
    )
    .quiet()
    .run()
    .into_diagnostic()?;
    files
        .iter()
        .map(|file| {
            let stem = Path::new(file).file_stem().unwrap_or_default();
            let path = out.join(stem).with_extension("json");
            let json: Value = serde_json::from_str(&read(&path)?).into_diagnostic()?;
            Ok(((*file).to_owned(), Heard::new(&json)))
        })
        .collect()
}

fn compare(
    (search, precision): (&'static str, &'static str),
    transcripts: &HashMap<String, String>,
    mut ours: HashMap<String, Heard>,
    reference: &[(String, Heard)],
) -> miette::Result<Row> {
    let mut row = Row {
        search,
        precision,
        clips: 0,
        ours: Edits::default(),
        reference: Edits::default(),
        same_text: 0,
        same_tokens: 0,
        differences: Vec::new(),
    };
    for (file, theirs) in reference {
        let Some(heard) = ours.remove(file) else {
            continue;
        };
        let spoken = transcripts
            .get(file)
            .ok_or_else(|| miette!("{file} has no transcript in audio/transcripts.tsv"))?;
        let spoken = normalise(spoken);
        row.clips += 1;
        row.ours += Edits::between(&spoken, &normalise(&heard.text));
        row.reference += Edits::between(&spoken, &normalise(&theirs.text));
        row.same_tokens += usize::from(heard.tokens == theirs.tokens);
        if heard.text == theirs.text {
            row.same_text += 1;
        } else {
            row.differences.push(Difference {
                file: file.clone(),
                ours: heard,
                reference: theirs.text.clone(),
                log_probabilities: theirs.log_probabilities.clone(),
            });
        }
    }
    Ok(row)
}

fn show(rows: &[Row]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "search",
        "weights",
        "clips",
        "words",
        "WER %",
        "reference %",
        "same text",
        "same tokens",
    ]);
    for row in rows {
        table.add_row([
            row.search.to_owned(),
            row.precision.to_owned(),
            row.clips.to_string(),
            row.ours.words.to_string(),
            format!("{:.2}", row.ours.percent()),
            format!("{:.2}", row.reference.percent()),
            format!("{} of {}", row.same_text, row.clips),
            format!("{} of {}", row.same_tokens, row.clips),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!("reference: openai-whisper 20250625 in f32, temperature 0, texts of the assets");
    for row in rows.iter().filter(|row| row.precision == "f32") {
        for d in &row.differences {
            println!("{} {}", row.search, d.file);
            println!("  ours      {:?} {}", d.ours.log_probabilities, d.ours.text);
            println!("  reference {:?} {}", d.log_probabilities, d.reference);
        }
    }
}

fn figures(rows: &[Row]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "search": row.search,
                "weights": row.precision,
                "clips": row.clips,
                "words": row.ours.words,
                "wer_percent": row.ours.percent(),
                "reference_wer_percent": row.reference.percent(),
                "same_text": row.same_text,
                "same_tokens": row.same_tokens,
                "different": row.differences.iter().map(|d| d.file.as_str()).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "what": "word error rate, Whisper's English normaliser", "model": MODEL, "rows": rows })
}
