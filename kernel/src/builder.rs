//! Builds functions instruction by instruction; types of results follow from the operands.

mod vector;

use super::ir::{
    Access, Block, CoreLock, Count, Data, Dim, Func, Inst, IntOp, LaneOp, Narrow, Op, Param,
    PortOp, SrsMode, TableOp, UnaryOp, Value, WalkDims, Width,
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
                results: Vec::new(),
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

    /// Address of constant data of the module.
    pub fn data(&mut self, name: impl Into<String>) -> Value {
        self.one(Type::Ptr, Op::Data(name.into()))
    }

    /// Where the lanes of [`FuncBuilder::lookup`] find the arrays of a table ([`Data::table`]).
    pub fn bases(&mut self, table: &[Data; 2]) -> Value {
        let [ab, cd] = [0, 1].map(|part: usize| table[part].name.clone());
        self.op(Op::Table(TableOp::Bases { ab, cd }))
    }

    /// Looks up an entry for every lane of `offsets`, 8 or 16 of i32: `2 * b` times its number, where
    /// an entry has `b` bytes.
    pub fn lookup(&mut self, ty: Type, bases: Value, offsets: Value) -> Value {
        let bases = match self.ty(offsets).bits() {
            256 => self.half(bases, false),
            _ => bases,
        };
        let at = self.lanes(LaneOp::Add, bases, offsets);
        self.op(Op::Table(TableOp::Lookup { ty, at }))
    }

    /// Sends a vector or an accumulator to the next core of the cascade.
    pub fn cascade_put(&mut self, value: Value) {
        self.push(vec![], Op::Port(PortOp::CascadePut { value }));
    }

    /// Takes a vector or an accumulator from the core before it in the cascade.
    pub fn cascade_get(&mut self, ty: Type) -> Value {
        self.op(Op::Port(PortOp::CascadeGet { ty }))
    }

    /// Sends a scalar to the core's stream.
    pub fn stream_put(&mut self, value: Value, last: bool) {
        self.push(vec![], Op::Port(PortOp::StreamPut { value, last }));
    }

    /// Takes a scalar from the core's stream.
    pub fn stream_get(&mut self) -> Value {
        self.op(Op::Port(PortOp::StreamGet))
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

    /// Reads at `ptr + offset`, a scalar number of bytes.
    pub fn load_at(&mut self, ty: Type, ptr: Value, offset: Value) -> Value {
        let access = Access::OffsetVar(offset);
        self.one(ty, Op::Load { ty, ptr, access })
    }

    /// Writes at `ptr + offset`, a scalar number of bytes.
    pub fn store_at(&mut self, value: Value, ptr: Value, offset: Value) {
        let access = Access::OffsetVar(offset);
        self.push(vec![], Op::Store { value, ptr, access });
    }

    /// Reads at `ptr`; returns the value and `ptr + step`, a scalar number of bytes.
    pub fn load_post_by(&mut self, ty: Type, ptr: Value, step: Value) -> (Value, Value) {
        let access = Access::PostVar(step);
        let results = self.many(Op::Load { ty, ptr, access });
        (results[0], results[1])
    }

    /// Writes at `ptr`; returns `ptr + step`, a scalar number of bytes.
    pub fn store_post_by(&mut self, value: Value, ptr: Value, step: Value) -> Value {
        let access = Access::PostVar(step);
        self.one(Type::Ptr, Op::Store { value, ptr, access })
    }

    /// Begins a walk through two dimensions: `count` places `step` bytes apart, then again from a
    /// place `outer` bytes behind the first of them, and so on.
    pub fn walk_2d(&mut self, count: u32, step: i32, outer: i32) -> Value {
        let dims = WalkDims {
            inner: Dim { count, step },
            middle: None,
            outer,
        };
        self.one(Type::Walk { dims: 2 }, Op::Walk(dims))
    }

    /// Begins a walk through three dimensions, each a count and a step in bytes, the innermost first.
    pub fn walk_3d(&mut self, inner: (u32, i32), middle: (u32, i32), outer: i32) -> Value {
        let dim = |(count, step)| Dim { count, step };
        let dims = WalkDims {
            inner: dim(inner),
            middle: Some(dim(middle)),
            outer,
        };
        self.one(Type::Walk { dims: 3 }, Op::Walk(dims))
    }

    /// Reads at `ptr`; returns the value, the pointer moved along the walk, and the walk.
    pub fn load_walk(&mut self, ty: Type, ptr: Value, walk: Value) -> (Value, Value, Value) {
        let access = Access::Walk(walk);
        let results = self.many(Op::Load { ty, ptr, access });
        (results[0], results[1], results[2])
    }

    /// Writes at `ptr`; returns the pointer moved along the walk, and the walk.
    pub fn store_walk(&mut self, value: Value, ptr: Value, walk: Value) -> (Value, Value) {
        let access = Access::Walk(walk);
        let results = self.many(Op::Store { value, ptr, access });
        (results[0], results[1])
    }

    /// Reads 8 or 16 bits at `ptr + offset` as a scalar.
    pub fn load_narrow(&mut self, narrow: Narrow, ptr: Value, offset: i32) -> Value {
        let access = Access::Offset(offset);
        let op = Op::LoadNarrow {
            narrow,
            ptr,
            access,
        };
        self.one(Type::I32, op)
    }

    /// Writes the low 8 or 16 bits of a scalar at `ptr + offset`.
    pub fn store_narrow(&mut self, width: Width, value: Value, ptr: Value, offset: i32) {
        let access = Access::Offset(offset);
        let op = Op::StoreNarrow {
            width,
            value,
            ptr,
            access,
        };
        self.push(vec![], op);
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

    /// An operation of any number of results as it stands, for forms that the other methods do not
    /// make.
    pub fn many(&mut self, op: Op) -> Vec<Value> {
        let types = op.result_types(|v| self.func.ty(v));
        let results: Vec<Value> = types.into_iter().map(|ty| self.value(ty)).collect();
        self.push(results.clone(), op);
        results
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
        let body = self.block(|b| body(b, &params));
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

    /// A loop that goes on as long as the first thing that `body` returns, a scalar, is not zero: `body`
    /// gets the carried values and returns that condition and those of the next pass.
    pub fn while_(
        &mut self,
        init: &[Value],
        body: impl FnOnce(&mut Self, &[Value]) -> (Value, Vec<Value>),
    ) -> Vec<Value> {
        self.loop_(Count::While, init, |b, carried| {
            let (again, mut next) = body(b, carried);
            next.insert(0, again);
            next
        })
    }

    /// One of two blocks: `then` where the scalar `cond` is not zero, `otherwise` where it is. Each
    /// returns its results, as many and of the same types.
    pub fn if_(
        &mut self,
        cond: Value,
        then: impl FnOnce(&mut Self) -> Vec<Value>,
        otherwise: impl FnOnce(&mut Self) -> Vec<Value>,
    ) -> Vec<Value> {
        let then = self.block(then);
        let otherwise = self.block(otherwise);
        self.many(Op::If {
            cond,
            then,
            otherwise,
        })
    }

    /// A block that yields what the closure returns, for an operation that has blocks.
    pub fn block(&mut self, block: impl FnOnce(&mut Self) -> Vec<Value>) -> Block {
        self.blocks.push(Block::default());
        let values = block(self);
        self.push(vec![], Op::Yield(values));
        self.blocks.pop().unwrap_or_default()
    }

    /// Calls a function of the module that returns nothing.
    pub fn call(&mut self, func: impl Into<String>, args: &[Value]) {
        self.call_for(func, args, &[]);
    }

    /// Calls a function of the module that returns values of these types.
    pub fn call_for(
        &mut self,
        func: impl Into<String>,
        args: &[Value],
        results: &[Type],
    ) -> Vec<Value> {
        self.many(Op::Call {
            func: func.into(),
            args: args.to_vec(),
            results: results.to_vec(),
        })
    }

    /// Ends the function with what it returns.
    pub fn return_(&mut self, values: &[Value]) {
        self.func.results = values.iter().map(|v| self.ty(*v)).collect();
        self.push(vec![], Op::Return(values.to_vec()));
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
