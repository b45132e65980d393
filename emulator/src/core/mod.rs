//! One AIE2 core: registers, pipeline and instruction semantics.
