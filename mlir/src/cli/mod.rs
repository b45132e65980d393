//! The command line: `npuc-mlir design`, `kernel`, `cores`.
//!
//! Exit codes are those of `npuc`, which calls this program as it calls any tool: 0 done; 1 the work
//! failed; 2 the command line is wrong; 3 an input file cannot be read or is not what it should be.

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use npuc::cli::Failure;

mod cores;
mod design;
mod kernel;

/// Designs as MLIR-AIE and kernel IR as LLVM IR, for the open toolchain of AIE2
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
    /// Print the LLVM IR of a kernel
    Kernel(kernel::Args),
    /// Write the LLVM IR of every core program of an overlay
    Cores(cores::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Design(args) => design::run(&args),
        Command::Kernel(args) => kernel::run(&args),
        Command::Cores(args) => cores::run(&args),
    };
    npuc::cli::finish(result)
}

/// Writes to a file, or to standard output where none is named.
fn put(output: Option<&Path>, text: &str) -> Result<(), Failure> {
    match output {
        Some(path) => npuc::cli::write(path, text.as_bytes()),
        None => npuc::cli::print(text),
    }
}

/// The text of a module, for Peano where it is asked for.
fn text(llvm: &inkwell::module::Module<'_>, peano: bool) -> String {
    let text = llvm.print_to_string().to_string();
    match peano {
        true => npuc::tools::older_llvm::rewrite(&text),
        false => text,
    }
}
