//! Products and operations on vectors and accumulators.

use arch::num::ShuffleMode;

use super::FuncBuilder;
use crate::ir::{
    AccOp, Addend, CompareOp, LaneOp, MacMode, MaskOp, MoveOp, Op, ReduceOp, Value, VectorOp,
};
use crate::types::{Rounding, Saturation, Type};

impl FuncBuilder {
    /// `a * b` of signed operands.
    pub fn mul(&mut self, mode: MacMode, a: Value, b: Value) -> Value {
        self.product(mode, false, None, a, b)
    }

    /// `-a * b` of signed operands.
    pub fn negmul(&mut self, mode: MacMode, a: Value, b: Value) -> Value {
        self.product(mode, true, None, a, b)
    }

    /// `acc + a * b` of signed operands.
    pub fn mac(&mut self, mode: MacMode, acc: Value, a: Value, b: Value) -> Value {
        let negate = false;
        self.product(mode, false, Some(Addend { acc, negate }), a, b)
    }

    /// `acc - a * b` of signed operands.
    pub fn msc(&mut self, mode: MacMode, acc: Value, a: Value, b: Value) -> Value {
        let negate = false;
        self.product(mode, true, Some(Addend { acc, negate }), a, b)
    }

    /// `-acc - a * b` of signed operands.
    pub fn negmac(&mut self, mode: MacMode, acc: Value, a: Value, b: Value) -> Value {
        let negate = true;
        self.product(mode, true, Some(Addend { acc, negate }), a, b)
    }

    /// `-acc + a * b` of signed operands.
    pub fn negmsc(&mut self, mode: MacMode, acc: Value, a: Value, b: Value) -> Value {
        let negate = true;
        self.product(mode, false, Some(Addend { acc, negate }), a, b)
    }

    fn product(
        &mut self,
        mode: MacMode,
        negate: bool,
        acc: Option<Addend>,
        a: Value,
        b: Value,
    ) -> Value {
        let (a_signed, b_signed) = (true, true);
        self.op(Op::Mac {
            mode,
            a_signed,
            b_signed,
            negate,
            acc,
            a,
            b,
        })
    }

    /// Sum of two accumulators.
    pub fn acc_add(&mut self, a: Value, b: Value) -> Value {
        let op = AccOp::Add;
        self.op(Op::Vector(VectorOp::Acc { op, a, b }))
    }

    /// Difference of two accumulators.
    pub fn acc_sub(&mut self, a: Value, b: Value) -> Value {
        let op = AccOp::Sub;
        self.op(Op::Vector(VectorOp::Acc { op, a, b }))
    }

    /// An accumulator negated.
    pub fn acc_neg(&mut self, acc: Value) -> Value {
        self.op(Op::Vector(VectorOp::AccNeg { acc }))
    }

    /// The bits of a vector or accumulator as another type of as many bits.
    pub fn cast(&mut self, ty: Type, value: Value) -> Value {
        self.op(Op::Vector(VectorOp::Cast { ty, value }))
    }

    /// f32 lanes of an accumulator rounded to a vector of bf16.
    pub fn to_bf16(&mut self, acc: Value, rounding: Rounding) -> Value {
        self.op(Op::Vector(VectorOp::ToBf16 { acc, rounding }))
    }

    /// A vector of bf16 as f32 lanes of an accumulator.
    pub fn to_f32(&mut self, value: Value) -> Value {
        self.op(Op::Vector(VectorOp::ToF32 { value }))
    }

    /// `floor(value * 2^shift)` of 16 bf16 as 32-bit integers.
    pub fn floor(&mut self, value: Value, shift: Value) -> Value {
        self.op(Op::Vector(VectorOp::Floor { value, shift }))
    }

    /// An operation on the lanes of two vectors of signed elements, or floats.
    pub fn lanes(&mut self, op: LaneOp, a: Value, b: Value) -> Value {
        self.lane_op(op, true, a, Some(b)).0
    }

    /// An operation on the lanes of two vectors of unsigned elements.
    pub fn lanes_unsigned(&mut self, op: LaneOp, a: Value, b: Value) -> Value {
        self.lane_op(op, false, a, Some(b)).0
    }

