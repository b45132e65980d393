//! The loops that all matrix products share: blocks, tiles of accumulators, and the walks of the
//! pointers.
//!
//! A tile has 16 rows (four blocks) and 16 columns of C. Where k is short, one loop runs over all tiles and
//! the walk along k is unrolled: a pass makes the two halves of a tile, each in accumulators of its own,
//! so that those of one half are stored while the products of the other are made, and the next pass
//! begins before the stores of the last have ended. Where k is long, a loop along k is innermost, and the
//! operands of a step are loaded while the products of the one before it are made; it makes a whole tile,
//! or half of one where what is done with the sums needs registers of its own.

use super::{BLOCK_M, TILE_K, TILE_M, TILE_N};
use crate::kernels::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, IntOp, MacMode, Value};
use kernel::types::Type;

/// Longest k that is walked without a loop: a pass of the loop over tiles has as many cycles (8-bit
/// operands) or twice as many (bf16).
pub(super) const WHOLE_K: u32 = 64;
/// Steps along k of a pass of the loop along k: two share the cycles in which a pass that does not
/// overlap the next one drains.
const UNROLL: u32 = 2;
/// Blocks of A in a tile.
pub(super) const A_BLOCKS: usize = (TILE_M / BLOCK_M) as usize;
/// Blocks of B that lie side by side in its layout.
pub(super) const PANEL: usize = 2;

/// What a product multiplies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    /// Rows of A and C.
    pub(super) m: u32,
    /// Columns of A, rows of B.
    pub(super) k: u32,
    /// Columns of B and C.
    pub(super) n: u32,
    /// The multiplier's mode.
    pub(super) mode: MacMode,
    /// Columns of a block of B and C.
    pub(super) block_n: u32,
    /// Columns of blocks that a loop along k sums at once: 1 or [`PANEL`].
    pub(super) at_once: usize,
}

/// Pointers besides those to A and B.
#[derive(Clone, Debug)]
pub(super) struct Pointers {
    /// To the next block of operands in the order of C.
    pub(super) by_block: Vec<Value>,
    /// To what belongs to the columns of blocks of a tile, and the bytes of one of them.
    pub(super) by_column: Vec<(Value, i32)>,
    /// The current column of blocks.
    column: i32,
}

impl Pointers {
    /// Pointers by block and by column, each with its bytes, before the first block.
    pub(super) fn new(by_block: Vec<Value>, by_column: Vec<(Value, i32)>) -> Self {
        Pointers {
            by_block,
            by_column,
            column: 0,
        }
    }

    /// Loads what one of the pointers by column has for the current column.
    pub(super) fn of_column(&self, b: &mut FuncBuilder, ty: Type, which: usize) -> Value {
        let (pointer, bytes) = self.by_column[which];
        b.load(ty, pointer, self.column * bytes)
    }

    /// Loads the blocks of a column from one of the pointers by block; `row` is that of the first.
    pub(super) fn of_blocks(
        &self,
        b: &mut FuncBuilder,
        ty: Type,
        which: usize,
        row: i32,
    ) -> [Value; A_BLOCKS] {
        let at = |k: usize| (row + k as i32) * ty.bytes() as i32;
        std::array::from_fn(|k| b.load(ty, self.by_block[which], at(k)))
    }
}

/// How the sums of a product begin and where they go, a column of [`A_BLOCKS`] blocks at a time.
pub(super) trait Ends {
    /// The accumulators that the sums of a column begin with; `row` is that of its first block, counted
    /// from where the pointers by block are.
    fn start(&self, b: &mut FuncBuilder, pointers: &Pointers, row: i32) -> [Value; A_BLOCKS];

    /// Stores the sums of a column, in the order of C, and moves the pointers by block.
    fn finish(&self, b: &mut FuncBuilder, pointers: &mut Pointers, accs: &[Value]);
}

