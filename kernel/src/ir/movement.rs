//! Movement of lanes within and between vectors, and to and from scalars.

use arch::num::ShuffleMode;

use super::Value;
use crate::types::{Elem, Saturation, Type};

/// Movement of lanes. Vectors have 512 bits if nothing else is said; results are named after the
/// arrow. The place of a lane, a scalar, counts modulo the number of lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MoveOp {
    /// A permutation of the bytes of two vectors of one type, by one of the chip's modes
    /// ([`arch::num::shuffle()`]); some modes look only at the first -> vector of their type.
    Shuffle {
        /// Mode.
        mode: ShuffleMode,
        /// First vector.
        a: Value,
        /// Second vector.
        b: Value,
    },
    /// 64 bytes of the 128 of `a` followed by `b`, from byte `bytes` on -> vector of their type.
    Shift {
        /// Low bytes.
        a: Value,
        /// High bytes.
        b: Value,
        /// Where the result begins, a scalar of 0..=64.
        bytes: Value,
    },
    /// One lane in every lane -> vector of the same type.
    Broadcast {
        /// Vector.
        value: Value,
        /// Which lane, a scalar.
        index: Value,
    },
    /// One lane as a scalar, extended by its sign or by zeros; of floats the pattern -> i32.
    Extract {
        /// Vector.
        value: Value,
        /// Which lane, a scalar.
        index: Value,
        /// Whether it is extended by its sign.
        signed: bool,
    },
    /// A vector with one lane replaced by the low bits of a scalar -> vector of the same type.
    Insert {
        /// Vector.
        value: Value,
        /// Which lane, a scalar.
        index: Value,
        /// What replaces it.
        scalar: Value,
    },
    /// A vector moved by one lane, the low bits of a scalar in the place that becomes free -> vector
    /// of the same type.
    Push {
        /// Vector.
        value: Value,
        /// What is pushed in.
        scalar: Value,
        /// Whether it comes in above the highest lane, rather than below the lowest.
        high: bool,
    },
    /// 16-bit integers to 8 bits -> `i8x32`.
    Pack {
        /// `i16x32`.
        value: Value,
        /// Whether elements, before and after, are signed.
        signed: bool,
        /// What becomes of values beyond 8 bits.
        range: Saturation,
    },
    /// 8-bit integers to 16 bits -> `i16x32`.
    Unpack {
        /// `i8x32`.
        value: Value,
        /// Whether the elements are signed.
        signed: bool,
    },
}

impl MoveOp {
    /// Calls `f` with every operand to change.
    pub(super) fn for_each_operand_mut(&mut self, f: impl FnMut(&mut Value)) {
        match self {
            MoveOp::Shuffle { a, b, .. } => [a, b].into_iter().for_each(f),
            MoveOp::Shift { a, b, bytes } => [a, b, bytes].into_iter().for_each(f),
            MoveOp::Broadcast { value, index } | MoveOp::Extract { value, index, .. } => {
                [value, index].into_iter().for_each(f);
            }
            MoveOp::Insert {
                value,
                index,
                scalar,
            } => [value, index, scalar].into_iter().for_each(f),
            MoveOp::Push { value, scalar, .. } => [value, scalar].into_iter().for_each(f),
            MoveOp::Pack { value, .. } | MoveOp::Unpack { value, .. } => {
                [value].into_iter().for_each(f);
            }
        }
    }

    /// Type of the result.
    pub(super) fn result_type(&self, ty: impl Fn(Value) -> Type) -> Type {
        match self {
            MoveOp::Shuffle { a, .. } | MoveOp::Shift { a, .. } => ty(*a),
            MoveOp::Broadcast { value, .. }
            | MoveOp::Insert { value, .. }
            | MoveOp::Push { value, .. } => ty(*value),
            MoveOp::Extract { .. } => Type::I32,
            MoveOp::Pack { .. } => Type::vec(Elem::I8, 32),
            MoveOp::Unpack { .. } => Type::vec(Elem::I16, 32),
        }
    }
}

/// How the lanes of a vector or an accumulator are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReduceOp {
    /// Sum.
    Add,
    /// Largest.
    Max,
    /// Smallest.
    Min,
}

impl ReduceOp {
    /// Every operation, with its spelling.
    pub const ALL: [(ReduceOp, &'static str); 3] = [
        (ReduceOp::Add, "vreduce.add"),
        (ReduceOp::Max, "vreduce.max"),
        (ReduceOp::Min, "vreduce.min"),
    ];

    /// Spelling in the text form.
    pub fn name(self) -> &'static str {
        ReduceOp::ALL[self as usize].1
    }

    /// The distances, in bytes, by which a value of 64 bytes is turned round before it is taken
    /// together with itself: from half of it down to one lane.
    pub fn distances(lane_bytes: u32) -> impl Iterator<Item = u32> {
        let halvings = std::iter::successors(Some(32), |n| Some(n / 2));
        halvings.take_while(move |n| *n >= lane_bytes)
    }
}