    /// An operation on the lanes of one vector.
    pub fn lanes_of(&mut self, op: LaneOp, a: Value) -> Value {
        self.lane_op(op, true, a, None).0
    }

    /// An operation on the lanes of vectors that makes a mask as well.
    pub fn lanes_mask(
        &mut self,
        op: LaneOp,
        signed: bool,
        a: Value,
        b: Option<Value>,
    ) -> (Value, Value) {
        let (value, mask) = self.lane_op(op, signed, a, b);
        (value, mask.unwrap_or(value))
    }

    fn lane_op(
        &mut self,
        op: LaneOp,
        signed: bool,
        a: Value,
        b: Option<Value>,
    ) -> (Value, Option<Value>) {
        let op = Op::Vector(VectorOp::Lanes { op, signed, a, b });
        let types = op.result_types(|v| self.ty(v));
        let results: Vec<Value> = types.into_iter().map(|ty| self.value(ty)).collect();
        self.push(results.clone(), op);
        (results[0], results.get(1).copied())
    }

    /// Sum of two vectors of integers, wrapping.
    pub fn vadd(&mut self, a: Value, b: Value) -> Value {
        self.lanes(LaneOp::Add, a, b)
    }

    /// Difference of two vectors of integers, wrapping.
    pub fn vsub(&mut self, a: Value, b: Value) -> Value {
        self.lanes(LaneOp::Sub, a, b)
    }

    /// Larger lanes of two vectors of signed integers or bf16.
    pub fn vmax(&mut self, a: Value, b: Value) -> Value {
        self.lanes(LaneOp::Max, a, b)
    }

    /// Smaller lanes of two vectors of signed integers or bf16.
    pub fn vmin(&mut self, a: Value, b: Value) -> Value {
        self.lanes(LaneOp::Min, a, b)
    }

    /// Comparison of two vectors of signed elements, or floats.
    pub fn compare(&mut self, op: CompareOp, a: Value, b: Value) -> Value {
        let signed = true;
        self.op(Op::Vector(VectorOp::Compare { op, signed, a, b }))
    }

    /// Comparison of two vectors of unsigned elements.
    pub fn compare_unsigned(&mut self, op: CompareOp, a: Value, b: Value) -> Value {
        let signed = false;
        self.op(Op::Vector(VectorOp::Compare { op, signed, a, b }))
    }

    /// Where a vector is zero in every bit of a lane.
    pub fn eq_zero(&mut self, value: Value) -> Value {
        self.op(Op::Vector(VectorOp::EqZero { value }))
    }

    /// Lanes of `a` where the mask has them, else of `b`.
    pub fn select_lanes(&mut self, mask: Value, a: Value, b: Value) -> Value {
        self.op(Op::Vector(VectorOp::Select { mask, a, b }))
    }

    /// Operation on two masks.
    pub fn mask(&mut self, op: MaskOp, a: Value, b: Value) -> Value {
        self.op(Op::Vector(VectorOp::Mask { op, a, b }))
    }

    /// The lanes that a mask does not have.
    pub fn mask_not(&mut self, mask: Value) -> Value {
        self.op(Op::Vector(VectorOp::MaskNot { mask }))
    }

    /// Lanes 0..=31 or 32..=63 of a mask as a scalar.
    pub fn mask_word(&mut self, mask: Value, high: bool) -> Value {
        self.op(Op::Vector(VectorOp::MaskWord { mask, high }))
    }

    /// A mask of 16 or 32 lanes from a scalar.
    pub fn mask_of(&mut self, lanes: u16, bits: Value) -> Value {
        let (lo, hi) = (bits, None);
        self.op(Op::Vector(VectorOp::MaskOf { lanes, lo, hi }))
    }

    /// A mask of 64 lanes from two scalars.
    pub fn mask64_of(&mut self, lo: Value, hi: Value) -> Value {
        let (lanes, hi) = (64, Some(hi));
        self.op(Op::Vector(VectorOp::MaskOf { lanes, lo, hi }))
    }

