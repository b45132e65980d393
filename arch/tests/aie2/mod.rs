//! The instruction set against assembler vectors, and its own round trips.

mod data_files;
mod errors;
mod latency;
mod round_trip;
mod tables;
mod vectors;
