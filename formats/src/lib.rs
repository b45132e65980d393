//! The files that configure and drive npu1: bytes in, structs out, and back.
//!
//! A design travels through these formats in this order:
//!
//! ```text
//! core ELFs ─┐
//! registers ─┴─> CDO files ──> PDI ──> XCLBIN        (what the array is configured with)
//! transfers ───> instruction stream                  (what one dispatch does)
//! ```
//!
//! Every format has a type that parses with checked arithmetic (bad bytes are an error naming the
//! place, never a panic), writes the bytes the reference tools write, and prints a readable dump.
//!
//! - [`cdo`]: lists of register writes, in the toolchain's form and in the form inside a PDI.
//! - [`pdi`]: the boot image that holds the merged CDO, with its checksummed headers.
//! - [`txn`]: instruction streams, the host-side program of one dispatch.
//! - [`xclbin`]: the container that loaders take: PDIs, kernels and their arguments.
//! - [`elf`]: programs of cores, and the writes that load them.

pub mod cdo;
pub mod elf;
pub mod pdi;
pub mod txn;
pub mod xclbin;

mod words;
