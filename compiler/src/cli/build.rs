//! `npuc build`, and what `cargo xtask build-kernels` runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::tools::Tools;
use super::{Failure, print, read};
use crate::build::{BuildError, Built, Observer, Options, Silent, Source, build_all, build_file};
use crate::overlays::{self, Overlay, manifest, trial};

/// Arguments of `npuc build`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Overlays to build, and designs as text (files); all overlays when none is named
    pub names: Vec<String>,
    /// Folder of the output, one folder per overlay inside
    #[arg(long, value_name = "DIR", default_value = "target/kernels")]
    pub out: PathBuf,
    /// Folder of the cache [default: .cache inside the output folder]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Who does which step.
    #[command(flatten)]
    pub tools: Tools,
    /// Manifest that says which overlays there are [default: the kernels.toml that npuc was built with]
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Run the first sequence of each overlay on the emulator and compare the output with what must come
    /// out
    #[arg(long)]
    pub run: bool,
}

/// Builds overlays in parallel and prints what each of them takes.
///
/// # Errors
/// When a name is unknown or an overlay does not build.
pub fn run(args: &Args) -> Result<(), Failure> {
    let is_file = |name: &&String| name.contains(['/', '.']);
    let (designs, names): (Vec<&String>, Vec<&String>) = args.names.iter().partition(is_file);
    let chosen = match args.names.is_empty() {
        true => listed(args)?,
        false => chosen(args, &names)?,
    };
    let options = Options {
        out: args.out.clone(),
        cache: args
            .cache
            .clone()
            .unwrap_or_else(|| args.out.join(".cache")),
        toolchain: args.tools.find()?,
    };
    let progress = Progress::new(&chosen);
    let built = build_all(&chosen, &options, &progress);
    let designs = designs
        .par_iter()
        .map(|design| build_file(Path::new(design), &options, &Silent));
    let designs: Result<Vec<Built>, BuildError> = designs.collect();
    progress.finish();
    let built = [built.map_err(failure)?, designs.map_err(failure)?].concat();
    print(&format!("{}\n", table(&built)))?;
    if !options.toolchain.found().is_empty() {
        print(&format!("{}\n", steps(&built)))?;
    }
    if args.run {
        for (overlay, built) in chosen.iter().zip(&built) {
            print(&format!("{}\n", tried(overlay, built)?))?;
        }
    }
    Ok(())
}

/// The overlays of the manifest.
fn listed(args: &Args) -> Result<Vec<Overlay>, Failure> {
    let Some(path) = &args.manifest else {
        return manifest::standard().map_err(Failure::work);
    };
    let text = String::from_utf8(read(path)?).map_err(|e| Failure::input(path, e))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    manifest::parse(&text, folder).map_err(|e| Failure::input(path, e))
}

/// Those with these names.
fn chosen(args: &Args, names: &[&String]) -> Result<Vec<Overlay>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let listed = listed(args)?;
    let found = names.iter().map(|name| overlays::find_in(&listed, name));
    found.collect::<Result<_, _>>().map_err(Failure::work)
}

/// Runs a built overlay from its files; what that showed, in one line.
fn tried(overlay: &Overlay, built: &Built) -> Result<String, Failure> {
    let name = &overlay.name;
    let source = overlay.source().map_err(Failure::work)?;
    let shipped = built.report.sequences.iter().map(|s| s.file.clone());
    let files = shipped
        .chain([format!("{name}.xclbin")])
        .map(|file| Ok((file.clone(), read(&built.folder.join(file))?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let trial = trial::run(overlay, &source, &files);
    let trial = trial.map_err(|e| Failure::work(format!("{name} on the emulator: {e}")))?;
    Ok(match trial {
        None => format!("{name}: no reference to hold it against, not run"),
        Some(trial) => format!("{name} on the emulator: {trial}"),
    })
}

fn failure(error: BuildError) -> Failure {
    let code = match error {
        BuildError::User(_) => 3,
        BuildError::Overlay { .. } | BuildError::Io { .. } => 1,
    };
    Failure {
        code,
        ..Failure::work(error)
    }
}

/// The table of steps and how long they took.
fn steps(built: &[Built]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(["overlay", "step", "by", "time", ""]);
    for b in built {
        for step in &b.steps {
            table.add_row([
                &b.report.overlay,
                &step.step,
                &step.by,
                &format!("{:.0} ms", step.time.as_secs_f64() * 1e3),
                &step.note,
            ]);
        }
    }
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// One line per overlay at work; on a terminal only.
struct Progress {
    lines: Vec<(String, ProgressBar)>,
}

impl Progress {
    fn new(chosen: &[Overlay]) -> Self {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{spinner} {prefix:<16} {msg} ({elapsed})");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let line = |overlay: &Overlay| {
            let line = all.add(ProgressBar::new_spinner().with_style(style.clone()));
            line.set_prefix(overlay.name.clone());
            line.enable_steady_tick(Duration::from_millis(100));
            (overlay.name.clone(), line)
        };
        Progress {
            lines: chosen.iter().map(line).collect(),
        }
    }

    fn finish(&self) {
        for (_, line) in &self.lines {
            line.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn stage(&self, overlay: &str, stage: &'static str) {
        if let Some((_, line)) = self.lines.iter().find(|(name, _)| *name == overlay) {
            line.set_message(stage);
        }
    }
}

/// The table of what was built.
fn table(built: &[Built]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "overlay",
        "cores",
        "program bytes",
        "of 16384",
        "data bytes",
        "of 65536",
        "MACs/cycle",
        "bound",
        "bound by",
        "bank waits",
        "time",
        "",
    ]);
    for b in built {
        let (program, data) = (b.report.program_bytes(), b.report.data_bytes());
        let share =
            |used: u32, of: u32| format!("{:.0} %", 100.0 * f64::from(used) / f64::from(of));
        let (macs, bound, binds) = match b.report.inner_loop() {
            Some(inner) => {
                let (macs, bound) = inner.macs_per_cycle();
                (
                    format!("{macs:.1}"),
                    format!("{bound:.1}"),
                    inner.binds.clone(),
                )
            }
            None => ("-".into(), "-".into(), "-".into()),
        };
        table.add_row([
            b.report.overlay.clone(),
            b.report.cores.len().to_string(),
            program.to_string(),
            share(program, arch::limits::PROGRAM_BYTES),
            data.to_string(),
            share(data, arch::limits::CORE_DATA_BYTES),
            macs,
            bound,
            binds,
            format!("{:.0} %", 100.0 * b.report.bank_stalls()),
            format!("{:.0} ms", b.time.as_secs_f64() * 1e3),
            match b.source {
                Source::Built => "built".into(),
                Source::Cache => "cached".into(),
            },
        ]);
    }
    for column in [1, 2, 3, 4, 5, 6, 7, 9, 10] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
