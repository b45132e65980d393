//! The instruction set's data files as Rust tables. Text in, text out.

mod emit;
mod index;
mod insts;
mod model;
mod regs;
mod rows;
mod timing;

pub(crate) use rows::Result;

/// The text of the data files.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) regs: String,
    pub(crate) formats: String,
    pub(crate) timing: String,
    pub(crate) isa: String,
}

/// Rust source of the tables, or `file:line: what is wrong`.
pub(crate) fn generate(sources: &Sources) -> Result<String> {
    Ok(emit::rust(&model::Model::read(sources)?))
}