impl Product {
    /// Builds the loops.
    pub(super) fn build(
        self,
        b: &mut FuncBuilder,
        [a, weights]: [Value; 2],
        pointers: &Pointers,
        ends: &dyn Ends,
    ) {
        match self.k <= WHOLE_K {
            true => self.short(b, a, weights, pointers, ends),
            false => self.long(b, a, weights, pointers, ends),
        }
    }

    /// A block of A.
    fn a(self) -> Type {
        self.mode.shape().a
    }

    /// A block of B.
    fn b(self) -> Type {
        self.mode.shape().b
    }

    /// Bytes of the blocks of A of one tile row.
    fn a_panel(self) -> i32 {
        (self.k / TILE_K) as i32 * A_BLOCKS as i32 * self.a().bytes() as i32
    }

    /// Bytes of the blocks of B of one panel.
    fn b_panel(self) -> i32 {
        (self.k / TILE_K) as i32 * PANEL as i32 * self.b().bytes() as i32
    }

    /// Columns of blocks of a half of a tile.
    fn half(self) -> usize {
        (TILE_N / 2 / self.block_n) as usize
    }

    fn short(
        self,
        b: &mut FuncBuilder,
        a: Value,
        weights: Value,
        pointers: &Pointers,
        ends: &dyn Ends,
    ) {
        let tiles_in_row = (self.n / TILE_N) as i32;
        let columns = 2 * self.half() as i32;
        let mut walks: Vec<(Value, i32)> = vec![(weights, self.b_panel() * columns / PANEL as i32)];
        walks.extend(
            pointers
                .by_column
                .iter()
                .map(|(p, bytes)| (*p, bytes * columns)),
        );
        let zero = b.iconst(0);
        let mut init = vec![zero, a];
        init.extend(walks.iter().map(|w| w.0));
        init.extend(&pointers.by_block);
        let tiles = Count::Const(self.m / TILE_M * self.n / TILE_N);
        b.loop_(tiles, &init, |b, carried| {
            let (column, a) = (carried[0], carried[1]);
            let (at, by_block) = carried[2..].split_at(walks.len());
            let by_column = at[1..].iter().zip(&pointers.by_column);
            let by_column = by_column.map(|(p, (_, bytes))| (*p, *bytes)).collect();
            let mut pointers = Pointers::new(by_block.to_vec(), by_column);
            let mut walk = [a, at[0]];
            for half in 0..2 {
                self.half_tile(b, &mut walk, &mut pointers, ends, half);
            }
            // All ones but for the last tile of a row, after which the walks begin again.
            let last = b.iconst(tiles_in_row - 1);
            let left = b.int(IntOp::Sub, column, last);
            let sign = b.iconst(31);
            let within = b.int(IntOp::Ashr, left, sign);
            let one = b.iconst(1);
            let next = b.int(IntOp::Add, column, one);
            let mut next = vec![b.int(IntOp::And, next, within)];
            let back = b.iconst(-self.a_panel());
            let back = b.int(IntOp::And, back, within);
            next.push(b.ptr_add_var(walk[0], back));
            let walked = [walk[1]].into_iter().chain(at[1..].iter().copied());
            let begun = [self.factors_of(1) + self.b_panel()]
                .into_iter()
                .chain(std::iter::repeat(0));
            for ((pointer, begun), (_, bytes)) in walked.zip(begun).zip(&walks) {
                let row = b.iconst(tiles_in_row * bytes);
                let back = b.iconst(-(tiles_in_row - 1) * bytes - begun);
                let step = b.int(IntOp::And, row, within);
                let step = b.int(IntOp::Add, step, back);
                next.push(b.ptr_add_var(pointer, step));
            }
            next.extend(pointers.by_block);
            next
        });
    }

    /// Where the factors of a half of a tile begin, counted from those of the tile.
    fn factors_of(self, half: usize) -> i32 {
        let blocks = half * self.half();
        let panel = (blocks / PANEL) as i32 * self.b_panel();
        panel + (blocks % PANEL) as i32 * self.b().bytes() as i32
    }

