//! Layer normalisation of rows.

use super::error::{KernelError, blocks, fits};
use super::math::{
    HALF, LANES, MATRICES, PART, STEP, TWO_TERMS, VECTOR, WORDS, halves, narrow, narrow_pair,
    reciprocal_root, selectors, splat_bf16, splat_f32, splat_pair, split, totals,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func, Value};

const NAME: &str = "layernorm";
/// Added to the variance.
pub const EPSILON: f32 = 1e-5;
/// Rows that go through a pass together, so that none waits for its own sums; as many as the product of
/// matrices has, which takes their sums apart.
const GROUP: u32 = 4;
/// Groups whose statistics are computed at least: a single pass would be no loop, but part of what is around
/// it, and alive together with it in too few registers.
const LEAST_GROUPS: u32 = 2;
/// Bytes of memory for the numbers of a row.
const ROW_BYTES: i32 = 128;
/// Bytes of memory for those of a group.
const GROUP_BYTES: i32 = GROUP as i32 * ROW_BYTES;
/// Bytes before those of the first group: ones.
const HEAD_BYTES: i32 = 64;
/// Bytes of 16 f32.
const FLOATS: i32 = 64;

/// Elements of bf16 of the memory that the kernel works in.
pub const fn work(rows: u32) -> u32 {
    let groups = rows.div_ceil(GROUP);
    let groups = if groups < LEAST_GROUPS {
        LEAST_GROUPS
    } else {
        groups
    };
    (HEAD_BYTES as u32 + groups * GROUP_BYTES as u32) / 2
}

/// `layernorm(x: ptr, terms: ptr, work: ptr, y: ptr)`: for each of `rows` rows of `columns` bf16, a multiple of
/// 32, `y[i] = (x[i] - mean) / sqrt(variance + 1e-5) * gamma[i] + beta[i]`. `terms` is gamma and beta, 16 of
/// the one and 16 of the other in turn ([`interleave`]). `work` is memory of [`work()`] elements that the
/// kernel works in.
///
/// Elements are at most 10^15. All columns count: rows are not padded, as their lengths are part of the
/// result. Mean and variance are those of what differs from the mean rounded to bf16, so that rows whose
/// elements are equal or nearly so lose nothing. Results are within two units of the last place of
/// the larger of both terms and 2^-8 of gamma: differences are rounded before their mean is taken.
///
/// Bound: per 32 elements nine cycles, by the products and sums of the vector unit. Four rows go together; the
/// sums and roots of each group take about as long as 350 columns, as each of their steps waits for the last.
///
/// # Errors
/// A size of 0, columns that are not a multiple of 32, or an operand beyond a data memory.
pub fn layernorm(rows: u32, columns: u32) -> Result<Func, KernelError> {
    blocks(NAME, "rows", rows, 1)?;
    blocks(NAME, "columns", columns, LANES)?;
    fits(NAME, "x", 2 * u64::from(rows) * u64::from(columns))?;
    fits(NAME, "work", 2 * u64::from(work(rows)))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, terms, work, y] = [(); 4].map(|()| b.ptr_param());
    let ones = splat_bf16(&mut b, ONE);
    b.store(ones, work, 0);
    let groups = b.ptr_add(work, HEAD_BYTES);
    let layernorm = Layernorm { rows, columns };
    layernorm.sums(&mut b, x, groups);
    layernorm.means(&mut b, groups);
    layernorm.differences(&mut b, [x, groups, y]);
    layernorm.scales(&mut b, groups);
    layernorm.normalise(&mut b, [terms, work], [groups, y]);
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
    rows: u32,
    /// Columns of a row.
    columns: u32,
}

