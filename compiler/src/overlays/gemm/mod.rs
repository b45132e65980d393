//! C = A * B on all sixteen cores, for any shape that is whole blocks.
//!
//! A core makes tiles of C of m x n, one at a time: row r of the array those of A's tile rows r, r + 4,
//! ..., column c those of B's tile columns c, c + 4, ... While the K / k slabs of a tile row of A and a
//! tile column of B pass, the core holds the sums of its tile; the last slab leaves it in the element of
//! the result. A slab of A goes to the four cores of a row, one of B to the four of a column, four tiles
//! of C are joined. All three pass through memory tiles, which hold some slabs in advance.
//!
//! How many slabs a tile has is a word in each core's memory: shapes differ by instruction streams only.
//!
//! - [`int8`], [`mod@bf16`]: kernels, and what they compute; [`layout`]: matrices in host memory.
//! - `design`: fifos and workers; `sequence`: transfers of a shape.
//! - [`sample`]: matrices and their exact product.

pub mod bf16;
mod design;
pub mod int8;
pub mod layout;
pub mod sample;
mod sequence;

use arch::geometry::{COLUMNS, CORE_ROWS};

use serde::Deserialize;

use super::{Family, Source};
use crate::kernels::{KernelError, blocks};
use kernel::ir::Module;
use kernel::types::Elem;
use layout::Layout;

const NAME: &str = "gemm";
/// Most blocks of C along either side: a task of a shim repeats so often.
const MAX_BLOCKS: u32 = 64;

/// What is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// 8-bit integers; sums get a bias and a scale per column: [`int8`].
    Int8,
    /// bf16, summed in f32: [`mod@bf16`].
    Bf16,
}

/// A shape: C (m x n) = A (m x k) times B (k x n).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "[u32; 3]")]
pub struct Shape {
    /// Rows of A and C.
    pub m: u32,
    /// Columns of A, rows of B.
    pub k: u32,
    /// Columns of B and C.
    pub n: u32,
}

impl Shape {
    /// `m` x `k` x `n`.
    pub const fn new(m: u32, k: u32, n: u32) -> Self {
        Shape { m, k, n }
    }

    /// Multiply-accumulates.
    pub fn macs(self) -> u64 {
        u64::from(self.m) * u64::from(self.k) * u64::from(self.n)
    }

    /// Name of the sequence.
    pub fn name(self) -> String {
        format!("m{}_k{}_n{}", self.m, self.k, self.n)
    }
}

impl From<[u32; 3]> for Shape {
    fn from([m, k, n]: [u32; 3]) -> Self {
        Shape::new(m, k, n)
    }
}

/// A product on sixteen cores.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gemm {
    /// Name of the overlay.
    #[serde(skip)]
    pub name: String,
    /// Elements.
    pub product: Product,
    /// What a core multiplies at once: a slab of A (m x k) and one of B (k x n).
    pub tile: Shape,
    /// Shapes that have sequences.
    pub shapes: Vec<Shape>,
}

/// The products of the standard manifest.
pub fn standard() -> Vec<Gemm> {
    let overlays = super::standard().unwrap_or_default().into_iter();
    let gemm = overlays.filter_map(|overlay| match overlay.family {
        Family::Gemm(gemm) => Some(gemm),
        _ => None,
    });
    gemm.collect()
}

/// The kernels of a product, by what a worker calls them for.
struct Kernels {
    module: Module,
    /// Begins a tile: `(a, b, sums)`.
    first: String,
    /// Adds to one: `(a, b, sums)`.
    next: String,
    /// Adds and makes the result: `(a, b, columns, sums, c)`, without `columns` where there are none.
    last: String,
    /// Keeps the values per column: `(b, columns)`.
    columns: Option<String>,
}

impl Gemm {
    /// Rows and columns of the block of C that the cores make at a time.
    pub fn block(&self) -> (u32, u32) {
        let (rows, columns) = (u32::from(CORE_ROWS), u32::from(COLUMNS));
        (rows * self.tile.m, columns * self.tile.n)
    }

    /// Checks a shape.
    ///
    /// # Errors
    /// A size of 0 or one that is not whole blocks, K that is not an even number of slabs, more than
    /// 64 blocks along a side.
    pub fn check(&self, shape: Shape) -> Result<(), KernelError> {
        let (rows, columns) = self.block();
        blocks(NAME, "m", shape.m, rows)?;
        blocks(NAME, "k", shape.k, 2 * self.tile.k)?;
        blocks(NAME, "n", shape.n, columns)?;
        for (what, value, block) in [("m", shape.m, rows), ("n", shape.n, columns)] {
            if value / block > MAX_BLOCKS {
                return Err(KernelError::OutOfRange {
                    kernel: NAME,
                    what,
                    value,
                    max: MAX_BLOCKS * block,
                    help: "multiply in several dispatches",
                });
            }
        }
        Ok(())
    }

    /// The elements of A and B, and of C.
    pub fn elem(&self) -> Elem {
        match self.product {
            Product::Int8 => Elem::I8,
            Product::Bf16 => Elem::Bf16,
        }
    }

    /// Columns of a block of B and C as the kernels want them.
    fn block_n(&self) -> u32 {
        match self.product {
            Product::Int8 => 8,
            Product::Bf16 => crate::kernels::matmul::bf16::BLOCK_N,
        }
    }

    /// How matrices of a shape lie in host memory.
    ///
    /// # Errors
    /// As [`Gemm::check`].
    pub fn layout(&self, shape: Shape) -> Result<Layout, KernelError> {
        self.check(shape)?;
        Ok(Layout {
            tile: self.tile,
            shape,
            block_n: self.block_n(),
            columns_first: self.product == Product::Int8,
        })
    }

    /// The design and its kernels.
    ///
    /// # Errors
    /// Tiles that the kernels do not take, shapes that are not whole blocks.
    pub fn source(&self) -> Result<Source, KernelError> {
        let kernels = match self.product {
            Product::Int8 => int8::kernels(self.tile)?,
            Product::Bf16 => bf16::kernels(self.tile)?,
        };
        let mut design = design::design(self, &kernels);
        design.sequences = self
            .shapes
            .iter()
            .map(|&shape| Ok(sequence::sequence(self, self.layout(shape)?)))
            .collect::<Result<_, KernelError>>()?;
        Ok(Source {
            design,
            kernels: kernels.module,
        })
    }
}
