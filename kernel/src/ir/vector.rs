//! Operations on vectors and accumulators that stand for one instruction, or few.

use std::fmt;

use super::Value;
use super::lanes::{CompareOp, LaneOp, MaskOp, mask_of};
use super::movement::{MoveOp, ReduceOp};
use crate::types::{AccLane, Elem, Rounding, Type};

/// An operation on vectors and accumulators. Results are named after the arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VectorOp {
    /// Sum or difference of two accumulators, lane by lane -> accumulator of their type.
    ///
    /// Integers wrap. Floats are added as [`arch::num::sum_f32`] says: aligned to the larger one
    /// with 23 fraction bits, rounded to nearest even; denormal results are +0.
    Acc {
        /// Which.
        op: AccOp,
        /// Left operand.
        a: Value,
        /// Right operand.
        b: Value,
    },
    /// An accumulator negated -> accumulator of its type; +0 where a float is zero or denormal.
    AccNeg {
        /// Accumulator.
        acc: Value,
    },
    /// The bits of a vector or an accumulator as they are -> value of another type of as many bits.
    Cast {
        /// Type of the result.
        ty: Type,
        /// Vector or accumulator.
        value: Value,
    },
    /// f32 lanes rounded to bf16 -> vector of as many bf16.
    ///
    /// A NaN keeps the upper bits of its payload, and denormals are kept
    /// ([`arch::num::f32_to_bf16`]).
    ToBf16 {
        /// Accumulator of f32 lanes.
        acc: Value,
        /// Rounding.
        rounding: Rounding,
    },
    /// bf16 widened to f32, exactly -> accumulator of as many f32 lanes.
    ToF32 {
        /// Vector of bf16.
        value: Value,
    },
    /// `floor(value * 2^shift)` of each bf16, clamped to 32 bits, a NaN to the largest ->
    /// `i32x16`.
    Floor {
        /// 16 bf16.
        value: Value,
        /// Shift, a scalar of -32..=31.
        shift: Value,
    },
    /// An operation on the lanes of one or two vectors -> vector of their type, and a mask where the
    /// operation has one. Vectors of 256 bits have no masks.
    Lanes {
        /// Which.
        op: LaneOp,
        /// Whether the elements are signed, where that matters.
        signed: bool,
        /// First operand.
        a: Value,
        /// Second operand, of operations that have two.
        b: Option<Value>,
    },
    /// Comparison of the lanes of two vectors of 512 bits -> mask.
    ///
    /// bf16 are ordered by sign and magnitude, so that -0 is below +0; with a NaN only
    /// [`CompareOp::Ne`] holds.
    Compare {
        /// Which.
        op: CompareOp,
        /// Whether the elements are signed, where that matters.
        signed: bool,
        /// Left operand.
        a: Value,
        /// Right operand.
        b: Value,
    },
    /// Where the lanes of a vector of 512 bits are zero in every bit -> mask.
    EqZero {
        /// Vector.
        value: Value,
    },
    /// The lanes of `a` where the mask has them, else those of `b` -> vector of their type, 512 bits.
    Select {
        /// Mask of as many lanes.
        mask: Value,
        /// Lanes that the mask has.
        a: Value,
        /// The others.
        b: Value,
    },
    /// A movement of lanes; see each for its result.
    Move(MoveOp),
    /// The lanes of a vector of 512 bits, or of 16 f32, taken together -> value of the same type with
    /// the result in every lane.
    ///
    /// The lanes are turned round by half of them and taken together with what they were, lane by
    /// lane, then by a quarter, and so on down to one ([`ReduceOp::distances`]); sums are those of
    /// [`LaneOp::Add`] and [`AccOp::Add`]. Where a bf16 is a NaN, lanes may differ.
    Reduce {
        /// How.
        op: ReduceOp,
        /// Whether the elements are signed, where that matters.
        signed: bool,
        /// Vector or accumulator.
        value: Value,
    },
    /// Operation on two masks -> mask of their lanes.
    Mask {
        /// Which.
        op: MaskOp,
        /// Left operand.
        a: Value,
        /// Right operand.
        b: Value,
    },
    /// The lanes that a mask does not have -> mask.
    MaskNot {
        /// Mask.
        mask: Value,
    },
    /// 32 lanes of a mask as the bits of a scalar, lane 0 the lowest; bits beyond the lanes are 0
    /// -> i32.
    MaskWord {
        /// Mask.
        mask: Value,
        /// Whether it is lanes 32..=63 of a mask that has them.
        high: bool,
    },
    /// A mask of the bits of a scalar or, for 64 lanes, two; bits beyond the lanes are dropped
    /// -> mask of `lanes`.
    MaskOf {
        /// Number of lanes.
        lanes: u16,
        /// Lanes 0..=31.
        lo: Value,
        /// Lanes 32..=63 of 64.
        hi: Option<Value>,
    },
}