    /// Half a tile, the walk along k unrolled. The pointers to A and B go on to the other half.
    fn half_tile(
        self,
        b: &mut FuncBuilder,
        [a, weights]: &mut [Value; 2],
        pointers: &mut Pointers,
        ends: &dyn Ends,
        half: usize,
    ) {
        let columns = self.half();
        let mut accs = self.starts(b, pointers, ends, half * columns..(half + 1) * columns);
        let (a_size, b_size) = (self.a().bytes() as i32, self.b().bytes() as i32);
        let steps = self.k / TILE_K;
        for step in 0..steps {
            let (a_jump, b_jump) = match step + 1 == steps && half == 0 {
                true => (
                    -self.a_panel(),
                    self.factors_of(1) - self.factors_of(0) - self.b_panel(),
                ),
                false => (0, 0),
            };
            let mut factors = Vec::new();
            for column in 0..columns {
                let by = match column + 1 == columns {
                    true => (PANEL - column) as i32 * b_size + b_jump,
                    false => b_size,
                };
                let (factor, next) = b.load_post(self.b(), *weights, by);
                factors.push(factor);
                *weights = next;
            }
            for row in 0..A_BLOCKS {
                let by = match row + 1 == A_BLOCKS {
                    true => a_size + a_jump,
                    false => a_size,
                };
                let (block, next) = b.load_post(self.a(), *a, by);
                *a = next;
                for (column, factor) in factors.iter().enumerate() {
                    let acc = &mut accs[column * A_BLOCKS + row];
                    *acc = b.mac(self.mode, *acc, block, *factor);
                }
            }
        }
        finish(b, pointers, ends, &accs, half * columns);
    }

    /// Accumulators of some columns of blocks, in the order of C.
    fn starts(
        self,
        b: &mut FuncBuilder,
        pointers: &Pointers,
        ends: &dyn Ends,
        columns: std::ops::Range<usize>,
    ) -> Vec<Value> {
        let mut accs = Vec::new();
        for (place, column) in columns.enumerate() {
            let at = Pointers {
                column: column as i32,
                ..pointers.clone()
            };
            accs.extend(ends.start(b, &at, (place * A_BLOCKS) as i32));
        }
        accs
    }

    fn long(
        self,
        b: &mut FuncBuilder,
        a: Value,
        weights: Value,
        pointers: &Pointers,
        ends: &dyn Ends,
    ) {
        let panels = self.n / (PANEL as u32 * self.block_n);
        let columns: Vec<Value> = pointers.by_column.iter().map(|p| p.0).collect();
        let bytes: Vec<i32> = pointers.by_column.iter().map(|p| p.1).collect();
        let init = [&[a], pointers.by_block.as_slice()].concat();
        b.loop_(Count::Const(self.m / TILE_M), &init, |b, row| {
            let (a, by_block) = (row[0], &row[1..]);
            let init = [&[weights], columns.as_slice(), by_block].concat();
            let ends = b.loop_(Count::Const(panels), &init, |b, carried| {
                let (at, by_block) = carried[1..].split_at(columns.len());
                let by_column = at.iter().copied().zip(bytes.iter().copied()).collect();
                let mut pointers = Pointers::new(by_block.to_vec(), by_column);
                let mut weights = carried[0];
                for first in (0..PANEL).step_by(self.at_once) {
                    weights = self.blocks(b, [a, weights], &mut pointers, ends, first);
                }
                let moved = |(p, bytes): &(Value, i32)| b.ptr_add(*p, PANEL as i32 * bytes);
                let by_column: Vec<Value> = pointers.by_column.iter().map(moved).collect();
                [&[weights], by_column.as_slice(), &pointers.by_block].concat()
            });
            let mut next = vec![b.ptr_add(a, self.a_panel())];
            next.extend(&ends[1 + columns.len()..]);
            next
        });
    }

