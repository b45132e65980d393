//! The multiply-accumulate unit: configuration word, modes, and their arithmetic.
//!
//! Sources: Xilinx/llvm-aie: clang/lib/Headers/aiev2/aiev2_vmult.h (fields and shapes);
//! Xilinx/aie_api: include/aie_api/detail/aie2/mmul_8_8.hpp, mmul_bf16_bf16.hpp (operand layout);
//! FIM43-Redeye/xdna-emu: crates/xdna-archspec/src/aie2/matmul.rs (numbers of the modes).

mod bf16;
mod int;
mod matrix;
#[cfg(test)]
mod tests;

pub use bf16::mac_bf16;
pub use int::{add_acc, mac_int};

use std::fmt;

/// The configuration word, last operand of every VMAC and accumulator instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MacConf {
    /// acc1 is taken as 0.
    pub zero_acc: bool,
    /// Accumulator lanes: 0 = 32 bit, 1 = 64 bit, 2 = f32.
    pub amode: u8,
    /// Operand widths; the meaning depends on `amode`.
    pub bmode: u8,
    /// Shape.
    pub variant: u8,
    /// The second operand (Y, B) is signed.
    pub sgn_y: bool,
    /// The first operand (X, A) is signed.
    pub sgn_x: bool,
    /// acc1 is shifted right by 16 bits before it is added.
    pub shift16: bool,
    /// Negates the product.
    pub sub0: bool,
    /// Negates acc1.
    pub sub1: bool,
    /// Negates acc2.
    pub sub2: bool,
    /// Negates single terms (complex and butterfly patterns).
    pub sub_mask: u8,
}

impl MacConf {
    /// Reads the word; bits without a field are ignored.
    #[inline]
    pub fn decode(word: u32) -> Self {
        let bit = |n: u32| word >> n & 1 != 0;
        Self {
            zero_acc: bit(0),
            amode: (word >> 1 & 3) as u8,
            bmode: (word >> 3 & 3) as u8,
            variant: (word >> 5 & 7) as u8,
            sgn_y: bit(8),
            sgn_x: bit(9),
            shift16: bit(10),
            sub0: bit(11),
            sub1: bit(12),
            sub2: bit(13),
            sub_mask: (word >> 16) as u8,
        }
    }

    /// The word. Fields wider than their place (`amode`, `bmode` 2 bits, `variant` 3) are cut.
    pub fn encode(self) -> u32 {
        u32::from(self.zero_acc)
            | u32::from(self.amode & 3) << 1
            | u32::from(self.bmode & 3) << 3
            | u32::from(self.variant & 7) << 5
            | u32::from(self.sgn_y) << 8
            | u32::from(self.sgn_x) << 9
            | u32::from(self.shift16) << 10
            | u32::from(self.sub0) << 11
            | u32::from(self.sub1) << 12
            | u32::from(self.sub2) << 13
            | u32::from(self.sub_mask) << 16
    }
}

/// What the instruction itself negates; combined by exclusive or with `sub0`, `sub1`, `sub2` of the
/// configuration word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Negate {
    /// The sum of products.
    pub product: bool,
    /// The first accumulator.
    pub acc1: bool,
    /// The second accumulator.
    pub acc2: bool,
}

/// Element type of a multiplier operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// 4-bit integer, low half of the byte first.
    I4,
    /// 8-bit integer.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// bf16.
    Bf16,
}

impl Lane {
    /// Width in bits.
    pub const fn bits(self) -> usize {
        match self {
            Self::I4 => 4,
            Self::I8 => 8,
            Self::I16 | Self::Bf16 => 16,
            Self::I32 => 32,
        }
    }
}

/// Lane type of an accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccLane {
    /// 32 lanes of 32 bits in a 1024-bit register.
    Acc32,
    /// 16 lanes of 64 bits in a 1024-bit register.
    Acc64,
    /// 16 lanes of f32 in a 512-bit register.
    Fp32,
}

/// How a mode combines its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacShape {
    /// `acc[i*n + j] += sum over k of x[i*K + k] * y[k*n + j]`.
    Matrix {
        /// Rows of x and of the accumulator.
        m: usize,
        /// Columns of x, rows of y.
        k: usize,
        /// Columns of y and of the accumulator.
        n: usize,
    },
    /// `acc[i] += sum over t < terms of x[i + t*lanes] * y[i + t*lanes]`.
    Elementwise {
        /// Accumulator lanes.
        lanes: usize,
        /// Products a lane.
        terms: usize,
    },
}

