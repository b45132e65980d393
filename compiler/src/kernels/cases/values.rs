//! Contents of operands: how they are made, stored and compared.

use half::bf16;

use kernel::types::Elem;

/// What the inputs of a run look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// Random values of the size that the operand has in use.
    Random,
    /// Zeros.
    Zeros,
    /// Magnitudes near the greatest for which the result is defined.
    Huge,
    /// Magnitudes near the least; integers of one unit.
    Tiny,
    /// All elements of a row equal.
    Equal,
    /// Random, and some elements of a row so low that they count for nothing.
    Masked,
}

impl Pattern {
    /// Every pattern, with its name.
    pub const ALL: [(Pattern, &'static str); 6] = [
        (Pattern::Random, "random"),
        (Pattern::Zeros, "zeros"),
        (Pattern::Huge, "huge"),
        (Pattern::Tiny, "tiny"),
        (Pattern::Equal, "equal rows"),
        (Pattern::Masked, "masked"),
    ];
}

/// Random numbers that are the same in every run.
///
/// The generator is SplitMix64: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
/// generators" (2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The numbers that follow from a seed.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Even distribution over -1..1.
    pub fn even(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// About a normal distribution of deviation 1: a sum of twelve even ones.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.even()).sum::<f64>() / 2.0
    }
}

/// How an operand's elements follow from the pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// Integers or floats with these magnitudes.
    Signed {
        /// Deviation (floats) or greatest magnitude (integers) of random ones.
        usual: f64,
        /// Of huge ones.
        huge: f64,
        /// Of tiny ones.
        tiny: f64,
    },
    /// The same for every pattern: evenly spread about a middle.
    Around {
        /// Middle.
        middle: f64,
        /// Greatest distance from it.
        spread: f64,
    },
}

/// What a masked element holds if the operand takes it: far below every other, as attention masks are.
const MASKED: f64 = -1e30;

impl Values {
    /// The elements of an operand whose rows have `row` elements.
    pub fn make(
        self,
        elem: Elem,
        pattern: Pattern,
        rng: &mut Rng,
        len: usize,
        row: usize,
    ) -> Vec<f64> {
        let float = matches!(elem, Elem::Bf16 | Elem::F32);
        let (usual, huge, tiny) = match self {
            Values::Signed { usual, huge, tiny } => (usual, huge, tiny),
            Values::Around { middle, spread } => {
                let values = (0..len).map(|_| store(elem, middle + spread * rng.even()));
                return values.collect();
            }
        };
        let mut random = |scale: f64| match float {
            true => scale * rng.normal(),
            false => (scale + 0.5) * rng.even(),
        };
        let mut equal = 0.0;
        let values = (0..len).map(|index| {
            let value = match pattern {
                Pattern::Zeros => 0.0,
                Pattern::Random => random(usual),
                Pattern::Huge => huge.copysign(random(1.0)),
                Pattern::Tiny => tiny.copysign(random(1.0)),
                Pattern::Equal => {
                    if index % row == 0 {
                        equal = random(usual);
                    }
                    equal
                }
                Pattern::Masked => {
                    let value = random(usual);
                    match float && random(1.0) < -0.5 {
                        true => MASKED.max(-huge),
                        false => value,
                    }
                }
            };
            store(elem, value)
        });
        values.collect()
    }
}

/// The nearest value that an element can hold.
pub fn store(elem: Elem, value: f64) -> f64 {
    match elem {
        Elem::I8 => value.round_ties_even().clamp(-128.0, 127.0),
        Elem::I16 => value.round_ties_even().clamp(-32768.0, 32767.0),
        Elem::I32 => value
            .round_ties_even()
            .clamp(i32::MIN.into(), i32::MAX.into()),
        Elem::Bf16 => bf16::from_f64(value).into(),
        Elem::F32 => f64::from(value as f32),
    }
}

/// Elements as they lie in memory.
pub fn to_bytes(elem: Elem, values: &[f64]) -> Vec<u8> {
    let bytes = |value: &f64| match elem {
        Elem::I8 => (*value as i8).to_le_bytes().to_vec(),
        Elem::I16 => (*value as i16).to_le_bytes().to_vec(),
        Elem::I32 => (*value as i32).to_le_bytes().to_vec(),
        Elem::Bf16 => bf16::from_f64(*value).to_le_bytes().to_vec(),
        Elem::F32 => (*value as f32).to_le_bytes().to_vec(),
    };
    values.iter().flat_map(bytes).collect()
}

