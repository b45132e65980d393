//! Tests of the facts in `arch` against data files.

mod aie2;
