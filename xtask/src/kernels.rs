//! `cargo xtask build-kernels`: the overlays, with progress and a table; once, or on every change.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use miette::IntoDiagnostic;
use notify::{Event, RecursiveMode, Watcher};
use npuc::cli::build;
use xshell::{Shell, cmd};

/// Arguments of `cargo xtask build-kernels`.
// What is flattened is a group of the same name.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    build: build::Args,
    /// Build and run again whenever a source changes: of the compiler, of the kernels, or the manifest
    #[arg(long)]
    watch: bool,
}

/// What a change of leads to another build.
const WATCHED: &[&str] = &[
    "aie2/src",
    "arch/src",
    "arch/data",
    "array/src",
    "compiler/src",
    "formats/src",
    "kernel/src",
    "kernels.toml",
];
/// Changes within this time of each other are one: editors write files in several steps.
const SETTLED: Duration = Duration::from_millis(50);

/// Builds what `npuc build` builds, into the workspace's target folder.
pub(crate) fn run(args: &Args) -> miette::Result<()> {
    let root = crate::root();
    let mut build = args.build.clone();
    build.out = root.join(build.out);
    build.manifest.get_or_insert(root.join("kernels.toml"));
    match args.watch {
        // As given: npuc reads its arguments itself.
        true => watch(
            std::env::args_os()
                .skip(2)
                .filter(|a| a != "--watch")
                .collect(),
            &build,
        ),
        false => build::run(&build).map_err(|failure| failure.report),
    }
}

/// Builds and runs until interrupted.
fn watch(args: Vec<OsString>, build: &build::Args) -> miette::Result<()> {
    let root = crate::root();
    let mut watched: Vec<PathBuf> = WATCHED.iter().map(|path| root.join(path)).collect();
    watched.extend(
        build
            .manifest
            .iter()
            .filter_map(|m| Some(m.parent()?.to_path_buf())),
    );
    let (sender, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(sender).into_diagnostic()?;
    for path in &watched {
        // The folder of a manifest holds the build's output as well.
        let mode = match path == &root {
            true => RecursiveMode::NonRecursive,
            false => RecursiveMode::Recursive,
        };
        watcher.watch(path, mode).into_diagnostic()?;
    }
    loop {
        let begun = Instant::now();
        let outcome = rebuild(&args);
        if let Err(report) = outcome {
            println!("{report:?}");
        }
        println!(
            "{:.1} s; waiting for a change",
            begun.elapsed().as_secs_f64()
        );
        while !changes
            .recv()
            .into_diagnostic()?
            .is_ok_and(|e| is_change(&e))
        {}
        while !matches!(
            changes.recv_timeout(SETTLED),
            Err(RecvTimeoutError::Timeout)
        ) {}
    }
}

/// Whether an event is more than a look at a file.
fn is_change(event: &Event) -> bool {
    !event.kind.is_access() && !event.paths.iter().any(|p| p.ends_with("target"))
}

/// The compiler from its sources, the overlays that the arguments name by it, and what they do on the
/// emulator.
///
/// # Errors
/// When the compiler or an overlay does not build, or gives something else than it must.
pub(crate) fn rebuild(args: &[OsString]) -> miette::Result<()> {
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    compile(&sh)?;
    let npuc = crate::root().join(FOLDER).join("debug/npuc");
    let command = cmd!(sh, "{npuc} build --run {args...}");
    command.quiet().run().into_diagnostic()
}

/// The compiler that is built again and again, apart from the other builds.
const FOLDER: &str = "target/watch";

/// Brings the compiler up to date. Step by step, as a change of a kernel is a small part of it, and
/// without optimising across its parts, which takes longer than it saves.
pub(crate) fn compile(sh: &Shell) -> miette::Result<()> {
    let command = cmd!(
        sh,
        "cargo build --quiet --package npuc --target-dir {FOLDER}"
    );
    let command = command.env("CARGO_INCREMENTAL", "1");
    let command = command.env("CARGO_PROFILE_DEV_LTO", "off");
    command.quiet().run().into_diagnostic()
}
