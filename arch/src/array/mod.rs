//! Registers, buffer descriptors and stream switches of the array.
