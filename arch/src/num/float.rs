//! bf16 and f32 as the vector unit sees them. Values travel as bit patterns: `u16` for bf16, `u32`
//! for f32.
//!
//! Sources: FIM43-Redeye/xdna-emu: src/interpreter/execute/vector_matmul/bf16_pipeline.rs and
//! vector_float.rs (a model its authors compared with a chip), and the results of that chip in
//! their tools/golden/silicon_edge, which the tests below replay.

use super::round::Rounding;

/// bf16 to f32: exact, denormals kept.
#[inline(always)]
pub fn bf16_to_f32(bits: u16) -> u32 {
    u32::from(bits) << 16
}

/// f32 to bf16 under a rounding mode. Denormals are rounded like any value, overflow gives
/// infinity, and a NaN keeps the upper bits of its payload (bit 0 is set if they are all zero).
#[inline(always)]
pub fn f32_to_bf16(bits: u32, rounding: Rounding) -> u16 {
    let sign = bits >> 16 & 0x8000;
    let magnitude = bits & 0x7FFF_FFFF;
    if magnitude > 0x7F80_0000 {
        let kept = magnitude >> 16;
        return (sign | kept | u32::from(kept == 0x7F80)) as u16;
    }
    let value = i64::from(magnitude);
    let rounded = rounding.shift_right(if sign == 0 { value } else { -value }, 16);
    (sign | rounded.unsigned_abs() as u32) as u16
}

/// VFLOOR.S32.BF16 of one lane: `floor(value * 2^shift)` clamped to i32; NaN gives `i32::MAX`.
/// `shift` is meaningful in -32..=31.
pub fn floor_bf16(bits: u16, shift: i32) -> i32 {
    let negative = bits & 0x8000 != 0;
    let exponent = i32::from(bits >> 7 & 0xFF);
    let fraction = i64::from(bits & 0x7F);
    if exponent == 0xFF {
        return if fraction != 0 || !negative {
            i32::MAX
        } else {
            i32::MIN
        };
    }
    let significand = if exponent == 0 {
        fraction
    } else {
        fraction | 0x80
    };
    let value = if negative { -significand } else { significand };
    let shift = exponent.max(1) - 134 + shift;
    let floor = if shift >= 0 {
        i128::from(value) << shift.min(64)
    } else {
        i128::from(value >> (-shift).min(63))
    };
    floor.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32
}

fn is_nan(bits: u16) -> bool {
    bits & 0x7FFF > 0x7F80
}

/// Orders bf16 patterns by sign and magnitude, -0 before +0.
fn order(bits: u16) -> i32 {
    let magnitude = i32::from(bits & 0x7FFF);
    if bits & 0x8000 != 0 {
        -1 - magnitude
    } else {
        magnitude
    }
}

/// VLT.BF16 of one lane: -0 is less than +0; false if either is NaN.
pub fn bf16_lt(a: u16, b: u16) -> bool {
    !is_nan(a) && !is_nan(b) && order(a) < order(b)
}

/// VGE.BF16 of one lane: false if either is NaN, hence not the negation of [`bf16_lt`].
pub fn bf16_ge(a: u16, b: u16) -> bool {
    !is_nan(a) && !is_nan(b) && order(a) >= order(b)
}

/// The adder behind every float accumulator operation: all terms are aligned to the largest
/// exponent among them with 23 fraction bits, each rounded to nearest even, added exactly, and the
/// sum is normalised and rounded to nearest even. Results below the smallest normal number become
/// +0. The mantissas of infinities and NaNs take part in the sum, which is why a NaN result shows
/// the sum's sign and, without overflow, its fraction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adder {
    exponents: [i32; Self::TERMS],
    significands: [i64; Self::TERMS],
    terms: usize,
    nan: bool,
    infinities: [bool; 2],
}

impl Adder {
    /// Eight products (sixteen when B is sparse) and two accumulators at most.
    const TERMS: usize = 18;

    pub(super) fn new() -> Self {
        Self {
            exponents: [0; Self::TERMS],
            significands: [0; Self::TERMS],
            terms: 0,
            nan: false,
            infinities: [false; 2],
        }
    }

