//! Functions of many lanes, built from products, sums and moves.
//!
//! Exponents to the base of two are fixed point of 16 bits, and so is what raises two to them: a product of
//! integers has twice the lanes of one of floats.

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
/// 16 f32.
pub(super) const HALF: Type = Type::acc(AccLane::F32, LANES as u16 / 2);
/// 16 integers of 16 bits.
const HALF_SHORTS: Type = Type::vec(Elem::I16, LANES as u16 / 2);
/// Bits of 16 f32.
const HALF_BITS: Type = Type::acc(AccLane::I32, LANES as u16 / 2);
/// Bytes of a vector.
pub(super) const STEP: i32 = VECTOR.bytes() as i32;
/// Bits of 32 f32.
const BITS: Type = Type::acc(AccLane::I32, LANES as u16);
/// Product of 4x8 by 8x4 bf16.
pub(super) const MATRICES: MacMode = MacMode::Bf16M4K8N4;
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

/// 32 bits in every lane of an accumulator.
pub(super) fn splat_bits32(b: &mut FuncBuilder, bits: i32) -> Value {
    let bits = b.iconst(bits);
    let bits = b.splat(WORDS, bits);
    let half = b.cast(HALF_BITS, bits);
    b.concat(half, half)
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

/// The nearest bf16 of f32, and what they have beyond it.
pub(super) fn parted(b: &mut FuncBuilder, acc: Value) -> [Value; 2] {
    let first = narrow(b, acc);
    let wide = b.to_f32(first);
    [first, b.acc_sub(acc, wide)]
}

/// What f32 have beyond the nearest bf16.
pub(super) fn left_of(b: &mut FuncBuilder, acc: Value) -> Value {
    let [_, left] = parted(b, acc);
    left
}

/// f32 of 16 lanes as two bf16, as [`narrow_pair`] has them, by conversions into the places where they are wanted:
/// moves would take longer.
pub(super) fn pair_of(b: &mut FuncBuilder, acc: Value) -> Value {
    let [first, left] = parted(b, acc);
    let rest = narrow(b, left);
    b.concat(first, rest)
}

/// f32 of 16 lanes as bf16 in both halves of a vector, as in [`pair_of`].
pub(super) fn narrow_twice(b: &mut FuncBuilder, acc: Value) -> Value {
    let [low, high] = [(); 2].map(|()| narrow(b, acc));
    b.concat(low, high)
}

/// Loads 16 elements into both halves of a vector, so that a product takes two terms of each. Load units
/// have time for it; moves would take as long as products.
pub(super) fn load_twice(b: &mut FuncBuilder, from: &mut Value) -> Value {
    let low = b.load(PART, *from, 0);
    let (high, next) = b.load_post(PART, *from, STEP / 2);
    *from = next;
    b.concat(low, high)
}

/// Matrices of 4x8 that have a number in a row of their own: a product with one adds up the columns of a matrix
/// of 8x4 in that row, times the number.
pub(super) fn selectors(b: &mut FuncBuilder, number: half::bf16) -> [Value; 4] {
    let [zeros, numbers] = [half::bf16::ZERO, number].map(|value| splat_bf16(b, value));
    let all_but_a_row = b.iconst(48);
    let mut before = numbers;
    let mut behind = zeros;
    [(); 4].map(|()| {
        behind = b.vshift(before, behind, all_but_a_row);
        before = zeros;
        behind
    })
}

/// The sum of four lanes in the first of them.
pub(super) fn totals(b: &mut FuncBuilder, mut sums: Value) -> Value {
    for bytes in [8, 4] {
        let bits = b.cast(WORDS, sums);
        let bytes = b.iconst(bytes);
        let turned = b.vshift(bits, bits, bytes);
        let turned = b.cast(HALF, turned);
        sums = b.acc_add(sums, turned);
    }
    sums
}

/// Integers as their low bits.
const WRAP: SrsMode = SrsMode {
    rounding: Rounding::ConvEven,
    range: Saturation::Wrap,
    signed: true,
};

/// Integers brought into the range of their elements.
pub(super) const CLAMP: SrsMode = SrsMode {
    range: Saturation::Saturate,
    ..WRAP
};

/// Integers brought into the range of unsigned elements.
const CLAMP_POSITIVE: SrsMode = SrsMode {
    signed: false,
    ..CLAMP
};

/// One divided by 16 f32 of 2^-120..2^120; off by at most 2^-12.
///
/// The bits, taken from a constant, are a guess y within 7 %, as its exponent is the negated one. With
/// e = 1 - x * y, the result is y * (1 + e + e^2 + e^3) but for e^4.
pub(super) fn reciprocal(b: &mut FuncBuilder, floats: Value) -> Value {
    const GUESS: u16 = 0x7ef3;
    let pair = narrow_pair(b, floats);
    let guess = splat_bits(b, GUESS);
    let bits = b.cast(SHORTS, pair);
    let guess = b.vsub(guess, bits);
    let guess = b.cast(VECTOR, guess);
    let guess = b.half(guess, false);
    let both = b.concat(guess, guess);
    let one = splat_bf16(b, half::bf16::ONE);
    let one = b.half(one, false);
    let one = b.to_f32(one);
    let missing = b.msc(TWO_TERMS, one, pair, both);
    let zeros = splat_bf16(b, half::bf16::ZERO);
    let zeros = b.half(zeros, false);
    let factor = narrow(b, missing);
    let mut series = factor;
    let alone = b.concat(factor, zeros);
    for _ in 0..2 {
        let by = b.concat(series, zeros);
        let sum = b.mac(TWO_TERMS, missing, alone, by);
        series = narrow(b, sum);
    }
    let alone = b.concat(guess, zeros);
    let series = b.concat(series, zeros);
    let guess = b.to_f32(guess);
    b.mac(TWO_TERMS, guess, alone, series)
}

/// One divided by the square root of 16 f32, which are positive and normal, as two bf16, each in both halves
/// of a vector; off by at most 2^-11.9.
///
/// Half of the bits, taken from a constant, are a guess y within 4 %, as its exponent is half of the negated
/// one (C. Lomont, "Fast inverse square root", 2003). With e = 1 - x * y^2, the result is
/// y + y * (e / 2 + 3 / 8 * e^2) but for the third power of e. What is added to y has no bits beyond 2^-15 of
/// the power of two in y: products of bf16 with both have few enough bits to be summed exactly.
pub(super) fn reciprocal_root(b: &mut FuncBuilder, floats: Value) -> [Value; 2] {
    const GUESS: u16 = 0x5f37;
    const EXPONENT_UNIT: u16 = 1 << 7;
    let bits = b.cast(HALF_BITS, floats);
    let shift = b.iconst(17);
    let [low, high] = [(); 2].map(|()| b.srs(HALF_SHORTS, bits, shift, WRAP));
    let halved = b.concat(low, high);
    let guess = splat_bits(b, GUESS);
    let guess = b.vsub(guess, halved);
    let unit = splat_bits(b, EXPONENT_UNIT);
    let half = b.vsub(guess, unit);
    let [guess, half] = [guess, half].map(|bits| b.cast(VECTOR, bits));
    let pair = pair_of(b, floats);
    // Products have two terms: of equal ones each is half of it.
    let square = b.mul(TWO_TERMS, guess, half);
    let near = narrow_twice(b, square);
    let left = left_of(b, square);
    let left = narrow_twice(b, left);
    let one = splat_f32(b, 1.0);
    let missing = b.msc(TWO_TERMS, one, pair, near);
    let missing = b.msc(TWO_TERMS, missing, pair, left);
    let [three_sixteenths, quarter, large] = [3.0 / 32.0, 0.125, 192.0].map(|by| {
        let by = splat_bf16(b, bf16(by));
        b.mul(TWO_TERMS, guess, by)
    });
    let [three_sixteenths, quarter] = [three_sixteenths, quarter].map(|by| narrow_twice(b, by));
    let near = narrow_twice(b, missing);
    let second = b.mul(TWO_TERMS, near, three_sixteenths);
    let left = left_of(b, missing);
    // Beside so much nothing below 2^-15 is left.
    let rest = b.mac(TWO_TERMS, large, near, quarter);
    let [second, left, near] = [second, left, missing].map(|part| narrow(b, part));
    let [second, half] =
        [(second, left), (near, b.half(half, true))].map(|(low, high)| b.concat(low, high));
    let rest = b.mac(TWO_TERMS, rest, second, half);
    let rest = b.acc_sub(rest, large);
    [guess, narrow_twice(b, rest)]
}

/// Fixed point with 8 fraction bits, of -128..128, in 16 bits.
///
/// It comes about as the low bits of a float so large that the unit of its last place is less than that of
/// the fixed point.
pub(super) mod fixed {
    /// Fraction bits.
    pub(in super::super) const FRACTION: u32 = 8;
    /// 1.5 * 2^9: a sum of it and anything of -256..256 has a last place of [`PLACE`] fraction bits.
    pub(in super::super) const LARGE: f32 = 768.0;
    /// Fraction bits of the last place of such a sum.
    pub(in super::super) const PLACE: u32 = 14;
}

/// Sums with [`fixed::LARGE`] as fixed point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed {
    /// The bits of [`fixed::LARGE`].
    large: Value,
    shift: Value,
}

