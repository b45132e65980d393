//! Softmax of rows.

use arch::num::ShuffleMode;

use super::error::{KernelError, blocks, fits};
use super::math::{
    Exp2, HALF, LANES, PART, SHORTS, STEP, TWO_TERMS, VECTOR, WORDS, bf16, first_lane, fixed,
    narrow, narrow_pair, splat_bf16, splat_f32, splat_pair, splat_scalar, split,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func, ReduceOp, UnaryOp, Value};

const NAME: &str = "softmax";
/// Vectors of a pass that looks for the maximum.
const MAX_UNROLL: u32 = 8;
/// Maxima that it keeps: one need not wait for the other.
const MAXIMA: usize = 4;
/// Vectors of a pass of a sum, each added to an accumulator of its own.
const SUM_UNROLL: u32 = 4;
/// Vectors of a pass that scales.
const SCALE_UNROLL: u32 = 2;
/// Elements below count as this.
const LOWEST: f32 = -1e38;
/// Exponent of two at which powers are 0: what lies further below the maximum counts for nothing.
const LEAST: f32 = -127.0;

/// `softmax(x: ptr, work: ptr, y: ptr)`: for each of `rows` rows of `columns` bf16, a multiple of 32,
/// `y[i] = e^(x[i] - max) / sum of e^(x[j] - max)`. `work` is as large as x.
///
/// Elements are at most 10^38; those below -10^38, infinite ones too, count as -10^38. A shorter row is padded
/// with any number more than 88 below its maximum: padding and masks come out as zero. A row whose elements
/// are all equal, however low, comes out even. Results are within two units of the last place.
///
/// Bound: per 32 elements 19 cycles, by the products and sums of the vector unit and as many moves. The
/// passes take 28, as each wants another unit: two for the maximum and two for the sum, whose loads come
/// from one bank, eight for the exponents (products), 14 for the powers (the port by which accumulators are
/// read), two to scale (stores).
///
/// # Errors
/// A size of 0, columns that are not a multiple of 32, or an operand beyond a data memory.
pub fn softmax(rows: u32, columns: u32) -> Result<Func, KernelError> {
    blocks(NAME, "rows", rows, 1)?;
    blocks(NAME, "columns", columns, LANES)?;
    fits(NAME, "x", 2 * u64::from(rows) * u64::from(columns))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let row = Row {
        vectors: columns / LANES,
    };
    b.loop_(Count::Const(rows), &[x, y], |b, at| {
        let max = row.max(b, at[0]);
        row.exponents(b, at[0], at[1], max)
    });
    let exp2 = Exp2::new(&mut b);
    unrolled(&mut b, rows * row.vectors, 1, &[y, work], |b, _, at| {
        let powers = exp2.apply(b, at[0]);
        let powers = narrow(b, powers);
        let work = b.store_post(powers, at[1], STEP);
        vec![b.ptr_add(at[0], STEP), work]
    });
    b.loop_(Count::Const(rows), &[work, y], |b, at| {
        let sum = row.sum(b, at[0]);
        row.scale(b, at[0], at[1], sum)
    });
    Ok(b.finish())
}

struct Row {
    /// Vectors of a row.
    vectors: u32,
}

// Each pass makes its constants itself: registers would not hold those of all.
impl Row {
    /// The maximum of a row in every lane of 16.
    fn max(&self, b: &mut FuncBuilder, x: Value) -> Value {
        let mut init = [splat_bf16(b, bf16(LOWEST)); 1 + MAXIMA];
        init[0] = x;
        let ends = unrolled(b, self.vectors, MAX_UNROLL, &init, |b, steps, carried| {
            let mut next = carried.to_vec();
            for step in 0..steps as usize {
                let (value, moved) = b.load_post(VECTOR, next[0], STEP);
                next[0] = moved;
                let max = &mut next[1 + step % MAXIMA];
                *max = b.vmax(*max, value);
            }
            next
        });
        let max = ends[2..]
            .iter()
            .fold(ends[1], |max, other| b.vmax(max, *other));
        let max = b.reduce(ReduceOp::Max, max);
        b.half(max, false)
    }

