//! Gives files to a target once, to see again what a fuzzer found.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args();
    let name = args.nth(1).unwrap_or_default();
    let Some((_, run)) = fuzz::TARGETS.iter().find(|(n, _)| *n == name) else {
        let names: Vec<_> = fuzz::TARGETS.iter().map(|(n, _)| *n).collect();
        eprintln!(
            "unknown target `{name}`\nhelp: name one of {} and then files",
            names.join(", ")
        );
        return ExitCode::FAILURE;
    };
    for file in args {
        match std::fs::read(&file) {
            Ok(bytes) => {
                println!("{file} ({} bytes)", bytes.len());
                run(&bytes);
            }
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