    /// A permutation of the bytes of two vectors; a mode has a name such as `T16_8x4`.
    pub fn shuffle(&mut self, mode: ShuffleMode, a: Value, b: Value) -> Value {
        self.movement(MoveOp::Shuffle { mode, a, b })
    }

    /// The lanes of two vectors in turn: the first half of them, and the second.
    pub fn interleave(&mut self, a: Value, b: Value) -> (Value, Value) {
        let modes = match self.ty(a) {
            Type::Vec { elem, .. } if elem.bits() == 8 => [20, 21],
            Type::Vec { elem, .. } if elem.bits() == 16 => [18, 19],
            _ => [16, 17],
        };
        self.shuffle_pair(modes, a, b)
    }

    /// The lanes of two vectors, one after the other, sorted: those at even places, and those at odd
    /// ones.
    pub fn deinterleave(&mut self, a: Value, b: Value) -> (Value, Value) {
        let modes = match self.ty(a) {
            Type::Vec { elem, .. } if elem.bits() == 8 => [0, 1],
            Type::Vec { elem, .. } if elem.bits() == 16 => [2, 3],
            _ => [4, 5],
        };
        self.shuffle_pair(modes, a, b)
    }

    fn shuffle_pair(&mut self, modes: [usize; 2], a: Value, b: Value) -> (Value, Value) {
        let [lo, hi] = modes.map(|mode| self.shuffle(ShuffleMode::all()[mode], a, b));
        (lo, hi)
    }

    /// 64 bytes of `a` followed by `b`, from byte `bytes` (0..=64) on.
    pub fn vshift(&mut self, a: Value, b: Value, bytes: Value) -> Value {
        self.movement(MoveOp::Shift { a, b, bytes })
    }

    /// One lane in every lane.
    pub fn broadcast(&mut self, value: Value, index: Value) -> Value {
        self.movement(MoveOp::Broadcast { value, index })
    }

    /// One lane as a scalar, extended by its sign.
    pub fn extract(&mut self, value: Value, index: Value) -> Value {
        let signed = true;
        self.movement(MoveOp::Extract {
            value,
            index,
            signed,
        })
    }

    /// One lane as a scalar, extended by zeros.
    pub fn extract_unsigned(&mut self, value: Value, index: Value) -> Value {
        let signed = false;
        self.movement(MoveOp::Extract {
            value,
            index,
            signed,
        })
    }

    /// A vector with one lane replaced.
    pub fn insert(&mut self, value: Value, index: Value, scalar: Value) -> Value {
        self.movement(MoveOp::Insert {
            value,
            index,
            scalar,
        })
    }

    /// A vector moved up by one lane, a scalar in its lowest.
    pub fn push_low(&mut self, value: Value, scalar: Value) -> Value {
        let high = false;
        self.movement(MoveOp::Push {
            value,
            scalar,
            high,
        })
    }

    /// A vector moved down by one lane, a scalar in its highest.
    pub fn push_high(&mut self, value: Value, scalar: Value) -> Value {
        let high = true;
        self.movement(MoveOp::Push {
            value,
            scalar,
            high,
        })
    }

    /// Signed 16-bit elements clamped to 8 bits.
    pub fn pack(&mut self, value: Value) -> Value {
        let (signed, range) = (true, Saturation::Saturate);
        self.movement(MoveOp::Pack {
            value,
            signed,
            range,
        })
    }

    /// Signed 8-bit elements widened to 16 bits.
    pub fn unpack(&mut self, value: Value) -> Value {
        let signed = true;
        self.movement(MoveOp::Unpack { value, signed })
    }

    /// A movement of lanes as it stands.
    pub fn movement(&mut self, op: MoveOp) -> Value {
        self.op(Op::Vector(VectorOp::Move(op)))
    }

    /// The lanes of a vector of signed elements or floats, or of 16 f32, taken together: the result
    /// in every lane.
    pub fn reduce(&mut self, op: ReduceOp, value: Value) -> Value {
        let signed = true;
        self.op(Op::Vector(VectorOp::Reduce { op, signed, value }))
    }
}