impl Fixed {
    pub(super) fn new(b: &mut FuncBuilder) -> Self {
        Fixed {
            large: splat_bits32(b, fixed::LARGE.to_bits() as i32),
            shift: b.iconst((fixed::PLACE - fixed::FRACTION) as i32),
        }
    }

    /// The fixed point of 32 sums, 16 lanes each, that are not negative; what lies beyond its range counts
    /// as the nearest end of it.
    pub(super) fn of(&self, b: &mut FuncBuilder, sums: [Value; 2]) -> Value {
        let whole = b.concat(sums[0], sums[1]);
        // The bits of positive floats grow as they do.
        let bits = b.cast(BITS, whole);
        let bits = b.acc_sub(bits, self.large);
        b.srs(SHORTS, bits, self.shift, CLAMP)
    }
}

/// Powers of two, by integers of 16 bits.
///
/// With n the integer below t and f = 256 * (t - n), the bits of 2^t as a bf16 are those of the exponent,
/// 128 * (n + 127), and 128 * (2^(t - n) - 1). Together they are 128 * (t + 127) and a correction, which is
/// f * (f - 256) / 64 times (f + 1282) / 2^15 but for 0.13: an eighth of a unit of the last place. Of -t, f is
/// what is missing of 256.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exp2 {
    sign: Sign,
    /// The bits of a number that are its integer; as a number, minus one in fixed point.
    integer: Value,
    /// What the number's fraction less one is added to, or taken from, to make the correction's second factor.
    offset: Value,
    /// Half of 2^[`Self::SCALE`]: the numbers have one fraction bit more than a bf16.
    half: Value,
    /// The bits of one, times 2^[`Self::SCALE`].
    one: Value,
    product_shift: Value,
    shift: Value,
}

