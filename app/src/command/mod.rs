//! The subcommands, one file each.

mod devices;
mod manual;
mod models;

use crate::cli::{Cli, Command};
use crate::exit::{CommandError, Exit};

/// Runs a command line.
///
/// # Errors
/// What stopped it. Failures of single files among several are shown as they occur, and give the
/// code that is returned.
pub fn run(cli: Cli) -> Result<Exit, CommandError> {
    match cli.command {
        Command::Devices => devices::run(),
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
