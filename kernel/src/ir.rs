//! Kernel IR: what one core computes.
//!
//! A [`Module`] holds the functions of one core's program and the constant data that they read. A [`Func`] is structured: blocks are
//! straight lines of instructions in SSA form, and control flow is in instructions with blocks of their
//! own: loops, carried values going in as block parameters and coming back by `yield`, and choices
//! between two blocks. Operations stand at the level of the AIE2 vector unit: an operation is one
//! instruction of the core, or a short sequence that no one would want to spell out.

mod data;
mod lanes;
mod mac;
mod memory;
mod movement;
mod port;
mod scalar;
mod table;
mod vector;

use std::fmt;

pub use data::Data;
pub use lanes::{CompareOp, LaneOp, MaskOp, lane_kind};
pub use mac::{Addend, MacMode, MacShape};
pub use memory::{Access, Dim, MAX_WALK_STEPS, Narrow, WalkDims, Width};
pub use movement::{MoveOp, ReduceOp};
pub use port::{Port, PortOp};
pub use scalar::{IntOp, UnaryOp};
pub use table::TableOp;
pub use vector::{AccOp, VectorOp};

use super::types::{Rounding, Saturation, Type};

/// Loops within loops that a function may have.
pub const MAX_NESTING: usize = 32;

/// The functions of one core's program, and its constant data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Constant data; names are unique.
    pub data: Vec<Data>,
    /// Functions; names are unique.
    pub funcs: Vec<Func>,
}

impl Module {
    /// The function called `name`.
    pub fn func(&self, name: &str) -> Option<&Func> {
        self.funcs.iter().find(|f| f.name == name)
    }
}

impl From<Vec<Func>> for Module {
    /// Functions without constant data.
    fn from(funcs: Vec<Func>) -> Self {
        Module {
            data: Vec::new(),
            funcs,
        }
    }
}

