//! Turns the instruction set's data files into Rust tables.
//!
//! `data/aie2.{regs,formats,timing,isa}` are read into a [`model::Model`], checked on the way (a bad row
//! ends the build with `file:line: what is wrong`), and written as static tables to
//! `$OUT_DIR/aie2.rs`, which `src/aie2/tables.rs` includes.

#[path = "build/emit.rs"]
mod emit;
#[path = "build/index.rs"]
mod index;
#[path = "build/insts.rs"]
mod insts;
#[path = "build/model.rs"]
mod model;
#[path = "build/regs.rs"]
mod regs;
#[path = "build/rows.rs"]
mod rows;
#[path = "build/timing.rs"]
mod timing;

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

fn generate() -> rows::Result<()> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let data = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("data");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=data");
    let model = model::Model::read(&data)?;
    let out: PathBuf = Path::new(&variable("OUT_DIR")?).join("aie2.rs");
    std::fs::write(&out, emit::rust(&model))
        .map_err(|e| format!("{}: cannot be written: {e}", out.display()))
}