    /// A term of `significand * 2^(exponent - 127 - 23)`; zero terms do not take part in the
    /// alignment.
    fn push(&mut self, negative: bool, exponent: i32, significand: i64) {
        if significand != 0 {
            self.exponents[self.terms] = exponent;
            self.significands[self.terms] = if negative { -significand } else { significand };
            self.terms += 1;
        }
    }

    pub(super) fn add_f32(&mut self, bits: u32, negate: bool) {
        let negative = (bits >> 31 != 0) ^ negate;
        let exponent = (bits >> 23 & 0xFF) as i32;
        let fraction = i64::from(bits & 0x7F_FFFF);
        if exponent == 0xFF {
            self.nan |= fraction != 0;
            self.infinities[usize::from(negative)] |= fraction == 0;
        }
        let implicit = i64::from(exponent != 0) << 23;
        self.push(negative, exponent.max(1), fraction | implicit);
    }

    pub(super) fn add_product(&mut self, a: u16, b: u16, negate: bool) {
        let split = |v: u16| (i32::from(v >> 7 & 0xFF), i64::from(v & 0x7F));
        let ((ea, fa), (eb, fb)) = (split(a), split(b));
        let negative = ((a ^ b) & 0x8000 != 0) ^ negate;
        let zero = a & 0x7FFF == 0 || b & 0x7FFF == 0;
        let infinite = (ea == 0xFF && fa == 0) || (eb == 0xFF && fb == 0);
        self.nan |= (ea == 0xFF && fa != 0) || (eb == 0xFF && fb != 0) || (infinite && zero);
        self.infinities[usize::from(negative)] |= infinite;
        let significand = |e: i32, f: i64| if e == 0 { f } else { f | 0x80 };
        let product = significand(ea, fa) * significand(eb, fb);
        self.push(negative, ea.max(1) + eb.max(1) - 127, product << 9);
    }

    pub(super) fn sum(&self) -> u32 {
        let nan = self.nan || self.infinities == [true; 2];
        if !nan && self.infinities != [false; 2] {
            return if self.infinities[1] {
                0xFF80_0000
            } else {
                0x7F80_0000
            };
        }
        let exponents = &self.exponents[..self.terms];
        let largest = exponents.iter().copied().max().unwrap_or(0);
        let sum: i64 = exponents
            .iter()
            .zip(&self.significands)
            .map(|(e, s)| Rounding::ConvEven.shift_right(*s, (largest - e) as u32))
            .sum();
        if sum == 0 {
            return if nan { 0x7F80_0001 } else { 0 };
        }
        let sign = u32::from(sum < 0) << 31;
        let magnitude = sum.unsigned_abs() as i64;
        let leading = 63 - magnitude.leading_zeros() as i32;
        let mut exponent = largest + leading - 23;
        let mut fraction = if leading <= 23 {
            magnitude << (23 - leading)
        } else {
            Rounding::ConvEven.shift_right(magnitude, (leading - 23) as u32)
        };
        if fraction >> 24 != 0 {
            fraction >>= 1;
            exponent += 1;
        }
        let in_range = (1..255).contains(&exponent);
        let fraction = if in_range {
            fraction as u32 & 0x7F_FFFF
        } else {
            0
        };
        if nan {
            sign | 0x7F80_0001 | fraction
        } else if in_range {
            sign | (exponent as u32) << 23 | fraction
        } else if exponent >= 255 {
            sign | 0x7F80_0000
        } else {
            0
        }
    }
}

