//! Turns the instruction set's data files into Rust tables.
//!
//! `data/aie2.{regs,formats,timing,isa}` are read into a model, checked on the way (a bad row
//! ends the build with `file:line: what is wrong`), and written as static tables to
//! `$OUT_DIR/aie2.rs`, which `src/aie2/tables.rs` includes.

#[path = "build/mod.rs"]
mod isa;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> isa::Result<()> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let data = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("data");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=data");
    let read = |file: &str| {
        let path = data.join(file);
        std::fs::read_to_string(&path)
            .map_err(|e| format!("{}: cannot be read: {e}", path.display()))
    };
    let tables = isa::generate(&isa::Sources {
        regs: read("aie2.regs")?,
        formats: read("aie2.formats")?,
        timing: read("aie2.timing")?,
        isa: read("aie2.isa")?,
    })?;
    let out: PathBuf = Path::new(&variable("OUT_DIR")?).join("aie2.rs");
    std::fs::write(&out, tables).map_err(|e| format!("{}: cannot be written: {e}", out.display()))
}
