//! The vector adder: addition, comparison, selection on lanes of 8, 16 and 32 bits and bf16.

use crate::core::fault::Outcome;
use crate::core::machine::Machine;
use crate::core::op::{LaneFn, LaneType, Lanes, ScalarDst};
use crate::core::regs::Scalar;
use arch::num::{bf16_ge, bf16_lt};

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

impl LaneType {
    const fn bits(self) -> u8 {
        match self {
            Self::I8(_) => 8,
            Self::I16(_) | Self::Bf16 => 16,
            Self::I32(_) => 32,
        }
    }
}

impl Machine {
    pub(super) fn lanes(&mut self, op: &Lanes) -> Outcome<()> {
        let (b, b_defined) = self.read::<64>(op.b);
        let (a, a_defined) = op.a.map_or((b, b_defined), |a| self.read::<64>(a));
        let mut defined = a_defined & b_defined;
        let mut select = 0;
        if let Some(reg) = op.select {
            select = u64::from(self.regs.get(reg));
            let mut known = self.regs.defined(reg);
            if op.lane.bits() == 8 {
                select |= u64::from(self.regs.get(reg.odd())) << 32;
                known &= self.regs.defined(reg.odd());
            }
            if op.f == LaneFn::Select && known {
                defined = chosen(
                    a_defined,
                    b_defined,
                    select,
                    256 / u32::from(op.lane.bits()),
                );
            }
            defined = if known { defined } else { 0 };
        }
        let signed = |sign| self.signed(sign);
        let (out, compare) = match op.lane {
            LaneType::I8(sign) if signed(sign)? => compute::<i8>(op.f, &a, &b, select),
            LaneType::I8(_) => compute::<u8>(op.f, &a, &b, select),
            LaneType::I16(sign) if signed(sign)? => compute::<i16>(op.f, &a, &b, select),
            LaneType::I16(_) => compute::<u16>(op.f, &a, &b, select),
            LaneType::I32(sign) if signed(sign)? => compute::<i32>(op.f, &a, &b, select),
            LaneType::I32(_) => compute::<u32>(op.f, &a, &b, select),
            LaneType::Bf16 => compute::<Bf16>(op.f, &a, &b, select),
        };
        if let Some(to) = op.to {
            self.pipe
                .stage(to.stage)
                .vector(to.to, to.path, &out, defined);
        }
        if let Some(to) = op.compare {
            self.write_mask(to, compare, op.lane.bits() == 8, defined == 0b11);
        }
        Ok(())
    }

    fn write_mask(&mut self, to: ScalarDst, mask: u64, pair: bool, defined: bool) {
        let slot = self.pipe.stage(to.stage);
        slot.scalar(to.to, mask as u32, defined);
        if pair {
            slot.scalar(Scalar::odd(to.to), (mask >> 32) as u32, defined);
        }
    }
}

/// Definedness of a selection: of each half, that of the operands it takes lanes from.
fn chosen(a: u8, b: u8, select: u64, lanes: u32) -> u8 {
    let half = |k: u32| {
        let bits = (select >> (k * lanes)) & ((1u64 << lanes) - 1);
        let ok_a = a >> k & 1 != 0 || bits == (1u64 << lanes) - 1;
        let ok_b = b >> k & 1 != 0 || bits == 0;
        u8::from(ok_a && ok_b) << k
    };
    half(0) | half(1)
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
        assert_eq!(chosen(0b11, 0b00, 0, 8), 0b11);
        assert_eq!(chosen(0b11, 0b00, 0x8000, 8), 0b01);
    }

    #[test]
    fn bf16_maximum_keeps_the_first_operand_beside_a_nan() {
        let (one, nan) = (splat(Bf16(0x3F80)), splat(Bf16(0x7FC0)));
        assert_eq!(compute::<Bf16>(LaneFn::MaxLt, &one, &nan, 0), (one, 0));
    }
}
