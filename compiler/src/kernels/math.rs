//! Functions of many lanes, built from products, sums and moves.
//!
//! Exponents to the base of two go through memory as fixed point of 16 bits: what makes them and what
//! raises two to them are loops of their own, each with few values alive.

use kernel::builder::FuncBuilder;
use kernel::ir::{LaneOp, MacMode, SrsMode, Value};
use kernel::types::{AccLane, Elem, Rounding, Saturation, Type};

/// Elements that the functions take at once.
pub(super) const LANES: u32 = 32;
/// 32 bf16, a whole vector.
pub(super) const VECTOR: Type = Type::vec(Elem::Bf16, LANES as u16);
/// 16 bf16, half a vector.
pub(super) const PART: Type = Type::vec(Elem::Bf16, LANES as u16 / 2);
/// 32 integers of 16 bits: exponents, or the bits of bf16.
pub(super) const SHORTS: Type = Type::vec(Elem::I16, LANES as u16);
/// 32 bits of 16 lanes.
pub(super) const WORDS: Type = Type::vec(Elem::I32, LANES as u16 / 2);
/// 32 f32.
pub(super) const FLOATS: Type = Type::acc(AccLane::F32, LANES as u16);
/// 16 f32.
pub(super) const HALF: Type = Type::acc(AccLane::F32, LANES as u16 / 2);
/// Bytes of a vector.
pub(super) const STEP: i32 = VECTOR.bytes() as i32;
/// Bits of 32 f32.
const BITS: Type = Type::acc(AccLane::I32, LANES as u16);
/// Products of 16 lanes, two terms each: the lower halves of both factors and the upper ones.
pub(super) const TWO_TERMS: MacMode = MacMode::Bf16E16;

/// bf16 nearest to a number.
pub(super) fn bf16(value: f32) -> half::bf16 {
    half::bf16::from_f32(value)
}

/// A number as two bf16, the nearest and what is left.
pub(super) fn split(value: f32) -> [half::bf16; 2] {
    let first = bf16(value);
    [first, bf16(value - first.to_f32())]
}

/// A bf16 in every lane.
pub(super) fn splat_bf16(b: &mut FuncBuilder, value: half::bf16) -> Value {
    let bits = b.iconst(i32::from(value.to_bits()));
    b.splat(VECTOR, bits)
}

/// 16 bits in every lane.
pub(super) fn splat_bits(b: &mut FuncBuilder, bits: u16) -> Value {
    let bits = b.iconst(i32::from(bits));
    b.splat(SHORTS, bits)
}

/// A bf16 in the lower half of a vector and one in the upper.
pub(super) fn splat_pair(b: &mut FuncBuilder, values: [half::bf16; 2]) -> Value {
    let [low, high] = values.map(|value| {
        let whole = splat_bf16(b, value);
        b.half(whole, false)
    });
    b.concat(low, high)
}

/// An f32 in 16 lanes.
pub(super) fn splat_f32(b: &mut FuncBuilder, value: f32) -> Value {
    let bits = b.iconst(value.to_bits() as i32);
    let bits = b.splat(WORDS, bits);
    b.cast(HALF, bits)
}

/// The f32 of a lane of 16 as a scalar's bits.
pub(super) fn first_lane(b: &mut FuncBuilder, floats: Value) -> Value {
    let bits = b.cast(WORDS, floats);
    let index = b.iconst(0);
    b.extract(bits, index)
}

/// The bits of an f32 in 16 lanes.
pub(super) fn splat_scalar(b: &mut FuncBuilder, bits: Value) -> Value {
    let bits = b.splat(WORDS, bits);
    b.cast(HALF, bits)
}

/// Rounds to nearest, ties to even.
pub(super) fn narrow(b: &mut FuncBuilder, acc: Value) -> Value {
    b.to_bf16(acc, Rounding::ConvEven)
}

/// f32 of 16 equal lanes as two bf16, the nearest in the lower half and what is left in the upper.
pub(super) fn narrow_pair(b: &mut FuncBuilder, acc: Value) -> Value {
    let first = narrow(b, acc);
    let wide = b.to_f32(first);
    let rest = b.acc_sub(acc, wide);
    let rest = narrow(b, rest);
    b.concat(first, rest)
}

/// Both halves of a value.
pub(super) fn halves(b: &mut FuncBuilder, value: Value) -> [Value; 2] {
    [b.half(value, false), b.half(value, true)]
}