impl From<Func> for Module {
    /// A function without constant data.
    fn from(func: Func) -> Self {
        Module::from(vec![func])
    }
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Func {
    /// Name, without the `@` of the text form.
    pub name: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Types of what it returns; where there are any, its last instruction is [`Op::Return`].
    pub results: Vec<Type>,
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
    /// Calls `f` with every instruction in the order of the text, one with blocks before those.
    pub fn for_each_inst<'a>(&'a self, f: &mut impl FnMut(&'a Inst)) {
        for inst in &self.insts {
            f(inst);
            for block in inst.op.blocks() {
                block.for_each_inst(f);
            }
        }
    }

    /// The values that it yields; nothing where it does not end with [`Op::Yield`].
    pub fn yields(&self) -> &[Value] {
        match self.insts.last().map(|inst| &inst.op) {
            Some(Op::Yield(values)) => values,
            _ => &[],
        }
    }

    /// Whether it does nothing but end.
    pub fn is_idle(&self) -> bool {
        matches!(&self.insts[..], [Inst { op: Op::Yield(values), .. }] if values.is_empty())
    }

    /// Number of instructions, those in inner blocks included.
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

/// How the accumulator's fraction is rounded and its range kept by `srs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SrsMode {
    /// Rounding.
    pub rounding: Rounding,
    /// What becomes of values beyond the destination's range.
    pub range: Saturation,
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
    /// At least once, and again as long as the first value that the body yields, a scalar, is not
    /// zero; the carried values are those behind it.
    While,
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
    /// The address of constant data of the module, by its name -> ptr.
    ///
    /// Nothing may be written there.
    Data(String),
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
    /// Begins a walk -> walk.
    ///
    /// A walk is used up by what uses it: one access, which makes the walk's next state, or a loop
    /// that carries it.
    Walk(WalkDims),
    /// Reads a value of type `ty` -> value, and what [`Access`] adds.
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
    /// Reads 8 or 16 bits, extended to a scalar -> i32, and what [`Access`] adds.
    LoadNarrow {
        /// How much, and how it is extended.
        narrow: Narrow,
        /// Pointer.
        ptr: Value,
        /// Where, and how the pointer moves.
        access: Access,
    },
    /// Writes the low 8 or 16 bits of a scalar -> nothing, or what [`Access`] adds.
    ///
    /// The chip reads the word around them and writes all of it: nobody else may write the rest of
    /// the word meanwhile.
    StoreNarrow {
        /// How much.
        width: Width,
        /// Scalar written.
        value: Value,
        /// Pointer.
        ptr: Value,
        /// Where, and how the pointer moves.
        access: Access,
    },
    /// Writes a value -> nothing, or what [`Access`] adds.
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
    /// An operation on tables; see each for its result.
    Table(TableOp),
    /// An operation on a port of the core; see each for its result.
    Port(PortOp),
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
    /// Runs one of two blocks -> what that one yields.
    If {
        /// Condition, a scalar.
        cond: Value,
        /// Runs where the condition is not zero; its last instruction is the only [`Op::Yield`].
        then: Block,
        /// Runs where it is zero, and yields as many values of the same types.
        otherwise: Block,
    },
    /// Ends a loop's body with the carried values of the next pass, or a block of [`Op::If`] with its
    /// results -> nothing.
    Yield(Vec<Value>),
    /// Calls a function of the module -> what it returns.
    Call {
        /// Name.
        func: String,
        /// Arguments.
        args: Vec<Value>,
        /// Types of what it returns.
        results: Vec<Type>,
    },
    /// Ends a function that returns values -> nothing.
    Return(Vec<Value>),
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
    /// Its blocks, in the order of the text.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        let blocks = match self {
            Op::Loop { body, .. } => [Some(body), None],
            Op::If {
                then, otherwise, ..
            } => [Some(then), Some(otherwise)],
            _ => [None, None],
        };
        blocks.into_iter().flatten()
    }

    /// Its blocks, to change them, in the order of the text.
    pub fn blocks_mut(&mut self) -> impl Iterator<Item = &mut Block> {
        let blocks = match self {
            Op::Loop { body, .. } => [Some(body), None],
            Op::If {
                then, otherwise, ..
            } => [Some(then), Some(otherwise)],
            _ => [None, None],
        };
        blocks.into_iter().flatten()
    }

    /// Calls `f` with every operand, the carried values of a loop included, blocks not.
    pub fn for_each_operand(&self, mut f: impl FnMut(Value)) {
        match self {
            Op::Const(_)
            | Op::Addr(_)
            | Op::Data(_)
            | Op::AccZero(_)
            | Op::Walk(_)
            | Op::Acquire { .. }
            | Op::Release { .. } => {}
            Op::Int { a, b, .. } => [*a, *b].into_iter().for_each(f),
            Op::Unary { a, .. } => f(*a),
            Op::Select { cond, a, b } => [*cond, *a, *b].into_iter().for_each(f),
            Op::PtrAdd { ptr, .. } => f(*ptr),
            Op::Load { ptr, access, .. } | Op::LoadNarrow { ptr, access, .. } => {
                f(*ptr);
                access.value().into_iter().for_each(f);
            }
            Op::PtrAddVar { ptr, offset } => [*ptr, *offset].into_iter().for_each(f),
            Op::Store { value, ptr, access }
            | Op::StoreNarrow {
                value, ptr, access, ..
            } => {
                let values = [*value, *ptr].into_iter().chain(access.value());
                values.for_each(f);
            }
            Op::Splat { scalar, .. } => f(*scalar),
            Op::If { cond, .. } => f(*cond),
            Op::Concat { lo, hi } => [*lo, *hi].into_iter().for_each(f),
            Op::Half { value, .. } => f(*value),
            Op::Mac { acc, a, b, .. } => {
                let acc = acc.iter().map(|addend| addend.acc);
                acc.chain([*a, *b]).for_each(f);
            }
            Op::Vector(op) => op.for_each_operand(f),
            Op::Table(op) => op.operand().into_iter().for_each(f),
            Op::Port(op) => op.operand().into_iter().for_each(f),
            Op::Srs { acc, shift, .. } => [*acc, *shift].into_iter().for_each(f),
            Op::Ups { value, shift, .. } => [*value, *shift].into_iter().for_each(f),
            Op::Loop { count, init, .. } => {
                if let Count::Value(v) = count {
                    f(*v);
                }
                init.iter().copied().for_each(f);
            }
            Op::Yield(values) | Op::Return(values) | Op::Call { args: values, .. } => {
                values.iter().copied().for_each(f);
            }
        }
    }

    /// Calls `f` with every operand to change, in the order of [`Op::for_each_operand`].
    pub fn for_each_operand_mut(&mut self, mut f: impl FnMut(&mut Value)) {
        match self {
            Op::Const(_)
            | Op::Addr(_)
            | Op::Data(_)
            | Op::AccZero(_)
            | Op::Walk(_)
            | Op::Acquire { .. }
            | Op::Release { .. } => {}
            Op::Int { a, b, .. } => [a, b].into_iter().for_each(f),
            Op::Unary { a, .. } => f(a),
            Op::Select { cond, a, b } => [cond, a, b].into_iter().for_each(f),
            Op::PtrAdd { ptr, .. } => f(ptr),
            Op::Load { ptr, access, .. } | Op::LoadNarrow { ptr, access, .. } => {
                f(ptr);
                access.value_mut().into_iter().for_each(f);
            }
            Op::PtrAddVar { ptr, offset } => [ptr, offset].into_iter().for_each(f),
            Op::Store { value, ptr, access }
            | Op::StoreNarrow {
                value, ptr, access, ..
            } => {
                let values = [value, ptr].into_iter().chain(access.value_mut());
                values.for_each(f);
            }
            Op::Splat { scalar, .. } => f(scalar),
            Op::If { cond, .. } => f(cond),
            Op::Concat { lo, hi } => [lo, hi].into_iter().for_each(f),
            Op::Half { value, .. } => f(value),
            Op::Mac { acc, a, b, .. } => {
                let acc = acc.iter_mut().map(|addend| &mut addend.acc);
                acc.chain([a, b]).for_each(f);
            }
            Op::Vector(op) => op.for_each_operand_mut(f),
            Op::Table(op) => op.operand_mut().into_iter().for_each(f),
            Op::Port(op) => op.operand_mut().into_iter().for_each(f),
            Op::Srs { acc, shift, .. } => [acc, shift].into_iter().for_each(f),
            Op::Ups { value, shift, .. } => [value, shift].into_iter().for_each(f),
            Op::Loop { count, init, .. } => {
                if let Count::Value(v) = count {
                    f(v);
                }
                init.iter_mut().for_each(f);
            }
            Op::Yield(values) | Op::Return(values) | Op::Call { args: values, .. } => {
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
            Op::Addr(_) | Op::Data(_) | Op::PtrAdd { .. } | Op::PtrAddVar { .. } => vec![Type::Ptr],
            Op::Walk(dims) => vec![Type::Walk { dims: dims.dims() }],
            Op::Load {
                ty: read, access, ..
            } => moved(vec![*read], *access, ty),
            Op::LoadNarrow { access, .. } => moved(vec![Type::I32], *access, ty),
            Op::Store { access, .. } | Op::StoreNarrow { access, .. } => moved(vec![], *access, ty),
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
            Op::Table(op) => vec![op.result_type()],
            Op::Port(op) => op.result_types(),
            Op::Loop {
                count: Count::Forever,
                ..
            } => vec![],
            Op::Loop { init, .. } => init.iter().map(|v| ty(*v)).collect(),
            Op::If { then, .. } => then.yields().iter().map(|v| ty(*v)).collect(),
            Op::Call { results, .. } => results.clone(),
            Op::Yield(_) | Op::Return(_) | Op::Acquire { .. } | Op::Release { .. } => vec![],
        }
    }

    /// Whether the operation does something besides making its results.
    pub fn has_side_effects(&self) -> bool {
        matches!(
            self,
            Op::Store { .. }
                | Op::StoreNarrow { .. }
                | Op::Loop { .. }
                | Op::If { .. }
                | Op::Yield(_)
                | Op::Return(_)
                | Op::Call { .. }
                | Op::Acquire { .. }
                | Op::Release { .. }
        )
    }
}

/// What an access adds to the results of a load or store.
fn moved(mut types: Vec<Type>, access: Access, ty: impl Fn(Value) -> Type) -> Vec<Type> {
    match access {
        Access::Offset(_) | Access::OffsetVar(_) => {}
        Access::Post(_) | Access::PostVar(_) => types.push(Type::Ptr),
        Access::Walk(walk) => types.extend([Type::Ptr, ty(walk)]),
    }
    types
}
