//! Types of kernel IR values.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use arch::array::memory::{CORE_OWN, CORE_WINDOWS};
use arch::limits::VECTOR_ALIGN;

pub use arch::num::{Rounding, Saturation};

/// Addresses at which a core sees data memory.
pub const DATA_SPACE: RangeInclusive<u32> =
    CORE_WINDOWS[0]..=CORE_OWN + (arch::limits::CORE_DATA_BYTES - 1);

/// Element of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Elem {
    /// 8-bit integer; the operation says whether it is signed.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// bfloat16: the upper half of an f32.
    Bf16,
    /// IEEE 754 single precision, for storage and bitwise moves: the vector unit computes it in
    /// accumulators.
    F32,
}

impl Elem {
    /// Every element type, with its spelling.
    pub const ALL: [(Elem, &'static str); 5] = [
        (Elem::I8, "i8"),
        (Elem::I16, "i16"),
        (Elem::I32, "i32"),
        (Elem::Bf16, "bf16"),
        (Elem::F32, "f32"),
    ];

    /// Size in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Elem::I8 => 8,
            Elem::I16 | Elem::Bf16 => 16,
            Elem::I32 | Elem::F32 => 32,
        }
    }

    /// Size in bytes.
    pub const fn bytes(self) -> u32 {
        self.bits() / 8
    }
}

impl fmt::Display for Elem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Elem::ALL[*self as usize].1)
    }
}

/// Lane of an accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccLane {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// f32.
    F32,
}

impl AccLane {
    /// Every lane type, with its spelling.
    pub const ALL: [(AccLane, &'static str); 3] = [
        (AccLane::I32, "acc32"),
        (AccLane::I64, "acc64"),
        (AccLane::F32, "accf32"),
    ];

    /// Size in bits.
    pub const fn bits(self) -> u32 {
        match self {
            AccLane::I32 | AccLane::F32 => 32,
            AccLane::I64 => 64,
        }
    }
}

impl fmt::Display for AccLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(AccLane::ALL[*self as usize].1)
    }
}

/// Type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// 32-bit scalar.
    I32,
    /// 20-bit address in the core's data space.
    Ptr,
    /// Vector register: 256 or 512 bits.
    Vec {
        /// Element type.
        elem: Elem,
        /// Number of elements.
        lanes: u16,
    },
    /// Accumulator register: 512 or 1024 bits.
    Acc {
        /// Lane type.
        lane: AccLane,
        /// Number of lanes.
        lanes: u16,
    },
    /// A bit for every lane of a vector of 512 bits: 16, 32 or 64.
    Mask {
        /// Number of lanes.
        lanes: u16,
    },
    /// State of a pointer's walk through two or three dimensions: how far it is.
    Walk {
        /// Dimensions, 2 or 3.
        dims: u8,
    },
}

impl Type {
    /// Vector of `lanes` elements.
    pub const fn vec(elem: Elem, lanes: u16) -> Self {
        Type::Vec { elem, lanes }
    }

    /// Accumulator of `lanes` lanes.
    pub const fn acc(lane: AccLane, lanes: u16) -> Self {
        Type::Acc { lane, lanes }
    }

    /// Size in bits; a pointer counts as the 20 bits that it has, a walk as its counters.
    pub const fn bits(self) -> u32 {
        match self {
            Type::I32 => 32,
            Type::Ptr => 20,
            Type::Walk { dims } => 20 * (dims as u32 - 1),
            Type::Vec { elem, lanes } => elem.bits() * lanes as u32,
            Type::Acc { lane, lanes } => lane.bits() * lanes as u32,
            Type::Mask { lanes } => lanes as u32,
        }
    }

    /// Size in memory, bytes; a pointer is stored as a 32-bit word.
    pub const fn bytes(self) -> u32 {
        match self {
            Type::Ptr => 4,
            _ => self.bits() / 8,
        }
    }

    /// Alignment in memory, bytes: words for scalars and pointers (masks are not stored), the width of the load and store
    /// bus for all others.
    pub const fn align(self) -> u32 {
        match self {
            Type::I32 | Type::Ptr | Type::Mask { .. } | Type::Walk { .. } => 4,
            Type::Vec { .. } | Type::Acc { .. } => VECTOR_ALIGN,
        }
    }

