//! Layer normalisation of rows.

use super::error::{KernelError, blocks, fits};
use super::math::{
    HALF, LANES, MATRICES, PART, STEP, TWO_TERMS, VECTOR, WORDS, bf16, left_of, narrow,
    narrow_twice, pair_of, parted, reciprocal_root, selectors, splat_bf16, splat_f32, split,
};
use super::unroll::unrolled;
use arch::num::ShuffleMode;
use kernel::builder::FuncBuilder;
use kernel::ir::{Count, Func, Value};

const NAME: &str = "layernorm";
/// Added to the variance.
pub const EPSILON: f32 = 1e-5;
/// Columns of a row at most: those of the parts that a vector has sums of.
pub const MOST_COLUMNS: u32 = 16 * PART_COLUMNS;
/// Columns whose squares add up without a loss, if they differ little.
const PART_COLUMNS: u32 = 256;
/// Lanes of the vectors that statistics are computed in.
const LANES_OF_SUMS: u32 = 16;
/// Vectors of statistics that are computed together: one hides some of the latencies of the other.
const GROUPS: u32 = 2;
/// Rows that go through a pass together at most.
const MOST_ROWS: u32 = 8;
/// Rows that are scaled before the first of them is finished: as many as take the time of the first's products.
const ROWS_AHEAD: usize = 3;
/// Bytes of memory for the factor of a row.
const FACTOR_BYTES: i32 = 64;

/// Elements of bf16 of the memory that the kernel works in.
pub const fn work(rows: u32) -> u32 {
    let rows = if rows < MOST_ROWS { rows } else { MOST_ROWS };
    rows * FACTOR_BYTES as u32 / 2
}

