//! Tests that are files: one small text for a case, what comes of it written into the same file.
//!
//! A folder has a runner of its name. What a runner finds stands in the file: errors in lines that
//! begin with `;!`, below the line at fault; output in lines that begin with `;=`, below what it belongs
//! to or at the end. `UPDATE_FILETESTS=1 cargo test -p npuc filetests` writes these lines anew.
//!
//! - `parse`: text to kernel IR and back.
//! - `verify`: every rule that a module breaks.
//! - `select`: the machine instructions of every function, on values.
//! - `schedule`: every function scheduled and with registers, cycles down, slots across.
//! - `encode`: the bytes of every function, bundle by bundle.
//! - `run`: kernel IR on the interpreter; directives are described in [`run`].
//!
//! [`complete`] sees to it that every operation and every error of the verifier has a file.

mod complete;
mod directives;
mod encode;
mod parse;
mod run;
mod schedule;
mod select;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};

use npuc::kernel::interp::Arg;
use npuc::kernel::ir::Module;
use npuc::kernel::types::Type;
use npuc::machine::Machine;

/// What a runner says about a line.
struct Note {
    /// Line that the note stands below, counted from one in the text without notes; one beyond the
    /// end is the last.
    line: usize,
    mark: &'static str,
    text: String,
}

impl Note {
    /// An error, its first line led by a caret below its column if there is room.
    fn error(line: u32, col: u32, text: &str) -> Self {
        let caret = match col {
            0..=2 => " ".into(),
            col => format!("{}^ ", " ".repeat(col as usize - 3)),
        };
        let text = text.replace('\n', "\n ");
        Note {
            line: line as usize,
            mark: ";!",
            text: format!("{caret}{text}"),
        }
    }

    fn output(line: usize, text: impl ToString) -> Self {
        let text = format!(" {}", text.to_string().trim_end().replace('\n', "\n "));
        Note {
            line,
            mark: ";=",
            text,
        }
    }

    /// Output at the end of the file.
    fn at_end(text: impl ToString) -> Self {
        Note::output(usize::MAX, text)
    }
}

/// The files of a folder.
fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/filetests")
        .join(kind);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no files", folder.display());
    files
}

/// Compiles a module into a program that calls its last function with zeros.
fn compiled(module: &Module) -> Result<Machine, String> {
    let last = module.funcs.last().ok_or("no function")?;
    let args = last.params.iter().map(|param| match last.ty(param.value) {
        Type::Ptr => Arg::Ptr(0x70400),
        _ => Arg::I32(0),
    });
    let args: Vec<Arg> = args.collect();
    Machine::new(module, &last.name, &args).map_err(|e| e.to_string())
}

/// Runs every file of a folder.
fn run_folder(kind: &str, runner: impl Fn(&str) -> Result<Vec<Note>, String>) {
    let files = files(kind);
    let update = std::env::var_os("UPDATE_FILETESTS").is_some();
    let mut failures = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.display();
        let bare = without_notes(&text);
        match runner(&bare).map(|notes| with_notes(&bare, &notes)) {
            Ok(found) if found == text => {}
            Ok(found) if update => fs::write(&file, found).unwrap(),
            Ok(found) => failures.push(format!("{name} should read:\n{found}")),
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(
        failures.is_empty(),
        "{}\nset UPDATE_FILETESTS=1 to write what was found into the files",
        failures.join("\n")
    );
}

fn without_notes(text: &str) -> String {
    let is_note = |line: &&str| {
        let line = line.trim_start();
        line.starts_with(";!") || line.starts_with(";=")
    };
    let lines = text.lines().filter(|line| !is_note(line));
    lines.map(|line| format!("{line}\n")).collect()
}

fn with_notes(bare: &str, notes: &[Note]) -> String {
    let count = bare.lines().count();
    let mut text = String::new();
    for (index, line) in bare.lines().enumerate() {
        text += &format!("{line}\n");
        let here = |note: &&Note| note.line.clamp(1, count) == index + 1;
        for note in notes.iter().filter(here) {
            for line in note.text.lines() {
                text += format!("{}{line}", note.mark).trim_end();
                text += "\n";
            }
        }
    }
    text
}
