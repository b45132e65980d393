//! Operand classes: which registers or immediates an operand takes, and their codes.

use core::fmt;

use super::register::Reg;
use super::tables::{CLASSES, NONE};

/// An operand class. Constants are in [`class`](super::class).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub(crate) u8);

pub(crate) struct ClassDesc {
    pub(crate) name: &'static str,
    pub(crate) kind: ClassKind,
}

pub(crate) enum ClassKind {
    Field {
        bits: u8,
        encode: &'static [u16],
        decode: &'static [u16],
        members: &'static [Reg],
    },
    Set(&'static [Reg]),
    Imm(ImmDesc),
}

/// How an immediate's field is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Two's complement.
    Signed,
    /// Natural number.
    Unsigned,
    /// Two's complement with an implied sign bit of 1 above the field.
    Negative,
}

/// An immediate: a multiple of `scale` whose quotient takes `bits` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImmDesc {
    /// Width of the field.
    pub bits: u8,
    /// The value is a multiple of this.
    pub scale: u8,
    /// How the field is read.
    pub sign: Sign,
}

impl ImmDesc {
    /// The smallest value.
    pub const fn min(self) -> i64 {
        let scale = self.scale as i64;
        match self.sign {
            Sign::Signed => -(1 << (self.bits - 1)) * scale,
            Sign::Unsigned => 0,
            Sign::Negative => -(1 << self.bits) * scale,
        }
    }

    /// The largest value.
    pub const fn max(self) -> i64 {
        let scale = self.scale as i64;
        match self.sign {
            Sign::Signed => ((1 << (self.bits - 1)) - 1) * scale,
            Sign::Unsigned => ((1 << self.bits) - 1) * scale,
            Sign::Negative => -scale,
        }
    }

    /// Whether the field can hold `value`.
    pub const fn holds(self, value: i64) -> bool {
        value >= self.min() && value <= self.max() && value % self.scale as i64 == 0
    }

    /// The field for `value`.
    pub const fn encode(self, value: i64) -> Option<u32> {
        if !self.holds(value) {
            return None;
        }
        Some(((value / self.scale as i64) & ((1 << self.bits) - 1)) as u32)
    }

    /// The value of a field; bits above the field's width are ignored.
    pub const fn decode(self, field: u32) -> i64 {
        let field = field as i64 & ((1 << self.bits) - 1);
        let value = match self.sign {
            Sign::Unsigned => field,
            Sign::Negative => field - (1 << self.bits),
            Sign::Signed if field >> (self.bits - 1) == 0 => field,
            Sign::Signed => field - (1 << self.bits),
        };
        value * self.scale as i64
    }
}

impl Class {
    /// Every class.
    pub fn all() -> impl Iterator<Item = Class> {
        (0..CLASSES.len() as u8).map(Class)
    }

    fn desc(self) -> &'static ClassDesc {
        &CLASSES[usize::from(self.0)]
    }

    /// The name in the data file, for example `eR`.
    pub fn name(self) -> &'static str {
        self.desc().name
    }

    /// The immediate's format, if the class is one of immediates.
    pub fn imm(self) -> Option<ImmDesc> {
        match self.desc().kind {
            ClassKind::Imm(imm) => Some(imm),
            _ => None,
        }
    }

    /// Width of the field, 0 for a set without one.
    pub fn bits(self) -> u8 {
        match self.desc().kind {
            ClassKind::Field { bits, .. } => bits,
            ClassKind::Set(_) => 0,
            ClassKind::Imm(imm) => imm.bits,
        }
    }

    /// The registers of the class in the order of their codes; empty for immediates.
    pub fn members(self) -> &'static [Reg] {
        match self.desc().kind {
            ClassKind::Field { members, .. } | ClassKind::Set(members) => members,
            ClassKind::Imm(_) => &[],
        }
    }

    /// Whether `reg` belongs to the class.
    pub fn contains(self, reg: Reg) -> bool {
        match self.desc().kind {
            ClassKind::Field { encode, .. } => encode[reg.number()] != NONE,
            ClassKind::Set(members) => members.contains(&reg),
            ClassKind::Imm(_) => false,
        }
    }

    /// The field that names `reg`; `None` if it does not belong here or the class has no field.
    pub fn encode(self, reg: Reg) -> Option<u32> {
        match self.desc().kind {
            ClassKind::Field { encode, .. } => Some(encode[reg.number()])
                .filter(|c| *c != NONE)
                .map(u32::from),
            _ => None,
        }
    }

    /// The register that `field` names; `None` for an unassigned code.
    pub fn decode(self, field: u32) -> Option<Reg> {
        match self.desc().kind {
            ClassKind::Field { decode, .. } => {
                let number = decode.get(field as usize).copied();
                number.filter(|r| *r != NONE).map(Reg)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::{class, reg};
    use super::*;

    #[test]
    fn members_round_trip() {
        for class in Class::all().filter(|c| c.imm().is_none() && c.bits() > 0) {
            for reg in class.members() {
                let code = class.encode(*reg).expect("a member has a code");
                assert_eq!(class.decode(code), Some(*reg), "{class} {reg:?}");
            }
        }
    }

    #[test]
    fn unassigned_codes_decode_to_nothing() {
        assert_eq!(class::mXm.decode(12), None);
        assert_eq!(class::mXm.decode(u32::MAX), None);
        assert_eq!(class::mAluCg.decode(0x3f), Some(reg::LC));
        assert_eq!(class::mLdaScl.decode(89), Some(reg::P5));
        assert_eq!(class::mLdaScl.encode(reg::P5), Some(93));
        assert_eq!(class::eR26.members(), [reg::R26]);
    }

    #[test]
    fn immediates_round_trip() {
        for imm in Class::all().filter_map(Class::imm) {
            assert_eq!(
                imm.encode(imm.min()).map(|f| imm.decode(f)),
                Some(imm.min())
            );
            assert_eq!(
                imm.encode(imm.max()).map(|f| imm.decode(f)),
                Some(imm.max())
            );
            assert_eq!(imm.encode(imm.max() + i64::from(imm.scale)), None);
            assert_eq!(imm.encode(i64::MIN), None);
        }
        let imm = class::imm12x32_neg.imm().expect("an immediate class");
        assert_eq!(
            (imm.min(), imm.max(), imm.encode(-32)),
            (-131_072, -32, Some(0xfff))
        );
    }
}