/// `layernorm(x: ptr, terms: ptr, work: ptr, y: ptr)`: for each of `rows` rows of `columns` bf16, a multiple of
/// 32 up to [`MOST_COLUMNS`], `y[i] = (x[i] - mean) / sqrt(variance + 1e-5) * gamma[i] + beta[i]`. `terms` is
/// gamma and beta, 16 of the one and 16 of the other in turn ([`interleave`]). `work` is memory of [`work()`]
/// elements that the kernel works in.
///
/// Elements are at most 10^15. All columns count: rows are not padded, as their lengths are part of the
/// result. Sums and sums of squares are made in one pass and related to the mean afterwards, in parts so
/// small that rows whose elements are equal or nearly so lose nothing. Results are within two units of
/// the last place of the larger of both terms and 2^-8 of gamma.
///
/// Bound: per 32 elements six cycles, by the products of the vector unit. Up to eight rows go together; their
/// statistics take about 200 cycles, as each step waits for the last.
///
/// # Errors
/// A size of 0, columns that are not a multiple of 32 or too many, or an operand beyond a data memory.
pub fn layernorm(rows: u32, columns: u32) -> Result<Func, KernelError> {
    blocks(NAME, "rows", rows, 1)?;
    blocks(NAME, "columns", columns, LANES)?;
    if columns > MOST_COLUMNS {
        return Err(KernelError::OutOfRange {
            kernel: NAME,
            what: "columns",
            value: columns,
            max: MOST_COLUMNS,
            help: "normalise shorter rows",
        });
    }
    fits(NAME, "x", 2 * u64::from(rows) * u64::from(columns))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, terms, work, y] = [(); 4].map(|()| b.ptr_param());
    let layernorm = Layernorm { columns };
    let passes = Passes::of(rows, layernorm.most_rows());
    b.loop_(Count::Const(passes.count), &[x, y], |b, at| {
        let sums = layernorm.sums(b, passes.rows, at[0]);
        let starts = layernorm.scales(b, &sums, work);
        layernorm.normalise(b, &starts, [terms, work, at[0], at[1]]);
        at.iter()
            .map(|at| b.ptr_add(*at, layernorm.bytes(passes.step)))
            .collect()
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

/// How often how many rows go together.
struct Passes {
    count: u32,
    rows: u32,
    /// Rows from one pass to the next: where it is less than those of a pass, some are normalised twice, to the same
    /// result, so that all passes are of the same code.
    step: u32,
}

impl Passes {
    /// As few passes of at most `most` rows as make `all`.
    fn of(all: u32, most: u32) -> Self {
        let one = (1, all..=all.min(most));
        let more = (2..).map(|count| (count, all.div_ceil(count)..=most));
        let fits = std::iter::once(one)
            .chain(more)
            .find_map(|(count, mut rows)| {
                let gaps = (count - 1).max(1);
                let rows = rows.find(|rows| (all - rows).is_multiple_of(gaps))?;
                let step = (all - rows) / gaps;
                Some(Passes { count, rows, step })
            });
        // One row a pass always fits.
        fits.unwrap_or(Passes {
            count: all,
            rows: 1,
            step: 1,
        })
    }
}

struct Layernorm {
    /// Columns of a row.
    columns: u32,
}

/// Sums of rows.
struct Sums {
    /// Per row: the squares of its elements, in lane k of 16 those of the elements 16n + k.
    squares: Vec<Value>,
    /// Per group of rows: the elements in parts, those of a row side by side.
    totals: Vec<Value>,
    /// Per slot: what puts the parts of a row there.
    selectors: Vec<Value>,
}

/// Sums of the parts of a group's rows, of what differs from the middle.
struct Group {
    totals: Value,
    squares: Value,
}

/// What rows are normalised with: that of the first group in the first two of four lanes, that of the other
/// in the others.
struct Scale {
    /// One divided by the deviation, as two bf16.
    factor: [Value; 2],
    /// The mean times that, negated.
    start: Value,
}

/// One.
const ONE: half::bf16 = half::bf16::ONE;
/// Zero.
const ZERO: half::bf16 = half::bf16::ZERO;

impl Layernorm {
    /// Parts of a row, each with a sum and a sum of squares.
    ///
    /// If the elements of a row differ so little that they have an exponent in common, they are integers below
    /// 2^8 of a unit, and the squares of 256 are a sum below 2^24, which f32 holds. So are the
    /// sums of squares of what differs from an integer, which is nearly the mean, and the variance that
    /// follows is exact, however small it is beside the mean. If they differ more, it is not as small.
    fn parts(&self) -> u32 {
        match self.columns.div_ceil(PART_COLUMNS) {
            0..=4 => 4,
            5..=8 => 8,
            _ => LANES_OF_SUMS,
        }
    }

    /// Rows of a group: as many as a vector has parts of.
    fn slots(&self) -> u32 {
        LANES_OF_SUMS / self.parts()
    }

    /// Rows that go through a pass together at most.
    fn most_rows(&self) -> u32 {
        match self.slots() {
            // Vectors of one row each would want more registers than there are.
            1 => 1,
            slots => GROUPS * slots,
        }
    }

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

    /// Per slot a matrix of 4x8: a product with one of 8x4, elements or two terms of 16 sums, has the parts of a
    /// row there.
    fn selectors(&self, b: &mut FuncBuilder) -> Vec<Value> {
        let rows = self.parts() / 4;
        match rows {
            1 => selectors(b, ONE).to_vec(),
            _ => (0..self.slots())
                .map(|slot| {
                    matrix(b, |row, column| {
                        row / rows == slot && column % 4 / self.slots() == row % rows
                    })
                })
                .collect(),
        }
    }

    /// Sums of all rows, each vector loaded once.
    fn sums(&self, b: &mut FuncBuilder, rows: u32, x: Value) -> Sums {
        let slots = self.slots();
        // Two rows add to an accumulator in a pass: more would wait for each other.
        let shared = slots.min(2);
        let selectors = self.selectors(b);
        let mut init = vec![x];
        init.extend((0..rows + rows.div_ceil(shared)).map(|_| b.acc_zero(HALF)));
        let ends = unrolled(b, self.vectors(), 1, &init, |b, _, carried| {
            let mut next = carried.to_vec();
            for row in 0..rows {
                let (value, moved) = b.load_post(VECTOR, next[0], self.step(row, rows));
                next[0] = moved;
                let total = &mut next[(1 + rows + row / shared) as usize];
                let selector = selectors[(row % slots) as usize];
                *total = b.mac(MATRICES, *total, selector, value);
                let square = &mut next[1 + row as usize];
                *square = b.mac(TWO_TERMS, *square, value, value);
            }
            next
        });
        let (squares, totals) = ends[1..].split_at(rows as usize);
        let groups = totals.chunks((slots / shared) as usize);
        let totals = groups.map(|group| {
            let rest = group[1..].iter();
            rest.fold(group[0], |sum, other| b.acc_add(sum, *other))
        });
        Sums {
            totals: totals.collect(),
            squares: squares.to_vec(),
            selectors,
        }
    }

    /// What the rows are normalised with: their factors in memory, and their starts in 16 f32 each.
    fn scales(&self, b: &mut FuncBuilder, sums: &Sums, work: Value) -> Vec<Value> {
        let slots = self.slots();
        let share = self.share(b);
        // What the elements are related to: the mean, rounded as they are.
        let middles = sums.totals.iter().map(|totals| {
            let mean = self.shares(b, *totals, share, None);
            narrow_twice(b, mean)
        });
        let middles: Vec<Value> = middles.collect();
        let squares = self.gathered(b, sums);
        let groups = squares.iter().zip(&sums.totals).zip(&middles);
        let groups: Vec<Group> = groups
            .map(|((squares, totals), middle)| self.related(b, *totals, *squares, *middle))
            .collect();
        let middle = match middles[..] {
            [one] => one,
            _ => {
                let first = b.iconst(0x3333_3333);
                let first = b.mask_of(LANES as u16, first);
                b.select_lanes(first, middles[0], middles[1])
            }
        };
        let scale = self.scale(b, &groups, middle);
        let start = b.cast(WORDS, scale.start);
        let starts = (0..sums.squares.len() as u32).map(|row| {
            let lane = b.iconst((row % slots * self.parts() + 2 * (row / slots)) as i32);
            let at = row as i32 * FACTOR_BYTES;
            for (factor, bytes) in scale.factor.into_iter().zip([0, STEP / 2]) {
                let factor = b.broadcast(factor, lane);
                let factor = b.half(factor, false);
                b.store(factor, work, at + bytes);
            }
            let start = b.broadcast(start, lane);
            b.cast(HALF, start)
        });
        starts.collect()
    }

    /// Per group: the sums of squares of its rows in parts, as those of the elements.
    fn gathered(&self, b: &mut FuncBuilder, sums: &Sums) -> Vec<Value> {
        let none = splat_bf16(b, ZERO);
        let none = b.half(none, false);
        let mut gathered: Vec<[Value; 2]> = sums
            .totals
            .iter()
            .map(|_| [(); 2].map(|()| b.acc_zero(HALF)))
            .collect();
        // Where they are shifts of one, they are made again rather than kept.
        let selectors = match self.parts() {
            4 => self.selectors(b),
            _ => sums.selectors.clone(),
        };
        for (slot, selector) in selectors.iter().enumerate() {
            let squares = sums.squares.iter().skip(slot).step_by(selectors.len());
            for ([upper, lower], square) in gathered.iter_mut().zip(squares) {
                let [first, left] = parted(b, *square);
                let [second, last] = parted(b, left);
                let third = narrow(b, last);
                let pair = b.concat(first, second);
                *upper = b.mac(MATRICES, *upper, *selector, pair);
                let third = b.concat(third, none);
                *lower = b.mac(MATRICES, *lower, *selector, third);
            }
        }
        let gathered = gathered.into_iter();
        gathered
            .map(|[upper, lower]| b.acc_add(upper, lower))
            .collect()
    }

    /// Sums of the parts of each row, times what the matrix says as two terms, added to something.
    fn shares(
        &self,
        b: &mut FuncBuilder,
        mut sums: Value,
        [first, rest]: [Value; 2],
        beside: Option<Value>,
    ) -> Value {
        if self.parts() > 4 {
            let rows = self.parts() / 4;
            let joined = matrix(b, |row, column| column % 4 / rows == row / rows);
            let pair = pair_of(b, sums);
            sums = b.mul(MATRICES, joined, pair);
        }
        let left = left_of(b, sums);
        let [near, left] = [sums, left].map(|part| narrow_twice(b, part));
        // The four lanes of each row in both, side by side.
        let rows = b.shuffle(ShuffleMode::all()[14], near, left);
        let shares = match beside {
            Some(beside) => b.mac(MATRICES, beside, rows, first),
            None => b.mul(MATRICES, rows, first),
        };
        b.mac(MATRICES, shares, rows, rest)
    }

    /// One divided by the columns, as two terms.
    fn share(&self, b: &mut FuncBuilder) -> [Value; 2] {
        split(1.0 / self.columns as f32).map(|share| splat_bf16(b, share))
    }

    /// Sums of elements and of squares as those of what differs from the middle: with n elements x of a part
    /// and the middle m, the sum of (x - m) is that of x, less n * m; the sum of (x - m)^2 is that of x^2, and
    /// m times n * m - 2 * (that of x).
    fn related(&self, b: &mut FuncBuilder, totals: Value, squares: Value, middle: Value) -> Group {
        // Products have two terms.
        let half_count = bf16((self.columns / self.parts()) as f32 / 2.0);
        let half_count = splat_bf16(b, half_count);
        let doubled = b.acc_add(totals, totals);
        let linear = b.negmsc(TWO_TERMS, doubled, middle, half_count);
        let linear = pair_of(b, linear);
        Group {
            totals: b.msc(TWO_TERMS, totals, middle, half_count),
            squares: b.mac(TWO_TERMS, squares, middle, linear),
        }
    }

    /// What the rows of all groups are normalised with.
    fn scale(&self, b: &mut FuncBuilder, groups: &[Group], middle: Value) -> Scale {
        let variance = splat_f32(b, EPSILON);
        let (mut differences, mut variances) = (Vec::new(), Vec::new());
        for (k, group) in groups.iter().enumerate() {
            let share = self.share(b).map(|share| {
                let none = splat_bf16(b, ZERO);
                let (even, odd) = if k == 0 { (share, none) } else { (none, share) };
                // Two of one and two of the other in turn.
                b.shuffle(ShuffleMode::all()[16], even, odd)
            });
            differences.push(self.shares(b, group.totals, share, None));
            variances.push(self.shares(b, group.squares, share, (k == 0).then_some(variance)));
        }
        let [difference, variance] = [differences, variances].map(|parts| {
            let rest = parts[1..].iter();
            rest.fold(parts[0], |sum, part| b.acc_add(sum, *part))
        });
        let doubled = b.acc_add(difference, difference);
        let [first, doubled] = [difference, doubled].map(|part| narrow(b, part));
        let doubled = b.concat(first, doubled);
        let difference = pair_of(b, difference);
        // The square of the difference but for that of its rest.
        let variance = b.msc(TWO_TERMS, variance, difference, doubled);
        let [near, left] = reciprocal_root(b, variance);
        // The products with the middle as an element are exact, and so is their sum: nothing is left of it.
        let start = b.mul(TWO_TERMS, difference, near);
        let none = splat_bf16(b, ZERO);
        let [low, none] = [middle, none].map(|part| b.half(part, false));
        let alone = b.concat(low, none);
        let start = b.mac(TWO_TERMS, start, alone, near);
        let both = b.concat(low, first);
        let start = b.negmac(TWO_TERMS, start, both, left);
        Scale {
            factor: [near, left],
            start,
        }
    }

    fn normalise(&self, b: &mut FuncBuilder, starts: &[Value], [terms, work, x, y]: [Value; 4]) {
        let rows = starts.len() as u32;
        let steps = |row: u32| [STEP / 2, self.step(row, rows) - STEP / 2];
        let none = splat_bf16(b, ZERO);
        let none = b.half(none, false);
        unrolled(b, self.vectors(), 1, &[terms, x, y], |b, _, carried| {
            let (mut terms, mut from, mut to) = (carried[0], carried[1], carried[2]);
            let columns = [false, true].map(|upper| {
                let (gamma, next) = b.load_post(PART, terms, STEP / 2);
                let (beta, next) = b.load_post(PART, next, STEP / 2);
                terms = next;
                // Either half of the columns takes its own half of what is scaled.
                let gamma = match upper {
                    false => b.concat(gamma, none),
                    true => b.concat(none, gamma),
                };
                (gamma, b.to_f32(beta))
            });
            let rows: Vec<u32> = (0..rows).collect();
            for rows in rows.chunks(ROWS_AHEAD) {
                let mut scaled = Vec::new();
                for row in rows {
                    let factor = b.load(VECTOR, work, *row as i32 * FACTOR_BYTES);
                    let [low, high] = steps(*row).map(|step| {
                        let low = b.load(PART, from, 0);
                        let (high, next) = b.load_post(PART, from, step);
                        from = next;
                        let value = b.concat(low, high);
                        let value = b.mac(TWO_TERMS, starts[*row as usize], value, factor);
                        narrow(b, value)
                    });
                    scaled.push(b.concat(low, high));
                }
                for (row, scaled) in rows.iter().zip(scaled) {
                    for ((gamma, beta), step) in columns.into_iter().zip(steps(*row)) {
                        let value = b.mac(TWO_TERMS, beta, scaled, gamma);
                        let value = narrow(b, value);
                        to = b.store_post(value, to, step);
                    }
                }
            }
            vec![terms, from, to]
        });
    }
}

/// A matrix of 4x8 with ones where rows and columns say so, and zeros.
fn matrix(b: &mut FuncBuilder, one: impl Fn(u32, u32) -> bool) -> Value {
    let lanes = (0..LANES).filter(|lane| one(lane / 8, lane % 8));
    let bits = lanes.fold(0u32, |bits, lane| bits | 1 << lane);
    let bits = b.iconst(bits as i32);
    let mask = b.mask_of(LANES as u16, bits);
    let [ones, zeros] = [ONE, ZERO].map(|value| splat_bf16(b, value));
    b.select_lanes(mask, ones, zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_cover_all_rows() {
        for most in [2, 4, 8] {
            for all in 1..200 {
                let passes = Passes::of(all, most);
                assert!(passes.rows <= most && passes.step <= passes.rows);
                assert_eq!((passes.count - 1) * passes.step + passes.rows, all);
            }
        }
        let thirteen = Passes::of(13, 8);
        assert_eq!((thirteen.count, thirteen.rows, thirteen.step), (2, 7, 6));
    }
}
