//! Tests of the facts in `arch` against data files.

mod aie2;
#[path = "../build/mod.rs"]
mod build;
