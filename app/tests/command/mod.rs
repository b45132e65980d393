//! The command as a process: outputs, errors, exit codes.

mod bad_input;
mod devices;
mod doctor;
mod help;
mod models;
mod transcribe;

use std::ffi::OsStr;
use std::process::{Command, Output};

/// The command, with no model folder and no terminal of the user's.
pub(crate) fn amanuensis() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amanuensis"));
    command
        .env_remove("AMANUENSIS_MODELS")
        .env("XDG_DATA_HOME", "/nonexistent")
        .env("NO_COLOR", "1");
    command
}

/// Runs it; gives exit code, standard output and standard error.
pub(crate) fn run<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> (i32, String, String) {
    told(amanuensis().args(arguments).output().unwrap())
}

pub(crate) fn told(output: Output) -> (i32, String, String) {
    (
        output.status.code().expect("ended by itself"),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