/// Whether powers are those of numbers or of the numbers negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Of the numbers.
    Plus,
    /// Of the numbers negated.
    Minus,
}

impl Exp2 {
    /// See [`Exp2`]: that which leaves the least error.
    const OFFSET: i32 = 1282;
    const PRODUCT_SHIFT: i32 = 6;
    const SCALE: i32 = 15;
    /// Half of 2^[`Self::SCALE`].
    const HALF: u16 = 1 << (Self::SCALE - 1);

    pub(super) fn new(b: &mut FuncBuilder, sign: Sign) -> Self {
        let one = i32::from(half::bf16::ONE.to_bits()) << Self::SCALE;
        let offset = match sign {
            Sign::Plus => Self::OFFSET + (1 << fixed::FRACTION),
            Sign::Minus => Self::OFFSET,
        };
        Exp2 {
            sign,
            integer: splat_bits(b, u16::MAX << fixed::FRACTION),
            offset: splat_bits(b, offset as u16),
            half: splat_bits(b, Self::HALF),
            one: splat_bits32(b, one),
            product_shift: b.iconst(Self::PRODUCT_SHIFT),
            shift: b.iconst(Self::SCALE),
        }
    }

    /// -2^127 in every lane, of which [`Self::integer`] are the bits.
    pub(super) fn lowest(&self, b: &mut FuncBuilder) -> Value {
        b.cast(VECTOR, self.integer)
    }

    /// Two to the power of 32 fixed-point numbers, or of those negated, as the bits of bf16. Of an exponent
    /// below -127 it is 0, and down from -126 something between 0 and 2^-126.
    pub(super) fn apply(&self, b: &mut FuncBuilder, numbers: Value) -> Value {
        // The fraction less one.
        let below = b.lanes(LaneOp::Or, numbers, self.integer);
        let fraction = b.vsub(below, self.integer);
        let product = b.mul(MacMode::I16E32, fraction, below);
        let product = b.srs(SHORTS, product, self.product_shift, CLAMP);
        let (bits, factor) = match self.sign {
            Sign::Plus => (
                b.mac(MacMode::I16E32, self.one, numbers, self.half),
                b.vadd(self.offset, below),
            ),
            Sign::Minus => (
                b.msc(MacMode::I16E32, self.one, numbers, self.half),
                b.vsub(self.offset, below),
            ),
        };
        let bits = b.mac(MacMode::I16E32, bits, product, factor);
        b.srs(SHORTS, bits, self.shift, CLAMP_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_correction_is_off_by_an_eighth() {
        for f in 0..256i32 {
            let exact = 128.0 * ((f64::from(f) / 256.0).exp2() - 1.0) - f64::from(f) / 2.0;
            let product = f64::from(f * (f - 256)) / 64.0;
            let product = product.round_ties_even() * f64::from(f + Exp2::OFFSET);
            let correction = product / f64::from(1 << Exp2::SCALE);
            assert!((correction - exact).abs() < 0.13, "{f}: {correction}");
        }
    }

    #[test]
    fn a_large_float_has_a_last_place_of_its_own() {
        for sum in [fixed::LARGE - 255.9, fixed::LARGE + 255.9] {
            let next = f32::from_bits(sum.to_bits() + 1);
            assert_eq!(next - sum, (-(fixed::PLACE as f32)).exp2());
        }
    }

    #[test]
    fn two_bf16_have_sixteen_bits() {
        let [first, rest] = split(std::f32::consts::LOG2_E);
        assert!((first.to_f64() + rest.to_f64() - std::f64::consts::LOG2_E).abs() < 3e-5);
    }
}