/// The float accumulator addition (VADD.F and its kin, VNEG.F with one term): the sum of f32
/// values, each negated where its flag says so, by the same adder as the MAC: aligned to the
/// largest exponent with 23 fraction bits. At most four terms.
pub fn sum_f32(terms: &[(u32, bool)]) -> u32 {
    let mut adder = Adder::new();
    for (bits, negate) in &terms[..terms.len().min(4)] {
        adder.add_f32(*bits, *negate);
    }
    adder.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::test_data::numbers;
    use serde_json::Value;

    #[test]
    fn conversions_to_bf16_are_those_of_the_chip() {
        let files = [
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd0.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd1.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd2.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd3.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd8.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd9.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd10.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd11.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd12.json"),
            include_str!("../../tests/data/silicon_f32_to_bf16_rnd13.json"),
        ];
        for (text, mode) in files.iter().zip(Rounding::ALL) {
            let data: Value = serde_json::from_str(text).unwrap();
            assert_eq!(data["rounding_mode"], mode as u8);
            let (input, want) = (numbers(&data["input"]), numbers(&data["silicon"]));
            assert_eq!(input.len(), 96);
            for (a, b) in input.iter().zip(&want) {
                assert_eq!(u32::from(f32_to_bf16(*a, mode)), *b, "{mode:?} {a:#010x}");
            }
        }
    }

    #[test]
    fn conversion_from_bf16_keeps_denormals_like_the_chip() {
        let data: Value = serde_json::from_str(include_str!(
            "../../tests/data/silicon_bf16_to_f32_denormal.json"
        ))
        .unwrap();
        for (a, b) in numbers(&data["input"])
            .iter()
            .zip(numbers(&data["silicon"]))
        {
            assert_eq!(bf16_to_f32(*a as u16), b);
        }
    }

    #[test]
    fn floor_is_that_of_the_chip() {
        let data: Value = serde_json::from_str(include_str!(
            "../../tests/data/silicon_bf16_floor_i32_denormal.json"
        ))
        .unwrap();
        let (input, want) = (numbers(&data["input"]), numbers(&data["silicon"]));
        assert_eq!(input.len(), 256);
        for (a, b) in input.iter().zip(&want) {
            assert_eq!(floor_bf16(*a as u16, 0) as u32, *b, "{a:#06x}");
        }
    }

    #[test]
    fn floor_scales_and_clamps() {
        let bf16 = |v: f32| (v.to_bits() >> 16) as u16;
        assert_eq!(floor_bf16(bf16(-2.5), 0), -3);
        assert_eq!(floor_bf16(bf16(2.5), 1), 5);
        assert_eq!(floor_bf16(bf16(7.0), -2), 1);
        assert_eq!(floor_bf16(bf16(-1.0), -32), -1);
        assert_eq!(floor_bf16(bf16(3e38), 31), i32::MAX);
        assert_eq!(floor_bf16(bf16(f32::NEG_INFINITY), 0), i32::MIN);
        assert_eq!(floor_bf16(0xFFC0, 0), i32::MAX);
    }

    #[test]
    fn comparisons_order_zeros_and_reject_nan() {
        assert!(bf16_lt(0x8000, 0x0000) && !bf16_ge(0x8000, 0x0000));
        assert!(bf16_lt(0xC000, 0xBF80) && bf16_ge(0x3F80, 0x3F80));
        assert!(!bf16_lt(0x7FC0, 0x0000) && !bf16_ge(0x7FC0, 0x0000));
    }

    #[test]
    fn addition_aligns_before_it_adds() {
        let f = |v: f32| v.to_bits();
        assert_eq!(sum_f32(&[(f(1.5), false), (f(2.25), false)]), f(3.75));
        assert_eq!(sum_f32(&[(f(1.5), false), (f(2.25), true)]), f(-0.75));
        assert_eq!(sum_f32(&[(f(-0.0), false)]), 0);
        assert_eq!(
            sum_f32(&[(1, false), (f(0.0), false)]),
            0,
            "denormals are flushed"
        );
        // The bit of 2^-24 is a tie at the alignment and goes to the even neighbour, 1.
        let below_one = 1.0 - f32::EPSILON / 2.0;
        assert_eq!(sum_f32(&[(f(1.0), false), (f(below_one), true)]), 0);
        let (inf, nan) = (0x7F80_0000, 0x7F80_0001);
        assert_eq!(sum_f32(&[(inf, false), (f(1.0), false)]), inf);
        assert_eq!(sum_f32(&[(inf, false), (inf, true)]), nan);
        assert_eq!(sum_f32(&[(f(f32::MAX), false), (f(f32::MAX), false)]), inf);
    }
}
