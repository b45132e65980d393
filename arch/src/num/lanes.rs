//! The vector adder: addition, comparison and selection on 512 bits of lanes of 8, 16 and 32 bits and
//! of bf16.
//!
//! Sources: Xilinx/llvm-aie: clang/lib/Headers/aiev2/ (names); FIM43-Redeye/xdna-emu:
//! src/interpreter/execute/ (masks, order of bf16).

use super::float::{bf16_ge, bf16_lt};

/// What lanes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LaneKind {
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// bf16, ordered by sign and magnitude; it compares and is not added here.
    Bf16,
}

/// Operations of the vector adder; those of one operand ignore the first.
///
/// A comparison has a bit for every lane, the lowest for lane 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LaneFn {
    /// Wrapping sum.
    Add,
    /// Wrapping difference.
    Sub,
    /// Sum where the bit of the selection is 0, else difference.
    AddSub,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Complement, compare below zero.
    NotLtz,
    /// Negation, compare above zero.
    NegGtz,
    /// Magnitude, compare above zero.
    AbsGtz,
    /// Compare below.
    Lt,
    /// Compare at least.
    Ge,
    /// Compare with a pattern of zeros.
    EqZ,
    /// Larger, compare below.
    MaxLt,
    /// Smaller, compare at least.
    MinGe,
    /// Difference, compare below.
    SubLt,
    /// Difference, compare at least.
    SubGe,
    /// Difference where it is above zero, else zero; compare below.
    MaxDiffLt,
    /// First operand where the bit of the selection is 0, else the second.
    Select,
}

