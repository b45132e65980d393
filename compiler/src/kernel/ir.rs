//! Kernel IR: what one core computes.
//!
//! A [`Module`] holds the functions of one core's program. A [`Func`] is structured: blocks are
//! straight lines of instructions in SSA form, and the only control flow is the loop, which is an
//! instruction with a block of its own, carried values going in as block parameters and coming back
//! by `yield`. Operations stand at the level of the AIE2 vector unit: an operation is one
//! instruction of the core, or a short sequence that no one would want to spell out.

mod lanes;
mod mac;
mod movement;
mod scalar;
mod vector;

use std::fmt;

pub use lanes::{CompareOp, LaneOp, MaskOp, lane_kind};
pub use mac::{Addend, MacMode, MacShape};
pub use movement::{MoveOp, ReduceOp};
pub use scalar::{IntOp, UnaryOp};
pub use vector::{AccOp, VectorOp};

use super::types::{Rounding, Type};

/// Loops within loops that a function may have.
pub const MAX_NESTING: usize = 32;

/// The functions of one core's program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Functions; names are unique.
    pub funcs: Vec<Func>,
}

impl Module {
    /// The function called `name`.
    pub fn func(&self, name: &str) -> Option<&Func> {
        self.funcs.iter().find(|f| f.name == name)
    }
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Func {
    /// Name, without the `@` of the text form.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Body.
    pub body: Block,
    /// Type of every value, indexed by [`Value`].
    pub types: Vec<Type>,
}

impl Func {
    /// Type of a value of this function.
    pub fn ty(&self, value: Value) -> Type {
        self.types[value.index()]
    }
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// The value that the body uses.
    pub value: Value,
    /// For a pointer: memory that is reached through it and written while the function runs is reached
    /// through no other parameter and no constant address.
    pub noalias: bool,
}

/// A value: the result of an instruction or a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

impl Value {
    /// Position in [`Func::types`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// A straight line of instructions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Instructions in order.
    pub insts: Vec<Inst>,
}

impl Block {
    /// Calls `f` with every instruction in the order of the text, a loop before its body.
    pub fn for_each_inst<'a>(&'a self, f: &mut impl FnMut(&'a Inst)) {
        for inst in &self.insts {
            f(inst);
            if let Op::Loop { body, .. } = &inst.op {
                body.for_each_inst(f);
            }
        }
    }

    /// Number of instructions, those in loops included.
    pub fn inst_count(&self) -> usize {
        let mut count = 0;
        self.for_each_inst(&mut |_| count += 1);
        count
    }
}

/// An instruction with its results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inst {
    /// Results in order; see each operation for how many.
    pub results: Vec<Value>,
    /// Operation.
    pub op: Op,
}

/// How a memory access moves its pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// At pointer + offset (bytes); the pointer stays.
    Offset(i32),
    /// At the pointer; a second result (the only one of a store) is pointer + step (bytes).
    Post(i32),
}

/// How the accumulator's fraction is rounded and its range kept by `srs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SrsMode {
    /// Rounding.
    pub rounding: Rounding,
    /// Whether values beyond the destination's range are clamped to it; otherwise they wrap.
    pub saturate: bool,
    /// Whether the destination is signed.
    pub signed: bool,
}

/// A lock as a core names it: 0..15 south, 16..31 west, 32..47 north, 48..63 its own tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoreLock(pub u8);

/// How often a loop runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Count {
    /// So many times, at least once.
    Const(u32),
    /// As often as the scalar says when the loop is entered; zero and less is not at all.
    Value(Value),
    /// Without end.
    Forever,
}