/// One mode of the multiplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacMode {
    /// Configuration field of the same name.
    pub amode: u8,
    /// Configuration field of the same name.
    pub bmode: u8,
    /// Configuration field of the same name.
    pub variant: u8,
    /// Elements of the first operand.
    pub x: Lane,
    /// Elements of the second operand.
    pub y: Lane,
    /// Accumulator lanes.
    pub acc: AccLane,
    /// How the elements meet.
    pub shape: MacShape,
}

/// Why a configuration word has no arithmetic here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacError {
    /// The chip has this mode; it is not modelled.
    NotModelled {
        /// What it is.
        name: &'static str,
        /// The fields of the configuration word.
        conf: MacConf,
    },
    /// No source names this combination of fields.
    Unknown {
        /// The fields of the configuration word.
        conf: MacConf,
    },
    /// An integer operation got a float mode, or the reverse.
    WrongUnit {
        /// The mode.
        mode: MacMode,
    },
}

impl fmt::Display for MacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotModelled { name, conf } => write!(
                f,
                "multiplier mode {name} (amode {}, bmode {}, variant {}, sub_mask {:#x}) is not modelled\nhelp: use a dense mode of arch::num::mac::MODES",
                conf.amode, conf.bmode, conf.variant, conf.sub_mask
            ),
            Self::Unknown { conf } => write!(
                f,
                "multiplier mode (amode {}, bmode {}, variant {}) does not exist\nhelp: check the configuration word {:#x}",
                conf.amode,
                conf.bmode,
                conf.variant,
                conf.encode()
            ),
            Self::WrongUnit { mode } => write!(
                f,
                "multiplier mode with {:?} accumulators belongs to the other unit\nhelp: use the .f form of the instruction for f32 accumulators and only for them",
                mode.acc
            ),
        }
    }
}

impl std::error::Error for MacError {}

const fn matrix(
    (amode, bmode, variant): (u8, u8, u8),
    x: Lane,
    y: Lane,
    acc: AccLane,
    (m, k, n): (usize, usize, usize),
) -> MacMode {
    MacMode {
        amode,
        bmode,
        variant,
        x,
        y,
        acc,
        shape: MacShape::Matrix { m, k, n },
    }
}

const fn elementwise(
    (amode, bmode, variant): (u8, u8, u8),
    lane: Lane,
    acc: AccLane,
    lanes: usize,
    terms: usize,
) -> MacMode {
    let shape = MacShape::Elementwise { lanes, terms };
    MacMode {
        amode,
        bmode,
        variant,
        x: lane,
        y: lane,
        acc,
        shape,
    }
}

/// The modes with arithmetic here: all dense matrix and elementwise ones whose operand layout is
/// known.
#[rustfmt::skip]
pub const MODES: [MacMode; 14] = [
    matrix((0, 0, 0), Lane::I8,   Lane::I4,   AccLane::Acc32, (4, 16, 8)),
    matrix((0, 1, 0), Lane::I8,   Lane::I8,   AccLane::Acc32, (4, 8, 8)),
    elementwise((0, 1, 1), Lane::I8,          AccLane::Acc32, 32, 2),
    matrix((0, 2, 0), Lane::I16,  Lane::I8,   AccLane::Acc32, (4, 4, 8)),
    matrix((0, 3, 0), Lane::I16,  Lane::I16,  AccLane::Acc32, (4, 2, 8)),
    elementwise((0, 3, 1), Lane::I16,         AccLane::Acc32, 32, 1),
    matrix((1, 0, 0), Lane::I32,  Lane::I16,  AccLane::Acc64, (4, 2, 4)),
    matrix((1, 2, 0), Lane::I16,  Lane::I8,   AccLane::Acc64, (2, 8, 8)),
    matrix((1, 2, 1), Lane::I16,  Lane::I8,   AccLane::Acc64, (4, 8, 4)),
    matrix((1, 3, 0), Lane::I16,  Lane::I16,  AccLane::Acc64, (2, 4, 8)),
    matrix((1, 3, 1), Lane::I16,  Lane::I16,  AccLane::Acc64, (4, 4, 4)),
    elementwise((1, 3, 2), Lane::I16,         AccLane::Acc64, 16, 2),
    matrix((2, 3, 0), Lane::Bf16, Lane::Bf16, AccLane::Fp32,  (4, 8, 4)),
    elementwise((2, 3, 1), Lane::Bf16,        AccLane::Fp32,  16, 2),
];