/// Loads 16 elements into both halves of a vector, so that a product takes two terms of each. Load units
/// have time for it; moves would take as long as products.
pub(super) fn load_twice(b: &mut FuncBuilder, from: &mut Value) -> Value {
    let low = b.load(PART, *from, 0);
    let (high, next) = b.load_post(PART, *from, STEP / 2);
    *from = next;
    b.concat(low, high)
}

/// Integers as their low bits.
const WRAP: SrsMode = SrsMode {
    rounding: Rounding::ConvEven,
    range: Saturation::Wrap,
    signed: true,
};

/// One divided by the square root of 16 f32, which are positive and normal; off by at most 2^-14.
///
/// Half of the bits, taken from a constant, are a guess within 4 %, as its exponent is half of the negated
/// one (C. Lomont, "Fast inverse square root", 2003). Each of Newton's steps squares the error.
pub(super) fn reciprocal_root(b: &mut FuncBuilder, floats: Value) -> Value {
    const GUESS: u16 = 0x5f37;
    let pair = narrow_pair(b, floats);
    let bits = b.cast(SHORTS, pair);
    let [none, one] = [0, 1].map(|shift| b.iconst(shift));
    let wide = b.ups(BITS, bits, none);
    let halved = b.srs(SHORTS, wide, one, WRAP);
    let guess = splat_bits(b, GUESS);
    let guess = b.vsub(guess, halved);
    let root = reciprocal_root_step(b, pair, guess);
    let root = narrow(b, root);
    let root = b.concat(root, root);
    let root = b.cast(SHORTS, root);
    reciprocal_root_step(b, pair, root)
}

/// The root y + y / 2 * (1 - x * y^2) for a guess y, the bits of bf16 in the lower half of a vector, and x
/// as two bf16.
fn reciprocal_root_step(b: &mut FuncBuilder, pair: Value, guess: Value) -> Value {
    const EXPONENT_UNIT: u16 = 1 << 7;
    let unit = splat_bits(b, EXPONENT_UNIT);
    let half = b.vsub(guess, unit);
    let zeros = splat_bf16(b, half::bf16::ZERO);
    let zeros = b.half(zeros, false);
    let [guess, half] = [guess, half].map(|bits| {
        let value = b.cast(VECTOR, bits);
        b.half(value, false)
    });
    let alone = b.concat(guess, zeros);
    let square = b.mul(TWO_TERMS, alone, alone);
    let square = narrow_pair(b, square);
    let [first, rest] = halves(b, square);
    let firsts = b.concat(first, first);
    let rest = b.concat(rest, zeros);
    let one = splat_f32(b, 1.0);
    let missing = b.msc(TWO_TERMS, one, pair, firsts);
    let missing = b.msc(TWO_TERMS, missing, pair, rest);
    let missing = narrow(b, missing);
    let missing = b.concat(missing, zeros);
    let half = b.concat(half, zeros);
    let guess = b.to_f32(guess);
    b.mac(TWO_TERMS, guess, half, missing)
}

/// Fixed point with 8 fraction bits, of -128..128.
///
/// It comes about as the low bits of a float so large that the unit of its last place is that of the
/// fixed point.
pub(super) mod fixed {
    /// Fraction bits.
    pub(in super::super) const FRACTION: u32 = 8;
    /// 1.5 * 2^15, whose low 16 bits are zero.
    pub(in super::super) const LARGE: f32 = 49152.0;
}

/// The fixed point of 32 sums with [`fixed::LARGE`], 16 lanes each.
pub(super) fn fixed_of(b: &mut FuncBuilder, sums: [Value; 2]) -> Value {
    let whole = b.concat(sums[0], sums[1]);
    let bits = b.cast(BITS, whole);
    let none = b.iconst(0);
    b.srs(SHORTS, bits, none, WRAP)
}

/// Powers of two.
///
/// With n the integer below t, 2^t is 2^n times a polynomial of third degree in t - n, whose relative
/// error is 2^-13.5; the arguments of its products are bf16. n goes into the exponent by an integer sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exp2 {
    /// The bits of an exponent that are its integer.
    integer: Value,
    /// [`fixed::LARGE`] in every lane.
    large: Value,
    /// 16 zeros.
    zeros: Value,
    cubic: Value,
    /// Lower coefficients, the constant one first.
    lower: [Value; 3],
    none: Value,
    exponent: Value,
}

