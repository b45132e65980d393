//! Sigmoid linear unit, element by element.
//!
//! With t = log2(e) * x, the sigmoid of x is two to the power of min(t, 0) - log2(1 + 2^-|t|): its logarithm is
//! smooth, and the last term a polynomial of |t|. All of it is fixed point.

use super::error::{KernelError, blocks, fits};
use super::math::{
    CLAMP, Exp2, Fixed, LANES, SHORTS, STEP, Sign, TWO_TERMS, VECTOR, bf16, fixed, load_twice,
    narrow, splat_bf16, splat_bits, splat_bits32, splat_f32, splat_pair, split,
};
use super::unroll::unrolled;
use kernel::builder::FuncBuilder;
use kernel::ir::{Func, LaneOp, MacMode, Value};

const NAME: &str = "silu";
/// Elements below count as this: what they are multiplied by keeps [`fixed::LARGE`] positive, and results are
/// nothing long before.
const LEAST: f32 = -500.0;
/// Vectors of a pass of the polynomial: what one waits for is hidden behind the others.
const UNROLL: u32 = 4;

/// Magnitude of t beyond which the polynomial stays what it is there.
const NEAR: i32 = 8;
/// -log2(1 + 2^u) for u of -8..=0, the constant term first.
///
/// Minimax: off by at most 0.0012, and beyond, where it vanishes, by at most 0.0046.
const POLYNOMIAL: [f64; 5] = [
    -1.001_147_8,
    -0.511_275_1,
    -0.104_435_8,
    -0.009_882_9,
    -0.000_358_8,
];
/// Fraction bits of the linear term's coefficient. Each further one has [`MORE`] more.
const LINEAR: u32 = 13;
/// See [`LINEAR`].
const MORE: u32 = 4;

/// `silu(x: ptr, work: ptr, y: ptr)`: `y[i] = x[i] / (1 + e^-x[i])` for `elements` bf16, a multiple of 32; a shorter
/// tensor is padded with what its caller likes, as elements do not meet. `work` is as large as x.
///
/// Elements are finite. Results are within two units of the last place.
///
/// Bound: 13 cycles for 32 elements, by the products and sums of the vector unit. The passes take 21: six for
/// logarithms (moves), eight for the polynomial, whose argument no register holds for all of its steps, seven
/// for products.
///
/// # Errors
/// A size of 0, one that is not a multiple of 32, or an operand beyond a data memory.
pub fn silu(elements: u32) -> Result<Func, KernelError> {
    blocks(NAME, "number of elements", elements, LANES)?;
    fits(NAME, "x", 2 * u64::from(elements))?;
    let mut b = FuncBuilder::new(NAME);
    let [x, work, y] = [(); 3].map(|()| b.ptr_param());
    let vectors = elements / LANES;
    logarithms(&mut b, vectors, [x, work, y]);
    polynomials(&mut b, vectors, [work, y]);
    products(&mut b, vectors, [x, y]);
    Ok(b.finish())
}

/// `work[i]` is -|t| or -[`NEAR`], whichever is more, and `y[i]` is min(t, 0), as fixed point.
fn logarithms(b: &mut FuncBuilder, vectors: u32, pointers: [Value; 3]) {
    let least = splat_bf16(b, bf16(LEAST));
    let log2_e = splat_pair(b, split(std::f32::consts::LOG2_E));
    let large = splat_f32(b, fixed::LARGE);
    let fixed_point = Fixed::new(b);
    let zero = splat_bits(b, 0);
    let near = splat_bits(b, (-NEAR << fixed::FRACTION) as u16);
    unrolled(b, vectors, 1, &pointers, |b, _, pointers| {
        let mut x = pointers[0];
        let sums = [(); 2].map(|()| {
            let value = load_twice(b, &mut x);
            let value = b.vmax(value, least);
            b.mac(TWO_TERMS, large, value, log2_e)
        });
        let t = fixed_point.of(b, sums);
        let turned = b.vsub(zero, t);
        let u = b.vmin(t, turned);
        let u = b.vmax(u, near);
        let negative = b.vmin(t, zero);
        let work = b.store_post(u, pointers[1], STEP);
        vec![x, work, b.store_post(negative, pointers[2], STEP)]
    });
}

/// `y[i]` and the polynomial of `work[i]`: the logarithm of the sigmoid.
fn polynomials(b: &mut FuncBuilder, vectors: u32, [work, y]: [Value; 2]) {
    // A number as the integer that it is with so many fraction bits.
    let scaled = |number: f64, fraction: u32| (number * f64::from(fraction).exp2()).round() as i32;
    let highest = splat_bits(b, scaled(POLYNOMIAL[4], LINEAR + 3 * MORE) as u16);
    let lower = [3, 2, 1].map(|k| {
        let product = LINEAR + k * MORE + fixed::FRACTION;
        splat_bits32(b, scaled(POLYNOMIAL[k as usize], product))
    });
    let shift = b.iconst((MORE + fixed::FRACTION) as i32);
    let constant = splat_bits32(b, scaled(POLYNOMIAL[0], LINEAR + fixed::FRACTION));
    let one = splat_bits(b, 1 << LINEAR);
    let last_shift = b.iconst(LINEAR as i32);
    // Read and written by pointers of their own: one pass need not wait for the other's store.
    let init = [work, y, y];
    unrolled(b, vectors, UNROLL, &init, |b, steps, pointers| {
        let (mut work, mut from, mut to) = (pointers[0], pointers[1], pointers[2]);
        for _ in 0..steps {
            let mut sum = highest;
            let (u, next) = b.load_post(SHORTS, work, STEP);
            work = next;
            for number in lower {
                let product = b.mac(MacMode::I16E32, number, u, sum);
                sum = b.srs(SHORTS, product, shift, CLAMP);
            }
            let product = b.mac(MacMode::I16E32, constant, u, sum);
            let (negative, next) = b.load_post(SHORTS, from, STEP);
            from = next;
            let product = b.mac(MacMode::I16E32, product, negative, one);
            sum = b.srs(SHORTS, product, last_shift, CLAMP);
            to = b.store_post(sum, to, STEP);
        }
        vec![work, from, to]
    });
}

/// `y[i]` is `x[i]` times two to the power of `y[i]`.
fn products(b: &mut FuncBuilder, vectors: u32, [x, y]: [Value; 2]) {
    let exp2 = Exp2::new(b, Sign::Plus);
    let [none, all] = [0, u16::MAX].map(|bits| {
        let bits = splat_bits(b, bits);
        b.half(bits, false)
    });
    let masks = [b.concat(all, none), b.concat(none, all)];
    // Read and written by pointers of their own: one pass need not wait for the other's store.
    unrolled(b, vectors, 1, &[x, y, y], |b, _, pointers| {
        let (logarithms, from) = b.load_post(SHORTS, pointers[1], STEP);
        let sigmoids = exp2.apply(b, logarithms);
        let (value, x) = b.load_post(VECTOR, pointers[0], STEP);
        let mut to = pointers[2];
        for mask in masks {
            let sigmoid = b.lanes(LaneOp::And, sigmoids, mask);
            let sigmoid = b.cast(VECTOR, sigmoid);
            let product = b.mul(TWO_TERMS, value, sigmoid);
            let product = narrow(b, product);
            to = b.store_post(product, to, STEP / 2);
        }
        vec![x, from, to]
    });
}
