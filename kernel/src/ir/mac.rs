//! Products: the modes of the multiplier that kernel IR has.

use arch::num;

use super::Value;
use crate::types::{AccLane, Elem, Type};

/// Shape of a matrix or elementwise product: which lanes meet which.
///
/// Matrix shapes hold A row by row (m x k), B row by row (k x n) and the accumulator row by row
/// (m x n). Elementwise shapes of two terms add the products of the lower and of the upper half of
/// the operands: with a half of zeros in both operands they are plain products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacMode {
    /// 8-bit integers, 4x8 by 8x8 into 4x8 lanes of 32 bits.
    I8M4K8N8,
    /// 8-bit integers, 32 lanes one by one, two terms, into 32 bits.
    I8E32,
    /// 16-bit by 8-bit integers, 4x4 by 4x8 into 4x8 lanes of 32 bits.
    I16I8M4K4N8,
    /// 16-bit integers, 4x2 by 2x8 into 4x8 lanes of 32 bits.
    I16M4K2N8,
    /// 16-bit integers, 32 lanes one by one into 32 bits.
    I16E32,
    /// 32-bit by 16-bit integers, 4x2 by 2x4 into 4x4 lanes of 64 bits.
    I32I16M4K2N4,
    /// 16-bit by 8-bit integers, 2x8 by 8x8 into 2x8 lanes of 64 bits.
    I16I8M2K8N8,
    /// 16-bit by 8-bit integers, 4x8 by 8x4 into 4x4 lanes of 64 bits.
    I16I8M4K8N4,
    /// 16-bit integers, 2x4 by 4x8 into 2x8 lanes of 64 bits.
    I16M2K4N8,
    /// 16-bit integers, 4x4 by 4x4 into 4x4 lanes of 64 bits.
    I16M4K4N4,
    /// 16-bit integers, 16 lanes one by one, two terms, into 64 bits.
    I16E16,
    /// bf16, 4x8 by 8x4 into 4x4 lanes of f32.
    Bf16M4K8N4,
    /// bf16, 16 lanes one by one, two terms, into f32.
    Bf16E16,
}

/// What a [`MacMode`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacShape {
    /// Spelling in the text form.
    pub name: &'static str,
    /// Type of A. An operand of 128 bits is the low half of a vector of 256.
    pub a: Type,
    /// Type of B, likewise.
    pub b: Type,
    /// Type of the accumulator.
    pub acc: Type,
    /// Multiply-accumulates of one operation.
    pub macs: u32,
}

/// The accumulator that a product is added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addend {
    /// Accumulator.
    pub acc: Value,
    /// Whether it is negated before the product is added.
    pub negate: bool,
}

impl MacMode {
    /// Every mode.
    pub const ALL: [MacMode; 13] = [
        MacMode::I8M4K8N8,
        MacMode::I8E32,
        MacMode::I16I8M4K4N8,
        MacMode::I16M4K2N8,
        MacMode::I16E32,
        MacMode::I32I16M4K2N4,
        MacMode::I16I8M2K8N8,
        MacMode::I16I8M4K8N4,
        MacMode::I16M2K4N8,
        MacMode::I16M4K4N4,
        MacMode::I16E16,
        MacMode::Bf16M4K8N4,
        MacMode::Bf16E16,
    ];

    /// Spelling in the text form, and the fields `amode`, `bmode` and `variant` of the chip's
    /// configuration word, which select the mode in [`num::mac::MODES`].
    const fn key(self) -> (&'static str, u8, u8, u8) {
        match self {
            MacMode::I8M4K8N8 => ("i8.4x8x8", 0, 1, 0),
            MacMode::I8E32 => ("i8.32x2", 0, 1, 1),
            MacMode::I16I8M4K4N8 => ("i16i8.4x4x8", 0, 2, 0),
            MacMode::I16M4K2N8 => ("i16.4x2x8", 0, 3, 0),
            MacMode::I16E32 => ("i16.32", 0, 3, 1),
            MacMode::I32I16M4K2N4 => ("i32i16.4x2x4", 1, 0, 0),
            MacMode::I16I8M2K8N8 => ("i16i8.2x8x8", 1, 2, 0),
            MacMode::I16I8M4K8N4 => ("i16i8.4x8x4", 1, 2, 1),
            MacMode::I16M2K4N8 => ("i16.2x4x8", 1, 3, 0),
            MacMode::I16M4K4N4 => ("i16.4x4x4", 1, 3, 1),
            MacMode::I16E16 => ("i16.16x2", 1, 3, 2),
            MacMode::Bf16M4K8N4 => ("bf16.4x8x4", 2, 3, 0),
            MacMode::Bf16E16 => ("bf16.16x2", 2, 3, 1),
        }
    }