/// Operation on two accumulators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccOp {
    /// Sum.
    Add,
    /// Difference.
    Sub,
}

impl AccOp {
    /// Every operation, with its spelling.
    pub const ALL: [(AccOp, &'static str); 2] = [(AccOp::Add, "acc.add"), (AccOp::Sub, "acc.sub")];
}

impl fmt::Display for AccOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(AccOp::ALL[*self as usize].1)
    }
}

impl VectorOp {
    /// Calls `f` with every operand.
    pub fn for_each_operand(&self, mut f: impl FnMut(Value)) {
        let mut copy = *self;
        copy.for_each_operand_mut(|v| f(*v));
    }

    /// Calls `f` with every operand to change, in the order of [`VectorOp::for_each_operand`].
    pub fn for_each_operand_mut(&mut self, f: impl FnMut(&mut Value)) {
        match self {
            VectorOp::Acc { a, b, .. } => [a, b].into_iter().for_each(f),
            VectorOp::AccNeg { acc } | VectorOp::ToBf16 { acc, .. } => {
                [acc].into_iter().for_each(f);
            }
            VectorOp::Cast { value, .. } | VectorOp::ToF32 { value } => {
                [value].into_iter().for_each(f);
            }
            VectorOp::Floor { value, shift } => [value, shift].into_iter().for_each(f),
            VectorOp::Lanes { a, b, .. } => [a].into_iter().chain(b).for_each(f),
            VectorOp::Move(op) => op.for_each_operand_mut(f),
            VectorOp::Reduce { value, .. } => [value].into_iter().for_each(f),
            VectorOp::Compare { a, b, .. } | VectorOp::Mask { a, b, .. } => {
                [a, b].into_iter().for_each(f);
            }
            VectorOp::EqZero { value } => [value].into_iter().for_each(f),
            VectorOp::Select { mask, a, b } => [mask, a, b].into_iter().for_each(f),
            VectorOp::MaskNot { mask } | VectorOp::MaskWord { mask, .. } => {
                [mask].into_iter().for_each(f);
            }
            VectorOp::MaskOf { lo, hi, .. } => [lo].into_iter().chain(hi).for_each(f),
        }
    }

    /// Types of the results, as [`super::Op::result_types`] gives them.
    pub fn result_types(&self, ty: impl Fn(Value) -> Type) -> Vec<Type> {
        vec![match self {
            VectorOp::Acc { a, .. } => ty(*a),
            VectorOp::AccNeg { acc } => ty(*acc),
            VectorOp::Cast { ty, .. } => *ty,
            VectorOp::ToBf16 { acc, .. } => match ty(*acc) {
                Type::Acc { lanes, .. } => Type::vec(Elem::Bf16, lanes),
                other => other,
            },
            VectorOp::ToF32 { value } => match ty(*value) {
                Type::Vec { lanes, .. } => Type::acc(AccLane::F32, lanes),
                other => other,
            },
            VectorOp::Floor { .. } => Type::vec(Elem::I32, 16),
            VectorOp::Lanes { op, a, .. } if op.has_mask() => {
                return vec![ty(*a), mask_of(ty(*a))];
            }
            VectorOp::Lanes { a, .. } | VectorOp::Select { a, .. } => ty(*a),
            VectorOp::Compare { a: value, .. } | VectorOp::EqZero { value } => mask_of(ty(*value)),
            VectorOp::Mask { a: mask, .. } | VectorOp::MaskNot { mask } => ty(*mask),
            VectorOp::Move(op) => op.result_type(ty),
            VectorOp::Reduce { value, .. } => ty(*value),
            VectorOp::MaskWord { .. } => Type::I32,
            VectorOp::MaskOf { lanes, .. } => Type::Mask { lanes: *lanes },
        }]
    }
}
