//! Kernel IR: typed, structured, at the level of the AIE2 vector unit.
