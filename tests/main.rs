//! What holds across crates.
//!
//! - [`bad_designs`]: what does not fit the chip ends in its own error.
//! - [`examples`]: the README's examples run and succeed.
//! - [`layers`]: which crate may depend on which.
//! - [`overlays`]: overlays from description to result.
//! - [`xrt`]: XRT's own reader on our files.

mod bad_designs;
mod examples;
mod layers;
mod overlays;
mod xrt;