/// What the differences of a group are normalised with, that of row r in lane 4r of 16.
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

    /// Groups that the statistics go over.
    fn groups(&self) -> u32 {
        self.rows.div_ceil(GROUP).max(LEAST_GROUPS)
    }

    /// Fills the memory of the groups that have no rows.
    fn fill(&self, b: &mut FuncBuilder, groups: Value, floats: i32) {
        let none = b.acc_zero(HALF);
        for group in self.rows.div_ceil(GROUP)..self.groups() {
            for k in 0..floats {
                b.store(none, groups, group as i32 * GROUP_BYTES + k * FLOATS);
            }
        }
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

    /// Divides by the number of columns.
    fn share(&self, b: &mut FuncBuilder, sums: Value) -> Value {
        let sums = narrow_pair(b, sums);
        let [first, rest] = split(1.0 / self.columns as f32);
        let (both, rest) = (splat_bf16(b, first), splat_pair(b, [rest, ZERO]));
        let share = b.mul(TWO_TERMS, sums, both);
        b.mac(TWO_TERMS, share, sums, rest)
    }

    /// The sums of the rows of each group, four of row r from lane 4r on.
    fn sums(&self, b: &mut FuncBuilder, x: Value, groups: Value) {
        self.fill(b, groups, 1);
        let selectors = selectors(b, ONE);
        unrolled(b, self.rows, GROUP, &[x, groups], |b, rows, at| {
            let mut init = vec![at[0]];
            init.extend((0..rows).map(|_| b.acc_zero(HALF)));
            let ends = unrolled(b, self.vectors(), 1, &init, |b, _, carried| {
                let mut next = carried.to_vec();
                for row in 0..rows {
                    let (value, moved) = b.load_post(VECTOR, next[0], self.step(row, rows));
                    next[0] = moved;
                    let (sum, selector) = (&mut next[1 + row as usize], selectors[row as usize]);
                    *sum = b.mac(MATRICES, *sum, selector, value);
                }
                next
            });
            let sums = ends[2..]
                .iter()
                .fold(ends[1], |sum, other| b.acc_add(sum, *other));
            b.store(sums, at[1], 0);
            vec![
                b.ptr_add(ends[0], self.bytes(rows - 1)),
                b.ptr_add(at[1], GROUP_BYTES),
            ]
        });
    }

    /// The mean of each row, rounded to bf16, in 16 f32.
    fn means(&self, b: &mut FuncBuilder, groups: Value) {
        b.loop_(Count::Const(self.groups()), &[groups], |b, at| {
            let sums = b.load(HALF, at[0], 0);
            let sums = totals(b, sums);
            let means = self.share(b, sums);
            let means = narrow(b, means);
            let means = b.to_f32(means);
            let means = b.cast(WORDS, means);
            for row in 0..GROUP as i32 {
                let lane = b.iconst(4 * row);
                let mean = b.broadcast(means, lane);
                b.store(mean, at[0], row * ROW_BYTES);
            }
            vec![b.ptr_add(at[0], GROUP_BYTES)]
        });
    }

    /// What differs from the mean, in y; and its sum and that of its squares, 16 of each row.
    fn differences(&self, b: &mut FuncBuilder, pointers: [Value; 3]) {
        self.fill(b, pointers[1], GROUP_BYTES / FLOATS);
        let ones = splat_bf16(b, ONE);
        // A one for the elements of either half.
        let halves = [splat_pair(b, [ONE, ZERO]), splat_pair(b, [ZERO, ONE])];
        unrolled(b, self.rows, GROUP, &pointers, |b, rows, at| {
            let means: Vec<Value> = (0..rows as i32)
                .map(|row| b.load(HALF, at[1], row * ROW_BYTES))
                .collect();
            let mut init = vec![at[0], at[2]];
            init.extend((0..2 * rows).map(|_| b.acc_zero(HALF)));
            let ends = unrolled(b, self.vectors(), 1, &init, |b, _, carried| {
                let mut next = carried.to_vec();
                for row in 0..rows {
                    let (value, moved) = b.load_post(VECTOR, next[0], self.step(row, rows));
                    next[0] = moved;
                    let [low, high] = halves.map(|one| {
                        let difference = b.negmsc(TWO_TERMS, means[row as usize], value, one);
                        narrow(b, difference)
                    });
                    let difference = b.concat(low, high);
                    next[1] = b.store_post(difference, next[1], self.step(row, rows));
                    let at = 2 + 2 * row as usize;
                    next[at] = b.mac(TWO_TERMS, next[at], difference, ones);
                    next[at + 1] = b.mac(TWO_TERMS, next[at + 1], difference, difference);
                }
                next
            });
            for (k, sum) in ends[2..].iter().enumerate() {
                b.store(*sum, at[1], k as i32 * FLOATS);
            }
            let none = b.acc_zero(HALF);
            for k in 2 * rows..2 * GROUP {
                b.store(none, at[1], k as i32 * FLOATS);
            }
            vec![
                b.ptr_add(ends[0], self.bytes(rows - 1)),
                b.ptr_add(at[1], GROUP_BYTES),
                b.ptr_add(ends[1], self.bytes(rows - 1)),
            ]
        });
    }

    /// What the differences of each row are normalised with: the factor in 32 bf16, the start in 16 f32.
    fn scales(&self, b: &mut FuncBuilder, groups: Value) {
        let selectors = selectors(b, ONE);
        b.loop_(Count::Const(self.groups()), &[groups], |b, at| {
            let sums = [0, FLOATS].map(|of| {
                let rows = (0..).zip(&selectors);
                let all = rows.fold(None, |all, (row, selector)| {
                    let sums = b.load(HALF, at[0], row * ROW_BYTES + of);
                    let sums = narrow_pair(b, sums);
                    Some(match all {
                        None => b.mul(MATRICES, *selector, sums),
                        Some(all) => b.mac(MATRICES, all, *selector, sums),
                    })
                });
                let all = all.unwrap_or_else(|| b.acc_zero(HALF));
                totals(b, all)
            });
            for (sums, of) in sums.into_iter().zip([0, FLOATS]) {
                b.store(sums, at[0], of);
            }
            vec![b.ptr_add(at[0], GROUP_BYTES)]
        });
        b.loop_(Count::Const(self.groups()), &[groups], |b, at| {
            let scale = self.scale(b, at[0]);
            let start = b.cast(WORDS, scale.start);
            for row in 0..GROUP as i32 {
                for (half, lane) in [4 * row, LANES as i32 / 2 + 4 * row]
                    .into_iter()
                    .enumerate()
                {
                    let lane = b.iconst(lane);
                    let factor = b.broadcast(scale.factor, lane);
                    let factor = b.half(factor, false);
                    b.store(factor, at[0], row * ROW_BYTES + half as i32 * STEP / 2);
                }
                let lane = b.iconst(4 * row);
                let start = b.broadcast(start, lane);
                b.store(start, at[0], row * ROW_BYTES + STEP);
            }
            vec![b.ptr_add(at[0], GROUP_BYTES)]
        });
    }

    /// What the differences of a group are normalised with, from their sums and those of their squares.
    fn scale(&self, b: &mut FuncBuilder, group: Value) -> Scale {
        let [sums, squares] = [0, FLOATS].map(|of| b.load(HALF, group, of));
        let mean = self.share(b, sums);
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
        let factor = reciprocal_root(b, variance);
        let factor = narrow_pair(b, factor);
        let start = b.negmul(TWO_TERMS, firsts, factor);
        Scale { factor, start }
    }

    fn normalise(&self, b: &mut FuncBuilder, [terms, ones]: [Value; 2], pointers: [Value; 2]) {
        unrolled(b, self.rows, GROUP, &pointers, |b, rows, at| {
            let scales = (0..rows as i32).map(|row| {
                let factor = b.load(VECTOR, at[0], row * ROW_BYTES);
                let start = b.load(HALF, at[0], row * ROW_BYTES + STEP);
                (factor, start)
            });
            let scales: Vec<(Value, Value)> = scales.collect();
            // Read and written by pointers of their own: one pass need not wait for the other's store.
            let init = [terms, at[1], at[1]];
            let ends = unrolled(b, self.vectors(), 1, &init, |b, _, carried| {
                let (mut terms, mut from, mut to) = (carried[0], carried[1], carried[2]);
                let pair = [(); 2].map(|()| {
                    let (pair, next) = b.load_post(VECTOR, terms, STEP);
                    terms = next;
                    pair
                });
                for (row, (factor, start)) in (0..).zip(&scales) {
                    let steps = [STEP / 2, self.step(row, rows) - STEP / 2];
                    for (terms, step) in pair.into_iter().zip(steps) {
                        let (difference, next) = b.load_post(PART, from, step);
                        from = next;
                        let difference = b.concat(difference, difference);
                        let scaled = b.mac(TWO_TERMS, *start, difference, *factor);
                        let scaled = narrow(b, scaled);
                        let one = b.load(PART, ones, 0);
                        let scaled = b.concat(scaled, one);
                        let value = b.mul(TWO_TERMS, scaled, terms);
                        let value = narrow(b, value);
                        to = b.store_post(value, to, step);
                    }
                }
                vec![terms, from, to]
            });
            vec![
                b.ptr_add(at[0], GROUP_BYTES),
                b.ptr_add(ends[1], self.bytes(rows - 1)),
            ]
        });
    }
}
