//! Tests of the compiler through its public interface.

mod aie2;
mod array;
mod cli;
mod filetests;
mod kernels;
mod programs;
mod tools;

use npuc::machine;
