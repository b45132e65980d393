//! Rounding, saturation and the two conversions between accumulator and vector lanes.
//!
//! Sources: Xilinx/aie_api: include/aie_api/aie_types.hpp (mode names and numbers);
//! Xilinx/llvm-aie: clang/lib/Headers/aiev2/aiev2_set_mode.h; FIM43-Redeye/xdna-emu:
//! crates/xdna-archspec/src/aie2/rounding.rs (direction of every mode).

/// How a dropped fraction is rounded: the value of control register `crRnd`.
///
/// Directions are those of the value, for two's complement and for sign and magnitude alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rounding {
    /// Toward minus infinity.
    #[default]
    Floor = 0,
    /// Toward plus infinity.
    Ceil = 1,
    /// Toward zero.
    SymFloor = 2,
    /// Away from zero.
    SymCeil = 3,
    /// To nearest, ties toward minus infinity.
    NegInf = 8,
    /// To nearest, ties toward plus infinity.
    PosInf = 9,
    /// To nearest, ties toward zero.
    SymZero = 10,
    /// To nearest, ties away from zero.
    SymInf = 11,
    /// To nearest, ties to even.
    ConvEven = 12,
    /// To nearest, ties to odd.
    ConvOdd = 13,
}

impl Rounding {
    /// Every mode, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::Floor,
        Self::Ceil,
        Self::SymFloor,
        Self::SymCeil,
        Self::NegInf,
        Self::PosInf,
        Self::SymZero,
        Self::SymInf,
        Self::ConvEven,
        Self::ConvOdd,
    ];

    /// The mode with this `crRnd` value; `None` for the reserved values 4..=7 and above 13.
    pub fn from_bits(bits: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|m| *m as u32 == bits)
    }

    /// Whether one is added to the floor of a value. `negative` is the sign of the value, `odd`
    /// the lowest bit of the floor, `guard` the first dropped bit, `sticky` whether any later
    /// dropped bit is set; all as in two's complement.
    #[inline(always)]
    pub fn rounds_up(self, negative: bool, odd: bool, guard: bool, sticky: bool) -> bool {
        match self {
            Self::Floor => false,
            Self::Ceil => guard | sticky,
            Self::SymFloor => negative & (guard | sticky),
            Self::SymCeil => !negative & (guard | sticky),
            Self::NegInf => guard & sticky,
            Self::PosInf => guard,
            Self::SymZero => guard & (negative | sticky),
            Self::SymInf => guard & (!negative | sticky),
            Self::ConvEven => guard & (odd | sticky),
            Self::ConvOdd => guard & (!odd | sticky),
        }
    }

    /// `value / 2^shift`, rounded. `shift` above 63 counts as 63.
    #[inline(always)]
    pub fn shift_right(self, value: i64, shift: u32) -> i64 {
        if shift == 0 {
            return value;
        }
        let shift = shift.min(63);
        let floor = value >> shift;
        let guard = value >> (shift - 1) & 1 != 0;
        let sticky = value & ((1i64 << (shift - 1)) - 1) != 0;
        floor + i64::from(self.rounds_up(value < 0, floor & 1 != 0, guard, sticky))
    }
}

/// What happens to a result outside the range of its lane: the value of control register `crSat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Saturation {
    /// The low bits are kept.
    #[default]
    Wrap = 0,
    /// Clamp to the whole range of the lane.
    Saturate = 1,
    /// Clamp; the most negative signed value is `-(2^(n-1) - 1)`.
    Symmetric = 3,
}

impl Saturation {
    /// The behaviour with this `crSat` value; `None` for the undefined value 2 and above 3.
    pub fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            0 => Some(Self::Wrap),
            1 => Some(Self::Saturate),
            3 => Some(Self::Symmetric),
            _ => None,
        }
    }
}

/// The low `bits` bits of `value`, sign-extended when `signed`. `bits` in 1..=64.
#[inline(always)]
pub fn truncate(value: i64, bits: u32, signed: bool) -> i64 {
    let unused = 64 - bits;
    if signed {
        value << unused >> unused
    } else {
        ((value as u64) << unused >> unused) as i64
    }
}

/// `value` brought into a lane of `bits` bits (1..=63 when unsigned, 1..=64 when signed); the
/// second result says whether clamping changed it. Under [`Saturation::Wrap`] it never does.
#[inline(always)]
pub fn saturate(value: i128, sat: Saturation, bits: u32, signed: bool) -> (i64, bool) {
    let (min, max) = if signed {
        let max = (1i128 << (bits - 1)) - 1;
        (
            if sat == Saturation::Symmetric {
                -max
            } else {
                -max - 1
            },
            max,
        )
    } else {
        (0, (1i128 << bits) - 1)
    };
    match sat {
        Saturation::Wrap => (truncate(value as i64, bits, signed), false),
        _ => {
            let clamped = value.clamp(min, max);
            (clamped as i64, clamped != value)
        }
    }
}