    /// The mode of the chip's multiplier.
    pub const fn hardware(self) -> &'static num::MacMode {
        let (_, amode, bmode, variant) = self.key();
        let modes = &num::mac::MODES;
        let mut i = 0;
        while !(modes[i].amode == amode && modes[i].bmode == bmode && modes[i].variant == variant) {
            i += 1;
        }
        &modes[i]
    }

    /// Types and spelling of the mode.
    pub const fn shape(self) -> MacShape {
        let mode = self.hardware();
        let (a, b, acc) = mode.elements();
        MacShape {
            name: self.key().0,
            a: operand(elem(mode.x), a),
            b: operand(elem(mode.y), b),
            acc: Type::acc(acc_lane(mode.acc), acc as u16),
            macs: mode.macs() as u32,
        }
    }

    /// Whether the products are of floats, which have a sign.
    pub const fn is_float(self) -> bool {
        matches!(self.hardware().acc, num::AccLane::Fp32)
    }
}

/// A vector of at least 256 bits.
const fn operand(elem: Elem, lanes: usize) -> Type {
    let least = 256 / elem.bits() as usize;
    Type::vec(elem, if lanes < least { least } else { lanes } as u16)
}

/// The kernel IR's element for the multiplier's; no mode of [`MacMode`] has 4-bit operands.
const fn elem(lane: num::Lane) -> Elem {
    match lane {
        num::Lane::I4 | num::Lane::I8 => Elem::I8,
        num::Lane::I16 => Elem::I16,
        num::Lane::I32 => Elem::I32,
        num::Lane::Bf16 => Elem::Bf16,
    }
}

const fn acc_lane(lane: num::AccLane) -> AccLane {
    match lane {
        num::AccLane::Acc32 => AccLane::I32,
        num::AccLane::Acc64 => AccLane::I64,
        num::AccLane::Fp32 => AccLane::F32,
    }
}

#[cfg(test)]
mod tests {
    use super::MacMode;

    #[test]
    fn modes_have_the_shapes_that_their_names_say() {
        let shapes = MacMode::ALL.map(|mode| {
            let s = mode.shape();
            format!("{}: {} {} -> {}, {}", s.name, s.a, s.b, s.acc, s.macs)
        });
        assert_eq!(
            shapes,
            [
                "i8.4x8x8: i8x32 i8x64 -> acc32x32, 256",
                "i8.32x2: i8x64 i8x64 -> acc32x32, 64",
                "i16i8.4x4x8: i16x16 i8x32 -> acc32x32, 128",
                "i16.4x2x8: i16x16 i16x16 -> acc32x32, 64",
                "i16.32: i16x32 i16x32 -> acc32x32, 32",
                "i32i16.4x2x4: i32x8 i16x16 -> acc64x16, 32",
                "i16i8.2x8x8: i16x16 i8x64 -> acc64x16, 128",
                "i16i8.4x8x4: i16x32 i8x32 -> acc64x16, 128",
                "i16.2x4x8: i16x16 i16x32 -> acc64x16, 64",
                "i16.4x4x4: i16x16 i16x16 -> acc64x16, 64",
                "i16.16x2: i16x32 i16x32 -> acc64x16, 32",
                "bf16.4x8x4: bf16x32 bf16x32 -> accf32x16, 128",
                "bf16.16x2: bf16x32 bf16x32 -> accf32x16, 32",
            ]
        );
    }
}
