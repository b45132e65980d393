//! Product of 8-bit integer matrices, accumulated in 32 bits.
//!
//! The kernel keeps a tile of 16x16 of C in the accumulators: 4x2 blocks of 4x8, eight of the core's
//! nine registers. A step along k takes 16x8 of A (four loads of 256 bits) and 8x16 of B (four more),
//! four cycles on two load units, and eight products, eight cycles on the one multiplier: the
//! multiplier binds. The layout lets every pointer run straight through its operand, so that three
//! pointers with constant steps suffice.

mod layout;

pub use layout::{pack_a, pack_b, pack_c, unpack_a, unpack_b, unpack_c};

use super::error::{KernelError, blocks, fits};
use crate::kernel::builder::FuncBuilder;
use crate::kernel::ir::{Count, Func, MacMode, Value};
use crate::kernel::types::{AccLane, Elem, Type};

const NAME: &str = "matmul_i8";
/// Rows of the tile of C that the accumulators hold; four blocks.
pub const TILE_M: u32 = 16;
/// Columns of that tile; two blocks.
pub const TILE_N: u32 = 16;
/// Step along k.
pub const TILE_K: u32 = 8;

const MODE: MacMode = MacMode::I8M4K8N8;
/// Rows of a block of A and C.
const BLOCK_M: u32 = 4;
/// Columns of a block of B and C.
const BLOCK_N: u32 = 8;
const A_BLOCKS: usize = (TILE_M / BLOCK_M) as usize;
const B_BLOCKS: usize = (TILE_N / BLOCK_N) as usize;
/// Bytes of a block of C.
const C_BLOCK: i32 = (BLOCK_M * BLOCK_N * 4) as i32;

/// A shape of the kernel: C (m x n) = A (m x k) times B (k x n).
///
/// All operands are stored in blocks, each block row by row:
///
/// | operand | elements | order of the elements, outermost first |
/// |---|---|---|
/// | A | i8 | `[m/16][k/8][16 rows][8 columns]`: four blocks of 4x8, one below the other |
/// | B | i8 | `[n/16][k/8][2 blocks][8 rows][8 columns]`: two blocks of 8x8, side by side |
/// | C | i32 | `[m/16][n/8][16 rows][8 columns]`: four blocks of 4x8, one below the other |
///
/// C has the order of A: a C brought back to 8 bits is the A of a next product as it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatmulI8 {
    /// Rows of A and C, a multiple of 16.
    pub m: u32,
    /// Columns of A, rows of B, a multiple of 8.
    pub k: u32,
    /// Columns of B and C, a multiple of 16.
    pub n: u32,
    /// Whether the product is added to C rather than written over it.
    pub accumulate: bool,
}

impl MatmulI8 {
    /// Checks the shape.
    ///
    /// # Errors
    /// A size of 0, one that is not a multiple of its block, an operand beyond a data memory.
    pub fn check(&self) -> Result<(), KernelError> {
        blocks(NAME, "m", self.m, TILE_M)?;
        blocks(NAME, "k", self.k, TILE_K)?;
        blocks(NAME, "n", self.n, TILE_N)?;
        fits(NAME, "A", self.a_bytes())?;
        fits(NAME, "B", self.b_bytes())?;
        fits(NAME, "C", self.c_bytes())
    }

    /// Bytes of A.
    pub fn a_bytes(&self) -> u64 {
        u64::from(self.m) * u64::from(self.k)
    }

    /// Bytes of B.
    pub fn b_bytes(&self) -> u64 {
        u64::from(self.k) * u64::from(self.n)
    }

    /// Bytes of C.
    pub fn c_bytes(&self) -> u64 {
        4 * u64::from(self.m) * u64::from(self.n)
    }

    /// Multiply-accumulates of a call.
    pub fn macs(&self) -> u64 {
        u64::from(self.m) * u64::from(self.k) * u64::from(self.n)
    }

    /// Symbol of the kernel: the two forms differ, so that a core can hold both.
    pub fn name(&self) -> &'static str {
        match self.accumulate {
            true => "matmul_i8_acc",
            false => NAME,
        }
    }
}

/// `matmul_i8(a: ptr, b: ptr, c: ptr)`, or `matmul_i8_acc` if it accumulates; see [`MatmulI8`] for
/// shapes and layouts. Sums wrap at 32 bits, which they cannot reach within one call.
///
/// Bound: one cycle for 256 multiply-accumulates.
///
/// # Errors
/// As [`MatmulI8::check`].
pub fn matmul_i8(shape: MatmulI8) -> Result<Func, KernelError> {
    shape.check()?;
    let mut b = FuncBuilder::new(shape.name());
    let (a, weights, c) = (b.ptr_param(), b.ptr_param(), b.ptr_param());
    let rows = Count::Const(shape.m / TILE_M);
    let columns = Count::Const(shape.n / TILE_N);
    b.loop_(rows, &[a, c], |b, row| {
        let (a, c) = (row[0], row[1]);
        let ends = b.loop_(columns, &[weights, c], |b, column| {
            tile(b, shape, a, column[0], column[1])
        });
        vec![b.ptr_add(a, (TILE_M * shape.k) as i32), ends[1]]
    });
    Ok(b.finish())
}

/// One tile of C; the pointers to B and C that follow it.
fn tile(b: &mut FuncBuilder, shape: MatmulI8, a: Value, weights: Value, c: Value) -> Vec<Value> {
    let acc = Type::acc(AccLane::I32, (BLOCK_M * BLOCK_N) as u16);
    // Accumulators in the order of C: down a column of blocks, then the next column.
    let mut carried = vec![a, weights];
    for block in 0..(A_BLOCKS * B_BLOCKS) as i32 {
        carried.push(match shape.accumulate {
            true => b.load(acc, c, block * C_BLOCK),
            false => b.acc_zero(acc),
        });
    }
    let steps = Count::Const(shape.k / TILE_K);
    let ends = b.loop_(steps, &carried, step);
    let c = ends[2..]
        .iter()
        .fold(c, |c, acc| b.store_post(*acc, c, C_BLOCK));
    vec![ends[1], c]
}

/// One step along k: pointers to A and B, then the accumulators.
fn step(b: &mut FuncBuilder, carried: &[Value]) -> Vec<Value> {
    let (a_block, b_block) = (Type::vec(Elem::I8, 32), Type::vec(Elem::I8, 64));
    let (mut a, mut weights) = (carried[0], carried[1]);
    let (mut a_blocks, mut b_blocks) = (Vec::new(), Vec::new());
    for _ in 0..A_BLOCKS {
        let (block, next) = b.load_post(a_block, a, a_block.bytes() as i32);
        a_blocks.push(block);
        a = next;
    }
    for _ in 0..B_BLOCKS {
        let (block, next) = b.load_post(b_block, weights, b_block.bytes() as i32);
        b_blocks.push(block);
        weights = next;
    }
    let mut next = vec![a, weights];
    for (index, acc) in carried[2..].iter().enumerate() {
        let (column, row) = (index / A_BLOCKS, index % A_BLOCKS);
        next.push(b.mac(MODE, *acc, a_blocks[row], b_blocks[column]));
    }
    next
}
