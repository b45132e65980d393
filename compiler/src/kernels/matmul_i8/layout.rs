//! Matrices stored row by row, to and from the blocks that the kernel takes.

use super::{BLOCK_N, MatmulI8, TILE_K, TILE_M, TILE_N};

/// A matrix in which tiles follow each other, each split into panels of 8 columns, each panel row by
/// row.
#[derive(Clone, Copy)]
struct Blocked {
    rows: usize,
    columns: usize,
    tile_rows: usize,
    tile_columns: usize,
    /// Whether a row of tiles is finished before the next begins; otherwise a column.
    by_rows: bool,
}

/// Columns of a block of every operand.
const PANEL: usize = BLOCK_N as usize;

impl Blocked {
    /// Position in the blocked order of the element at a row and a column.
    fn position(self, row: usize, column: usize) -> usize {
        let (tile_row, tile_column) = (row / self.tile_rows, column / self.tile_columns);
        let tile = match self.by_rows {
            true => tile_row * (self.columns / self.tile_columns) + tile_column,
            false => tile_column * (self.rows / self.tile_rows) + tile_row,
        };
        let (row, column) = (row % self.tile_rows, column % self.tile_columns);
        let panel = tile * (self.tile_columns / PANEL) + column / PANEL;
        (panel * self.tile_rows + row) * PANEL + column % PANEL
    }

    fn pack<T: Copy + Default>(self, matrix: &[T]) -> Vec<T> {
        let mut blocked = vec![T::default(); self.rows * self.columns];
        for (index, element) in matrix.iter().enumerate().take(blocked.len()) {
            blocked[self.position(index / self.columns, index % self.columns)] = *element;
        }
        blocked
    }

    fn unpack<T: Copy + Default>(self, blocked: &[T]) -> Vec<T> {
        let element = |index: usize| {
            let position = self.position(index / self.columns, index % self.columns);
            blocked.get(position).copied().unwrap_or_default()
        };
        (0..self.rows * self.columns).map(element).collect()
    }
}

impl MatmulI8 {
    fn a(&self) -> Blocked {
        Blocked {
            rows: self.m as usize,
            columns: self.k as usize,
            tile_rows: TILE_M as usize,
            tile_columns: TILE_K as usize,
            by_rows: true,
        }
    }

    fn b(&self) -> Blocked {
        Blocked {
            rows: self.k as usize,
            columns: self.n as usize,
            tile_rows: TILE_K as usize,
            tile_columns: TILE_N as usize,
            by_rows: false,
        }
    }

    fn c(&self) -> Blocked {
        Blocked {
            rows: self.m as usize,
            columns: self.n as usize,
            tile_rows: TILE_M as usize,
            tile_columns: TILE_N as usize,
            by_rows: true,
        }
    }
}

/// A (m x k) row by row to the kernel's order. Elements beyond the end of `matrix` are 0.
pub fn pack_a(shape: &MatmulI8, matrix: &[i8]) -> Vec<i8> {
    shape.a().pack(matrix)
}

/// A in the kernel's order to row by row. Elements beyond the end of `blocked` are 0.
pub fn unpack_a(shape: &MatmulI8, blocked: &[i8]) -> Vec<i8> {
    shape.a().unpack(blocked)
}

/// B (k x n) row by row to the kernel's order. Elements beyond the end of `matrix` are 0.
pub fn pack_b(shape: &MatmulI8, matrix: &[i8]) -> Vec<i8> {
    shape.b().pack(matrix)
}

/// B in the kernel's order to row by row. Elements beyond the end of `blocked` are 0.
pub fn unpack_b(shape: &MatmulI8, blocked: &[i8]) -> Vec<i8> {
    shape.b().unpack(blocked)
}

/// C (m x n) row by row to the kernel's order. Elements beyond the end of `matrix` are 0.
pub fn pack_c(shape: &MatmulI8, matrix: &[i32]) -> Vec<i32> {
    shape.c().pack(matrix)
}

/// C in the kernel's order to row by row. Elements beyond the end of `blocked` are 0.
pub fn unpack_c(shape: &MatmulI8, blocked: &[i32]) -> Vec<i32> {
    shape.c().unpack(blocked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: MatmulI8 = MatmulI8 {
        m: 32,
        k: 24,
        n: 48,
        accumulate: false,
    };

    #[test]
    fn orders_are_those_of_the_table() {
        let (m, k, n) = (32, 24, 48);
        let mut at = 0;
        for (tile, panel) in (0..m / 16).flat_map(|t| (0..k / 8).map(move |p| (t, p))) {
            for (row, column) in (0..16).flat_map(|r| (0..8).map(move |c| (r, c))) {
                assert_eq!(SHAPE.a().position(16 * tile + row, 8 * panel + column), at);
                at += 1;
            }
        }
        at = 0;
        for (tile, step) in (0..n / 16).flat_map(|t| (0..k / 8).map(move |s| (t, s))) {
            for (block, row) in (0..2).flat_map(|b| (0..8).map(move |r| (b, r))) {
                for column in 0..8 {
                    let column = 16 * tile + 8 * block + column;
                    assert_eq!(SHAPE.b().position(8 * step + row, column), at);
                    at += 1;
                }
            }
        }
        at = 0;
        for (tile, panel) in (0..m / 16).flat_map(|t| (0..n / 8).map(move |p| (t, p))) {
            for (row, column) in (0..16).flat_map(|r| (0..8).map(move |c| (r, c))) {
                assert_eq!(SHAPE.c().position(16 * tile + row, 8 * panel + column), at);
                at += 1;
            }
        }
    }

    #[test]
    fn unpacking_undoes_packing() {
        let i8s = |len: usize| {
            (0..len)
                .map(|i| (i * 7 + i / 256) as i8)
                .collect::<Vec<_>>()
        };
        let (a, b) = (i8s(32 * 24), i8s(24 * 48));
        let c: Vec<i32> = (0..32 * 48).collect();
        assert_eq!(unpack_a(&SHAPE, &pack_a(&SHAPE, &a)), a);
        assert_eq!(unpack_b(&SHAPE, &pack_b(&SHAPE, &b)), b);
        assert_eq!(unpack_c(&SHAPE, &pack_c(&SHAPE, &c)), c);
        assert_ne!(pack_a(&SHAPE, &a), a);
    }

    #[test]
    fn missing_elements_are_zero() {
        let packed = pack_a(&SHAPE, &[1; 24]);
        assert_eq!(packed.len(), 32 * 24);
        assert_eq!(packed.iter().filter(|v| **v == 1).count(), 24);
    }
}