    /// Whether a register of the core can hold the type: vectors of 256 and 512 bits, accumulators
    /// of 512 and 1024 bits, masks of the lanes of 512 bits.
    pub const fn is_legal(self) -> bool {
        match self {
            Type::I32 | Type::Ptr | Type::Walk { .. } => true,
            Type::Vec { .. } => matches!(self.bits(), 256 | 512),
            Type::Acc { .. } => matches!(self.bits(), 512 | 1024),
            Type::Mask { lanes } => matches!(lanes, 16 | 32 | 64),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::I32 => f.write_str("i32"),
            Type::Ptr => f.write_str("ptr"),
            Type::Walk { dims } => write!(f, "walk{dims}"),
            Type::Vec { elem, lanes } => write!(f, "{elem}x{lanes}"),
            Type::Acc { lane, lanes } => write!(f, "{lane}x{lanes}"),
            Type::Mask { lanes } => write!(f, "mask{lanes}"),
        }
    }
}

impl FromStr for Type {
    type Err = String;

    /// Reads the spelling that `Display` writes: `i32`, `ptr`, `i8x32`, `acc32x32`.
    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "i32" => return Ok(Type::I32),
            "ptr" => return Ok(Type::Ptr),
            _ => {}
        }
        if let Some(lanes) = s.strip_prefix("mask").and_then(|n| n.parse().ok()) {
            return Ok(Type::Mask { lanes });
        }
        let parsed = s.rsplit_once('x').and_then(|(head, lanes)| {
            let lanes: u16 = lanes.parse().ok()?;
            let elem = Elem::ALL.iter().find(|(_, name)| *name == head);
            let lane = AccLane::ALL.iter().find(|(_, name)| *name == head);
            elem.map(|(elem, _)| Type::vec(*elem, lanes))
                .or_else(|| lane.map(|(lane, _)| Type::acc(*lane, lanes)))
        });
        parsed.ok_or_else(|| {
            format!(
                "unknown type `{s}`\nhelp: i32, ptr, a vector such as i8x32 or bf16x16, an \
                 accumulator such as acc32x32, acc64x16 or accf32x16, or mask16, mask32, mask64"
            )
        })
    }
}

/// Every rounding, with its spelling: the names of the chip's modes.
pub const ROUNDINGS: [(Rounding, &str); 10] = [
    (Rounding::Floor, "floor"),
    (Rounding::Ceil, "ceil"),
    (Rounding::SymFloor, "sym_floor"),
    (Rounding::SymCeil, "sym_ceil"),
    (Rounding::NegInf, "neg_inf"),
    (Rounding::PosInf, "pos_inf"),
    (Rounding::SymZero, "sym_zero"),
    (Rounding::SymInf, "sym_inf"),
    (Rounding::ConvEven, "conv_even"),
    (Rounding::ConvOdd, "conv_odd"),
];

/// Every way to bring a result into the range of its lane, with its spelling.
pub const SATURATIONS: [(Saturation, &str); 3] = [
    (Saturation::Wrap, "wrap"),
    (Saturation::Saturate, "saturate"),
    (Saturation::Symmetric, "symmetric"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_round_trips() {
        for ty in [
            Type::I32,
            Type::Ptr,
            Type::vec(Elem::I8, 64),
            Type::vec(Elem::Bf16, 16),
            Type::acc(AccLane::I32, 32),
            Type::acc(AccLane::I64, 16),
            Type::acc(AccLane::F32, 16),
            Type::Mask { lanes: 64 },
        ] {
            assert_eq!(ty.to_string().parse(), Ok(ty));
        }
        assert!("i7x4".parse::<Type>().is_err());
        assert!("i8x".parse::<Type>().is_err());
    }

    #[test]
    fn legal_widths() {
        assert!(Type::vec(Elem::I8, 32).is_legal());
        assert!(Type::vec(Elem::I8, 64).is_legal());
        assert!(!Type::vec(Elem::I8, 16).is_legal());
        assert!(Type::acc(AccLane::I32, 32).is_legal());
        assert!(!Type::acc(AccLane::I32, 8).is_legal());
    }
}
