//! Fuzz targets: whatever bytes come in, a reader or the emulator ends with a result or an error.
//!
//! ```text
//! cargo fuzz run -s none txn target/fuzz/txn fuzz/corpus/txn -- -rss_limit_mb=1024 -timeout=20
//! cargo run -p amanuensis-fuzz -- txn fuzz/artifacts/txn/crash-…
//! cargo run -p amanuensis-fuzz --example seeds
//! ```
//!
//! The first line needs `cargo-fuzz` and a C++ compiler, and without sanitizers (`-s none`) no more.
//! New inputs go to the first folder, so that `fuzz/corpus` stays what `seeds` makes of files that
//! this workspace builds. The second line runs inputs again, as the tests do with the corpus.
//!
//! - [`xclbin`]: the container and its sections.
//! - [`pdi_cdo`]: PDIs and CDOs, read and executed.
//! - [`txn`]: instruction streams, read and executed on a configured array.
//! - [`core_code`]: bytes as the program of a core in the array.
//! - [`kernel_ir`]: choices of a random kernel IR program, interpreted and compiled.
//! - [`design`]: designs as text, printed, verified and lowered.
//! - [`overlay`]: overlays, streams and digests as the runtime takes them.

pub mod core_code;
pub mod design;
pub mod kernel_ir;
pub mod overlay;
pub mod pdi_cdo;
pub mod txn;
pub mod xclbin;

mod words;

/// A target: its name and what takes the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("xclbin", xclbin::run),
    ("pdi_cdo", pdi_cdo::run),
    ("txn", txn::run),
    ("core_code", core_code::run),
    ("kernel_ir", kernel_ir::run),
    ("design", design::run),
    ("overlay", overlay::run),
];

/// Cycles that the emulated array gets for one input.
const CYCLES: u64 = 2_000;
