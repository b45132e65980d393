//! Softmax of rows.

use super::error::{KernelError, blocks, fits};
use super::math::{
    Exp2, Fixed, HALF, LANES, MATRICES, PART, SHORTS, STEP, Sign, TWO_TERMS, VECTOR, bf16, fixed,
    load_twice, narrow, narrow_pair, reciprocal, selectors, splat_bf16, splat_bits, splat_f32,
    splat_pair, split, totals,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func, LaneOp, ReduceOp, Value};

const NAME: &str = "softmax";
/// Rows that go through a pass together where each takes little of it.
const GROUP: u32 = 4;
/// Rows whose numbers are worked out together.
const PAIR: u32 = 2;
/// Elements below count as this.
const LOWEST: f32 = -1e38;
/// Exponent of the greatest maximum that is taken as it is. What lies below a greater one lies more than 88 below
/// it, also when both are divided by what brings the maximum down to this exponent.
const GREATEST: i32 = 15;
/// Bytes of memory for the numbers of a row: [`START`] and [`FACTOR`].
const ROW_BYTES: i32 = 128;
/// Where the bytes begin of 16 f32: what products of elements are added to; later sums of powers.
const START: i32 = 0;
/// Where those begin of 32 bf16: the greatest elements; then minus the logarithm of e in two parts; later the
/// inverse of the sum.
const FACTOR: i32 = 64;

/// Elements of bf16 of the memory that the kernel works in.
pub const fn work(rows: u32, columns: u32) -> u32 {
    let numbers = padded(rows).saturating_mul(ROW_BYTES as u32 / 2);
    numbers.saturating_add(rows.saturating_mul(columns))
}

/// Rows that have numbers: whole groups.
const fn padded(rows: u32) -> u32 {
    rows.div_ceil(GROUP).saturating_mul(GROUP)
}

/// `softmax(x: ptr, work: ptr, y: ptr)`: for each of `rows` rows of `columns` bf16, a multiple of 32,
/// `y[i] = e^(x[i] - max) / sum of e^(x[j] - max)`. `work` is memory of [`work()`] elements that the kernel works
/// in.
///
/// Elements are at most 10^38; those below -10^38, infinite ones too, count as -10^38. A shorter row is padded
/// with any number more than 88 below its maximum: padding and masks come out as zero. A row whose elements
/// are all equal, however low, comes out even. Results are within two units of the last place.
///
/// Bound: nine cycles for 32 elements, by the products and sums of the vector unit. The passes take twelve: two
/// for the maximum, whose loads come from one bank, eight for the powers and two to scale.
///
/// # Errors
/// A size of 0, columns that are not a multiple of 32, or an operand beyond a data memory.
pub fn softmax(rows: u32, columns: u32) -> Result<Func, KernelError> {
    blocks(NAME, "rows", rows, 1)?;
    blocks(NAME, "columns", columns, LANES)?;
    fits(NAME, "work", 2 * u64::from(work(rows, columns)))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let shape = Shape { rows, columns };
    let powers = b.ptr_add(work, padded(rows) as i32 * ROW_BYTES);
    shape.fill(&mut b, work);
    shape.maxima(&mut b, x, work);
    shape.scales(&mut b, work);
    shape.powers(&mut b, [x, work, powers]);
    shape.inverses(&mut b, work);
    shape.shares(&mut b, [work, powers, y]);
    Ok(b.finish())
}

struct Shape {
    rows: u32,
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

    /// Fills the memory for numbers of rows that there are not.
    fn fill(&self, b: &mut FuncBuilder, numbers: Value) {
        let zero = splat_bf16(b, half::bf16::ZERO);
        for row in self.rows..padded(self.rows) {
            for number in [START, FACTOR] {
                b.store(zero, numbers, row as i32 * ROW_BYTES + number);
            }
        }
    }

    /// The greatest elements of each row, 32 of them.
    fn maxima(&self, b: &mut FuncBuilder, x: Value, numbers: Value) {
        unrolled(b, self.rows, GROUP, &[x, numbers], |b, rows, at| {
            let mut init = vec![splat_bf16(b, bf16(LOWEST)); 1 + rows as usize];
            init[0] = at[0];
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
            for (row, max) in ends[1..].iter().enumerate() {
                b.store(*max, at[1], row as i32 * ROW_BYTES + FACTOR);
            }
            vec![
                b.ptr_add(ends[0], self.bytes(rows - 1)),
                b.ptr_add(at[1], rows as i32 * ROW_BYTES),
            ]
        });
    }

