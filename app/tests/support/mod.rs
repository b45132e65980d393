//! What tests of several behaviours share.

pub(crate) mod flac;
pub(crate) mod parrot;
pub(crate) mod signal;
pub(crate) mod wav;

use std::path::PathBuf;

/// A file beside the tests.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/audio_data")
        .join(name)
}
