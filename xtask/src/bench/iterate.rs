//! `cargo xtask bench iterate`: from an edited line of the softmax kernel to its overlay's output on the
//! emulator, compared with what must come out: by the kernel's source, and by its kernel IR as text.
//!
//! The line of the source is put back afterwards.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};
use miette::{IntoDiagnostic, miette};
use npuc::kernels::softmax::work;
use npuc::overlays;
use serde_json::json;
use xshell::Shell;

use crate::kernels::{compile, rebuild};

/// The overlay.
const OVERLAY: &str = "softmax_rows";
/// Columns of its rows.
const COLUMNS: u32 = 1536;
/// Rows of a call of its kernel.
const AT_ONCE: u32 = 2;
/// Where its kernel is built.
const SOURCE: &str = "compiler/src/kernels/softmax.rs";
/// The line that is edited: from where on maxima are divided, which other elements are far below either way.
const LINE: &str = "const GREATEST: i32 = 15;";
const EDITED: &str = "const GREATEST: i32 = 14;";
/// Seconds that an edit may take.
const LIMIT: f64 = 3.0;
/// Times each kind of edit is repeated; the median counts.
const REPEATS: usize = 3;

/// A file that gets back what it held.
struct Restored {
    path: PathBuf,
    held: String,
}

impl Restored {
    fn new(path: PathBuf) -> miette::Result<Self> {
        let held = fs::read_to_string(&path).into_diagnostic()?;
        Ok(Restored { path, held })
    }

    fn replace(&self, line: &str, by: &str) -> miette::Result<()> {
        if self.held.matches(line).count() != 1 {
            return Err(miette!(
                help = "name another line in xtask/src/bench/iterate.rs",
                "{} does not hold the line `{line}` once",
                self.path.display()
            ));
        }
        fs::write(&self.path, self.held.replacen(line, by, 1)).into_diagnostic()
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        if let Err(e) = fs::write(&self.path, &self.held) {
            eprintln!("cannot restore {}: {e}", self.path.display());
        }
    }
}

/// Times of one edit.
struct Times {
    compiler: Duration,
    overlay: Duration,
}

pub(super) fn run() -> miette::Result<()> {
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    let folder = tempfile::tempdir().into_diagnostic()?;
    let out = folder.path().join("kernels");
    let args = |manifest: &Path| -> Vec<OsString> {
        let [name, with, into] = [OVERLAY, "--manifest", "--out"].map(OsString::from);
        vec![name, with, manifest.into(), into, out.clone().into()]
    };
    let timed = |manifest: &Path| -> miette::Result<Times> {
        let begun = Instant::now();
        compile(&sh)?;
        let compiler = begun.elapsed();
        rebuild(&args(manifest))?;
        let overlay = begun.elapsed() - compiler;
        Ok(Times { compiler, overlay })
    };

    let standard = crate::root().join("kernels.toml");
    timed(&standard)?;
    let mut source = Vec::new();
    for _ in 0..REPEATS {
        let kernel = Restored::new(crate::root().join(SOURCE))?;
        kernel.replace(LINE, EDITED)?;
        source.push(timed(&standard)?);
        drop(kernel);
        timed(&standard)?;
    }

    let (manifest, text) = as_text(folder.path())?;
    timed(&manifest)?;
    let mut ir = Vec::new();
    for repeat in 0..REPEATS {
        // Results stay what they are; the code, and with it every file, changes.
        let edited = text.replacen("{\n", &format!("{{\n  %spare = const {repeat}\n"), 1);
        fs::write(folder.path().join("softmax.kir"), edited).into_diagnostic()?;
        ir.push(timed(&manifest)?);
    }

    let rows = [
        ("source, in Rust", median(source)),
        ("kernel IR, as text", median(ir)),
    ];
    println!("{}", table(&rows));
    let figures = rows.iter().map(|(edit, [compiler, overlay])| {
        json!({
            "edit": edit,
            "compiler_seconds": compiler,
            "overlay_seconds": overlay,
            "total_seconds": compiler + overlay,
        })
    });
    super::write(
        "iterate",
        &json!({
            "what": "an edited line of softmax to its overlay's output on the emulator, debug build, median",
            "repeats": REPEATS,
            "limit_seconds": LIMIT,
            "rows": figures.collect::<Vec<_>>(),
        }),
    )
}

/// The overlay's kernel as a file of kernel IR in a folder, beside a manifest that names it.
fn as_text(folder: &Path) -> miette::Result<(PathBuf, String)> {
    let overlay = overlays::find(OVERLAY).into_diagnostic()?;
    let text = overlay.source().into_diagnostic()?.kernels.to_string();
    fs::write(folder.join("softmax.kir"), &text).into_diagnostic()?;
    let manifest = folder.join("kernels.toml");
    let entry = format!(
        "[[overlay]]\nname = \"{OVERLAY}\"\nabout = \"{}\"\n[overlay.design.rows]\n\
         kernel.file = {{ path = \"softmax.kir\", elem = \"bf16\", work = {} }}\n\
         columns = {COLUMNS}\nat_once = {AT_ONCE}\nrows = [32, 1536]\n",
        overlay.about,
        work(AT_ONCE, COLUMNS)
    );
    fs::write(&manifest, entry).into_diagnostic()?;
    Ok((manifest, text))
}

/// Seconds for the compiler and for the overlay, of the edit in the middle.
fn median(mut times: Vec<Times>) -> [f64; 2] {
    times.sort_by_key(|t| t.compiler + t.overlay);
    let middle = &times[times.len() / 2];
    [middle.compiler, middle.overlay].map(|t| t.as_secs_f64())
}

fn table(rows: &[(&str, [f64; 2])]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "edited line of softmax",
        "compiler s",
        "overlay and its run s",
        "total s",
        "limit s",
    ]);
    for (edit, [compiler, overlay]) in rows {
        table.add_row([
            (*edit).to_owned(),
            format!("{compiler:.2}"),
            format!("{overlay:.2}"),
            format!("{:.2}", compiler + overlay),
            format!("{LIMIT:.1}"),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_there() {
        let source = fs::read_to_string(crate::root().join(SOURCE)).expect("it is read");
        assert_eq!(source.matches(LINE).count(), 1);
    }
}
