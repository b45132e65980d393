//! The register file: where every register lives, and which of them hold defined values.

use arch::aie2::{Bypass, Reg, RegFile};

/// A scalar register by its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar(pub(crate) u8);

/// First place of every scalar file, its assembler prefix, and the width of its registers.
#[rustfmt::skip]
const FILES: [(u8, &str, u32); 7] = [
    (0,  "r",  32),
    (32, "p",  20),
    (40, "m",  20),
    (48, "dn", 20),
    (56, "dj", 20),
    (64, "dc", 20),
    (72, "s",  6),
];

/// The registers after the files: control, status and special ones, in the order of the register
/// table, with their width.
#[rustfmt::skip]
const SINGLES: [(&str, u32); 30] = [
    ("crVaddSign", 32), ("crF2FMask", 32), ("crF2IMask", 32), ("crFPMask", 32),
    ("crMCDEn", 32), ("crPackSign", 32), ("crRnd", 32), ("crSCDEn", 32),
    ("crSRSSign", 32), ("crSat", 32), ("crUPSSign", 32), ("crUnpackSign", 32),
    ("srCarry", 32), ("srCompr_uf", 32), ("srF2FFlags", 32), ("srF2IFlags", 32),
    ("srFPFlags", 32), ("srMS0", 32), ("srSRS_of", 32), ("srSS0", 32),
    ("srSparse_of", 32), ("srUPS_of", 32),
    ("ls", 20), ("le", 20), ("lc", 32), ("lr", 20), ("sp", 20), ("dp", 20),
    ("tile_cntr", 32), ("CORE_ID", 32),
];

const CONTROL: u8 = 76;
const STATUS: u8 = 88;
const SPECIAL: u8 = 98;
const SCALARS: usize = 106;

impl Scalar {
    pub(crate) const VADD_SIGN: Self = Self(CONTROL);
    pub(crate) const MCD_ENABLE: Self = Self(CONTROL + 4);
    pub(crate) const PACK_SIGN: Self = Self(CONTROL + 5);
    pub(crate) const RND: Self = Self(CONTROL + 6);
    pub(crate) const SCD_ENABLE: Self = Self(CONTROL + 7);
    pub(crate) const SRS_SIGN: Self = Self(CONTROL + 8);
    pub(crate) const SAT: Self = Self(CONTROL + 9);
    pub(crate) const UPS_SIGN: Self = Self(CONTROL + 10);
    pub(crate) const UNPACK_SIGN: Self = Self(CONTROL + 11);
    pub(crate) const CARRY: Self = Self(STATUS);
    pub(crate) const MS0: Self = Self(STATUS + 5);
    pub(crate) const SRS_OVERFLOW: Self = Self(STATUS + 6);
    pub(crate) const SS0: Self = Self(STATUS + 7);
    pub(crate) const UPS_OVERFLOW: Self = Self(STATUS + 9);
    pub(crate) const LS: Self = Self(SPECIAL);
    pub(crate) const LE: Self = Self(SPECIAL + 1);
    pub(crate) const LC: Self = Self(SPECIAL + 2);
    pub(crate) const LR: Self = Self(SPECIAL + 3);
    pub(crate) const SP: Self = Self(SPECIAL + 4);
    pub(crate) const CORE_ID: Self = Self(SPECIAL + 7);

    /// Modifier of address tuple `n`.
    pub(crate) const fn m(n: u8) -> Self {
        Self(40 + n)
    }

    /// Size of address tuple `n`.
    pub(crate) const fn dn(n: u8) -> Self {
        Self(48 + n)
    }

    /// Stride of address tuple `n`.
    pub(crate) const fn dj(n: u8) -> Self {
        Self(56 + n)
    }

    /// Counter of address tuple `n`.
    pub(crate) const fn dc(n: u8) -> Self {
        Self(64 + n)
    }

    /// The place of a single scalar register; of a pair, that of its even register.
    pub(crate) fn of(reg: Reg) -> Option<Self> {
        let n = reg.index();
        Some(Self(match reg.file() {
            RegFile::R => n,
            RegFile::L => 16 + 2 * n,
            RegFile::P => 32 + n,
            RegFile::M => 40 + n,
            RegFile::Dn => 48 + n,
            RegFile::Dj => 56 + n,
            RegFile::Dc => 64 + n,
            RegFile::S => 72 + n,
            RegFile::Cr => CONTROL + n,
            RegFile::Sr => STATUS + n,
            RegFile::Special => SPECIAL + n,
            _ => return None,
        }))
    }