/// Modes the chip has and this model has not: `(amode, bmode, variant)` and what they are.
#[rustfmt::skip]
const NOT_MODELLED: [((u8, u8, u8), &str); 11] = [
    ((0, 0, 1), "sparse i8 x i4, 4x32x8"),
    ((0, 1, 2), "convolution i8 x i8, 4x4, 8 channels"),
    ((0, 1, 3), "convolution i8 x i8, 8x8, 4 channels"),
    ((0, 1, 4), "convolution i8 x i8, 32x8, 1 channel"),
    ((0, 1, 5), "sparse i8 x i8, 4x16x8"),
    ((0, 2, 1), "i16 x i8, 4x4x4, 2 channels"),
    ((1, 2, 2), "sparse i16 x i8, 2x16x8"),
    ((1, 3, 3), "convolution i16 x i16, 16x4"),
    ((1, 3, 4), "complex i16 x i16"),
    ((1, 3, 5), "sparse i16 x i16, 2x8x8"),
    ((2, 3, 2), "sparse bf16 x bf16, 4x16x4"),
];

impl MacMode {
    /// The mode a configuration word selects.
    ///
    /// # Errors
    /// [`MacError::NotModelled`] for sparse, convolution and complex modes and for a `sub_mask`
    /// other than 0, [`MacError::Unknown`] for anything else that is not in [`MODES`].
    #[inline]
    pub fn of(conf: MacConf) -> Result<&'static MacMode, MacError> {
        let key = (conf.amode, conf.bmode, conf.variant);
        if conf.sub_mask != 0 {
            return Err(MacError::NotModelled {
                name: "with single terms negated",
                conf,
            });
        }
        if let Some(mode) = MODES.iter().find(|m| (m.amode, m.bmode, m.variant) == key) {
            return Ok(mode);
        }
        Err(match NOT_MODELLED.iter().find(|(k, _)| *k == key) {
            Some((_, name)) => MacError::NotModelled { name, conf },
            None => MacError::Unknown { conf },
        })
    }

    /// The mode with these operands and shape, if there is one.
    pub fn find(x: Lane, y: Lane, acc: AccLane, shape: MacShape) -> Option<&'static MacMode> {
        MODES
            .iter()
            .find(|m| m.x == x && m.y == y && m.acc == acc && m.shape == shape)
    }

    /// The configuration word's fields for this mode. Signs mean nothing to f32 accumulators and
    /// are left 0 there.
    pub fn conf(&self, sgn_x: bool, sgn_y: bool) -> MacConf {
        let integer = self.acc != AccLane::Fp32;
        MacConf {
            amode: self.amode,
            bmode: self.bmode,
            variant: self.variant,
            sgn_x: sgn_x && integer,
            sgn_y: sgn_y && integer,
            ..MacConf::default()
        }
    }

    /// Elements of `x`, of `y` and accumulator lanes the mode reads.
    pub const fn elements(&self) -> (usize, usize, usize) {
        match self.shape {
            MacShape::Matrix { m, k, n } => (m * k, k * n, m * n),
            MacShape::Elementwise { lanes, terms } => (lanes * terms, lanes * terms, lanes),
        }
    }

    /// Bytes of `x` and of `y` the mode reads, from the low end; the rest of the register is
    /// ignored.
    pub const fn operand_bytes(&self) -> (usize, usize) {
        let (x, y, _) = self.elements();
        (x * self.x.bits() / 8, y * self.y.bits() / 8)
    }

    /// Multiply-accumulates of one instruction.
    pub const fn macs(&self) -> usize {
        match self.shape {
            MacShape::Matrix { m, k, n } => m * k * n,
            MacShape::Elementwise { lanes, terms } => lanes * terms,
        }
    }
}

impl Negate {
    /// Combined with the configuration word's `sub0`, `sub1`, `sub2`.
    fn with(self, conf: MacConf) -> Self {
        Self {
            product: self.product ^ conf.sub0,
            acc1: self.acc1 ^ conf.sub1,
            acc2: self.acc2 ^ conf.sub2,
        }
    }
}
