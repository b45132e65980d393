//! Sigmoid linear unit, element by element.
//!
//! With a = |x| and Q(a) the sigmoid of -a, the result is max(x, 0) - a * Q(a). Q is positive and falls, so
//! that its logarithm is smooth: Q is two to the power of polynomials.

use super::error::{KernelError, blocks, fits};
use super::math::{
    Exp2, LANES, PART, STEP, TWO_TERMS, VECTOR, bf16, fixed, fixed_of, load_twice, narrow,
    splat_bf16, splat_bits, splat_f32, splat_pair, split,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, LaneOp, Value};

const NAME: &str = "silu";
/// The bits of a bf16 without its sign.
const MAGNITUDE: u16 = 0x7fff;
/// Exponent of two that counts for nothing.
const LEAST: i32 = -127;
/// Magnitude from which on the sigmoid is nothing: its logarithm is -128..=-127 there.
const WIDEST: f32 = 88.5;
/// Magnitude beyond which the polynomial stays what it is there.
const NEAR: f32 = 6.0;
/// The logarithm of the sigmoid of -a to the base of two is -log2(e) * a - log2(1 + e^-a), where the last
/// term is this and a times a polynomial.
///
/// Minimax over 0..=6: off by at most 0.0013, and beyond, where the term vanishes, by at most 0.005.
const CONSTANT: f32 = -1.000_877;
/// The polynomial, the constant term first.
const POLYNOMIAL: [f32; 4] = [0.736_811_2, -0.216_759_71, 0.029_511_238, -0.001_540_010_4];

/// `silu(x: ptr, work: ptr, y: ptr)`: `y[i] = x[i] / (1 + e^-x[i])` for `elements` bf16, a multiple of 32; a
/// shorter tensor is padded with what its caller likes, as elements do not meet. `work` is as large as x.
///
/// Elements are finite. Results are within three units of the last place.
///
/// Bound: 30 cycles for 32 elements, by the moves of vectors.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or an operand beyond a data memory.
pub fn silu(elements: u32) -> Result<Func, KernelError> {
    blocks(NAME, "number of elements", elements, LANES)?;
    fits(NAME, "x", 2 * u64::from(elements))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let vectors = elements / LANES;
    let [x, work] = polynomials(&mut b, vectors, [x, work]);
    let [x, work, y] = logarithms(&mut b, vectors, [x, work, y]);
    let exp2 = Exp2::new(&mut b);
    let ends = unrolled(&mut b, vectors, 1, &[y, work], |b, _, pointers| {
        let share = exp2.apply(b, pointers[0]);
        let share = narrow(b, share);
        let work = b.store_post(share, pointers[1], STEP);
        vec![b.ptr_add(pointers[0], STEP), work]
    });
    let [y, work] = [0, 1].map(|k| begin(&mut b, vectors, ends[k]));
    products(&mut b, vectors, [x, work, y]);
    Ok(b.finish())
}

/// The beginning of an operand from its end: a pointer that is kept meanwhile would take a register.
fn begin(b: &mut FuncBuilder, vectors: u32, end: Value) -> Value {
    b.ptr_add(end, -(vectors as i32 * STEP))
}

/// Loads 16 magnitudes into both halves of a vector, at most `most`.
struct Magnitudes {
    bits: Value,
    most: Value,
}

impl Magnitudes {
    fn new(b: &mut FuncBuilder, most: f32) -> Self {
        let bits = splat_bits(b, MAGNITUDE);
        Magnitudes {
            bits: b.cast(VECTOR, bits),
            most: splat_bf16(b, bf16(most)),
        }
    }

    fn load(&self, b: &mut FuncBuilder, from: &mut Value) -> Value {
        let value = load_twice(b, from);
        let value = b.lanes(LaneOp::And, value, self.bits);
        b.vmin(value, self.most)
    }
}

/// 16 zeros.
fn zeros(b: &mut FuncBuilder) -> Value {
    let zeros = splat_bf16(b, half::bf16::ZERO);
    b.half(zeros, false)
}