    /// What exponents of each row are made with, from its maximum.
    fn scales(&self, b: &mut FuncBuilder, numbers: Value) {
        let minus_log2_e = splat_pair(b, split(-std::f32::consts::LOG2_E));
        let minus_log2_e = b.cast(SHORTS, minus_log2_e);
        let large = splat_f32(b, fixed::LARGE);
        let exponent = splat_bits(b, half::bf16::INFINITY.to_bits());
        let greatest = splat_bits(b, bf16((GREATEST as f32).exp2()).to_bits());
        let zero = splat_bits(b, 0);
        let passes = Count::Const(padded(self.rows) / PAIR);
        b.loop_(passes, &[numbers], |b, at| {
            for row in 0..PAIR as i32 {
                let row = row * ROW_BYTES;
                let max = b.load(VECTOR, at[0], row + FACTOR);
                let max = b.reduce(ReduceOp::Max, max);
                let above = b.cast(SHORTS, max);
                let above = b.lanes(LaneOp::And, above, exponent);
                let above = b.vsub(above, greatest);
                let above = b.vmax(above, zero);
                let factor = b.vsub(minus_log2_e, above);
                let factor = b.cast(VECTOR, factor);
                let start = b.msc(TWO_TERMS, large, max, factor);
                b.store(start, at[0], row + START);
                b.store(factor, at[0], row + FACTOR);
            }
            vec![b.ptr_add(at[0], PAIR as i32 * ROW_BYTES)]
        });
    }

    /// Powers of two of each row, and twice their sums, 16 of them.
    fn powers(&self, b: &mut FuncBuilder, pointers: [Value; 3]) {
        let lowest = splat_bf16(b, bf16(LOWEST));
        let fixed = Fixed::new(b);
        let exp2 = Exp2::new(b, Sign::Minus);
        let two = exp2.two(b);
        b.loop_(Count::Const(self.rows), &pointers, |b, at| {
            let start = b.load(HALF, at[1], START);
            let factor = b.load(VECTOR, at[1], FACTOR);
            let none = b.acc_zero(HALF);
            let init = [at[0], at[2], none];
            let ends = unrolled(b, self.vectors(), 1, &init, |b, _, carried| {
                let (mut x, mut powers, sum) = (carried[0], carried[1], carried[2]);
                let sums = [(); 2].map(|()| {
                    let value = load_twice(b, &mut x);
                    let value = b.vmax(value, lowest);
                    b.mac(TWO_TERMS, start, value, factor)
                });
                let exponents = fixed.of(b, sums);
                let power = exp2.apply(b, exponents);
                let power = b.cast(VECTOR, power);
                powers = b.store_post(power, powers, STEP);
                vec![x, powers, b.mac(TWO_TERMS, sum, power, two)]
            });
            b.store(ends[2], at[1], START);
            vec![ends[0], b.ptr_add(at[1], ROW_BYTES), ends[1]]
        });
    }

    /// The inverse of each row's sum, as two bf16.
    fn inverses(&self, b: &mut FuncBuilder, numbers: Value) {
        let selectors = selectors(b, bf16(0.5));
        let passes = Count::Const(padded(self.rows) / GROUP);
        b.loop_(passes, &[numbers], |b, at| {
            let mut sums = b.acc_zero(HALF);
            for (row, selector) in (0..).zip(selectors) {
                let own = b.load(HALF, at[0], row * ROW_BYTES + START);
                let own = narrow_pair(b, own);
                sums = b.mac(MATRICES, sums, selector, own);
            }
            let sums = totals(b, sums);
            let inverses = reciprocal(b, sums);
            let inverses = narrow_pair(b, inverses);
            for row in 0..GROUP as i32 {
                for (part, lane) in [4 * row, LANES as i32 / 2 + 4 * row]
                    .into_iter()
                    .enumerate()
                {
                    let lane = b.iconst(lane);
                    let inverse = b.broadcast(inverses, lane);
                    let inverse = b.half(inverse, false);
                    let to = row * ROW_BYTES + FACTOR + part as i32 * STEP / 2;
                    b.store(inverse, at[0], to);
                }
            }
            vec![b.ptr_add(at[0], GROUP as i32 * ROW_BYTES)]
        });
    }

    /// The powers of each row times the inverse of their sum.
    fn shares(&self, b: &mut FuncBuilder, pointers: [Value; 3]) {
        unrolled(b, self.rows, GROUP, &pointers, |b, rows, at| {
            let inverses =
                (0..rows as i32).map(|row| b.load(VECTOR, at[0], row * ROW_BYTES + FACTOR));
            let inverses: Vec<Value> = inverses.collect();
            let init = [at[1], at[2]];
            let ends = unrolled(b, self.vectors(), 1, &init, |b, _, carried| {
                let (mut powers, mut y) = (carried[0], carried[1]);
                for (row, inverse) in (0..).zip(&inverses) {
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
            let [powers, y] = [ends[0], ends[1]].map(|at| b.ptr_add(at, self.bytes(rows - 1)));
            vec![b.ptr_add(at[0], rows as i32 * ROW_BYTES), powers, y]
        });
    }
}
