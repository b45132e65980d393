//! Operations on vectors and accumulators that stand for one instruction, or few.

use std::fmt;

use super::Value;
use crate::kernel::types::{AccLane, Elem, Rounding, Type};

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
        }]
    }
}
