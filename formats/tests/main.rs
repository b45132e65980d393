//! File tests of the formats, one module a behaviour.

mod bootgen;
mod core_elf;
mod dumps;
mod fixtures;
mod goldens_round_trip;
mod hostile;
mod lint;
mod properties;
mod random;
mod xclbin;
