//! Designs as MLIR-AIE, beside what the reference tools read and print.

#[path = "../../compiler/tests/array/designs.rs"]
mod designs;
mod dialect;
mod logical;
mod normal;
