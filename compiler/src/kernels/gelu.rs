//! Gaussian error linear unit, element by element.

use super::error::{KernelError, blocks, fits};
use super::math::{
    LANES, PART, STEP, TWO_TERMS, VECTOR, bf16, load_twice, narrow, splat_bf16, splat_bits,
    splat_f32, splat_pair,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, LaneOp, Value};

const NAME: &str = "gelu";
/// Elements of the memory that the kernel works in.
pub const WORK: u32 = 4 * LANES / 2;
/// Vectors of a pass of the polynomial: what one waits for is hidden behind the others.
const UNROLL: u32 = 2;
/// Magnitude from which on the tail counts as 0.
const WIDEST: f32 = 5.0;
/// Where the polynomial is centred: the distance of a magnitude from it is a bf16, or nearly.
const CENTRE: f32 = 2.0;
const ONE: half::bf16 = half::bf16::ONE;
const ZERO: half::bf16 = half::bf16::ZERO;
/// Square root of the normal distribution's tail at a distance from the centre, the constant one first.
///
/// Minimax over 0..=5 for the tail's share of the result, relative to it or to 2^-10, among those that
/// vanish at 5 with the roundings on the way there: off by at most 0.0068. The odd ones and the last are
/// bf16.
const ROOT: [f32; 7] = [
    0.150_878_9,
    -0.177_734_38,
    0.070_962_93,
    -0.003_753_662,
    -0.004_722_183_6,
    0.001_129_150_4,
    -6.437_301_6e-5,
];

/// `gelu(x: ptr, work: ptr, y: ptr)`: `y[i] = x[i] / 2 * (1 + erf(x[i] / sqrt(2)))` for `elements` bf16, a
/// multiple of 32; a shorter tensor is padded with what its caller likes, as elements do not meet. `work`
/// is memory of [`WORK`] elements that the kernel works in.
///
/// With a = |x| and Q(a) the normal distribution's tail, the result is max(x, 0) - a * Q(a). Q is the square
/// of a polynomial of sixth degree: the rounding of its terms, which do not vanish with the tail, is squared
/// too. Results are within four units of the last place down to -3; below they are within 10^-4, and 0 from
/// -5 on.
///
/// Bound: 14 cycles for 32 elements, by the products of the vector unit and as many conversions.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or an operand beyond a data memory.
pub fn gelu(elements: u32) -> Result<Func, KernelError> {
    blocks(NAME, "number of elements", elements, LANES)?;
    fits(NAME, "x", 2 * u64::from(elements))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let terms = Terms::new(&mut b, work);
    distances(&mut b, elements / LANES, [x, y]);
    tails(&mut b, elements / LANES, y, &terms);
    products(&mut b, elements / LANES, [x, y], &terms);
    Ok(b.finish())
}

/// Numbers in 16 lanes that stand beside what is computed, in memory: the load units have time to put
/// them there.
struct Terms {
    memory: Value,
}

impl Terms {
    const FIRST: i32 = 0;
    const THIRD: i32 = 1;
    const ZERO: i32 = 2;
    const ONE: i32 = 3;

    fn new(b: &mut FuncBuilder, memory: Value) -> Self {
        for (at, value) in [
            (Terms::FIRST, bf16(ROOT[1])),
            (Terms::THIRD, bf16(ROOT[3])),
            (Terms::ZERO, ZERO),
            (Terms::ONE, ONE),
        ] {
            let value = splat_bf16(b, value);
            let value = b.half(value, false);
            b.store(value, memory, at * STEP / 2);
        }
        Terms { memory }
    }

    fn load(&self, b: &mut FuncBuilder, at: i32) -> Value {
        b.load(PART, self.memory, at * STEP / 2)
    }
}

