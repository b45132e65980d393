//! Softmax of rows.

use super::error::{KernelError, blocks, fits};
use super::math::{
    Exp2, Fixed, HALF, LANES, MATRICES, PART, SHORTS, STEP, Sign, TWO_TERMS, VECTOR, WORDS, bf16,
    fixed, load_twice, narrow, narrow_pair, reciprocal, splat_bf16, splat_bits, splat_f32, totals,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, LaneOp, Value};

const NAME: &str = "softmax";
/// Rows that are worked on together.
const GROUP: u32 = 4;
/// Elements below count as this: [`Exp2::lowest`].
const LOWEST: half::bf16 = half::bf16::from_bits(0xff00);
/// Exponent of the greatest maximum that is taken as it is. What lies below a greater one lies more than 88 below
/// it, also when both are divided by what brings the maximum down to this exponent.
const GREATEST: i32 = 15;
/// Bytes of memory for the numbers of a row: [`START`] and [`FACTOR`].
const ROW_BYTES: i32 = 128;
/// Where the bytes begin of 16 f32: what products of elements are added to.
const START: i32 = 0;
/// Where those begin of 32 bf16: minus the logarithm of e in two parts.
const FACTOR: i32 = 64;
/// Whether rows of y have room for the numbers of theirs. What is read there does not wait for the powers of the
/// row before, as it would where those are.
const fn numbers_in_y(columns: u32) -> bool {
    columns >= ROW_BYTES as u32 / 2
}

/// Elements of bf16 of the memory that the kernel works in: the powers of a group of rows, and behind them their
/// numbers where y has no room for those.
pub const fn work(rows: u32, columns: u32) -> u32 {
    let rows = if rows < GROUP { rows } else { GROUP };
    let numbers = if numbers_in_y(columns) {
        0
    } else {
        ROW_BYTES as u32 / 2
    };
    rows.saturating_mul(columns.saturating_add(numbers))
}

/// `softmax(x: ptr, work: ptr, y: ptr)`: for each of `rows` rows of `columns` bf16, a multiple of 32,
/// `y[i] = e^(x[i] - max) / sum of e^(x[j] - max)`. `work` is memory of [`work()`] elements that the kernel works
/// in.
///
/// Elements are at most 10^38; those below -2^127, infinite ones too, count as -2^127. A shorter row is padded
/// with any number more than 88 below its maximum: padding and masks come out as zero. A row whose elements
/// are all equal, however low, comes out even. Results are within two units of the last place.
///
/// Bound: nine cycles for 32 elements, by the products and sums of the vector unit. The passes take twelve: two
/// for the maximum, whose loads come from one bank, eight for the powers and two to scale. The powers take seven
/// products and sums; but those of floats take a cycle longer than those of integers, and one that follows would
/// meet the other at the port by which results are written. A row's loop begins while the one before ends.
///
/// # Errors
/// A size of 0, columns that are not a multiple of 32, or an operand beyond a data memory.
pub fn softmax(rows: u32, columns: u32) -> Result<Func, KernelError> {
    blocks(NAME, "rows", rows, 1)?;
    blocks(NAME, "columns", columns, LANES)?;
    fits(NAME, "x", 2 * u64::from(rows) * u64::from(columns))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let shape = Shape { columns };
    unrolled(&mut b, rows, GROUP, &[x, y], |b, rows, at| {
        let maxima = shape.maxima(b, rows, at[0]);
        let numbers = match numbers_in_y(columns) {
            true => at[1],
            false => b.ptr_add(work, shape.bytes(rows)),
        };
        scales(b, &maxima, numbers);
        let sums = shape.powers(b, rows, [at[0], numbers, work]);
        let inverses = inverses(b, sums);
        shape.shares(b, &inverses[..rows as usize], [work, at[1]]);
        let bytes = shape.bytes(rows);
        at.iter().map(|at| b.ptr_add(*at, bytes)).collect()
    });
    Ok(b.finish())
}

/// The larger of two halves of two rows, whose lanes take turns.
fn larger(b: &mut FuncBuilder, one: Value, other: Value) -> Value {
    let (low, high) = b.interleave(one, other);
    b.vmax(low, high)
}

/// A lane of either half of a vector, in all lanes of that half.
fn broadcast_halves(b: &mut FuncBuilder, vector: Value, lane: i32) -> Value {
    let [low, high] = [lane, LANES as i32 / 2 + lane].map(|lane| {
        let lane = b.iconst(lane);
        let number = b.broadcast(vector, lane);
        b.half(number, false)
    });
    b.concat(low, high)
}

