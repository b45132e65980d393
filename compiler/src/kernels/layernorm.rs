//! Layer normalisation of rows.

use super::error::{KernelError, blocks, fits};
use super::math::{
    HALF, LANES, STEP, TWO_TERMS, VECTOR, first_lane, halves, load_twice, narrow, narrow_pair,
    splat_bf16, splat_f32, splat_pair, splat_scalar, split,
};
use super::unroll::unrolled;
use crate::kernel::builder::FuncBuilder;
use crate::kernel::ir::{Count, Func, ReduceOp, UnaryOp, Value};

const NAME: &str = "layernorm";
/// Added to the variance.
pub const EPSILON: f32 = 1e-5;
/// Vectors of a pass of a sum, each added to an accumulator of its own: a sum need not wait for the one
/// before it.
const SUM_UNROLL: u32 = 4;
/// Vectors of a pass of differences.
const DIFFERENCE_UNROLL: u32 = 2;

/// `layernorm(x: ptr, terms: ptr, work: ptr, y: ptr)`: for each of `rows` rows of `columns` bf16, a multiple of
/// 32, `y[i] = (x[i] - mean) / sqrt(variance + 1e-5) * gamma[i] + beta[i]`. `terms` is gamma and beta, 16 of
/// the one and 16 of the other in turn ([`interleave`]). `work` is memory of one row that the kernel works in.
///
/// Elements are at most 10^15. All columns count: rows are not padded, as their lengths are part of the
/// result. Mean and variance are those of what differs from the mean rounded to bf16, so that rows whose
/// elements are equal or nearly so lose nothing. Results are within two units of the last place of
/// the larger of both terms and 2^-8 of gamma: differences are rounded before their mean is taken.
///
/// Bound: per 32 elements nine cycles, by the products and sums of the vector unit. A row of few columns takes
/// much longer: its sums and its root wait for one another.
///
/// # Errors
/// A size of 0, columns that are not a multiple of 32, or an operand beyond a data memory.
pub fn layernorm(rows: u32, columns: u32) -> Result<Func, KernelError> {
    blocks(NAME, "rows", rows, 1)?;
    blocks(NAME, "columns", columns, LANES)?;
    fits(NAME, "x", 2 * u64::from(rows) * u64::from(columns))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, terms, work, y] = [(); 4].map(|()| b.ptr_param());
    let layernorm = Layernorm { columns };
    b.loop_(Count::Const(rows), &[x, y], |b, row| {
        let mean = layernorm.mean(b, row[0]);
        let x = layernorm.differences(b, row[0], work, mean);
        let scale = layernorm.scale(b, work);
        let y = layernorm.normalise(b, [work, terms, row[1]], &scale);
        vec![x, y]
    });
    Ok(b.finish())
}

/// Gamma and beta as the kernel takes them.
pub fn interleave<T: Copy>(gamma: &[T], beta: &[T]) -> Vec<T> {
    let half = LANES as usize / 2;
    let pairs = gamma.chunks(half).zip(beta.chunks(half));
    pairs
        .flat_map(|(gamma, beta)| [gamma, beta].concat())
        .collect()
}

struct Layernorm {
    /// Columns of a row.
    columns: u32,
}

/// What a row's differences are normalised with.
struct Scale {
    /// One divided by the deviation, as two bf16.
    factor: Value,
    /// The mean of the differences times that, negated.
    start: Value,
}

/// One.
const ONE: half::bf16 = half::bf16::ONE;
/// Zero.
const ZERO: half::bf16 = half::bf16::ZERO;

// Each pass makes its constants itself: registers would not hold those of all.
impl Layernorm {
    fn vectors(&self) -> u32 {
        self.columns / LANES
    }

    /// The sum of 16 lanes, divided by the number of columns, in every lane.
    fn share(&self, b: &mut FuncBuilder, sum: Value) -> Value {
        let sum = b.reduce(ReduceOp::Add, sum);
        let sum = narrow_pair(b, sum);
        let [first, rest] = split(1.0 / self.columns as f32);
        let (both, rest) = (splat_bf16(b, first), splat_pair(b, [rest, ZERO]));
        let share = b.mul(TWO_TERMS, sum, both);
        b.mac(TWO_TERMS, share, sum, rest)
    }

