//! Product of bf16 matrices, accumulated in f32.
//!
//! A tile of 16x16 of C takes 16 of the core's 18 accumulators of 512 bits: 4x4 blocks of 4x4. A step along
//! k of half a tile loads four blocks of A and two of B (512 bits each), six cycles on two load units, for
//! eight products, eight cycles on the one multiplier: the multiplier binds.

use super::layout::Blocked;
use super::product::{A_BLOCKS, Ends, PANEL, Pointers, Product};
use super::{BLOCK_M, TILE_K, TILE_M, TILE_N};
use crate::kernels::error::{KernelError, blocks, fits};
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, MacMode, Value};
use kernel::types::{AccLane, Rounding, Type};

const NAME: &str = "matmul_bf16";
/// Columns of a block of B and C.
pub const BLOCK_N: u32 = 4;
/// A block of C in an accumulator.
const ACC: Type = Type::acc(AccLane::F32, (BLOCK_M * BLOCK_N) as u16);

/// A shape of the kernel: C (m x n) = A (m x k) times B (k x n).
///
/// A and B are bf16, stored in blocks as [`super`] says, those of B and C with 4 columns. Where a size is
/// no multiple of its block, zeros fill A and B, and the rows and columns of C beyond the matrix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatmulBf16 {
    /// Rows of A and C, a multiple of 16.
    pub m: u32,
    /// Columns of A, rows of B, a multiple of 8.
    pub k: u32,
    /// Columns of B and C, a multiple of 16.
    pub n: u32,
    /// What the product is added to, and where the sum goes.
    pub sum: Sum,
}

/// What becomes of the sums of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sum {
    /// C is f32 and written over.
    F32,
    /// C is f32 and added to.
    Accumulate,
    /// C is bf16 and written over, rounded to nearest, ties to even.
    Bf16,
    /// C is bf16 and written over with the product and the f32 of another operand in C's order.
    PartialToBf16,
}

impl MatmulBf16 {
    /// Checks the shape.
    ///
    /// # Errors
    /// A size of 0, one that is not a multiple of its block, an operand beyond a data memory.
    pub fn check(&self) -> Result<(), KernelError> {
        blocks(NAME, "m", self.m, TILE_M)?;
        blocks(NAME, "k", self.k, TILE_K)?;
        blocks(NAME, "n", self.n, TILE_N)?;
        let bytes =
            |rows: u32, columns: u32, size: u64| u64::from(rows) * u64::from(columns) * size;
        fits(NAME, "A", bytes(self.m, self.k, 2))?;
        fits(NAME, "B", bytes(self.k, self.n, 2))?;
        fits(
            NAME,
            "C",
            bytes(self.m, self.n, if self.is_narrow() { 2 } else { 4 }),
        )
    }

    /// Whether C is bf16.
    pub fn is_narrow(&self) -> bool {
        matches!(self.sum, Sum::Bf16 | Sum::PartialToBf16)
    }

    /// Multiply-accumulates of a call.
    pub fn macs(&self) -> u64 {
        u64::from(self.m) * u64::from(self.k) * u64::from(self.n)
    }

    /// Symbol of the kernel: the forms differ, so that a core can hold all.
    pub fn name(&self) -> &'static str {
        match self.sum {
            Sum::F32 => "matmul_bf16_f32",
            Sum::Accumulate => "matmul_bf16_acc",
            Sum::Bf16 => NAME,
            Sum::PartialToBf16 => "matmul_bf16_last",
        }
    }

    /// Order of A.
    pub fn a(&self) -> Blocked {
        Blocked::a(self.m, self.k)
    }

    /// Order of B.
    pub fn b(&self) -> Blocked {
        Blocked::b(self.k, self.n, BLOCK_N)
    }

    /// Order of C, and of the partial sums.
    pub fn c(&self) -> Blocked {
        Blocked::c(self.m, self.n, BLOCK_N)
    }
}

/// `matmul_bf16(a: ptr, b: ptr, c: ptr)`, with a fourth `partial: ptr` where [`Sum::PartialToBf16`] wants
/// it; see [`MatmulBf16`] for shapes, layouts and names.
///
/// Products of a step of 8 are summed with the accumulator in one addition that keeps 23 bits below the
/// largest of them ([`arch::num::mac_bf16`]), so that a sum is as exact as f32 unless it cancels: each of the
/// k / 8 additions rounds nine terms and the sum by at most half a unit, 5k / 8 units in all, of the last place of
/// the largest term or sum on the way. In units of a result that is smaller, that is as many times more. Where
/// the elements of each row of B are equal, all of a row of C cancels alike, and its largest result is no
/// better than the others.
///
/// Bound: one cycle for 128 multiply-accumulates.
///
/// # Errors
/// As [`MatmulBf16::check`].
pub fn matmul_bf16(shape: MatmulBf16) -> Result<Func, KernelError> {
    shape.check()?;
    let mut b = FuncBuilder::new(shape.name());
    let (a, weights, c) = (b.ptr_param(), b.ptr_param(), b.ptr_param());
    let mut by_block = vec![c];
    match shape.sum {
        // Loads do not wait for stores to move their pointer.
        Sum::Accumulate => by_block.push(c),
        Sum::PartialToBf16 => by_block.push(b.ptr_param()),
        Sum::F32 | Sum::Bf16 => {}
    }
    let pointers = Pointers::new(by_block, Vec::new());
    let product = Product {
        m: shape.m,
        k: shape.k,
        n: shape.n,
        mode: MacMode::Bf16M4K8N4,
        block_n: BLOCK_N,
        at_once: PANEL,
    };
    product.build(&mut b, [a, weights], &pointers, &shape.sum);
    Ok(b.finish())
}

impl Ends for Sum {
    fn start(&self, b: &mut FuncBuilder, pointers: &Pointers, row: i32) -> [Value; A_BLOCKS] {
        match self {
            Sum::F32 | Sum::Bf16 => std::array::from_fn(|_| b.acc_zero(ACC)),
            Sum::Accumulate | Sum::PartialToBf16 => pointers.of_blocks(b, ACC, 1, row),
        }
    }

    fn finish(&self, b: &mut FuncBuilder, pointers: &mut Pointers, accs: &[Value]) {
        for acc in accs {
            let value = match self {
                Sum::Bf16 | Sum::PartialToBf16 => b.to_bf16(*acc, Rounding::ConvEven),
                Sum::F32 | Sum::Accumulate => *acc,
            };
            let step = b.ty(value).bytes() as i32;
            let c = &mut pointers.by_block[0];
            *c = b.store_post(value, *c, step);
        }
        if let Some(sums) = pointers.by_block.get_mut(1) {
            *sums = b.ptr_add(*sums, accs.len() as i32 * ACC.bytes() as i32);
        }
    }
}
