//! File tests of the formats, one module a behaviour.

mod core_elf;
mod fixtures;
mod goldens_round_trip;
mod xclbin;