/// `work[i]` is the polynomial of `|x[i]|`; x and work.
fn polynomials(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 2]) -> [Value; 2] {
    let near = Magnitudes::new(b, NEAR);
    let zeros = zeros(b);
    let [c0, c1, c2, c3] = POLYNOMIAL;
    let lower = [c2, c1, c0].map(|c| splat_f32(b, c));
    let highest = splat_pair(b, [bf16(c3), half::bf16::ZERO]);
    let ends = unrolled(b, vectors, 1, &pointers, |b, _, pointers| {
        let (mut x, mut work) = (pointers[0], pointers[1]);
        for _ in 0..2 {
            let a = near.load(b, &mut x);
            let mut factor = highest;
            for (k, c) in lower.iter().enumerate() {
                let sum = b.mac(TWO_TERMS, *c, a, factor);
                let sum = narrow(b, sum);
                match k + 1 < lower.len() {
                    true => factor = b.concat(sum, zeros),
                    false => work = b.store_post(sum, work, STEP / 2),
                }
            }
        }
        vec![x, work]
    });
    [0, 1].map(|k| begin(b, vectors, ends[k]))
}

/// `y[i]` is the logarithm, as fixed point, for `x[i]` and the polynomial `work[i]`; x, work and y.
fn logarithms(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 3]) -> [Value; 3] {
    let wide = Magnitudes::new(b, WIDEST);
    let zeros = zeros(b);
    let start = splat_f32(b, fixed::LARGE + CONSTANT);
    let slope = splat_pair(b, split(-std::f32::consts::LOG2_E));
    let near = splat_bf16(b, bf16(NEAR));
    let least = splat_bits(b, (LEAST << fixed::FRACTION) as u16);
    let ends = unrolled(b, vectors, 1, &pointers, |b, _, pointers| {
        let (mut x, mut work) = (pointers[0], pointers[1]);
        let logs = [(); 2].map(|()| {
            let (polynomial, next) = b.load_post(PART, work, STEP / 2);
            work = next;
            let polynomial = b.concat(polynomial, zeros);
            let a = wide.load(b, &mut x);
            let near = b.vmin(a, near);
            let sum = b.mac(TWO_TERMS, start, near, polynomial);
            b.mac(TWO_TERMS, sum, a, slope)
        });
        let logs = fixed_of(b, logs);
        let logs = b.vmax(logs, least);
        vec![x, work, b.store_post(logs, pointers[2], STEP)]
    });
    [0, 1, 2].map(|k| begin(b, vectors, ends[k]))
}

/// `y[i] = max(x[i], 0) - |x[i]| * work[i]`.
fn products(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 3]) {
    let [zero, magnitude, all] = [0, MAGNITUDE, u16::MAX].map(|bits| {
        let bits = splat_bits(b, bits);
        let bits = b.cast(VECTOR, bits);
        b.half(bits, false)
    });
    let magnitudes = [b.concat(magnitude, zero), b.concat(zero, magnitude)];
    // For an element and its magnitude.
    let both = b.concat(all, magnitude);
    let one_half = splat_bf16(b, bf16(0.5));
    unrolled(b, vectors, 1, &pointers, |b, _, pointers| {
        let (mut x, mut y) = (pointers[0], pointers[2]);
        let (share, work) = b.load_post(VECTOR, pointers[1], STEP);
        for magnitude in magnitudes {
            let twice = load_twice(b, &mut x);
            // max(x, 0) is (x + |x|) / 2.
            let both = b.lanes(LaneOp::And, twice, both);
            let positive = b.mul(TWO_TERMS, both, one_half);
            let a = b.lanes(LaneOp::And, twice, magnitude);
            let value = b.msc(TWO_TERMS, positive, a, share);
            let value = narrow(b, value);
            y = b.store_post(value, y, STEP / 2);
        }
        vec![x, work, y]
    });
}
