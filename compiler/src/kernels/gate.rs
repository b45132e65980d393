//! Functions of an element that are the element times a share of it between 0 and 1, which is one less
//! the share of its negation.
//!
//! With a = |x| and Q(a) the share of -a, such a function is max(x, 0) - a * Q(a). Q is positive and
//! falls, so that its logarithm is smooth: Q is two to the power of polynomials.

use super::error::{KernelError, blocks, fits};
use super::math::{
    Exp2, LANES, PART, STEP, TWO_TERMS, VECTOR, bf16, fixed, fixed_of, load_twice, narrow,
    splat_bf16, splat_bits, splat_f32, splat_pair,
};
use super::unroll::unrolled;
use crate::kernel::builder::FuncBuilder;
use crate::kernel::ir::{Func, LaneOp, Value};

/// The bits of a bf16 without its sign.
const MAGNITUDE: u16 = 0x7fff;
/// Exponent of two that counts for nothing.
const LEAST: i32 = -127;

/// The logarithm of such a share to the base of two.
pub(super) trait Share {
    /// Magnitude from which on the share is nothing: its logarithm is -128..=-127 there.
    const WIDEST: f32;
    /// Magnitude beyond which the polynomial stays what it is there.
    const NEAR: f32;
    /// Coefficients of a polynomial of the magnitude that need be no more exact than bf16, the constant
    /// one first.
    const POLYNOMIAL: [f32; 4];
    /// How often the logarithm asks for magnitudes.
    const READS: usize;

    /// Makes the constants of the logarithm.
    fn new(b: &mut FuncBuilder) -> Self;

    /// The logarithm for 16 magnitudes, added to [`super::math::fixed::LARGE`], from the polynomial of
    /// them with zeros in the upper half. `magnitudes` loads them into both halves; what is loaded anew
    /// need not live through all of it.
    fn log2(
        &self,
        b: &mut FuncBuilder,
        magnitudes: &mut dyn FnMut(&mut FuncBuilder, usize) -> Value,
        polynomial: Value,
    ) -> Value;
}

/// `NAME(x: ptr, work: ptr, y: ptr)` for `elements` bf16, a multiple of 32; `work` is as large as x.
pub(super) fn gate<S: Share>(name: &'static str, elements: u32) -> Result<Func, KernelError> {
    blocks(name, "number of elements", elements, LANES)?;
    fits(name, "x", 2 * u64::from(elements))?;
    let mut b = FuncBuilder::new(name);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let vectors = elements / LANES;
    let [x, work] = polynomials::<S>(&mut b, vectors, [x, work]);
    let [x, work, y] = logarithms::<S>(&mut b, vectors, [x, work, y]);
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
fn polynomials<S: Share>(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 2]) -> [Value; 2] {
    let near = Magnitudes::new(b, S::NEAR);
    let zeros = zeros(b);
    let [c0, c1, c2, c3] = S::POLYNOMIAL;
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
fn logarithms<S: Share>(b: &mut FuncBuilder, vectors: u32, [x, work, y]: [Value; 3]) -> [Value; 3] {
    let wide = Magnitudes::new(b, S::WIDEST);
    let zeros = zeros(b);
    let share = S::new(b);
    let least = splat_bits(b, (LEAST << fixed::FRACTION) as u16);
    let mut init = vec![x; S::READS];
    init.extend([work, y]);
    let ends = unrolled(b, vectors, 1, &init, |b, _, carried| {
        let mut next = carried.to_vec();
        let logs = [(); 2].map(|()| {
            let (polynomial, moved) = b.load_post(PART, next[S::READS], STEP / 2);
            next[S::READS] = moved;
            let polynomial = b.concat(polynomial, zeros);
            share.log2(b, &mut |b, read| wide.load(b, &mut next[read]), polynomial)
        });
        let logs = fixed_of(b, logs);
        let logs = b.vmax(logs, least);
        next[S::READS + 1] = b.store_post(logs, next[S::READS + 1], STEP);
        next
    });
    [0, S::READS, S::READS + 1].map(|k| begin(b, vectors, ends[k]))
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