/// An operation. Results are named in order after the arrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A scalar constant -> i32.
    Const(i32),
    /// A constant address in the core's data space -> ptr.
    Addr(u32),
    /// Integer operation on two scalars -> i32.
    Int {
        /// Which.
        op: IntOp,
        /// Left operand.
        a: Value,
        /// Right operand.
        b: Value,
    },
    /// Operation on one scalar -> i32.
    Unary {
        /// Which.
        op: UnaryOp,
        /// Operand.
        a: Value,
    },
    /// One of two scalars: `a` where the condition is not zero, `b` where it is -> i32.
    Select {
        /// Condition, a scalar.
        cond: Value,
        /// Scalar for a condition that is not zero.
        a: Value,
        /// Scalar for zero.
        b: Value,
    },
    /// Pointer plus a constant number of bytes -> ptr.
    PtrAdd {
        /// Pointer.
        ptr: Value,
        /// Bytes.
        offset: i32,
    },
    /// Pointer plus a scalar number of bytes -> ptr.
    PtrAddVar {
        /// Pointer.
        ptr: Value,
        /// Bytes, a scalar.
        offset: Value,
    },
    /// Reads a value of type `ty` -> value, and the moved pointer with [`Access::Post`].
    ///
    /// Scalars are aligned to 4 bytes, vectors and accumulators to 32. A 512 or 1024-bit value is
    /// read as 256-bit parts, lowest first.
    Load {
        /// Type read.
        ty: Type,
        /// Pointer.
        ptr: Value,
        /// Where, and how the pointer moves.
        access: Access,
    },
    /// Writes a value -> nothing, or the moved pointer with [`Access::Post`].
    Store {
        /// Value written.
        value: Value,
        /// Pointer.
        ptr: Value,
        /// Where, and how the pointer moves.
        access: Access,
    },
    /// A scalar in every lane, its low bits for narrower elements -> vector.
    Splat {
        /// Vector type.
        ty: Type,
        /// Scalar.
        scalar: Value,
    },
    /// Two 256-bit vectors, the first in the low half -> 512-bit vector of the same element; or two
    /// accumulators of 512 bits -> 1024-bit accumulator of the same lane.
    Concat {
        /// Low half.
        lo: Value,
        /// High half.
        hi: Value,
    },
    /// One half of a 512-bit vector -> 256-bit vector of the same element; or of an accumulator of
    /// 1024 bits -> 512-bit accumulator of the same lane.
    Half {
        /// Whole.
        value: Value,
        /// Whether it is the high half.
        high: bool,
    },
    /// An accumulator of zeros -> accumulator.
    AccZero(Type),
    /// Product of A and B, added to an accumulator where there is one -> accumulator of the mode.
    Mac {
        /// Shape and types.
        mode: MacMode,
        /// Whether A is signed; floats are.
        a_signed: bool,
        /// Whether B is signed; floats are.
        b_signed: bool,
        /// Whether the product is negated.
        negate: bool,
        /// Accumulator to add to.
        acc: Option<Addend>,
        /// First operand.
        a: Value,
        /// Second operand.
        b: Value,
    },
    /// Shift-round-saturate: each lane shifted right by a scalar (0..=63), rounded, brought into
    /// the range of the element -> vector of `ty`.
    Srs {
        /// Type of the result; as many lanes as the accumulator.
        ty: Type,
        /// Accumulator.
        acc: Value,
        /// Shift, a scalar.
        shift: Value,
        /// Rounding and range.
        mode: SrsMode,
    },
    /// Up-shift: each element widened and shifted left by a scalar (0..=63), bits beyond the lane
    /// dropped -> accumulator of `ty`.
    Ups {
        /// Type of the result; as many lanes as the vector.
        ty: Type,
        /// Vector.
        value: Value,
        /// Shift, a scalar.
        shift: Value,
        /// Whether the elements are signed.
        signed: bool,
    },
    /// An operation on vectors and accumulators; see each for its result.
    Vector(VectorOp),
    /// Runs `body` `count` times -> the carried values after the last pass.
    Loop {
        /// How often.
        count: Count,
        /// Carried values as the body sees them.
        params: Vec<Value>,
        /// Their values on entry.
        init: Vec<Value>,
        /// Body; its last instruction is the only [`Op::Yield`], with as many values.
        body: Block,
    },
    /// Ends a loop's body with the carried values of the next pass -> nothing.
    Yield(Vec<Value>),
    /// Calls a function of the module -> nothing.
    Call {
        /// Name.
        func: String,
        /// Arguments.
        args: Vec<Value>,
    },
    /// Waits until the lock holds at least `value`, then takes it off -> nothing.
    Acquire {
        /// Lock.
        lock: CoreLock,
        /// 1..=63.
        value: u8,
    },
    /// Adds `value` to the lock -> nothing.
    Release {
        /// Lock.
        lock: CoreLock,
        /// 1..=63.
        value: u8,
    },
}

impl Op {
    /// Calls `f` with every operand, the carried values of a loop included, its body not.
    pub fn for_each_operand(&self, mut f: impl FnMut(Value)) {
        match self {
            Op::Const(_)
            | Op::Addr(_)
            | Op::AccZero(_)
            | Op::Acquire { .. }
            | Op::Release { .. } => {}
            Op::Int { a, b, .. } => [*a, *b].into_iter().for_each(f),
            Op::Unary { a, .. } => f(*a),
            Op::Select { cond, a, b } => [*cond, *a, *b].into_iter().for_each(f),
            Op::PtrAdd { ptr, .. } | Op::Load { ptr, .. } => f(*ptr),
            Op::PtrAddVar { ptr, offset } => [*ptr, *offset].into_iter().for_each(f),
            Op::Store { value, ptr, .. } => [*value, *ptr].into_iter().for_each(f),
            Op::Splat { scalar, .. } => f(*scalar),
            Op::Concat { lo, hi } => [*lo, *hi].into_iter().for_each(f),
            Op::Half { value, .. } => f(*value),
            Op::Mac { acc, a, b, .. } => {
                let acc = acc.iter().map(|addend| addend.acc);
                acc.chain([*a, *b]).for_each(f);
            }
            Op::Vector(op) => op.for_each_operand(f),
            Op::Srs { acc, shift, .. } => [*acc, *shift].into_iter().for_each(f),
            Op::Ups { value, shift, .. } => [*value, *shift].into_iter().for_each(f),
            Op::Loop { count, init, .. } => {
                if let Count::Value(v) = count {
                    f(*v);
                }
                init.iter().copied().for_each(f);
            }
            Op::Yield(values) | Op::Call { args: values, .. } => {
                values.iter().copied().for_each(f);
            }
        }
    }