    /// Adds up products of all vectors of a row, each with those that `factors` names of it.
    fn sums<const N: usize>(
        &self,
        b: &mut FuncBuilder,
        x: Value,
        factors: impl Fn(Value) -> [Value; N],
    ) -> [Value; N] {
        let mut init = vec![x];
        init.extend((0..SUM_UNROLL as usize * N).map(|_| b.acc_zero(HALF)));
        let ends = unrolled(b, self.vectors(), SUM_UNROLL, &init, |b, steps, carried| {
            let mut next = carried.to_vec();
            for step in 0..steps as usize {
                let (value, moved) = b.load_post(VECTOR, next[0], STEP);
                next[0] = moved;
                for (k, factor) in factors(value).into_iter().enumerate() {
                    let sum = &mut next[1 + step * N + k];
                    *sum = b.mac(TWO_TERMS, *sum, value, factor);
                }
            }
            next
        });
        std::array::from_fn(|k| {
            let parts: Vec<Value> = ends[1 + k..].iter().copied().step_by(N).collect();
            parts[1..]
                .iter()
                .fold(parts[0], |sum, part| b.acc_add(sum, *part))
        })
    }

    /// The mean of a row, rounded to bf16, in every lane of 16.
    fn mean(&self, b: &mut FuncBuilder, x: Value) -> Value {
        let ones = splat_bf16(b, ONE);
        let [sum] = self.sums(b, x, |_| [ones]);
        let mean = self.share(b, sum);
        let mean = narrow(b, mean);
        b.to_f32(mean)
    }

    /// What differs from the mean, in memory; the pointer to the next row.
    fn differences(&self, b: &mut FuncBuilder, x: Value, to: Value, mean: Value) -> Value {
        // A one for the elements of either half.
        let ones = [splat_pair(b, [ONE, ZERO]), splat_pair(b, [ZERO, ONE])];
        let init = [x, to];
        let ends = unrolled(
            b,
            self.vectors(),
            DIFFERENCE_UNROLL,
            &init,
            |b, steps, pointers| {
                let (mut x, mut to) = (pointers[0], pointers[1]);
                for _ in 0..steps {
                    let (value, next) = b.load_post(VECTOR, x, STEP);
                    x = next;
                    for one in ones {
                        let difference = b.negmsc(TWO_TERMS, mean, value, one);
                        let difference = narrow(b, difference);
                        to = b.store_post(difference, to, STEP / 2);
                    }
                }
                vec![x, to]
            },
        );
        ends[0]
    }

    /// What the differences of a row are normalised with.
    fn scale(&self, b: &mut FuncBuilder, differences: Value) -> Scale {
        let ones = splat_bf16(b, ONE);
        let [sum, squares] = self.sums(b, differences, |value| [ones, value]);
        let mean = self.share(b, sum);
        let mean = narrow_pair(b, mean);
        let [first, rest] = halves(b, mean);
        let firsts = b.concat(first, first);
        let turned = b.concat(rest, first);
        let zero = splat_bf16(b, ZERO);
        let zero = b.half(zero, false);
        let lone = b.concat(first, zero);
        let squares = self.share(b, squares);
        // The square of both parts of the mean but for that of the rest: first * (first + rest), and
        // rest * first.
        let variance = b.msc(TWO_TERMS, squares, firsts, mean);
        let variance = b.msc(TWO_TERMS, variance, turned, lone);
        let epsilon = splat_f32(b, EPSILON);
        let variance = b.acc_add(variance, epsilon);
        let variance = first_lane(b, variance);
        let factor = b.unary(UnaryOp::Frsqrt, variance);
        let factor = splat_scalar(b, factor);
        let factor = narrow_pair(b, factor);
        let start = b.negmul(TWO_TERMS, firsts, factor);
        Scale { factor, start }
    }

    fn normalise(&self, b: &mut FuncBuilder, pointers: [Value; 3], scale: &Scale) -> Value {
        let ones = splat_bf16(b, ONE);
        let ones = b.half(ones, false);
        let ends = unrolled(b, self.vectors(), 1, &pointers, |b, _, carried| {
            let mut next = carried.to_vec();
            for _ in 0..2 {
                let difference = load_twice(b, &mut next[0]);
                let scaled = b.mac(TWO_TERMS, scale.start, difference, scale.factor);
                let scaled = narrow(b, scaled);
                let scaled = b.concat(scaled, ones);
                let (terms, moved) = b.load_post(VECTOR, next[1], STEP);
                next[1] = moved;
                let value = b.mul(TWO_TERMS, scaled, terms);
                let value = narrow(b, value);
                next[2] = b.store_post(value, next[2], STEP / 2);
            }
            next
        });
        ends[2]
    }
}
