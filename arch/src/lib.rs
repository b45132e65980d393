//! npu1 (Phoenix and Hawk Point, XDNA1, AIE2) as facts.
//!
//! Every number of the chip stands here once; the other crates take it from here. No I/O, no
//! dependencies.
//!
//! - [`geometry`]: tiles, columns and rows, the address of a tile.
//! - [`limits`]: memory sizes, counts of channels, buffer descriptors and locks.
//! - [`mod@array`]: registers, buffer descriptor layouts, stream switches.
//! - [`aie2`]: the core's instruction set, its encodings and its timing.
//! - [`num`]: elementary arithmetic of the vector unit, bit by bit.

pub mod aie2;
pub mod array;
pub mod geometry;
pub mod limits;
pub mod num;

pub use geometry::{Tile, TileKind};
