//! Operations of the vector adder, lane by lane.

use arch::num::{LaneFn, LaneKind};

use crate::types::{Elem, Type};

/// Operation on the lanes of one or two vectors.
///
/// Those with a mask compare as well: their mask has the lanes for which the comparison in their name
/// holds, of the operands or of the operand with zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LaneOp {
    /// Wrapping sum of integers.
    Add,
    /// Wrapping difference of integers.
    Sub,
    /// Larger one; of bf16 the first beside a NaN, and -0 is below +0.
    Max,
    /// Smaller one; of bf16 the first beside a NaN, and -0 is below +0.
    Min,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Bitwise complement.
    Not,
    /// Wrapping negation of integers.
    Neg,
    /// Magnitude of signed integers; the least stays.
    Abs,
    /// [`LaneOp::Max`], and where the first is below the second.
    MaxLt,
    /// [`LaneOp::Min`], and where the first is not below the second.
    MinGe,
    /// [`LaneOp::Sub`], and where the first is below the second.
    SubLt,
    /// [`LaneOp::Sub`], and where the first is not below the second.
    SubGe,
    /// [`LaneOp::Neg`], and where the operand is above zero.
    NegGtz,
    /// [`LaneOp::Abs`], and where the operand is above zero.
    AbsGtz,
    /// [`LaneOp::Not`] of integers, and where the operand is below zero.
    NotLtz,
}

impl LaneOp {
    /// Every operation, with its spelling.
    pub const ALL: [(LaneOp, &'static str); 17] = [
        (LaneOp::Add, "vadd"),
        (LaneOp::Sub, "vsub"),
        (LaneOp::Max, "vmax"),
        (LaneOp::Min, "vmin"),
        (LaneOp::And, "vand"),
        (LaneOp::Or, "vor"),
        (LaneOp::Xor, "vxor"),
        (LaneOp::Not, "vnot"),
        (LaneOp::Neg, "vneg"),
        (LaneOp::Abs, "vabs"),
        (LaneOp::MaxLt, "vmax_lt"),
        (LaneOp::MinGe, "vmin_ge"),
        (LaneOp::SubLt, "vsub_lt"),
        (LaneOp::SubGe, "vsub_ge"),
        (LaneOp::NegGtz, "vneg_gtz"),
        (LaneOp::AbsGtz, "vabs_gtz"),
        (LaneOp::NotLtz, "vnot_ltz"),
    ];

    /// Spelling in the text form.
    pub fn name(self) -> &'static str {
        LaneOp::ALL[self as usize].1
    }

    /// Whether it has one operand.
    pub const fn is_unary(self) -> bool {
        matches!(
            self,
            LaneOp::Not
                | LaneOp::Neg
                | LaneOp::Abs
                | LaneOp::NegGtz
                | LaneOp::AbsGtz
                | LaneOp::NotLtz
        )
    }

    /// Whether it makes a mask beside its vector.
    pub const fn has_mask(self) -> bool {
        matches!(
            self,
            LaneOp::MaxLt
                | LaneOp::MinGe
                | LaneOp::SubLt
                | LaneOp::SubGe
                | LaneOp::NegGtz
                | LaneOp::AbsGtz
                | LaneOp::NotLtz
        )
    }

    /// Whether it compares its two operands, so that it matters whether they are signed.
    pub const fn compares(self) -> bool {
        matches!(
            self,
            LaneOp::Max
                | LaneOp::Min
                | LaneOp::MaxLt
                | LaneOp::MinGe
                | LaneOp::SubLt
                | LaneOp::SubGe
        )
    }

    /// Whether the chip has it for an element: bits of any kind, bf16 where it only chooses, integers.
    pub const fn takes(self, elem: Elem) -> bool {
        match (self, elem) {
            (LaneOp::And | LaneOp::Or | LaneOp::Xor | LaneOp::Not, _)
            | (_, Elem::I8 | Elem::I16 | Elem::I32)
            | (LaneOp::Max | LaneOp::Min | LaneOp::MaxLt | LaneOp::MinGe, Elem::Bf16) => true,
            (_, Elem::Bf16 | Elem::F32) => false,
        }
    }

    /// The operation of the chip's adder that gives the vector and the mask; none for
    /// [`LaneOp::Xor`], which it has not.
    pub const fn hardware(self) -> Option<LaneFn> {
        Some(match self {
            LaneOp::Add => LaneFn::Add,
            LaneOp::Sub => LaneFn::Sub,
            LaneOp::And => LaneFn::And,
            LaneOp::Or => LaneFn::Or,
            LaneOp::Xor => return None,
            LaneOp::Max | LaneOp::MaxLt => LaneFn::MaxLt,
            LaneOp::Min | LaneOp::MinGe => LaneFn::MinGe,
            LaneOp::SubLt => LaneFn::SubLt,
            LaneOp::SubGe => LaneFn::SubGe,
            LaneOp::Not | LaneOp::NotLtz => LaneFn::NotLtz,
            LaneOp::Neg | LaneOp::NegGtz => LaneFn::NegGtz,
            LaneOp::Abs | LaneOp::AbsGtz => LaneFn::AbsGtz,
        })
    }
}

/// Comparison of two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// Below.
    Lt,
    /// At most.
    Le,
    /// Above.
    Gt,
    /// At least.
    Ge,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
}

impl CompareOp {
    /// Every comparison, with its spelling.
    pub const ALL: [(CompareOp, &'static str); 6] = [
        (CompareOp::Lt, "vlt"),
        (CompareOp::Le, "vle"),
        (CompareOp::Gt, "vgt"),
        (CompareOp::Ge, "vge"),
        (CompareOp::Eq, "veq"),
        (CompareOp::Ne, "vne"),
    ];

    /// Spelling in the text form.
    pub fn name(self) -> &'static str {
        CompareOp::ALL[self as usize].1
    }

    /// Whether it orders its operands, so that it matters whether they are signed.
    pub const fn orders(self) -> bool {
        !matches!(self, CompareOp::Eq | CompareOp::Ne)
    }
}

/// Operation on two masks, lane by lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaskOp {
    /// Both.
    And,
    /// Either.
    Or,
    /// One of the two.
    Xor,
}

impl MaskOp {
    /// Every operation, with its spelling.
    pub const ALL: [(MaskOp, &'static str); 3] = [
        (MaskOp::And, "mask.and"),
        (MaskOp::Or, "mask.or"),
        (MaskOp::Xor, "mask.xor"),
    ];

    /// Spelling in the text form.
    pub fn name(self) -> &'static str {
        MaskOp::ALL[self as usize].1
    }
}

/// The lanes of the chip's adder for an element; of f32 only the bits are looked at.
pub const fn lane_kind(elem: Elem, signed: bool) -> LaneKind {
    match (elem, signed) {
        (Elem::I8, true) => LaneKind::I8,
        (Elem::I8, false) => LaneKind::U8,
        (Elem::I16, true) => LaneKind::I16,
        (Elem::I16, false) => LaneKind::U16,
        (Elem::I32, true) => LaneKind::I32,
        (Elem::I32, false) | (Elem::F32, _) => LaneKind::U32,
        (Elem::Bf16, _) => LaneKind::Bf16,
    }
}

/// The mask of a vector's lanes.
pub(super) const fn mask_of(vector: Type) -> Type {
    match vector {
        Type::Vec { lanes, .. } => Type::Mask { lanes },
        other => other,
    }
}
