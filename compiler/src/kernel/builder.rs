//! Builds functions instruction by instruction; types of results follow from the operands.

mod vector;

use super::ir::{
    Access, Block, CoreLock, Count, Func, Inst, IntOp, Op, Param, SrsMode, UnaryOp, Value,
};
use super::types::Type;

/// Builds one function.
///
/// The builder trusts its caller: a kernel that asks for nonsense builds an IR that the verifier
/// refuses with the operation and the types at fault.
#[derive(Debug)]
pub struct FuncBuilder {
    func: Func,
    /// Open blocks, the innermost last.
    blocks: Vec<Block>,
}

impl FuncBuilder {
    /// A function without parameters or instructions.
    pub fn new(name: impl Into<String>) -> Self {
        FuncBuilder {
            func: Func {
                name: name.into(),
                params: Vec::new(),
                body: Block::default(),
                types: Vec::new(),
            },
            blocks: vec![Block::default()],
        }
    }

    /// Adds a pointer parameter whose memory no other pointer reaches.
    pub fn ptr_param(&mut self) -> Value {
        self.param(Type::Ptr, true)
    }

    /// Adds a parameter.
    pub fn param(&mut self, ty: Type, noalias: bool) -> Value {
        let value = self.value(ty);
        self.func.params.push(Param { value, noalias });
        value
    }

    /// Type of a value made so far.
    pub fn ty(&self, value: Value) -> Type {
        self.func.ty(value)
    }

    /// The finished function.
    pub fn finish(mut self) -> Func {
        assert_eq!(self.blocks.len(), 1, "every loop is closed by its closure");
        self.func.body = self.blocks.pop().unwrap_or_default();
        self.func
    }

    /// Scalar constant.
    pub fn iconst(&mut self, value: i32) -> Value {
        self.one(Type::I32, Op::Const(value))
    }

    /// Constant address.
    pub fn addr(&mut self, addr: u32) -> Value {
        self.one(Type::Ptr, Op::Addr(addr))
    }

    /// Integer operation on scalars.
    pub fn int(&mut self, op: IntOp, a: Value, b: Value) -> Value {
        self.one(Type::I32, Op::Int { op, a, b })
    }

    /// Operation on one scalar.
    pub fn unary(&mut self, op: UnaryOp, a: Value) -> Value {
        self.one(Type::I32, Op::Unary { op, a })
    }

    /// `a` where the scalar `cond` is not zero, `b` where it is; both are scalars.
    pub fn select(&mut self, cond: Value, a: Value, b: Value) -> Value {
        self.one(Type::I32, Op::Select { cond, a, b })
    }

    /// Pointer plus a constant, bytes.
    pub fn ptr_add(&mut self, ptr: Value, offset: i32) -> Value {
        self.one(Type::Ptr, Op::PtrAdd { ptr, offset })
    }

    /// Pointer plus a scalar, bytes.
    pub fn ptr_add_var(&mut self, ptr: Value, offset: Value) -> Value {
        self.one(Type::Ptr, Op::PtrAddVar { ptr, offset })
    }

    /// Reads at `ptr + offset`.
    pub fn load(&mut self, ty: Type, ptr: Value, offset: i32) -> Value {
        let access = Access::Offset(offset);
        self.one(ty, Op::Load { ty, ptr, access })
    }

    /// Reads at `ptr`; returns the value and `ptr + step`.
    pub fn load_post(&mut self, ty: Type, ptr: Value, step: i32) -> (Value, Value) {
        let (value, moved) = (self.value(ty), self.value(Type::Ptr));
        let access = Access::Post(step);
        self.push(vec![value, moved], Op::Load { ty, ptr, access });
        (value, moved)
    }

    /// Writes at `ptr + offset`.
    pub fn store(&mut self, value: Value, ptr: Value, offset: i32) {
        let access = Access::Offset(offset);
        self.push(vec![], Op::Store { value, ptr, access });
    }

