//! Product of 8-bit integer matrices, accumulated in 32 bits.
//!
//! A tile of 16x16 of C takes eight of the core's nine accumulators: 4x2 blocks of 4x8. A step along k of
//! half a tile loads four blocks of A (256 bits each) and one of B (512 bits), three cycles on two load
//! units, for four products, four cycles on the one multiplier: the multiplier binds.

use super::layout::Blocked;
use super::product::{A_BLOCKS, Ends, PANEL, Pointers, Product};
use super::{BLOCK_M, TILE_K, TILE_M, TILE_N};
use crate::kernels::error::{KernelError, blocks, fits};
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, MacMode, Value};
use kernel::types::{AccLane, Type};

const NAME: &str = "matmul_i8";
/// Columns of a block of B and C.
pub(super) const BLOCK_N: u32 = 8;
/// A block of C in an accumulator.
pub(super) const ACC: Type = Type::acc(AccLane::I32, (BLOCK_M * BLOCK_N) as u16);

/// A shape of the kernel: C (m x n) = A (m x k) times B (k x n).
///
/// A and B are i8, C is i32, all stored in blocks of 8 columns as [`super`] says. Where a size is no
/// multiple of its block, zeros fill A and B, and the rows and columns of C beyond the matrix are zero.
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
    // Loads do not wait for stores to move their pointer.
    let by_block = match shape.accumulate {
        true => vec![c, c],
        false => vec![c],
    };
    let pointers = Pointers::new(by_block, Vec::new());
    let ends = Sums {
        accumulate: shape.accumulate,
    };
    product(shape).build(&mut b, [a, weights], &pointers, &ends);
    Ok(b.finish())
}

/// The loops of a shape.
pub(super) fn product(shape: MatmulI8) -> Product {
    Product {
        m: shape.m,
        k: shape.k,
        n: shape.n,
        mode: MacMode::I8M4K8N8,
        block_n: BLOCK_N,
        at_once: PANEL,
    }
}

/// Sums of 32 bits, as they are.
struct Sums {
    accumulate: bool,
}

impl Ends for Sums {
    fn start(&self, b: &mut FuncBuilder, pointers: &Pointers, row: i32) -> [Value; A_BLOCKS] {
        match self.accumulate {
            true => pointers.of_blocks(b, ACC, 1, row),
            false => std::array::from_fn(|_| b.acc_zero(ACC)),
        }
    }

    fn finish(&self, b: &mut FuncBuilder, pointers: &mut Pointers, accs: &[Value]) {
        let size = ACC.bytes() as i32;
        for acc in accs {
            let c = &mut pointers.by_block[0];
            *c = b.store_post(*acc, *c, size);
        }
        if let Some(sums) = pointers.by_block.get_mut(1) {
            *sums = b.ptr_add(*sums, accs.len() as i32 * size);
        }
    }
}

/// A (m x k) row by row to the kernel's order. Elements beyond the end of `matrix` are 0.
pub fn pack_a(shape: &MatmulI8, matrix: &[i8]) -> Vec<i8> {
    Blocked::a(shape.m, shape.k).pack(matrix)
}

/// A (m x k) in the kernel's order to row by row. Elements beyond the end of `blocked` are 0.
pub fn unpack_a(shape: &MatmulI8, blocked: &[i8]) -> Vec<i8> {
    Blocked::a(shape.m, shape.k).unpack(blocked)
}

/// B (k x n) row by row to the kernel's order. Elements beyond the end of `matrix` are 0.
pub fn pack_b(shape: &MatmulI8, matrix: &[i8]) -> Vec<i8> {
    Blocked::b(shape.k, shape.n, BLOCK_N).pack(matrix)
}

/// B (k x n) in the kernel's order to row by row. Elements beyond the end of `blocked` are 0.
pub fn unpack_b(shape: &MatmulI8, blocked: &[i8]) -> Vec<i8> {
    Blocked::b(shape.k, shape.n, BLOCK_N).unpack(blocked)
}

/// C (m x n) row by row to the kernel's order. Elements beyond the end of `matrix` are 0.
pub fn pack_c(shape: &MatmulI8, matrix: &[i32]) -> Vec<i32> {
    Blocked::c(shape.m, shape.n, BLOCK_N).pack(matrix)
}

/// C (m x n) in the kernel's order to row by row. Elements beyond the end of `blocked` are 0.
pub fn unpack_c(shape: &MatmulI8, blocked: &[i32]) -> Vec<i32> {
    Blocked::c(shape.m, shape.n, BLOCK_N).unpack(blocked)
}
