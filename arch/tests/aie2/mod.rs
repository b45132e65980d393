//! The instruction set against assembler vectors, and its own round trips.

mod latency;
mod round_trip;
mod tables;
mod vectors;
