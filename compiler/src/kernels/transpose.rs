//! Transposition of matrices in blocks.

use arch::num::ShuffleMode;

use super::error::{KernelError, blocks, fits};
use super::matmul::layout::Blocked;
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func, IntOp, Value};
use kernel::types::{Elem, Type};

/// Rows and columns of a tile: two by two blocks.
const TILE: u32 = 16;
/// Rows and columns of a block.
const BLOCK: u32 = 8;

/// A matrix to transpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transpose {
    /// Rows, a multiple of 16.
    pub m: u32,
    /// Columns, a multiple of 16.
    pub n: u32,
    /// Whether elements are bf16, or any other 16 bits; otherwise they are i8.
    pub wide: bool,
}

impl Transpose {
    /// Element type.
    pub fn elem(&self) -> Elem {
        match self.wide {
            true => Elem::Bf16,
            false => Elem::I8,
        }
    }

    /// Symbol of the kernel.
    pub fn name(&self) -> &'static str {
        match self.wide {
            true => "transpose_bf16",
            false => "transpose_i8",
        }
    }

    /// Order of the matrix.
    pub fn source(&self) -> Blocked {
        Blocked::a(self.m, self.n)
    }

    /// Order of the result.
    pub fn target(&self) -> Blocked {
        Blocked::a(self.n, self.m)
    }
}

/// `transpose_TYPE(src: ptr, dst: ptr)`: dst (n x m) is src (m x n) transposed; both lie in the order of A of
/// a product, [`super::matmul`]. Where a size is no multiple of 16, rows and columns of anything fill it,
/// which come out as columns and rows.
///
/// A block of 8x8 is transposed by one shuffle (8 bits) or four of half a block (16 bits).
///
/// Bound: one cycle for 32 bytes, by the stores.
///
/// # Errors
/// A size of 0, one that is not a multiple of 16, or a matrix beyond a data memory.
pub fn transpose(shape: Transpose) -> Result<Func, KernelError> {
    let Transpose { m, n, .. } = shape;
    let name = shape.name();
    blocks(name, "m", m, TILE)?;
    blocks(name, "n", n, TILE)?;
    let elem = shape.elem();
    fits(
        name,
        "src",
        u64::from(m) * u64::from(n) * u64::from(elem.bytes()),
    )?;
    let mut b = FuncBuilder::new(name);
    let (src, dst) = (b.ptr_param(), b.ptr_param());
    let (rows, columns) = ((m / TILE) as i32, n / TILE);
    let tile = (TILE * TILE * elem.bytes()) as i32;
    let row = columns as i32 * tile;
    let zero = b.iconst(0);
    let tiles = Count::Const(rows as u32 * columns);
    // Down the columns of tiles of the source, which are rows of the result.
    b.loop_(tiles, &[src, dst, zero], |b, carried| {
        let (src, mut dst) = (carried[0], carried[1]);
        let mut at = src;
        let mut transposed = Vec::new();
        for _ in 0..4 {
            let (block, next) = load_block(b, elem, at);
            at = next;
            transposed.push(transpose_block(b, elem, &block));
        }
        // The source has the blocks of a column of 8 one after the other, the result those of a row.
        for k in [0, 2, 1, 3] {
            for part in &transposed[k] {
                dst = b.store_post(*part, dst, 64);
            }
        }
        // All ones until the last tile of a column.
        let last = b.iconst(rows - 1);
        let left = b.int(IntOp::Sub, carried[2], last);
        let sign = b.iconst(31);
        let within = b.int(IntOp::Ashr, left, sign);
        let one = b.iconst(1);
        let next = b.int(IntOp::Add, carried[2], one);
        let next = b.int(IntOp::And, next, within);
        let again = b.iconst(tile - (rows - 1) * row);
        let difference = b.iconst(row - (tile - (rows - 1) * row));
        let step = b.int(IntOp::And, difference, within);
        let step = b.int(IntOp::Add, step, again);
        vec![b.ptr_add_var(src, step), dst, next]
    });
    Ok(b.finish())
}

/// A block of 8x8 as vectors of 512 bits, and the pointer to the next.
fn load_block(b: &mut FuncBuilder, elem: Elem, mut at: Value) -> (Vec<Value>, Value) {
    let ty = Type::vec(elem, (64 / elem.bytes()) as u16);
    let parts = (0..BLOCK * BLOCK * elem.bytes() / 64).map(|_| {
        let (part, next) = b.load_post(ty, at, 64);
        at = next;
        part
    });
    (parts.collect(), at)
}

fn transpose_block(b: &mut FuncBuilder, elem: Elem, block: &[Value]) -> Vec<Value> {
    let mut shuffle = |number: u32, x: Value, y: Value| {
        // Modes 18, 19, 26, 27 and 35 exist.
        let mode = ShuffleMode::from_number(number).unwrap_or(ShuffleMode::all()[0]);
        b.shuffle(mode, x, y)
    };
    match (elem, block) {
        (Elem::I8, [block]) => vec![shuffle(T8_8X8, *block, *block)],
        (_, [upper, lower]) => {
            // 4x16 by columns, then 2x32 by columns: together 8x8.
            let turned = T16_4X16.map(|mode| shuffle(mode, *upper, *lower));
            T16_2X32
                .map(|mode| shuffle(mode, turned[0], turned[1]))
                .to_vec()
        }
        _ => block.to_vec(),
    }
}

/// Numbers of the shuffles: bytes of 8x8 by columns.
const T8_8X8: u32 = 35;
/// 16 bits of 4x16 by columns, low and high half.
const T16_4X16: [u32; 2] = [26, 27];
/// 16 bits of 2x32 by columns, low and high half.
const T16_2X32: [u32; 2] = [18, 19];