    /// Writes at `ptr`; returns `ptr + step`.
    pub fn store_post(&mut self, value: Value, ptr: Value, step: i32) -> Value {
        let access = Access::Post(step);
        self.one(Type::Ptr, Op::Store { value, ptr, access })
    }

    /// A scalar in every lane.
    pub fn splat(&mut self, ty: Type, scalar: Value) -> Value {
        self.one(ty, Op::Splat { ty, scalar })
    }

    /// Two 256-bit vectors as one of 512 bits, or two 512-bit accumulators as one of 1024.
    pub fn concat(&mut self, lo: Value, hi: Value) -> Value {
        self.op(Op::Concat { lo, hi })
    }

    /// One half of a 512-bit vector or of a 1024-bit accumulator.
    pub fn half(&mut self, value: Value, high: bool) -> Value {
        self.op(Op::Half { value, high })
    }

    /// An accumulator of zeros.
    pub fn acc_zero(&mut self, ty: Type) -> Value {
        self.one(ty, Op::AccZero(ty))
    }

    /// Shift-round-saturate to vectors of `ty`.
    pub fn srs(&mut self, ty: Type, acc: Value, shift: Value, mode: SrsMode) -> Value {
        self.one(
            ty,
            Op::Srs {
                ty,
                acc,
                shift,
                mode,
            },
        )
    }

    /// Up-shift of signed elements to accumulators of `ty`.
    pub fn ups(&mut self, ty: Type, value: Value, shift: Value) -> Value {
        let signed = true;
        self.one(
            ty,
            Op::Ups {
                ty,
                value,
                shift,
                signed,
            },
        )
    }

    /// An operation of one result as it stands, for forms that the other methods do not make.
    ///
    /// The operation of several results or none belongs to one of the other methods.
    pub fn op(&mut self, op: Op) -> Value {
        let types = op.result_types(|v| self.func.ty(v));
        self.one(types.first().copied().unwrap_or(Type::I32), op)
    }

    /// A loop: `body` gets the carried values and returns those of the next pass.
    pub fn loop_(
        &mut self,
        count: Count,
        init: &[Value],
        body: impl FnOnce(&mut Self, &[Value]) -> Vec<Value>,
    ) -> Vec<Value> {
        let types: Vec<Type> = init.iter().map(|v| self.ty(*v)).collect();
        let params: Vec<Value> = types.iter().map(|ty| self.value(*ty)).collect();
        self.blocks.push(Block::default());
        let next = body(self, &params);
        self.push(vec![], Op::Yield(next));
        let body = self.blocks.pop().unwrap_or_default();
        let results: Vec<Value> = match count {
            Count::Forever => Vec::new(),
            _ => types.iter().map(|ty| self.value(*ty)).collect(),
        };
        let init = init.to_vec();
        self.push(
            results.clone(),
            Op::Loop {
                count,
                params,
                init,
                body,
            },
        );
        results
    }

    /// Calls a function of the module.
    pub fn call(&mut self, func: impl Into<String>, args: &[Value]) {
        let (func, args) = (func.into(), args.to_vec());
        self.push(vec![], Op::Call { func, args });
    }

    /// Waits for `value` of a lock.
    pub fn acquire(&mut self, lock: CoreLock, value: u8) {
        self.push(vec![], Op::Acquire { lock, value });
    }

    /// Gives `value` to a lock.
    pub fn release(&mut self, lock: CoreLock, value: u8) {
        self.push(vec![], Op::Release { lock, value });
    }

    fn value(&mut self, ty: Type) -> Value {
        self.func.types.push(ty);
        Value(self.func.types.len() as u32 - 1)
    }

    fn one(&mut self, ty: Type, op: Op) -> Value {
        let value = self.value(ty);
        self.push(vec![value], op);
        value
    }

    fn push(&mut self, results: Vec<Value>, op: Op) {
        if let Some(block) = self.blocks.last_mut() {
            block.insts.push(Inst { results, op });
        }
    }
}
