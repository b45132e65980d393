//! What holds across crates.
//!
//! - [`examples`]: the README's examples run and succeed.
//! - [`layers`]: which crate may depend on which.
//! - [`overlays`]: overlays from description to result.

mod examples;
mod layers;
mod overlays;