    /// The blocks of C of some columns of a panel of B, from `first` on, in one tile row; the pointer to
    /// those of the columns behind them.
    fn blocks(
        self,
        b: &mut FuncBuilder,
        operands: [Value; 2],
        pointers: &mut Pointers,
        ends: &dyn Ends,
        first: usize,
    ) -> Value {
        let mut state = Panel {
            pointers: operands,
            operands: Vec::new(),
            accs: self.starts(b, pointers, ends, first..first + self.at_once),
        };
        state.operands = state.load(b, self);
        let steps = self.k / TILE_K;
        let last = unrolled(b, steps - 1, UNROLL, &state.values(), |b, steps, values| {
            let mut state = Panel::of(values, self.at_once);
            for _ in 0..steps {
                let next = state.load(b, self);
                state.multiply(b, self.mode);
                state.operands = next;
            }
            state.values()
        });
        let mut state = Panel::of(&last, self.at_once);
        state.multiply(b, self.mode);
        finish(b, pointers, ends, &state.accs, first);
        // The walk along k has passed the panel; columns are left of it, or it began with a later one.
        let size = self.b().bytes() as i32;
        let behind = (first + self.at_once) % PANEL;
        let back = match behind {
            0 => first as i32 * size,
            columns => self.b_panel() - (columns - first) as i32 * size,
        };
        match back {
            0 => state.pointers[1],
            back => b.ptr_add(state.pointers[1], -back),
        }
    }
}

/// Stores columns of blocks, from column `first` of the tile on, and moves the pointers by block.
fn finish(
    b: &mut FuncBuilder,
    pointers: &mut Pointers,
    ends: &dyn Ends,
    accs: &[Value],
    first: usize,
) {
    for (place, column) in accs.chunks(A_BLOCKS).enumerate() {
        pointers.column = (first + place) as i32;
        ends.finish(b, pointers, column);
    }
}

/// What the loop along k carries.
struct Panel {
    /// To the blocks of A and B that follow the operands.
    pointers: [Value; 2],
    /// Four blocks of A, and of B one for each column.
    operands: Vec<Value>,
    /// Four blocks of C for each column.
    accs: Vec<Value>,
}

impl Panel {
    fn values(&self) -> Vec<Value> {
        let parts = [&self.pointers, self.operands.as_slice(), &self.accs];
        parts.concat()
    }

    /// The parts of a list that [`Panel::values`] made.
    fn of(values: &[Value], columns: usize) -> Self {
        let (operands, accs) = values[2..].split_at(A_BLOCKS + columns);
        Panel {
            pointers: [values[0], values[1]],
            operands: operands.to_vec(),
            accs: accs.to_vec(),
        }
    }

    /// Loads the operands of a step.
    fn load(&mut self, b: &mut FuncBuilder, product: Product) -> Vec<Value> {
        // Columns of the panel that are summed at another time are passed over.
        let blocks = [
            (A_BLOCKS, product.a(), 1),
            (product.at_once, product.b(), 1 + PANEL - product.at_once),
        ];
        let mut operands = Vec::new();
        for (pointer, (count, ty, last)) in self.pointers.iter_mut().zip(blocks) {
            for k in 0..count {
                let step = if k + 1 == count { last } else { 1 };
                let (block, next) = b.load_post(ty, *pointer, step as i32 * ty.bytes() as i32);
                operands.push(block);
                *pointer = next;
            }
        }
        operands
    }

    /// Adds the products of the operands.
    fn multiply(&mut self, b: &mut FuncBuilder, mode: MacMode) {
        let (a_blocks, b_blocks) = self.operands.split_at(A_BLOCKS);
        for (index, acc) in self.accs.iter_mut().enumerate() {
            let (column, row) = (index / A_BLOCKS, index % A_BLOCKS);
            *acc = b.mac(mode, *acc, a_blocks[row], b_blocks[column]);
        }
    }
}