    /// Calls `f` with every operand to change, in the order of [`Op::for_each_operand`].
    pub fn for_each_operand_mut(&mut self, mut f: impl FnMut(&mut Value)) {
        match self {
            Op::Const(_)
            | Op::Addr(_)
            | Op::AccZero(_)
            | Op::Acquire { .. }
            | Op::Release { .. } => {}
            Op::Int { a, b, .. } => [a, b].into_iter().for_each(f),
            Op::Unary { a, .. } => f(a),
            Op::Select { cond, a, b } => [cond, a, b].into_iter().for_each(f),
            Op::PtrAdd { ptr, .. } | Op::Load { ptr, .. } => f(ptr),
            Op::PtrAddVar { ptr, offset } => [ptr, offset].into_iter().for_each(f),
            Op::Store { value, ptr, .. } => [value, ptr].into_iter().for_each(f),
            Op::Splat { scalar, .. } => f(scalar),
            Op::Concat { lo, hi } => [lo, hi].into_iter().for_each(f),
            Op::Half { value, .. } => f(value),
            Op::Mac { acc, a, b, .. } => {
                let acc = acc.iter_mut().map(|addend| &mut addend.acc);
                acc.chain([a, b]).for_each(f);
            }
            Op::Vector(op) => op.for_each_operand_mut(f),
            Op::Srs { acc, shift, .. } => [acc, shift].into_iter().for_each(f),
            Op::Ups { value, shift, .. } => [value, shift].into_iter().for_each(f),
            Op::Loop { count, init, .. } => {
                if let Count::Value(v) = count {
                    f(v);
                }
                init.iter_mut().for_each(f);
            }
            Op::Yield(values) | Op::Call { args: values, .. } => {
                values.iter_mut().for_each(f);
            }
        }
    }

    /// Types of the results, as they follow from the operation and the types of its operands.
    ///
    /// Where an operand has a type that the operation does not take, so has the result; the
    /// verifier reports the operand.
    pub fn result_types(&self, ty: impl Fn(Value) -> Type) -> Vec<Type> {
        match self {
            Op::Const(_) | Op::Int { .. } | Op::Unary { .. } | Op::Select { .. } => {
                vec![Type::I32]
            }
            Op::Addr(_) | Op::PtrAdd { .. } | Op::PtrAddVar { .. } => vec![Type::Ptr],
            Op::Load { ty, access, .. } => match access {
                Access::Offset(_) => vec![*ty],
                Access::Post(_) => vec![*ty, Type::Ptr],
            },
            Op::Store { access, .. } => match access {
                Access::Offset(_) => vec![],
                Access::Post(_) => vec![Type::Ptr],
            },
            Op::Splat { ty, .. } | Op::AccZero(ty) | Op::Srs { ty, .. } | Op::Ups { ty, .. } => {
                vec![*ty]
            }
            Op::Concat { lo, .. } => vec![match ty(*lo) {
                Type::Vec { elem, lanes } => Type::vec(elem, lanes.saturating_mul(2)),
                Type::Acc { lane, lanes } => Type::acc(lane, lanes.saturating_mul(2)),
                other => other,
            }],
            Op::Half { value, .. } => vec![match ty(*value) {
                Type::Vec { elem, lanes } => Type::vec(elem, lanes / 2),
                Type::Acc { lane, lanes } => Type::acc(lane, lanes / 2),
                other => other,
            }],
            Op::Mac { mode, .. } => vec![mode.shape().acc],
            Op::Vector(op) => op.result_types(ty),
            Op::Loop {
                count: Count::Forever,
                ..
            } => vec![],
            Op::Loop { init, .. } => init.iter().map(|v| ty(*v)).collect(),
            Op::Yield(_) | Op::Call { .. } | Op::Acquire { .. } | Op::Release { .. } => vec![],
        }
    }

    /// Whether the operation does something besides making its results.
    pub fn has_side_effects(&self) -> bool {
        matches!(
            self,
            Op::Store { .. }
                | Op::Loop { .. }
                | Op::Yield(_)
                | Op::Call { .. }
                | Op::Acquire { .. }
                | Op::Release { .. }
        )
    }
}
