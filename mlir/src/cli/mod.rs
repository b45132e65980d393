//! The command line: `npuc-mlir design`.
//!
//! Exit codes are those of `npuc`: 0 done; 1 the work failed; 2 the command line is wrong; 3 an input
//! file cannot be read or is not what it should be.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod design;

/// Designs for the NPU of AMD Ryzen AI laptops as the open toolchain reads them
#[derive(Debug, Parser)]
#[command(
    name = "npuc-mlir",
    version,
    after_help = "Exit codes: 0 done, 1 the work failed, 2 wrong command line, 3 unusable input file."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a design as MLIR-AIE, in the generic form that aie-opt reads
    Design(design::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Design(args) => design::run(&args),
    };
    npuc::cli::finish(result)
}