    /// The second register of the pair that begins here.
    pub(crate) const fn odd(self) -> Self {
        Self(self.0 + 1)
    }

    fn describe(self) -> (String, u32) {
        if self.0 >= CONTROL {
            let (name, bits) = SINGLES[usize::from(self.0 - CONTROL)];
            return (name.to_string(), bits);
        }
        let file = FILES.iter().rev().find(|(first, ..)| *first <= self.0);
        let (first, prefix, bits) = file.copied().unwrap_or(FILES[0]);
        (format!("{prefix}{}", self.0 - first), bits)
    }

    /// Its assembler name.
    pub(crate) fn name(self) -> String {
        self.describe().0
    }

    const fn mask(self) -> u32 {
        match self.0 {
            0..32 | CONTROL..SPECIAL => u32::MAX,
            32..72 => 0xF_FFFF,
            72..CONTROL => 0x3F,
            _ if self.0 == Self::LC.0 || self.0 >= SPECIAL + 6 => u32::MAX,
            _ => 0xF_FFFF,
        }
    }
}

/// Consecutive 256-bit units of vector, accumulator or mask registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u8,
    pub(crate) units: u8,
}

const ACCUMULATORS: u8 = 24;
const MASKS: u8 = 60;
const UNITS: usize = 64;

impl Span {
    /// Where a vector, accumulator or mask register lives.
    pub(crate) fn of(reg: Reg) -> Option<Self> {
        let n = reg.index();
        let (first, units) = match reg.file() {
            RegFile::Wl => (2 * n, 1),
            RegFile::Wh => (2 * n + 1, 1),
            RegFile::X => (2 * n, 2),
            RegFile::Amll => (ACCUMULATORS + 4 * n, 1),
            RegFile::Amlh => (ACCUMULATORS + 4 * n + 1, 1),
            RegFile::Amhl => (ACCUMULATORS + 4 * n + 2, 1),
            RegFile::Amhh => (ACCUMULATORS + 4 * n + 3, 1),
            RegFile::Bml => (ACCUMULATORS + 4 * n, 2),
            RegFile::Bmh => (ACCUMULATORS + 4 * n + 2, 2),
            RegFile::Cm => (ACCUMULATORS + 4 * n, 4),
            RegFile::Q => (MASKS + n, 1),
            _ => return None,
        };
        Some(Self { first, units })
    }

    /// The units as bits.
    #[inline]
    pub(crate) const fn mask(self) -> u64 {
        ((1 << self.units) - 1) << self.first
    }

    /// The first `bytes` bytes of it, as whole units.
    pub(crate) const fn low(self, bytes: usize) -> Self {
        let units = bytes.div_ceil(32) as u8;
        Self {
            first: self.first,
            units: if units < self.units {
                units
            } else {
                self.units
            },
        }
    }

    /// Assembler name of the lowest of its units that is missing in `defined`.
    pub(crate) fn undefined_name(self, defined: u8) -> String {
        let k = self.first + (!defined).trailing_zeros() as u8;
        match k {
            MASKS.. => format!("q{}", k - MASKS),
            ACCUMULATORS.. => {
                let (n, part) = ((k - ACCUMULATORS) / 4, (k - ACCUMULATORS) % 4);
                format!("am{}{n}", ["ll", "lh", "hl", "hh"][usize::from(part)])
            }
            _ => format!("w{}{}", ["l", "h"][usize::from(k % 2)], k / 2),
        }
    }
}

/// A vector operand that is read: where, and by which forwarding path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) span: Span,
    pub(crate) path: Option<Bypass>,
}

/// All registers of a core.
#[derive(Clone)]
pub(crate) struct Regs {
    scalars: [u32; SCALARS],
    scalars_defined: [bool; SCALARS],
    units: [[u8; 32]; UNITS],
    units_defined: u64,
}

impl Regs {
    /// The state after reset: control and status registers have their power-up values, everything
    /// else is undefined (and reads as 0).
    pub(crate) fn new(core_id: u32) -> Self {
        let mut regs = Self {
            scalars: [0; SCALARS],
            scalars_defined: [false; SCALARS],
            units: [[0; 32]; UNITS],
            units_defined: 0,
        };
        let flags = [STATUS + 2, STATUS + 3, STATUS + 4];
        for k in (CONTROL..SPECIAL).filter(|k| !flags.contains(k)) {
            regs.set(Scalar(k), 0, true);
        }
        regs.set(Scalar::SCD_ENABLE, 1, true);
        regs.set(Scalar::MCD_ENABLE, 1, true);
        regs.set(Scalar::LC, 0, true);
        regs.set(Scalar::CORE_ID, core_id, true);
        regs
    }