/// Elements from memory.
pub fn from_bytes(elem: Elem, bytes: &[u8]) -> Vec<f64> {
    let value = |b: &[u8]| match elem {
        Elem::I8 => (b[0] as i8).into(),
        Elem::I16 => i16::from_le_bytes([b[0], b[1]]).into(),
        Elem::I32 => i32::from_le_bytes([b[0], b[1], b[2], b[3]]).into(),
        Elem::Bf16 => bf16::from_le_bytes([b[0], b[1]]).into(),
        Elem::F32 => f32::from_le_bytes([b[0], b[1], b[2], b[3]]).into(),
    };
    bytes
        .chunks_exact(elem.bytes() as usize)
        .map(value)
        .collect()
}

/// Distance of two values of an element type, in units of the last place of the exact one.
///
/// An infinity where the exact value is beyond the type's range is right; a NaN never is.
pub fn ulps(elem: Elem, got: f64, exact: f64) -> f64 {
    let (fraction_bits, least_exponent) = match elem {
        Elem::Bf16 => (7, -126),
        Elem::F32 => (23, -126),
        _ => return (got - store(elem, exact)).abs(),
    };
    let nearest = store(elem, exact);
    // Sums of the core make no denormal numbers; those that are asked for count as zero.
    let least = f64::from(least_exponent).exp2();
    if got.abs() <= least && exact.abs() <= least {
        return 0.0;
    }
    if got == nearest {
        return match nearest.is_finite() {
            true => (got - exact).abs() / unit(exact, fraction_bits, least_exponent),
            false => 0.0,
        };
    }
    match got.is_finite() && exact.is_finite() {
        true => (got - exact).abs() / unit(exact, fraction_bits, least_exponent),
        false => f64::INFINITY,
    }
}

/// Distance as [`ulps`] gives it, but of floats in units of the last place of `scale`, where that is larger:
/// beside a result of that size it is how much is off, however much of the own one has cancelled.
pub fn ulps_beside(elem: Elem, got: f64, exact: f64, scale: f64) -> f64 {
    let own = ulps(elem, got, exact);
    let (fraction_bits, least_exponent) = match elem {
        Elem::Bf16 => (7, -126),
        Elem::F32 => (23, -126),
        _ => return own,
    };
    let unit = |value: f64| unit(value, fraction_bits, least_exponent);
    match own.is_finite() && scale.is_finite() && scale > exact.abs() {
        true => own * unit(exact) / unit(scale),
        false => own,
    }
}

/// The unit of the last place of a float.
fn unit(value: f64, fraction_bits: i32, least_exponent: i32) -> f64 {
    let exponent = match value == 0.0 {
        true => least_exponent,
        false => (value.abs().log2().floor() as i32).max(least_exponent),
    };
    f64::from(exponent - fraction_bits).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_hold_the_values_that_are_stored() {
        let mut rng = Rng::new(1);
        for (elem, _) in Elem::ALL {
            let values = Values::Signed {
                usual: 100.0,
                huge: 120.0,
                tiny: 1.0,
            };
            for (pattern, _) in Pattern::ALL {
                let made = values.make(elem, pattern, &mut rng, 64, 8);
                assert_eq!(from_bytes(elem, &to_bytes(elem, &made)), made);
            }
        }
    }

    #[test]
    fn distances_are_in_units_of_the_last_place() {
        assert_eq!(ulps(Elem::Bf16, 1.0, 1.0), 0.0);
        assert_eq!(ulps(Elem::Bf16, 1.0, 1.0 + 1.0 / 256.0), 0.5);
        assert_eq!(ulps(Elem::Bf16, 4.0, 4.0 + 1.0 / 32.0), 1.0);
        assert_eq!(ulps(Elem::Bf16, f64::INFINITY, 1e39), 0.0);
        assert_eq!(ulps(Elem::Bf16, f64::NAN, 1.0), f64::INFINITY);
        assert_eq!(ulps(Elem::I8, 127.0, 900.0), 0.0);
        assert_eq!(ulps(Elem::I8, 3.0, 2.5), 1.0);
        assert_eq!(ulps_beside(Elem::Bf16, 1.0, 1.0 + 1.0 / 256.0, 4.0), 0.125);
        assert_eq!(ulps_beside(Elem::Bf16, 0.5, 0.0, 1.0), 64.0);
        assert_eq!(ulps_beside(Elem::Bf16, 1.0, 1.0 + 1.0 / 256.0, 0.0), 0.5);
        assert_eq!(ulps_beside(Elem::I8, 3.0, 2.5, 100.0), 1.0);
    }
}