/// A lane type.
trait Lane: Copy + PartialOrd + Default {
    const BYTES: usize;
    fn get(bytes: &[u8]) -> Self;
    fn put(self, bytes: &mut [u8]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn not(self) -> Self;
    fn below(self, other: Self) -> bool {
        self < other
    }
    fn reaches(self, other: Self) -> bool {
        self >= other
    }
}

macro_rules! lane {
    ($type:ty) => {
        impl Lane for $type {
            const BYTES: usize = size_of::<$type>();
            #[inline(always)]
            fn get(bytes: &[u8]) -> Self {
                let mut raw = [0; size_of::<$type>()];
                raw.copy_from_slice(bytes);
                Self::from_le_bytes(raw)
            }
            #[inline(always)]
            fn put(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn not(self) -> Self {
                !self
            }
        }
    };
}

lane!(i8);
lane!(u8);
lane!(i16);
lane!(u16);
lane!(i32);
lane!(u32);

/// A bf16 pattern; it orders by sign and magnitude and is not added here.
#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
struct Bf16(u16);

impl Lane for Bf16 {
    const BYTES: usize = 2;
    #[inline(always)]
    fn get(bytes: &[u8]) -> Self {
        Self(u16::get(bytes))
    }
    #[inline(always)]
    fn put(self, bytes: &mut [u8]) {
        self.0.put(bytes);
    }
    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
    fn not(self) -> Self {
        Self(!self.0)
    }
    fn below(self, other: Self) -> bool {
        bf16_lt(self.0, other.0)
    }
    fn reaches(self, other: Self) -> bool {
        bf16_ge(self.0, other.0)
    }
}

#[inline(always)]
fn map<T: Lane>(a: &[u8; 64], b: &[u8; 64], f: impl Fn(T, T) -> T) -> [u8; 64] {
    let mut out = [0; 64];
    let operands = a.chunks_exact(T::BYTES).zip(b.chunks_exact(T::BYTES));
    for (out, (a, b)) in out.chunks_exact_mut(T::BYTES).zip(operands) {
        f(T::get(a), T::get(b)).put(out);
    }
    out
}

#[inline(always)]
fn mask<T: Lane>(a: &[u8; 64], b: &[u8; 64], f: impl Fn(T, T) -> bool) -> u64 {
    let operands = a.chunks_exact(T::BYTES).zip(b.chunks_exact(T::BYTES));
    operands.enumerate().fold(0, |mask, (i, (a, b))| {
        mask | u64::from(f(T::get(a), T::get(b))) << i
    })
}

/// Lane `i` of the first result where bit `i` of `select` is 0, else of the second.
#[inline(always)]
fn pick<T: Lane>(first: &[u8; 64], second: &[u8; 64], select: u64) -> [u8; 64] {
    let mut out = *first;
    let lanes = out
        .chunks_exact_mut(T::BYTES)
        .zip(second.chunks_exact(T::BYTES));
    for (i, (out, second)) in lanes.enumerate() {
        if select >> i & 1 != 0 {
            out.copy_from_slice(second);
        }
    }
    out
}

/// The result and the comparison mask.
fn compute<T: Lane>(f: LaneFn, a: &[u8; 64], b: &[u8; 64], select: u64) -> ([u8; 64], u64) {
    let zero = [0; 64];
    match f {
        LaneFn::Add => (map::<T>(a, b, T::add), 0),
        LaneFn::Sub => (map::<T>(a, b, T::sub), 0),
        LaneFn::AddSub => (
            pick::<T>(&map::<T>(a, b, T::add), &map::<T>(a, b, T::sub), select),
            0,
        ),
        LaneFn::And => (map::<u8>(a, b, |a, b| a & b), 0),
        LaneFn::Or => (map::<u8>(a, b, |a, b| a | b), 0),
        LaneFn::NotLtz => (
            map::<T>(b, b, |v, _| v.not()),
            mask::<T>(b, &zero, |v, zero| v.below(zero)),
        ),
        LaneFn::NegGtz => (
            map::<T>(&zero, b, T::sub),
            mask::<T>(b, &zero, |v, zero| zero.below(v)),
        ),
        LaneFn::AbsGtz => {
            let magnitude = map::<T>(
                &zero,
                b,
                |zero, v| if v.below(zero) { zero.sub(v) } else { v },
            );
            (magnitude, mask::<T>(b, &zero, |v, zero| zero.below(v)))
        }
        LaneFn::Lt => (zero, mask::<T>(a, b, T::below)),
        LaneFn::Ge => (zero, mask::<T>(a, b, T::reaches)),
        LaneFn::EqZ => (zero, mask::<T>(b, &zero, |v, zero| v == zero)),
        LaneFn::MaxLt => (
            map::<T>(a, b, |a, b| if a.below(b) { b } else { a }),
            mask::<T>(a, b, T::below),
        ),
        LaneFn::MinGe => (
            map::<T>(a, b, |a, b| if a.reaches(b) { b } else { a }),
            mask::<T>(a, b, T::reaches),
        ),
        LaneFn::SubLt => (map::<T>(a, b, T::sub), mask::<T>(a, b, T::below)),
        LaneFn::SubGe => (map::<T>(a, b, T::sub), mask::<T>(a, b, T::reaches)),
        LaneFn::MaxDiffLt => {
            let difference = |a: T, b: T| if a.below(b) { T::default() } else { a.sub(b) };
            (map::<T>(a, b, difference), mask::<T>(a, b, T::below))
        }
        LaneFn::Select => (pick::<T>(a, b, select), 0),
    }
}

/// An operation on lanes of a kind; `select` are the bits of a selection. The result and the mask of the
/// comparison, zeros where the operation has none.
#[inline]
pub fn lanes(
    f: LaneFn,
    kind: LaneKind,
    a: &[u8; 64],
    b: &[u8; 64],
    select: u64,
) -> ([u8; 64], u64) {
    match kind {
        LaneKind::I8 => compute::<i8>(f, a, b, select),
        LaneKind::U8 => compute::<u8>(f, a, b, select),
        LaneKind::I16 => compute::<i16>(f, a, b, select),
        LaneKind::U16 => compute::<u16>(f, a, b, select),
        LaneKind::I32 => compute::<i32>(f, a, b, select),
        LaneKind::U32 => compute::<u32>(f, a, b, select),
        LaneKind::Bf16 => compute::<Bf16>(f, a, b, select),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splat<T: Lane>(v: T) -> [u8; 64] {
        map::<T>(&[0; 64], &[0; 64], |_, _| v)
    }

    #[test]
    fn comparison_masks_have_a_bit_for_every_lane() {
        let (a, b) = (splat(-1i8), splat(1i8));
        assert_eq!(compute::<i8>(LaneFn::MaxLt, &a, &b, 0), (b, u64::MAX));
        assert_eq!(compute::<u8>(LaneFn::MaxLt, &a, &b, 0), (a, 0));
        assert_eq!(
            compute::<i16>(LaneFn::Ge, &splat(3i16), &splat(3i16), 0).1,
            0xFFFF_FFFF
        );
        assert_eq!(compute::<i32>(LaneFn::EqZ, &a, &splat(0i32), 0).1, 0xFFFF);
    }

    #[test]
    fn one_operand_forms() {
        let v = splat(-5i16);
        assert_eq!(compute::<i16>(LaneFn::AbsGtz, &v, &v, 0), (splat(5i16), 0));
        assert_eq!(compute::<i16>(LaneFn::NegGtz, &v, &v, 0), (splat(5i16), 0));
        assert_eq!(
            compute::<i16>(LaneFn::NotLtz, &v, &v, 0),
            (splat(4i16), 0xFFFF_FFFF)
        );
    }

    #[test]
    fn selection_takes_the_second_operand_where_the_bit_is_set() {
        let (a, b) = (splat(1i32), splat(2i32));
        let (out, _) = compute::<i32>(LaneFn::Select, &a, &b, 0b10);
        assert_eq!((out[0], out[4], out[8]), (1, 2, 1));
    }

    #[test]
    fn bf16_maximum_keeps_the_first_operand_beside_a_nan() {
        let (one, nan) = (splat(Bf16(0x3F80)), splat(Bf16(0x7FC0)));
        assert_eq!(compute::<Bf16>(LaneFn::MaxLt, &one, &nan, 0), (one, 0));
    }
}
