//! The checker: what it accepts, and for each rule a program that breaks it.

mod accepts;
mod mutations;
mod places;
mod rejects_flow;
mod rejects_loops;
mod rejects_memory;
mod rejects_values;

use npuc::aie2::checker::{CheckError, CheckReport, check};
use npuc::aie2::emit::emit;
use npuc::aie2::layout::layout;
use npuc::aie2::mir::Program;

pub(super) use accepts::PIPELINED;

use super::asm::program;

/// Lays out, writes and checks a program.
fn verdict(program: &Program) -> Result<CheckReport, Vec<CheckError>> {
    let map = layout(program).unwrap_or_else(|e| panic!("{e}"));
    let image = emit(program, &map).unwrap_or_else(|e| panic!("{e}"));
    check(&image.text, program, &map)
}

/// What the checker says of the program that `text` describes, error by error.
fn complaints(text: &str) -> String {
    match verdict(&program(text)) {
        Ok(report) => format!("{report:?}"),
        Err(errors) => errors
            .iter()
            .map(CheckError::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    }
}