    #[inline]
    pub(crate) fn get(&self, s: Scalar) -> u32 {
        self.scalars[usize::from(s.0)]
    }

    #[inline]
    pub(crate) fn defined(&self, s: Scalar) -> bool {
        self.scalars_defined[usize::from(s.0)]
    }

    #[inline]
    pub(crate) fn set(&mut self, s: Scalar, value: u32, defined: bool) {
        self.scalars[usize::from(s.0)] = value & s.mask();
        self.scalars_defined[usize::from(s.0)] = defined;
    }

    /// The bytes of a unit.
    #[inline]
    pub(crate) fn unit(&self, k: u8) -> &[u8; 32] {
        &self.units[usize::from(k)]
    }

    /// Which units of a span are defined, a bit each from the lowest.
    #[inline]
    pub(crate) fn span_defined(&self, span: Span) -> u8 {
        (self.units_defined >> span.first) as u8 & ((1u16 << span.units) - 1) as u8
    }

    /// Overwrites a span with the beginning of `data`; `defined` has a bit for every unit.
    #[inline]
    pub(crate) fn set_span(&mut self, span: Span, data: &[u8; 128], defined: u8) {
        let units = data.chunks_exact(32).take(usize::from(span.units));
        for (unit, bytes) in self.units[usize::from(span.first)..].iter_mut().zip(units) {
            unit.copy_from_slice(bytes);
        }
        let defined = u64::from(defined) << span.first & span.mask();
        self.units_defined = self.units_defined & !span.mask() | defined;
    }

    /// Overwrites a unit with defined data.
    #[inline]
    pub(crate) fn set_unit(&mut self, k: u8, data: &[u8; 32]) {
        self.units[usize::from(k)] = *data;
        self.units_defined |= 1 << k;
    }

    /// The value of a register as bytes, lowest first, if all of it is defined. Address tuples and
    /// sparse operands have no single value.
    pub(crate) fn value(&self, reg: Reg) -> Option<Vec<u8>> {
        let bytes = usize::from(reg.bits()).div_ceil(8);
        if let Some(span) = Span::of(reg) {
            let units = span.first..span.first + span.units;
            let whole = self.span_defined(span) == ((1u16 << span.units) - 1) as u8;
            let all: Vec<u8> = units.flat_map(|k| *self.unit(k)).take(bytes).collect();
            return Some(all).filter(|_| whole);
        }
        let low = Scalar::of(reg)?;
        let mut all = self.get(low).to_le_bytes().to_vec();
        let mut whole = self.defined(low);
        if reg.file() == RegFile::L {
            all.extend(self.get(low.odd()).to_le_bytes());
            whole &= self.defined(low.odd());
        }
        Some(all).filter(|_| whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch::aie2::reg;

    #[test]
    fn every_scalar_register_has_its_own_place_and_name() {
        let mut seen = 0u128;
        for r in Reg::all().filter(|r| r.file() != RegFile::L) {
            let Some(place) = Scalar::of(r) else { continue };
            assert_eq!(seen >> place.0 & 1, 0, "{r:?}");
            seen |= 1 << place.0;
            assert_eq!(place.name(), r.to_string());
            if r != reg::TILE_CNTR && r != reg::CORE_ID {
                let mask = u32::MAX >> (32 - u32::from(r.bits()));
                assert_eq!(place.mask(), mask, "{r:?}");
            }
        }
        assert_eq!(seen.count_ones() as usize, SCALARS);
    }

    #[test]
    fn overlapping_vector_registers_share_units() {
        for a in Reg::all() {
            for b in Reg::all() {
                if let (Some(x), Some(y)) = (Span::of(a), Span::of(b)) {
                    assert_eq!(x.mask() & y.mask() != 0, a.overlaps(b), "{a:?} {b:?}");
                }
            }
        }
        let cm2 = Span::of(reg::CM2).unwrap();
        assert_eq!(cm2.undefined_name(0b1011), reg::AMHL2.to_string());
    }

    #[test]
    fn definedness_follows_writes() {
        let mut regs = Regs::new(0);
        assert_eq!(regs.value(reg::R3), None);
        regs.set(Scalar(3), 7, true);
        assert_eq!(regs.value(reg::R3), Some(vec![7, 0, 0, 0]));
        regs.set_span(Span::of(reg::X1).unwrap(), &[9; 128], 0b01);
        assert_eq!(regs.value(reg::WL1), Some(vec![9; 32]));
        assert_eq!((regs.value(reg::WH1), regs.value(reg::X1)), (None, None));
    }
}
