//! File tests of the formats, one module a behaviour.

mod fixtures;
mod goldens_round_trip;
mod xclbin;
