//! Sigmoid linear unit, element by element.
//!
//! With a = log2(e) * |x|, the sigmoid of x is two to the power of -log2(1 + 2^-a), and of that less a where x is
//! negative. All of it is fixed point.

use super::error::{KernelError, blocks, fits};
use super::math::{
    CLAMP, Exp2, Fixed, LANES, SHORTS, STEP, Sign, TWO_TERMS, VECTOR, fixed, load_twice, narrow,
    splat_bits, splat_bits32, splat_f32, splat_pair, split,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{CompareOp, Func, LaneOp, MacMode, Value};

const NAME: &str = "silu";
/// Vectors of a pass of a loop that takes few cycles for each.
const UNROLL: u32 = 2;

/// What a is divided by, times 2^[`SLOPE_BITS`], to make w: with it, the leading term of [`softplus`] has a
/// power of two before it.
const SLOPE: i32 = 8848;
/// See [`SLOPE`].
const SLOPE_BITS: u32 = 13;
/// What is taken from w then: with it, [`softplus`] has no cubic term.
const OFFSET: f32 = 6.382_812_5;
/// Magnitude of a beyond which [`softplus`] stays what it is there.
const NEAR: f64 = 8.34;
/// Added to w^2.
const SQUARE: f64 = 2.635_127;
/// What w is taken times.
const LINEAR: f64 = 23.75;
/// Added to the other terms.
const CONSTANT: f64 = 17.231_78;
/// Minus the exponent of the power of two before the sum of the terms.
const LEADING: u32 = 11;

/// Fraction bits of w^2 + [`SQUARE`].
const SQUARE_BITS: u32 = 5;
/// Fraction bits of the logarithm of the sigmoid as a sum.
const SUM_BITS: u32 = 2 * SQUARE_BITS + LEADING;

/// `silu(x: ptr, work: ptr, y: ptr)`: `y[i] = x[i] / (1 + e^-x[i])` for `elements` bf16, a multiple of 32; a shorter
/// tensor is padded with what its caller likes, as elements do not meet. `work` is as large as x.
///
/// Elements are finite. Results are within two units of the last place, but for those of elements below -87, whose
/// sigmoids are less than 2^-126: they may be 0.
///
/// log2(1 + 2^-a) is a polynomial of fourth degree by two squares: of w = a * 2^13 / SLOPE - OFFSET, it is
/// ((w^2 + SQUARE)^2 - LINEAR * w + CONSTANT) / 2^11, off by at most 0.0013 up to an a of 7, and by at most 0.0025
/// beyond.
///
/// Bound: 12 cycles for 32 elements, by the products and sums of the vector unit. The passes take 14: four for
/// distances (loads), four for logarithms, four for sigmoids, two to multiply.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or an operand beyond a data memory.
pub fn silu(elements: u32) -> Result<Func, KernelError> {
    blocks(NAME, "number of elements", elements, LANES)?;
    fits(NAME, "x", 2 * u64::from(elements))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let vectors = elements / LANES;
    distances(&mut b, vectors, [x, work]);
    logarithms(&mut b, vectors, [x, work, y]);
    sigmoids(&mut b, vectors, [y, work]);
    products(&mut b, vectors, [x, work, y]);
    Ok(b.finish())
}

/// `work[i]` is w of `|x[i]|`, as fixed point.
fn distances(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 2]) {
    let scale = (f64::from(SLOPE_BITS).exp2() / f64::from(SLOPE)) as f32;
    let magnitude = splat_bits(b, 0x7fff);
    let magnitude = b.cast(VECTOR, magnitude);
    let scale = splat_pair(b, split(std::f32::consts::LOG2_E * scale));
    let start = splat_f32(b, fixed::LARGE - OFFSET);
    let fixed = Fixed::new(b);
    unrolled(b, vectors, 1, &pointers, |b, _, pointers| {
        let mut x = pointers[0];
        let sums = [(); 2].map(|()| {
            let value = load_twice(b, &mut x);
            let value = b.lanes(LaneOp::And, value, magnitude);
            b.mac(TWO_TERMS, start, value, scale)
        });
        let w = fixed.of(b, sums);
        vec![x, b.store_post(w, pointers[1], STEP)]
    });
}