/// Shift-round-saturate of one accumulator lane (VSRS, VST.SRS, VSRSM; with `shift` 0 also VPACK):
/// `value / 2^shift`, rounded, brought into `bits` bits. The second result is what sets
/// `srSRS_of`.
#[inline(always)]
pub fn srs(
    value: i64,
    shift: u32,
    rounding: Rounding,
    sat: Saturation,
    bits: u32,
    signed: bool,
) -> (i64, bool) {
    let rounded = rounding.shift_right(value, shift);
    if sat == Saturation::Wrap {
        return (truncate(rounded, bits, signed), false);
    }
    let (min, max) = if signed {
        let max = i64::MAX >> (64 - bits);
        (
            if sat == Saturation::Symmetric {
                -max
            } else {
                -max - 1
            },
            max,
        )
    } else {
        (0, i64::MAX >> (63 - bits))
    };
    let clamped = rounded.clamp(min, max);
    (clamped, clamped != rounded)
}

/// Up-shift of one vector lane into an accumulator lane of `acc_bits` (32 or 64) bits (VUPS,
/// VLDA.UPS): `value * 2^shift`, clamped to the signed lane unless `sat` wraps. The second result
/// is what sets `srUPS_of`.
#[inline(always)]
pub fn ups(value: i64, shift: u32, sat: Saturation, acc_bits: u32) -> (i64, bool) {
    saturate(i128::from(value) << shift.min(63), sat, acc_bits, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rounding stated over exact halves: compares the remainder with half the divisor.
    fn reference(value: i64, shift: u32, mode: Rounding) -> i64 {
        let (v, d) = (i128::from(value), 1i128 << shift);
        let floor = v.div_euclid(d);
        let twice = 2 * v.rem_euclid(d);
        let away = if v < 0 { floor } else { floor + 1 };
        let toward = if v < 0 { floor + 1 } else { floor };
        let exact = twice == 0;
        let nearest = |tie: i128| match twice.cmp(&d) {
            std::cmp::Ordering::Less => floor,
            std::cmp::Ordering::Equal => tie,
            std::cmp::Ordering::Greater => floor + 1,
        };
        let even = if floor % 2 == 0 { floor } else { floor + 1 };
        let odd = if floor % 2 == 0 { floor + 1 } else { floor };
        let rounded = match mode {
            Rounding::Floor => floor,
            _ if exact => floor,
            Rounding::Ceil => floor + 1,
            Rounding::SymFloor => toward,
            Rounding::SymCeil => away,
            Rounding::NegInf => nearest(floor),
            Rounding::PosInf => nearest(floor + 1),
            Rounding::SymZero => nearest(toward),
            Rounding::SymInf => nearest(away),
            Rounding::ConvEven => nearest(even),
            Rounding::ConvOdd => nearest(odd),
        };
        rounded as i64
    }

    proptest! {
        #[test]
        fn shift_right_agrees_with_exact_halves(
            value in prop_oneof![any::<i64>(), -70i64..70],
            shift in 0u32..=62,
        ) {
            for mode in Rounding::ALL {
                prop_assert_eq!(mode.shift_right(value, shift), reference(value, shift, mode), "{:?}", mode);
            }
        }

        #[test]
        fn srs_is_rounding_then_saturation(value in any::<i64>(), shift in 0u32..63, small in -40000i64..40000) {
            for (bits, signed) in [(4, true), (8, true), (8, false), (16, true), (16, false), (32, true), (32, false)] {
                for sat in [Saturation::Wrap, Saturation::Saturate, Saturation::Symmetric] {
                    for v in [value, small] {
                        let rounded = reference(v, shift, Rounding::ConvEven);
                        let want = saturate(i128::from(rounded), sat, bits, signed);
                        prop_assert_eq!(srs(v, shift, Rounding::ConvEven, sat, bits, signed), want);
                    }
                }
            }
        }
    }

    #[test]
    fn saturation_keeps_the_lane() {
        assert_eq!(
            srs(-128, 0, Rounding::Floor, Saturation::Symmetric, 8, true),
            (-127, true)
        );
        assert_eq!(
            srs(-128, 0, Rounding::Floor, Saturation::Saturate, 8, true),
            (-128, false)
        );
        assert_eq!(
            srs(300, 0, Rounding::Floor, Saturation::Wrap, 8, true),
            (44, false)
        );
        assert_eq!(
            srs(-1, 0, Rounding::Floor, Saturation::Saturate, 8, false),
            (0, true)
        );
        assert_eq!(
            srs(256, 0, Rounding::Floor, Saturation::Saturate, 8, false),
            (255, true)
        );
        assert_eq!(
            srs(
                i64::from(u32::MAX),
                0,
                Rounding::Floor,
                Saturation::Saturate,
                32,
                false
            ),
            (i64::from(u32::MAX), false)
        );
    }

    #[test]
    fn ups_shifts_and_clamps() {
        assert_eq!(ups(-3, 4, Saturation::Wrap, 32), (-48, false));
        assert_eq!(
            ups(i64::from(i16::MAX), 20, Saturation::Saturate, 32),
            (i64::from(i32::MAX), true)
        );
        assert_eq!(
            ups(3, 31, Saturation::Wrap, 32),
            (i64::from(i32::MIN), false)
        );
        assert_eq!(ups(-1, 63, Saturation::Saturate, 64), (i64::MIN, false));
        assert_eq!(ups(-2, 63, Saturation::Symmetric, 64), (-i64::MAX, true));
    }

    #[test]
    fn reserved_values_have_no_meaning() {
        assert_eq!(Rounding::from_bits(12), Some(Rounding::ConvEven));
        assert!(
            (4..8)
                .chain(14..20)
                .all(|b| Rounding::from_bits(b).is_none())
        );
        assert_eq!(Saturation::from_bits(2), None);
    }
}
