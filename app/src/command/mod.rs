//! The subcommands, one file each.

mod bench;
mod devices;
mod doctor;
mod manual;
mod models;
mod transcribe;

use crate::cli::{Cli, Command, ModelOptions};
use crate::device::{Host, place};
use crate::engine::Engine;
use crate::exit::{CommandError, Exit};
use crate::models::Store;

/// Runs a command line.
///
/// # Errors
/// What stopped it. Failures of single files among several are shown as they occur, and give the
/// code that is returned.
pub fn run(cli: Cli) -> Result<Exit, CommandError> {
    match cli.command {
        Command::Transcribe(options) => transcribe::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Devices => devices::run(),
        Command::Doctor(options) => doctor::run(&options),
        Command::Models(options) => models::run(&options),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { output_dir } => manual::pages(output_dir.as_deref()),
    }
}

/// Writes to the standard output.
fn print(text: &str) -> Result<(), CommandError> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|source| crate::output::OutputError::Stdout { source }.into())
}

/// Chooses devices and loads the model.
fn load(options: &ModelOptions, quiet: bool) -> Result<Engine, CommandError> {
    let placement = place(options.device, &Host::probe())?;
    if let Some(reason) = placement.reason.as_ref().filter(|_| !quiet) {
        eprintln!("{reason}");
    }
    let path = match Store::locate(options.models_dir.as_deref()) {
        Ok(store) => store.find(&options.model)?,
        Err(error) => {
            let path = std::path::PathBuf::from(&options.model);
            path.exists().then_some(path).ok_or(error)?
        }
    };
    Engine::load(&path, &placement, options.precision, options.threads)
}
