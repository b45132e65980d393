//! Products and operations on vectors and accumulators.

use super::FuncBuilder;
use crate::kernel::ir::{AccOp, Addend, MacMode, Op, Value, VectorOp};
use crate::kernel::types::{Rounding, Type};

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
}