    /// Exponents of a row to the base of two; the pointers to the next row.
    fn exponents(&self, b: &mut FuncBuilder, x: Value, to: Value, max: Value) -> Vec<Value> {
        let low_halves = ShuffleMode::all()[2];
        let lowest = splat_bf16(b, bf16(LOWEST));
        let large = splat_f32(b, fixed::LARGE);
        let least = b.iconst((fixed::LARGE + LEAST).to_bits() as i32);
        let least = b.splat(WORDS, least);
        let zero = half::bf16::ZERO;
        // Both parts for the elements of either half, and times the maximum, negated. They are summed apart:
        // what the maximum takes of its own element is exact then, however large.
        let log2_e = split(std::f32::consts::LOG2_E);
        let factors = log2_e.map(|part| [[part, zero], [zero, part]].map(|p| splat_pair(b, p)));
        let none = splat_bf16(b, zero);
        let none = b.half(none, false);
        let max = b.concat(max, none);
        let starts = [0, 1].map(|part| b.negmul(TWO_TERMS, max, factors[part][0]));
        unrolled(b, self.vectors, 1, &[x, to], |b, _, pointers| {
            let (value, x) = b.load_post(VECTOR, pointers[0], STEP);
            let value = b.vmax(value, lowest);
            let bits = [0, 1].map(|half| {
                let [first, rest] =
                    [0, 1].map(|part| b.mac(TWO_TERMS, starts[part], value, factors[part][half]));
                let sum = b.acc_add(first, rest);
                let sum = b.acc_add(sum, large);
                // The bits of positive floats grow as they do, and those of negative ones are less.
                let bits = b.cast(WORDS, sum);
                let bits = b.vmax(bits, least);
                b.cast(SHORTS, bits)
            });
            let exponents = b.shuffle(low_halves, bits[0], bits[1]);
            vec![x, b.store_post(exponents, pointers[1], STEP)]
        })
    }

    /// The sum of a row of powers in every lane of 16.
    fn sum(&self, b: &mut FuncBuilder, powers: Value) -> Value {
        let ones = splat_bf16(b, half::bf16::ONE);
        let mut init = vec![powers];
        init.extend((0..SUM_UNROLL).map(|_| b.acc_zero(HALF)));
        let ends = unrolled(b, self.vectors, SUM_UNROLL, &init, |b, steps, carried| {
            let mut next = carried.to_vec();
            for sum in 1..=steps as usize {
                let (value, moved) = b.load_post(VECTOR, next[0], STEP);
                next[0] = moved;
                next[sum] = b.mac(TWO_TERMS, next[sum], value, ones);
            }
            next
        });
        let sum = ends[2..]
            .iter()
            .fold(ends[1], |sum, other| b.acc_add(sum, *other));
        b.reduce(ReduceOp::Add, sum)
    }

    /// The powers of a row divided by their sum; the pointers to the next row.
    fn scale(&self, b: &mut FuncBuilder, powers: Value, y: Value, sum: Value) -> Vec<Value> {
        let sum = first_lane(b, sum);
        let inverse = b.unary(UnaryOp::Frecip, sum);
        let inverse = splat_scalar(b, inverse);
        let inverse = narrow_pair(b, inverse);
        let init = [powers, y];
        unrolled(b, self.vectors, SCALE_UNROLL, &init, |b, steps, carried| {
            let (mut powers, mut y) = (carried[0], carried[1]);
            for _ in 0..2 * steps {
                // Loaded once: both halves would come from one bank.
                let (power, next) = b.load_post(PART, powers, STEP / 2);
                powers = next;
                let power = b.concat(power, power);
                let scaled = b.mul(TWO_TERMS, power, inverse);
                let scaled = narrow(b, scaled);
                y = b.store_post(scaled, y, STEP / 2);
            }
            vec![powers, y]
        })
    }
}
