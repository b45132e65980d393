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
use super::unroll::unrolled;
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

/// Steps along k of a pass of the innermost loop: two share the cycles in which a pass that does not
/// overlap the next one drains.
const UNROLL: u32 = 2;

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
///
/// The operands of a step are loaded while the products of the one before it are made, so that only
/// the first step of a tile waits for its loads.
fn tile(b: &mut FuncBuilder, shape: MatmulI8, a: Value, weights: Value, c: Value) -> Vec<Value> {
    let acc = Type::acc(AccLane::I32, (BLOCK_M * BLOCK_N) as u16);
    // In the order of C: down a column of blocks, then the next column.
    let accs = (0..(A_BLOCKS * B_BLOCKS) as i32).map(|block| match shape.accumulate {
        true => b.load(acc, c, block * C_BLOCK),
        false => b.acc_zero(acc),
    });
    let accs = accs.collect();
    let mut state = Tile {
        pointers: [a, weights],
        operands: Vec::new(),
        accs,
    };
    state.operands = state.load(b);
    let steps = shape.k / TILE_K;
    let ends = unrolled(b, steps - 1, UNROLL, &state.values(), |b, steps, values| {
        let mut state = Tile::of(values);
        for _ in 0..steps {
            let next = state.load(b);
            state.multiply(b);
            state.operands = next;
        }
        state.values()
    });
    let mut state = Tile::of(&ends);
    state.multiply(b);
    let c = state
        .accs
        .iter()
        .fold(c, |c, acc| b.store_post(*acc, c, C_BLOCK));
    vec![state.pointers[1], c]
}

/// What the loop along k carries.
struct Tile {
    /// To the blocks of A and B that follow the operands.
    pointers: [Value; 2],
    /// Four blocks of A, two of B.
    operands: Vec<Value>,
    /// Eight blocks of C.
    accs: Vec<Value>,
}

impl Tile {
    fn values(&self) -> Vec<Value> {
        let parts = [&self.pointers, self.operands.as_slice(), &self.accs];
        parts.concat()
    }

    /// The parts of a list that [`Tile::values`] made.
    fn of(values: &[Value]) -> Self {
        let (operands, accs) = values[2..].split_at(A_BLOCKS + B_BLOCKS);
        Tile {
            pointers: [values[0], values[1]],
            operands: operands.to_vec(),
            accs: accs.to_vec(),
        }
    }

    /// Loads the operands of a step.
    fn load(&mut self, b: &mut FuncBuilder) -> Vec<Value> {
        let blocks = [
            (A_BLOCKS, Type::vec(Elem::I8, 32)),
            (B_BLOCKS, Type::vec(Elem::I8, 64)),
        ];
        let mut operands = Vec::new();
        for (pointer, (count, ty)) in self.pointers.iter_mut().zip(blocks) {
            for _ in 0..count {
                let (block, next) = b.load_post(ty, *pointer, ty.bytes() as i32);
                operands.push(block);
                *pointer = next;
            }
        }
        operands
    }

    /// Adds the products of the operands.
    fn multiply(&mut self, b: &mut FuncBuilder) {
        let (a_blocks, b_blocks) = self.operands.split_at(A_BLOCKS);
        for (index, acc) in self.accs.iter_mut().enumerate() {
            let (column, row) = (index / A_BLOCKS, index % A_BLOCKS);
            *acc = b.mac(MODE, *acc, a_blocks[row], b_blocks[column]);
        }
    }
}
