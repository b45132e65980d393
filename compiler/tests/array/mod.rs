//! Designs: verified, lowered, routed, packed.

mod designs;
mod emulated;
mod errors;
mod gemm;
mod golden_runs;
mod goldens;
mod packing;
mod registers;
mod rotation;
mod routing;
mod texts;