impl Exp2 {
    /// Minimax for the relative error over 0..=1; the constant one is 1, so that whole numbers have exact
    /// powers, and the last one a bf16.
    const COEFFICIENTS: [f32; 4] = [1.0, 0.695_136_8, 0.227_556_2, 0.077_148_44];
    /// Fraction bits of a float.
    const MANTISSA: u32 = 23;

    pub(super) fn new(b: &mut FuncBuilder) -> Self {
        let large = splat_f32(b, fixed::LARGE);
        let zeros = splat_bf16(b, half::bf16::ZERO);
        Exp2 {
            integer: splat_bits(b, u16::MAX << fixed::FRACTION),
            large: b.concat(large, large),
            zeros: b.half(zeros, false),
            cubic: splat_bf16(b, bf16(Self::COEFFICIENTS[3])),
            lower: [0, 1, 2].map(|k| splat_f32(b, Self::COEFFICIENTS[k])),
            none: b.iconst(0),
            exponent: b.iconst((Self::MANTISSA - fixed::FRACTION) as i32),
        }
    }

    /// A vector for each of two halves, the other half of which is zero, of the same f32.
    fn alone(&self, b: &mut FuncBuilder, floats: Value) -> [Value; 2] {
        let [low, high] = halves(b, floats).map(|half| narrow(b, half));
        [b.concat(low, self.zeros), b.concat(self.zeros, high)]
    }

    /// 2^t of 32 fixed-point numbers of -127..128 at a pointer; the powers of
    /// those below -126 are between 0 and 2^-126. The results are f32.
    pub(super) fn apply(&self, b: &mut FuncBuilder, from: Value) -> Value {
        let t = b.load(SHORTS, from, 0);
        let n = b.lanes(LaneOp::And, t, self.integer);
        let fraction = b.vsub(t, n);
        let fraction = b.ups(BITS, fraction, self.none);
        let large = b.cast(BITS, self.large);
        let fraction = b.acc_add(fraction, large);
        let fraction = b.cast(FLOATS, fraction);
        let fraction = b.acc_sub(fraction, self.large);
        let [c0, c1, c2] = self.lower;
        let by = self.alone(b, fraction);
        let sum = by.map(|by| {
            let sum = b.mac(TWO_TERMS, c2, by, self.cubic);
            narrow(b, sum)
        });
        let sum = b.concat(sum[0], sum[1]);
        let sum = by.map(|by| {
            let sum = b.mac(TWO_TERMS, c1, by, sum);
            narrow(b, sum)
        });
        let sum = b.concat(sum[0], sum[1]);
        // Made and loaded once more, so that neither lives through all of it.
        let by = self.alone(b, fraction);
        let power = by.map(|by| b.mac(TWO_TERMS, c0, by, sum));
        let power = b.concat(power[0], power[1]);
        let t = b.load(SHORTS, from, 0);
        let n = b.lanes(LaneOp::And, t, self.integer);
        let n = b.ups(BITS, n, self.exponent);
        let power = b.cast(BITS, power);
        let scaled = b.acc_add(power, n);
        b.cast(FLOATS, scaled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomial_is_a_power_of_two() {
        let [c0, c1, c2, c3] = Exp2::COEFFICIENTS.map(f64::from);
        for k in 0..=1000 {
            let f = f64::from(k) / 1000.0;
            let power = c0 + f * (c1 + f * (c2 + f * c3));
            assert!((power / f.exp2() - 1.0).abs() < 9e-5, "{f}: {power}");
        }
        assert_eq!(bf16(Exp2::COEFFICIENTS[3]).to_f64(), 0.077_148_437_5);
    }

    #[test]
    fn the_large_float_leaves_its_low_bits_to_the_fixed_point() {
        assert_eq!(fixed::LARGE.to_bits() & 0xffff, 0);
        let next = f32::from_bits(fixed::LARGE.to_bits() + 1);
        assert_eq!(
            next - fixed::LARGE,
            f32::from(1u16 << fixed::FRACTION).recip()
        );
    }

    #[test]
    fn two_bf16_have_sixteen_bits() {
        let [first, rest] = split(std::f32::consts::LOG2_E);
        assert!((first.to_f64() + rest.to_f64() - std::f64::consts::LOG2_E).abs() < 3e-5);
    }
}
