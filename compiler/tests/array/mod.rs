//! Designs: verified, lowered, routed, packed.

mod bad_goldens;
mod banks;
mod cascade;
mod constants;
mod designs;
mod emulated;
mod errors;
mod gemm;
mod golden_runs;
mod goldens;
mod hold_ups;
mod limits;
mod linker_scripts;
mod packing;
mod placing;
mod random;
mod read;
mod registers;
mod rotation;
mod routing;
mod rows;
mod texts;
mod trials;
