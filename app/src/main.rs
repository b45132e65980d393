//! The `amanuensis` command.

use std::process::ExitCode;

use amanuensis::cli::Cli;
use amanuensis::{command, exit};
use clap::Parser;

fn main() -> ExitCode {
    exit::install_reports();
    let exit = command::run(Cli::parse()).unwrap_or_else(|error| {
        exit::show(&error);
        error.exit
    });
    ExitCode::from(exit as u8)
}
