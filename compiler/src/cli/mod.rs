//! The command line: `npuc build`, `check`, `inspect`, `lint`, `disasm`, `asm`, `explain`, `draw`, `run`.
//!
//! Exit codes: 0 done; 1 the work failed, for instance a kernel that does not fit or a run that does
//! not end; 2 the command line is wrong; 3 an input file cannot be read or is not what it should be.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use miette::MietteDiagnostic;

use crate::overlays;
use array::design::{Design, Spot};
use array::place::{Placement, place};

mod asm;
pub mod build;
mod check;
mod disasm;
mod draw;
mod explain;
mod inspect;
mod lint;
mod run;
mod tools;
mod trace;

/// Kernel compiler and toolchain driver for the NPU of AMD Ryzen AI laptops (npu1, AIE2)
#[derive(Debug, Parser)]
#[command(
    name = "npuc",
    version,
    after_help = "Exit codes: 0 done, 1 the work failed, 2 wrong command line, 3 unusable input file."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build overlays: core programs, configuration, instruction streams, XCLBIN
    Build(build::Args),
    /// Check a design against every limit of npu1, without building it
    Check(check::Args),
    /// Show what is inside an XCLBIN, PDI, CDO, core ELF or instruction stream
    Inspect(inspect::Args),
    /// Disassemble a core ELF, or the core programs inside an XCLBIN or PDI
    Disasm(disasm::Args),
    /// Assemble a core's program from text
    Asm(asm::Args),
    /// Show the schedule of a kernel, and what keeps its loops from being shorter
    Explain(explain::Args),
    /// Find what would keep an XCLBIN, and instruction streams on it, from running
    Lint(lint::Args),
    /// Draw the array as an XCLBIN, a design or an overlay configures it: tiles, buffers, routes
    Draw(draw::Args),
    /// Run an instruction stream on an XCLBIN, on the emulator
    Run(run::Args),
}

/// Why a command did not do its work.
#[derive(Debug)]
pub struct Failure {
    /// What happened, with help.
    pub report: miette::Report,
    /// Exit code of the process.
    pub code: u8,
}

impl Failure {
    /// The work itself failed.
    pub fn work(error: impl std::fmt::Display) -> Self {
        Failure {
            report: report(&error.to_string()),
            code: 1,
        }
    }

    /// An input file is not usable.
    pub fn input(path: &Path, error: impl std::fmt::Display) -> Self {
        Failure {
            report: report(&format!("{}: {error}", path.display())),
            code: 3,
        }
    }
}

/// A report from an error's text: what follows `help:` on a line of its own becomes its help.
fn report(text: &str) -> miette::Report {
    let diagnostic = match text.split_once("\nhelp: ") {
        Some((message, help)) => MietteDiagnostic::new(message).with_help(help),
        None => MietteDiagnostic::new(text),
    };
    diagnostic.into()
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Build(args) => build::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Disasm(args) => disasm::run(&args),
        Command::Asm(args) => asm::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Draw(args) => draw::run(&args),
        Command::Run(args) => run::run(&args),
    };
    finish(result)
}

/// What a process ends with that did this: reports a failure on standard error.
pub fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{:?}", failure.report);
            ExitCode::from(failure.code)
        }
    }
}

/// A design with all its tiles: `what` is a file of its text, or the name of an overlay.
///
/// # Errors
/// When the file is not readable or no design, there is no such overlay, or what the design leaves open
/// finds no tiles.
pub fn placed_design(what: &str) -> Result<Placement, Failure> {
    let path = Path::new(what);
    if path.is_file() {
        let text = String::from_utf8(read(path)?).map_err(|e| Failure::input(path, e))?;
        let design = text.parse::<Design<Spot>>();
        place(design.map_err(|e| Failure::input(path, e))?).map_err(Failure::work)
    } else {
        let overlay = overlays::find(what).map_err(Failure::work)?;
        Ok(Placement {
            design: overlay.source().map_err(Failure::work)?.design,
            tiles: BTreeMap::new(),
        })
    }
}

/// Reads an input file.
///
/// # Errors
/// When the file cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::input(path, e))
}

/// Writes a file as a whole, or leaves what was there.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::work(format!("cannot write {}: {e}", path.display()));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let staged = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let staged = staged.map_err(failed)?;
    std::fs::write(staged.path(), bytes).map_err(failed)?;
    staged.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Prints to standard output; a reader that has gone away (`| head`) ends the output quietly.
///
/// # Errors
/// When standard output cannot be written to.
pub fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::work(format!(
            "cannot write to standard output: {e}"
        ))),
        _ => Ok(()),
    }
}
