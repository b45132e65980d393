//! Matrices in host memory: tiles one after the other, each blocked as the kernels want it.
//!
//! | matrix | order of the tiles |
//! |---|---|
//! | A | by tile row, then slab along k |
//! | B | by tile column, then slab along k; with values per column, they take a slab before the others |
//! | C | by tile column, then tile row |

use super::Shape;
use crate::kernels::matmul::layout::Blocked;

/// How matrices of a shape lie in host memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// A slab of A (m x k), one of B (k x n), a tile of C (m x n).
    pub tile: Shape,
    /// The matrices.
    pub shape: Shape,
    /// Columns of a block of B and C.
    pub block_n: u32,
    /// Whether a slab with values per column precedes each tile column of B.
    pub columns_first: bool,
}

impl Layout {
    /// Slabs along k.
    pub fn slabs(&self) -> u32 {
        self.shape.k / self.tile.k
    }

    /// Slabs of a tile column of B in host memory.
    pub fn b_slabs(&self) -> u32 {
        self.slabs() + u32::from(self.columns_first)
    }

    /// Elements of a slab of A.
    pub fn a_slab(&self) -> u32 {
        self.tile.m * self.tile.k
    }

    /// Elements of a slab of B.
    pub fn b_slab(&self) -> u32 {
        self.tile.k * self.tile.n
    }

    /// Elements of a tile of C.
    pub fn c_tile(&self) -> u32 {
        self.tile.m * self.tile.n
    }

    /// Elements of A, B and C in host memory.
    pub fn lens(&self) -> [u32; 3] {
        let (rows, columns) = (self.shape.m / self.tile.m, self.shape.n / self.tile.n);
        [
            rows * self.slabs() * self.a_slab(),
            columns * self.b_slabs() * self.b_slab(),
            columns * rows * self.c_tile(),
        ]
    }

    /// A (m x k), row by row, to host memory.
    pub fn pack_a<T: Copy + Default>(&self, a: &[T]) -> Vec<T> {
        let order = Blocked::a(self.tile.m, self.tile.k);
        let mut packed = Vec::with_capacity(a.len());
        for row in (0..self.shape.m).step_by(self.tile.m as usize) {
            for slab in (0..self.shape.k).step_by(self.tile.k as usize) {
                let size = (self.tile.m, self.tile.k);
                packed.extend(order.pack(&part(a, self.shape.k, (row, slab), size)));
            }
        }
        packed
    }

    /// B (k x n), row by row, to host memory; `columns` gives the slab before tile column `i`.
    pub fn pack_b<T: Copy + Default>(&self, b: &[T], columns: impl Fn(usize) -> Vec<T>) -> Vec<T> {
        let order = Blocked::b(self.tile.k, self.tile.n, self.block_n);
        let mut packed = Vec::with_capacity(b.len());
        for (i, column) in (0..self.shape.n).step_by(self.tile.n as usize).enumerate() {
            if self.columns_first {
                packed.extend(columns(i));
            }
            for slab in (0..self.shape.k).step_by(self.tile.k as usize) {
                let size = (self.tile.k, self.tile.n);
                packed.extend(order.pack(&part(b, self.shape.n, (slab, column), size)));
            }
        }
        packed
    }

    /// C in host memory to m x n, row by row.
    pub fn unpack_c<T: Copy + Default>(&self, c: &[T]) -> Vec<T> {
        let order = Blocked::c(self.tile.m, self.tile.n, self.block_n);
        let (m, n) = (self.tile.m as usize, self.tile.n as usize);
        let (rows, width) = ((self.shape.m / self.tile.m) as usize, self.shape.n as usize);
        let mut out = vec![T::default(); self.shape.m as usize * width];
        for (i, tile) in c.chunks_exact(m * n).enumerate() {
            let start = i % rows * m * width + i / rows * n;
            for (row, values) in order.unpack(tile).chunks_exact(n).enumerate() {
                out[start + row * width..][..n].copy_from_slice(values);
            }
        }
        out
    }
}

/// `size` of a matrix of rows of `width`, from `start` on.
fn part<T: Copy>(matrix: &[T], width: u32, start: (u32, u32), size: (u32, u32)) -> Vec<T> {
    let row = |r: u32| ((start.0 + r) * width + start.1) as usize;
    (0..size.0)
        .flat_map(|r| matrix[row(r)..][..size.1 as usize].iter().copied())
        .collect()
}