/// A number as the integer that it is with so many fraction bits.
fn scaled(number: f64, fraction: u32) -> i32 {
    (number * f64::from(fraction).exp2()).round() as i32
}

/// `y[i]` is the logarithm of the sigmoid of `x[i]`, from w in `work[i]`.
fn logarithms(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 3]) {
    let per = f64::from(SLOPE) * f64::from(SUM_BITS - SLOPE_BITS).exp2();
    let start = -f64::from(OFFSET) * per - CONSTANT * f64::from(2 * SQUARE_BITS).exp2();
    let zero = splat_bits(b, 0);
    let none = splat_bits(b, scaled(-f64::from(OFFSET), fixed::FRACTION) as u16);
    let most = NEAR * f64::from(SLOPE_BITS).exp2() / f64::from(SLOPE) - f64::from(OFFSET);
    let most = splat_bits(b, scaled(most, fixed::FRACTION) as u16);
    let slope = splat_bits(b, SLOPE as u16);
    let linear = splat_bits(b, scaled(LINEAR, 2 * SQUARE_BITS - fixed::FRACTION) as u16);
    let square = splat_bits32(b, scaled(SQUARE, 2 * fixed::FRACTION));
    let start = splat_bits32(b, start.round() as i32);
    let square_shift = b.iconst((2 * fixed::FRACTION - SQUARE_BITS) as i32);
    let shift = b.iconst((SUM_BITS - fixed::FRACTION) as i32);
    unrolled(b, vectors, UNROLL, &pointers, |b, steps, pointers| {
        let (mut x, mut work, mut y) = (pointers[0], pointers[1], pointers[2]);
        for _ in 0..steps {
            let (w, next) = b.load_post(SHORTS, work, STEP);
            work = next;
            let (signs, next) = b.load_post(SHORTS, x, STEP);
            x = next;
            let negative = b.compare(CompareOp::Lt, signs, zero);
            let below = b.select_lanes(negative, w, none);
            let sum = b.msc(MacMode::I16E32, start, below, slope);
            let w = b.vmin(w, most);
            let squares = b.mac(MacMode::I16E32, square, w, w);
            let squares = b.srs(SHORTS, squares, square_shift, CLAMP);
            let sum = b.mac(MacMode::I16E32, sum, w, linear);
            let sum = b.msc(MacMode::I16E32, sum, squares, squares);
            let logarithm = b.srs(SHORTS, sum, shift, CLAMP);
            y = b.store_post(logarithm, y, STEP);
        }
        vec![x, work, y]
    });
}

/// `work[i]` is two to the power of `y[i]`.
fn sigmoids(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 2]) {
    let exp2 = Exp2::new(b, Sign::Plus);
    unrolled(b, vectors, UNROLL, &pointers, |b, steps, pointers| {
        let (mut y, mut work) = (pointers[0], pointers[1]);
        for _ in 0..steps {
            let (logarithms, next) = b.load_post(SHORTS, y, STEP);
            y = next;
            let sigmoids = exp2.apply(b, logarithms);
            work = b.store_post(sigmoids, work, STEP);
        }
        vec![y, work]
    });
}

/// `y[i] = x[i] * work[i]`.
fn products(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 3]) {
    let [none, all] = [0, u16::MAX].map(|bits| {
        let bits = splat_bits(b, bits);
        b.half(bits, false)
    });
    let masks = [b.concat(all, none), b.concat(none, all)];
    unrolled(b, vectors, UNROLL, &pointers, |b, steps, pointers| {
        let (mut x, mut work, mut y) = (pointers[0], pointers[1], pointers[2]);
        for _ in 0..steps {
            let (value, next) = b.load_post(VECTOR, x, STEP);
            x = next;
            let (sigmoids, next) = b.load_post(SHORTS, work, STEP);
            work = next;
            for mask in masks {
                let sigmoid = b.lanes(LaneOp::And, sigmoids, mask);
                let sigmoid = b.cast(VECTOR, sigmoid);
                let product = b.mul(TWO_TERMS, value, sigmoid);
                let product = narrow(b, product);
                y = b.store_post(product, y, STEP / 2);
            }
        }
        vec![x, work, y]
    });
}