/// `y[i]` is what `|x[i]|`, at most [`WIDEST`], is away from the centre.
fn distances(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 2]) {
    let magnitude = splat_bits(b, 0x7fff);
    let magnitude = b.cast(VECTOR, magnitude);
    let most = splat_bf16(b, bf16(WIDEST));
    let centre = splat_f32(b, -CENTRE);
    // A one for the elements of either half.
    let ones = [splat_pair(b, [ONE, ZERO]), splat_pair(b, [ZERO, ONE])];
    unrolled(b, vectors, UNROLL, &pointers, |b, steps, pointers| {
        let (mut x, mut y) = (pointers[0], pointers[1]);
        for _ in 0..steps {
            let (a, next) = b.load_post(VECTOR, x, STEP);
            x = next;
            let a = b.lanes(LaneOp::And, a, magnitude);
            let a = b.vmin(a, most);
            for one in ones {
                let distance = b.mac(TWO_TERMS, centre, a, one);
                let distance = narrow(b, distance);
                y = b.store_post(distance, y, STEP / 2);
            }
        }
        vec![x, y]
    });
}

/// `y[i]` is the tail at the distance `y[i]` from the centre.
fn tails(b: &mut FuncBuilder, vectors: u32, y: Value, terms: &Terms) {
    let [c0, c2, c4] = [0, 2, 4].map(|k| splat_f32(b, ROOT[k]));
    let highest = splat_pair(b, [bf16(ROOT[5]), bf16(ROOT[6])]);
    // Read and written by pointers of their own: one pass need not wait for the other's store.
    unrolled(b, vectors, UNROLL, &[y, y], |b, steps, pointers| {
        let (mut from, mut to) = (pointers[0], pointers[1]);
        for _ in 0..2 * steps {
            let alone = b.load(PART, from, 0);
            let zero = terms.load(b, Terms::ZERO);
            let alone = b.concat(alone, zero);
            let square = b.mul(TWO_TERMS, alone, alone);
            let square = narrow(b, square);
            let (distance, next) = b.load_post(PART, from, STEP / 2);
            from = next;
            let powers = b.concat(distance, square);
            let mut root = b.mac(TWO_TERMS, c4, powers, highest);
            for (odd, even) in [(Terms::THIRD, c2), (Terms::FIRST, c0)] {
                let odd = terms.load(b, odd);
                let rest = narrow(b, root);
                let rest = b.concat(odd, rest);
                root = b.mac(TWO_TERMS, even, powers, rest);
            }
            let root = narrow(b, root);
            let zero = terms.load(b, Terms::ZERO);
            let root = b.concat(root, zero);
            let tail = b.mul(TWO_TERMS, root, root);
            let tail = narrow(b, tail);
            to = b.store_post(tail, to, STEP / 2);
        }
        vec![from, to]
    });
}

/// `y[i] = max(x[i], 0) - min(|x[i]|, WIDEST) * y[i]`.
fn products(b: &mut FuncBuilder, vectors: u32, [x, y]: [Value; 2], terms: &Terms) {
    let [none, sign] = [0, 0x8000].map(|bits| {
        let bits = splat_bits(b, bits);
        let bits = b.cast(VECTOR, bits);
        b.half(bits, false)
    });
    let sign = b.concat(none, sign);
    let least = splat_pair(b, [ZERO, bf16(-WIDEST)]);
    unrolled(b, vectors, UNROLL, &[x, y, y], |b, steps, pointers| {
        let (mut x, mut from, mut to) = (pointers[0], pointers[1], pointers[2]);
        for _ in 0..2 * steps {
            let both = load_twice(b, &mut x);
            let both = b.lanes(LaneOp::Or, both, sign);
            let both = b.vmax(both, least);
            let one = terms.load(b, Terms::ONE);
            let (tail, next) = b.load_post(PART, from, STEP / 2);
            from = next;
            let tail = b.concat(one, tail);
            let value = b.mul(TWO_TERMS, both, tail);
            let value = narrow(b, value);
            to = b.store_post(value, to, STEP / 2);
        }
        vec![x, from, to]
    });
}
