//! The AIE2 back end: kernel IR to checked machine code.
