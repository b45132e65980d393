//! Matrices stored row by row, to and from the blocks that the kernel takes.

use super::{TILE_K, TILE_M};

/// A matrix in which tiles follow each other, each split into panels of columns, each panel row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    rows: usize,
    columns: usize,
    tile_rows: usize,
    tile_columns: usize,
    panel: usize,
    /// Whether a row of tiles is finished before the next begins; otherwise a column.
    by_rows: bool,
}

impl Blocked {
    /// A (m x k).
    pub fn a(m: u32, k: u32) -> Self {
        Blocked {
            rows: m as usize,
            columns: k as usize,
            tile_rows: TILE_M as usize,
            tile_columns: TILE_K as usize,
            panel: TILE_K as usize,
            by_rows: true,
        }
    }

    /// B (k x n) in blocks of `block` columns.
    pub fn b(k: u32, n: u32, block: u32) -> Self {
        Blocked {
            rows: k as usize,
            columns: n as usize,
            tile_rows: TILE_K as usize,
            tile_columns: 2 * block as usize,
            panel: block as usize,
            by_rows: false,
        }
    }

    /// C (m x n) in blocks of `block` columns.
    pub fn c(m: u32, n: u32, block: u32) -> Self {
        Blocked {
            rows: m as usize,
            columns: n as usize,
            tile_rows: TILE_M as usize,
            tile_columns: block as usize,
            panel: block as usize,
            by_rows: true,
        }
    }

    /// Position in the blocked order of the element at a row and a column.
    fn position(self, row: usize, column: usize) -> usize {
        let (tile_row, tile_column) = (row / self.tile_rows, column / self.tile_columns);
        let tile = match self.by_rows {
            true => tile_row * (self.columns / self.tile_columns) + tile_column,
            false => tile_column * (self.rows / self.tile_rows) + tile_row,
        };
        let (row, column) = (row % self.tile_rows, column % self.tile_columns);
        let panel = tile * (self.tile_columns / self.panel) + column / self.panel;
        (panel * self.tile_rows + row) * self.panel + column % self.panel
    }

    /// Row by row to blocked. Elements beyond the end of `matrix` are 0.
    pub fn pack<T: Copy + Default>(self, matrix: &[T]) -> Vec<T> {
        let mut blocked = vec![T::default(); self.rows * self.columns];
        for (index, element) in matrix.iter().enumerate().take(blocked.len()) {
            blocked[self.position(index / self.columns, index % self.columns)] = *element;
        }
        blocked
    }

    /// Blocked to row by row. Elements beyond the end of `blocked` are 0.
    pub fn unpack<T: Copy + Default>(self, blocked: &[T]) -> Vec<T> {
        let element = |index: usize| {
            let position = self.position(index / self.columns, index % self.columns);
            blocked.get(position).copied().unwrap_or_default()
        };
        (0..self.rows * self.columns).map(element).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_those_of_the_table() {
        let (m, k, n) = (32, 24, 48);
        let (a, b, c) = (
            Blocked::a(32, 24),
            Blocked::b(24, 48, 8),
            Blocked::c(32, 48, 8),
        );
        let mut at = 0;
        for (tile, panel) in (0..m / 16).flat_map(|t| (0..k / 8).map(move |p| (t, p))) {
            for (row, column) in (0..16).flat_map(|r| (0..8).map(move |c| (r, c))) {
                assert_eq!(a.position(16 * tile + row, 8 * panel + column), at);
                at += 1;
            }
        }
        at = 0;
        for (tile, step) in (0..n / 16).flat_map(|t| (0..k / 8).map(move |s| (t, s))) {
            for (block, row) in (0..2).flat_map(|b| (0..8).map(move |r| (b, r))) {
                for column in 0..8 {
                    let column = 16 * tile + 8 * block + column;
                    assert_eq!(b.position(8 * step + row, column), at);
                    at += 1;
                }
            }
        }
        at = 0;
        for (tile, panel) in (0..m / 16).flat_map(|t| (0..n / 8).map(move |p| (t, p))) {
            for (row, column) in (0..16).flat_map(|r| (0..8).map(move |c| (r, c))) {
                assert_eq!(c.position(16 * tile + row, 8 * panel + column), at);
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
        for block in [4, 8] {
            let orders = [
                (Blocked::a(32, 24), &a),
                (Blocked::b(24, 48, block), &b),
                (Blocked::c(48, 24, block), &b),
            ];
            for (order, matrix) in orders {
                assert_eq!(order.unpack(&order.pack(matrix)), *matrix);
                assert_ne!(order.pack(matrix), *matrix);
            }
        }
    }

    #[test]
    fn missing_elements_are_zero() {
        let packed = Blocked::a(32, 24).pack(&[1; 24]);
        assert_eq!(packed.len(), 32 * 24);
        assert_eq!(packed.iter().filter(|v| **v == 1).count(), 24);
    }
}