/// Stores what exponents of each row are made with, from its greatest elements.
fn scales(b: &mut FuncBuilder, maxima: &[Value], numbers: Value) {
    let of = |row: usize| maxima[row % maxima.len()];
    let [even, odd] = [0, 1].map(|row| larger(b, of(row), of(row + 2)));
    // Each row in every fourth lane.
    let mut max = larger(b, even, odd);
    for bytes in [32, 16, 8] {
        let bytes = b.iconst(bytes);
        let turned = b.vshift(max, max, bytes);
        max = b.vmax(max, turned);
    }
    let minus_log2_e = splat_f32(b, -std::f32::consts::LOG2_E);
    let minus_log2_e = narrow_pair(b, minus_log2_e);
    let minus_log2_e = b.cast(SHORTS, minus_log2_e);
    let large = splat_f32(b, fixed::LARGE);
    let exponent = splat_bits(b, half::bf16::INFINITY.to_bits());
    let greatest = splat_bits(b, bf16((GREATEST as f32).exp2()).to_bits());
    let zero = splat_bits(b, 0);
    let above = b.cast(SHORTS, max);
    let above = b.lanes(LaneOp::And, above, exponent);
    let above = b.vsub(above, greatest);
    let above = b.vmax(above, zero);
    let factors = b.vsub(minus_log2_e, above);
    let factors = b.cast(VECTOR, factors);
    let starts = b.msc(TWO_TERMS, large, max, factors);
    let starts = b.cast(WORDS, starts);
    for row in 0..maxima.len() as i32 {
        let factor = broadcast_halves(b, factors, row);
        b.store(factor, numbers, row * ROW_BYTES + FACTOR);
        let lane = b.iconst(row);
        let start = b.broadcast(starts, lane);
        b.store(start, numbers, row * ROW_BYTES + START);
    }
}

/// The inverses of four rows' sums, as two bf16 each, from four parts of each sum.
fn inverses(b: &mut FuncBuilder, sums: Value) -> [Value; GROUP as usize] {
    let sums = totals(b, sums);
    let inverses = reciprocal(b, sums);
    let inverses = narrow_pair(b, inverses);
    [12, 8, 4, 0].map(|lane| broadcast_halves(b, inverses, lane))
}

struct Shape {
    /// Columns of a row.
    columns: u32,
}

// Each pass makes its constants itself: registers would not hold those of all.
impl Shape {
    fn vectors(&self) -> u32 {
        self.columns / LANES
    }

    /// Bytes of so many rows.
    fn bytes(&self, rows: u32) -> i32 {
        2 * (rows * self.columns) as i32
    }

    /// Bytes from a vector of row `row` of `rows` to what is visited next: the vector of the next row
    /// below it, or the next one of the first row.
    fn step(&self, row: u32, rows: u32) -> i32 {
        match row + 1 < rows {
            true => self.bytes(1),
            false => STEP - self.bytes(rows - 1),
        }
    }

    /// The greatest elements of each row, 32 of them.
    fn maxima(&self, b: &mut FuncBuilder, rows: u32, x: Value) -> Vec<Value> {
        let mut init = vec![splat_bf16(b, LOWEST); 1 + rows as usize];
        init[0] = x;
        let ends = unrolled(b, self.vectors(), 1, &init, |b, _, carried| {
            let mut next = carried.to_vec();
            for row in 0..rows {
                let (value, moved) = b.load_post(VECTOR, next[0], self.step(row, rows));
                next[0] = moved;
                let max = &mut next[1 + row as usize];
                *max = b.vmax(*max, value);
            }
            next
        });
        ends[1..].to_vec()
    }

    /// Powers of two of each row; and their sums, four parts of each row's.
    fn powers(&self, b: &mut FuncBuilder, rows: u32, pointers: [Value; 3]) -> Value {
        let [mut x, numbers, mut powers] = pointers;
        let fixed = Fixed::new(b);
        let exp2 = Exp2::new(b, Sign::Minus);
        let lowest = exp2.lowest(b);
        let mut sums = b.acc_zero(HALF);
        // A matrix of 4x8 with ones in a row of its own adds up the columns of one of 8x4 in that row: the
        // last one for the first row.
        let [mut selector, mut behind] = [0.0, 1.0].map(|number| splat_bf16(b, bf16(number)));
        let matrix_row = b.iconst(16);
        for row in (0..rows as i32).map(|row| row * ROW_BYTES) {
            selector = b.vshift(selector, behind, matrix_row);
            behind = selector;
            let start = b.load(HALF, numbers, row + START);
            let factor = b.load(VECTOR, numbers, row + FACTOR);
            let ends = unrolled(b, self.vectors(), 1, &[x, powers, sums], |b, _, carried| {
                let (mut x, mut powers, sums) = (carried[0], carried[1], carried[2]);
                let exponents = [(); 2].map(|()| {
                    let value = load_twice(b, &mut x);
                    let value = b.vmax(value, lowest);
                    b.mac(TWO_TERMS, start, value, factor)
                });
                let exponents = fixed.of(b, exponents);
                let power = exp2.apply(b, exponents);
                let power = b.cast(VECTOR, power);
                powers = b.store_post(power, powers, STEP);
                vec![x, powers, b.mac(MATRICES, sums, selector, power)]
            });
            (x, powers, sums) = (ends[0], ends[1], ends[2]);
        }
        sums
    }

    /// The powers of each row times the inverse of their sum.
    fn shares(&self, b: &mut FuncBuilder, inverses: &[Value], pointers: [Value; 2]) {
        let rows = inverses.len() as u32;
        unrolled(b, self.vectors(), 1, &pointers, |b, _, carried| {
            let (mut powers, mut y) = (carried[0], carried[1]);
            for (row, inverse) in (0..).zip(inverses) {
                for step in [STEP / 2, self.step(row, rows) - STEP / 2] {
                    // Loaded once: both halves would come from one bank.
                    let (power, next) = b.load_post(PART, powers, step);
                    powers = next;
                    let power = b.concat(power, power);
                    let share = b.mul(TWO_TERMS, power, *inverse);
                    let share = narrow(b, share);
                    y = b.store_post(share, y, step);
                }
            }
            vec![powers, y]
        });
    }
}
