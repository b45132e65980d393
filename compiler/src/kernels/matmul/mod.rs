//! Products of matrices.
//!
//! All operands are stored in blocks, so that every pointer runs straight through its operand:
//!
//! | operand | order of the elements, outermost first |
//! |---|---|
//! | A | `[m/16][k/8][16 rows][8 columns]`: four blocks of 4x8, one below the other |
//! | B | `[n/2w][k/8][2 blocks][8 rows][w columns]`: two blocks of 8xw, side by side |
//! | C | `[m/16][n/w][16 rows][w columns]`: four blocks of 4xw, one below the other |
//!
//! w, the columns of a block of B and C, is 8 for 8-bit operands and 4 for bf16. With 8-bit operands C has
//! the order of A: a C of 8 bits is the A of a next product as it lies.
//!
//! - [`int8`]: 8-bit integers into 32 bits; [`requant`]: the same with bias and scale, into 8 bits or bf16.
//! - [`mod@bf16`]: bf16 into f32 or bf16.
//! - [`layout`]: matrices stored row by row, to and from the blocks.

pub mod bf16;
pub mod int8;
pub mod layout;
mod product;
pub mod requant;

/// Rows of the tile of C that a pass makes; four blocks.
pub const TILE_M: u32 = 16;
/// Columns of that tile.
pub const TILE_N: u32 = 16;
/// Step along k.
pub const TILE_K: u32 = 8;
/// Rows of a block of A and C.
const BLOCK_M: u32 = 4;
