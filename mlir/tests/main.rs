//! Designs as MLIR-AIE, beside what the reference tools read and print; kernel IR as LLVM IR, beside
//! the interpreter.

mod cli;
#[path = "../../compiler/tests/array/designs.rs"]
mod designs;
mod dialect;
mod errors;
mod llvm;
mod logical;
mod normal;
mod physical;
mod programs;
