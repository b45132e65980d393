//! Registers: what they consist of and what they overlap.

use core::fmt;

use super::tables::{REGS, REGS_BY_NAME, REGS_BY_TEXT, RegFile, UNITS, find};

/// A register. Constants are in [`reg`](super::reg); the text is the assembler's spelling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reg(pub(crate) u16);

/// What a register is inside a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Low half, or the even register of a pair, or the first tuple of a 3-D address.
    Lo,
    /// High half, or the odd register of a pair, or the second tuple of a 3-D address.
    Hi,
    /// Modifier of an address tuple.
    Mod,
    /// Size of an address tuple.
    Size,
    /// Stride of an address tuple.
    Stride,
    /// Counter of an address tuple.
    Count,
    /// Sparsity mask of a sparse operand.
    Mask,
    /// Vector of a sparse operand.
    Vec,
}

pub(crate) struct RegDesc {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) file: RegFile,
    pub(crate) index: u8,
    pub(crate) bits: u16,
    pub(crate) parts: &'static [(Part, Reg)],
    pub(crate) units: &'static [u16],
    pub(crate) supers: &'static [Reg],
}

impl Reg {
    /// Number of registers; [`Reg::number`] is below it.
    pub const COUNT: usize = REGS.len();
    /// Number of units; every entry of [`Reg::units`] is below it.
    pub const UNITS: usize = UNITS;

    /// Every register.
    pub fn all() -> impl Iterator<Item = Reg> {
        (0..REGS.len() as u16).map(Reg)
    }

    /// Position among all registers, for tables indexed by register.
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    fn desc(self) -> &'static RegDesc {
        &REGS[self.number()]
    }

    /// The unique name, as in the data file. It differs from the text where assembler spells two
    /// registers alike (`d0_3d`) or a register specially (`l0`, printed `r17:r16`).
    pub fn name(self) -> &'static str {
        self.desc().name
    }

    /// The register called `name`, see [`Reg::name`].
    pub fn from_name(name: &str) -> Option<Reg> {
        find(&REGS_BY_NAME, name).first().copied()
    }

    /// The registers that assembler spells `text`: none, one, or two (`d0` is a 2-D and a 3-D tuple).
    pub fn from_text(text: &str) -> &'static [Reg] {
        find(&REGS_BY_TEXT, text)
    }

    /// The file it belongs to.
    pub fn file(self) -> RegFile {
        self.desc().file
    }

    /// Its number inside the file: 3 for `r3`, `wh3`, `amll3`.
    pub fn index(self) -> u8 {
        self.desc().index
    }

    /// Width in bits.
    pub fn bits(self) -> u16 {
        self.desc().bits
    }

    /// The registers it consists of, low part first; empty for a single unit.
    pub fn parts(self) -> &'static [(Part, Reg)] {
        self.desc().parts
    }

    /// The part in the role `part`.
    pub fn part(self, part: Part) -> Option<Reg> {
        let parts = self.parts().iter();
        parts.copied().find(|(role, _)| *role == part).map(|p| p.1)
    }

    /// The low half: `wl3` of `x3`, `bml1` of `cm1`, `r16` of `l0`, `d1` of `d1_3d`.
    pub fn lo(self) -> Option<Reg> {
        self.part(Part::Lo)
    }

    /// The high half.
    pub fn hi(self) -> Option<Reg> {
        self.part(Part::Hi)
    }

    /// The smallest independent pieces of state it consists of, ascending: 256-bit units of vectors and
    /// accumulators, whole registers elsewhere. Two registers overlap where they share a unit.
    pub fn units(self) -> &'static [u16] {
        self.desc().units
    }

    /// The larger registers that contain it.
    pub fn supers(self) -> &'static [Reg] {
        self.desc().supers
    }

    /// Whether writing one changes the other.
    pub fn overlaps(self, other: Reg) -> bool {
        self.units().iter().any(|u| other.units().contains(u))
    }

    /// Whether every unit of `other` is part of this register.
    pub fn contains(self, other: Reg) -> bool {
        other.units().iter().all(|u| self.units().contains(u))
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.desc().text)
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::reg;
    use super::*;

    #[test]
    fn vectors_overlap_their_halves() {
        assert_eq!(reg::X3.lo(), Some(reg::WL3));
        assert_eq!(reg::Y2.hi(), Some(reg::X5));
        assert!(reg::Y2.overlaps(reg::WH4) && !reg::X4.overlaps(reg::WL5));
        assert!(reg::CM1.contains(reg::AMHL1) && !reg::AMHL1.contains(reg::CM1));
        assert_eq!(reg::CM8.units().len(), 4);
        assert!(reg::WL0.supers().contains(&reg::QX0));
    }

    #[test]
    fn tuples_have_parts() {
        assert_eq!(reg::D5.part(Part::Count), Some(reg::DC5));
        assert_eq!(reg::D1_3D.hi(), Some(reg::D5));
        assert_eq!(reg::D1_3D.units().len(), 8);
        assert_eq!(
            reg::L2.parts(),
            [(Part::Lo, reg::R20), (Part::Hi, reg::R21)]
        );
    }

    #[test]
    fn names_and_text() {
        assert_eq!(reg::L0.to_string(), "r17:r16");
        assert_eq!(Reg::from_text("d2"), [reg::D2, reg::D2_3D]);
        assert_eq!(Reg::from_name("LC"), Some(reg::LC));
        assert_eq!(reg::LC.to_string(), "lc");
        assert_eq!(
            Reg::all()
                .filter(|r| Reg::from_name(r.name()) == Some(*r))
                .count(),
            Reg::COUNT
        );
        assert_eq!((reg::WH7.index(), reg::WH7.file()), (7, RegFile::Wh));
    }
}
