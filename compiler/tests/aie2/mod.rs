//! Layout, emission and the checker of the AIE2 back end.

mod asm;
mod checker;
mod emit;
mod kernels;
mod layout;
mod listing;
mod widening;
