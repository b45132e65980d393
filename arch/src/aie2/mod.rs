//! The AIE2 core: instruction forms, bundle formats, registers and timing.
