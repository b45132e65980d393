//! Functions, blocks and control flow.

use inkwell::IntPredicate;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::basic_block::BasicBlock;
use inkwell::builder::Builder;
use inkwell::context::Context;
use inkwell::module::Module as LlvmModule;
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, FunctionValue, IntValue, PhiValue,
    PointerValue, ValueKind,
};
use npuc::kernel::data::Addresses;
use npuc::kernel::ir::{Block, Count, Func, Inst, Op, Value, WalkDims};
use npuc::kernel::print;
use npuc::kernel::types::Type;

use super::control::Control;
use super::native::{FUEL, LEAVE};
use super::{Error, Space, types};

/// Declares a function of the module: kernels are called from C and C++ by their plain names, pointers
/// and scalars as arguments.
pub(super) fn declare<'c>(
    context: &'c Context,
    llvm: &LlvmModule<'c>,
    func: &Func,
    space: &Space,
) -> Result<(), Error> {
    let function = llvm.add_function(&func.name, types::function(context, space, func)?, None);
    let noalias = Attribute::get_named_enum_kind_id("noalias");
    for (index, param) in func.params.iter().enumerate() {
        if param.noalias {
            let attribute = context.create_enum_attribute(noalias, 0);
            function.add_attribute(AttributeLoc::Param(index as u32), attribute);
        }
    }
    Ok(())
}

/// Gives a declared function its body.
pub(super) fn define<'c>(
    context: &'c Context,
    llvm: &LlvmModule<'c>,
    func: &Func,
    space: &Space,
    constants: &Addresses,
) -> Result<(), Error> {
    let Some(function) = llvm.get_function(&func.name) else {
        return declare(context, llvm, func, space);
    };
    let builder = context.create_builder();
    builder.position_at_end(context.append_basic_block(function, "entry"));
    let mut lower = Lower {
        context,
        llvm,
        builder,
        func,
        function,
        space,
        control: Control::default(),
        constants,
        values: vec![None; func.types.len()],
    };
    for (param, value) in func.params.iter().zip(function.get_param_iter()) {
        lower.values[param.value.index()] = Some(Datum::One(value));
    }
    lower.block(&func.body)?;
    if func.results.is_empty() {
        lower.builder.build_return(None)?;
    }
    Ok(())
}

/// What a value of kernel IR is in LLVM IR.
#[derive(Clone, Copy, Debug)]
pub(super) enum Datum<'c> {
    /// One value.
    One(BasicValueEnum<'c>),
    /// A walk: its dimensions, and the counters of those within the outermost.
    Walk(WalkDims, [IntValue<'c>; 2]),
}

/// Phis of a carried value.
enum Phi<'c> {
    One(PhiValue<'c>),
    Walk(WalkDims, [PhiValue<'c>; 2]),
}

impl<'c> Phi<'c> {
    fn add(&self, datum: Datum<'c>, from: BasicBlock<'c>) {
        match (self, datum) {
            (Phi::One(phi), Datum::One(value)) => phi.add_incoming(&[(&value, from)]),
            (Phi::Walk(_, phis), Datum::Walk(_, counters)) => {
                for (phi, counter) in phis.iter().zip(counters) {
                    phi.add_incoming(&[(&counter, from)]);
                }
            }
            // The verifier has checked that both are of one type.
            _ => {}
        }
    }

    fn datum(&self) -> Datum<'c> {
        match self {
            Phi::One(phi) => Datum::One(phi.as_basic_value()),
            Phi::Walk(dims, phis) => {
                Datum::Walk(*dims, phis.map(|phi| phi.as_basic_value().into_int_value()))
            }
        }
    }
}

/// Why a function of native execution leaves early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It waits for a lock.
    Waiting,
    /// Loops have made all the passes that they may.
    Exhausted,
}

/// A function on its way to LLVM IR.
pub(super) struct Lower<'c, 'a> {
    pub(super) context: &'c Context,
    pub(super) llvm: &'a LlvmModule<'c>,
    pub(super) builder: Builder<'c>,
    pub(super) func: &'a Func,
    function: FunctionValue<'c>,
    pub(super) space: &'a Space,
    pub(super) control: Control,
    /// Where constant data is in the data space.
    constants: &'a Addresses,
    values: Vec<Option<Datum<'c>>>,
}

impl<'c> Lower<'c, '_> {
    /// The error of an operation that has no LLVM IR.
    pub(super) fn unsupported(&self, inst: &Inst, reason: impl Into<String>) -> Error {
        Error::Unsupported {
            func: self.func.name.clone(),
            op: print::inst(self.func, inst),
            reason: reason.into(),
            help: "compile it with npuc's own back end (`--cores builtin`)",
        }
    }

    pub(super) fn ty(&self, value: Value) -> Type {
        self.func.ty(value)
    }

    pub(super) fn datum(&self, value: Value) -> Datum<'c> {
        // The verifier has checked that every value is defined before it is used.
        self.values[value.index()]
            .unwrap_or_else(|| Datum::One(self.context.i32_type().get_undef().into()))
    }

    /// A value that is one LLVM value.
    pub(super) fn get(&self, value: Value) -> BasicValueEnum<'c> {
        match self.datum(value) {
            Datum::One(value) => value,
            Datum::Walk(_, [inner, _]) => inner.into(),
        }
    }

    /// A scalar.
    pub(super) fn int(&self, value: Value) -> IntValue<'c> {
        self.get(value).into_int_value()
    }

    /// A pointer.
    pub(super) fn ptr(&self, value: Value) -> PointerValue<'c> {
        self.get(value).into_pointer_value()
    }

    pub(super) fn set_datum(&mut self, value: Value, datum: Datum<'c>) {
        self.values[value.index()] = Some(datum);
    }

    /// Defines a value; a vector is brought to the type of the value.
    pub(super) fn set(&mut self, value: Value, found: impl BasicValue<'c>) -> Result<(), Error> {
        let found = found.as_basic_value_enum();
        let found = match types::of(self.context, self.space, self.ty(value)) {
            Some(ty) => self.cast(found, ty)?,
            None => found,
        };
        self.set_datum(value, Datum::One(found));
        Ok(())
    }

    /// A constant scalar.
    pub(super) fn constant(&self, value: i32) -> IntValue<'c> {
        self.context
            .i32_type()
            .const_int(value as u32 as u64, false)
    }

    /// Translates a block; what it yields.
    fn block(&mut self, block: &Block) -> Result<Vec<Datum<'c>>, Error> {
        for inst in &block.insts {
            match &inst.op {
                Op::Yield(values) => return Ok(values.iter().map(|v| self.datum(*v)).collect()),
                Op::Return(values) => self.results(values)?,
                Op::Loop {
                    count,
                    params,
                    init,
                    body,
                } => self.loop_(inst, *count, params, init, body)?,
                Op::If {
                    cond,
                    then,
                    otherwise,
                } => self.choice(inst, *cond, (then, otherwise))?,
                Op::Call { func, args, .. } => self.call(inst, func, args)?,
                _ => self.inst(inst)?,
            }
        }
        Ok(Vec::new())
    }

    /// An operation without blocks.
    fn inst(&mut self, inst: &Inst) -> Result<(), Error> {
        let result = |n: usize| inst.results[n];
        match &inst.op {
            Op::Const(value) => self.set(result(0), self.constant(*value)),
            Op::Addr(address) => {
                let pointer = self.address(*address)?;
                self.set(result(0), pointer)
            }
            Op::Data(name) => {
                let pointer = self.data(inst, name)?;
                self.set(result(0), pointer)
            }
            Op::Int { op, a, b } => {
                let value = self.binary(*op, self.int(*a), self.int(*b))?;
                self.set(result(0), value)
            }
            Op::Unary { op, a } => {
                let value = self.unary(*op, self.int(*a))?;
                self.set(result(0), value)
            }
            Op::Select { cond, a, b } => {
                let cond = self.nonzero(self.int(*cond))?;
                let value = self
                    .builder
                    .build_select(cond, self.int(*a), self.int(*b), "")?;
                self.set(result(0), value)
            }
            Op::PtrAdd { ptr, offset } => {
                let pointer = self.offset(self.ptr(*ptr), self.constant(*offset))?;
                self.set(result(0), pointer)
            }
            Op::PtrAddVar { ptr, offset } => {
                let pointer = self.offset(self.ptr(*ptr), self.int(*offset))?;
                self.set(result(0), pointer)
            }
            Op::Walk(dims) => {
                let zero = types::address(self.context).const_zero();
                self.set_datum(result(0), Datum::Walk(*dims, [zero; 2]));
                Ok(())
            }
            Op::Load { .. } | Op::LoadNarrow { .. } | Op::Store { .. } | Op::StoreNarrow { .. } => {
                self.access(inst)
            }
            Op::Splat { ty, scalar } => {
                let wide = self.splat(*ty, self.int(*scalar))?;
                let value = self.resize(wide, ty.bits())?;
                self.set(result(0), value)
            }
            Op::Concat { lo, hi } => {
                let value = self.concat(self.get(*lo), self.get(*hi))?;
                self.set(result(0), value)
            }
            Op::Half { value, high } => {
                let value = self.half(self.get(*value), *high)?;
                self.set(result(0), value)
            }
            Op::AccZero(ty) => {
                let value = self.acc_zero(*ty)?;
                self.set(result(0), value)
            }
            Op::Mac { .. } => self.product(inst),
            Op::Srs { .. } | Op::Ups { .. } => self.shift_lanes(inst),
            Op::Vector(op) => self.vector(inst, op),
            Op::Table(op) => self.table(inst, op),
            Op::Port(op) => self.port(inst, op),
            Op::Acquire { lock, value } => {
                // A core waits for at least so much where the operand is below zero.
                let args = [i32::from(lock.0), -i32::from(*value)];
                self.effect("acquire", &args.map(|v| self.constant(v).into()))?;
                self.leave_when(Leave::Waiting)
            }
            Op::Release { lock, value } => {
                let args = [i32::from(lock.0), i32::from(*value)];
                self.effect("release", &args.map(|v| self.constant(v).into()))
            }
            Op::Loop { .. } | Op::If { .. } | Op::Yield(_) | Op::Return(_) | Op::Call { .. } => {
                Err(self.unsupported(inst, "it stands where only a block can have it"))
            }
        }
    }

    /// Where constant data is in the data space.
    pub(super) fn place_of(&self, name: &str) -> i32 {
        self.constants
            .get(name)
            .map_or(0, |address| *address as i32)
    }

    /// The address of constant data.
    pub(super) fn data(&self, inst: &Inst, name: &str) -> Result<PointerValue<'c>, Error> {
        match (self.space, self.llvm.get_global(name)) {
            (Space::Native(_), _) => self.address(self.constants.get(name).copied().unwrap_or(0)),
            (_, Some(global)) => Ok(global.as_pointer_value()),
            (_, None) => Err(self.unsupported(inst, "the module has no such data")),
        }
    }

    fn results(&mut self, values: &[Value]) -> Result<(), Error> {
        let values: Vec<BasicValueEnum<'c>> = values.iter().map(|v| self.get(*v)).collect();
        match &values[..] {
            [] => return Ok(()),
            [one] => self.builder.build_return(Some(one))?,
            many => self.builder.build_aggregate_return(many)?,
        };
        Ok(())
    }

    fn call(&mut self, inst: &Inst, name: &str, args: &[Value]) -> Result<(), Error> {
        let Some(callee) = self.llvm.get_function(name) else {
            return Err(self.unsupported(inst, "the module has no such function"));
        };
        let args: Vec<BasicMetadataValueEnum<'c>> =
            args.iter().map(|v| self.get(*v).into()).collect();
        let site = self.builder.build_call(callee, &args, "")?;
        // The callee sets control registers as it likes.
        self.control = Control::default();
        self.leave_when(Leave::Waiting)?;
        let ValueKind::Basic(value) = site.try_as_basic_value() else {
            return Ok(());
        };
        match &inst.results[..] {
            [one] => self.set(*one, value),
            many => {
                for (index, result) in many.iter().enumerate() {
                    let aggregate = value.into_struct_value();
                    let part = self
                        .builder
                        .build_extract_value(aggregate, index as u32, "")?;
                    self.set(*result, part)?;
                }
                Ok(())
            }
        }
    }

    /// Whether a scalar is not zero.
    pub(super) fn nonzero(&self, value: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let zero = value.get_type().const_zero();
        Ok(self
            .builder
            .build_int_compare(IntPredicate::NE, value, zero, "")?)
    }

    /// Natively: returns where the function is not to go on, and counts a pass of a loop.
    pub(super) fn leave_when(&self, why: Leave) -> Result<(), Error> {
        let build = &self.builder;
        let name = match why {
            Leave::Waiting => LEAVE,
            Leave::Exhausted => FUEL,
        };
        let (Space::Native(_), Some(global)) = (self.space, self.llvm.get_global(name)) else {
            return Ok(());
        };
        let (i32, at) = (self.context.i32_type(), global.as_pointer_value());
        let found = build.build_load(i32, at, "")?.into_int_value();
        let (predicate, zero) = match why {
            Leave::Waiting => (IntPredicate::NE, self.constant(0)),
            Leave::Exhausted => (IntPredicate::EQ, self.constant(0)),
        };
        let leaves = build.build_int_compare(predicate, found, zero, "")?;
        let [leave, go_on] = ["leave", "go_on"].map(|name| self.append(name));
        build.build_conditional_branch(leaves, leave, go_on)?;
        build.position_at_end(leave);
        match self.function.get_type().get_return_type() {
            Some(ty) => build.build_return(Some(&ty.const_zero()))?,
            None => build.build_return(None)?,
        };
        build.position_at_end(go_on);
        if why == Leave::Exhausted {
            let left = build.build_int_sub(found, self.constant(1), "")?;
            build.build_store(at, left)?;
        }
        Ok(())
    }

    fn append(&self, name: &str) -> BasicBlock<'c> {
        self.context.append_basic_block(self.function, name)
    }

    fn here(&self) -> BasicBlock<'c> {
        // The builder stands in a block from the start.
        let entry = || self.append("unreachable");
        self.builder.get_insert_block().unwrap_or_else(entry)
    }

    /// Phis at the builder's place that begin with the given values.
    fn phis(&self, data: &[Datum<'c>], from: BasicBlock<'c>) -> Result<Vec<Phi<'c>>, Error> {
        let phis = data.iter().map(|datum| {
            let phi = match datum {
                Datum::One(value) => Phi::One(self.builder.build_phi(value.get_type(), "")?),
                Datum::Walk(dims, _) => {
                    let ty = types::address(self.context);
                    let [inner, middle] = [(); 2].map(|()| self.builder.build_phi(ty, ""));
                    Phi::Walk(*dims, [inner?, middle?])
                }
            };
            phi.add(*datum, from);
            Ok(phi)
        });
        phis.collect()
    }

    fn loop_(
        &mut self,
        inst: &Inst,
        count: Count,
        params: &[Value],
        init: &[Value],
        body: &Block,
    ) -> Result<(), Error> {
        self.enter_loop(body)?;
        let init: Vec<Datum<'c>> = init.iter().map(|v| self.datum(*v)).collect();
        let before = self.here();
        let (head, exit) = (self.append("loop"), self.append("done"));
        match count {
            Count::Value(n) => {
                let (n, zero) = (self.int(n), self.constant(0));
                let any = self
                    .builder
                    .build_int_compare(IntPredicate::SGT, n, zero, "")?;
                self.builder.build_conditional_branch(any, head, exit)?;
            }
            _ => {
                self.builder.build_unconditional_branch(head)?;
            }
        }
        self.builder.position_at_end(head);
        let phis = self.phis(&init, before)?;
        let pass = match count {
            Count::Const(_) | Count::Value(_) => {
                let phi = self.builder.build_phi(self.context.i32_type(), "pass")?;
                phi.add_incoming(&[(&self.constant(0), before)]);
                Some(phi)
            }
            Count::While | Count::Forever => None,
        };
        for (param, phi) in params.iter().zip(&phis) {
            self.set_datum(*param, phi.datum());
        }
        let mut yields = self.block(body)?;
        self.leave_when(Leave::Exhausted)?;
        let latch = self.here();
        let again = match (count, pass) {
            (Count::While, _) if !yields.is_empty() => match yields.remove(0) {
                Datum::One(cond) => Some(self.nonzero(cond.into_int_value())?),
                Datum::Walk(..) => None,
            },
            (_, Some(pass)) => {
                let limit = match count {
                    Count::Const(n) => self.constant(n as i32),
                    Count::Value(n) => self.int(n),
                    Count::While | Count::Forever => self.constant(0),
                };
                let now = pass.as_basic_value().into_int_value();
                let next = self
                    .builder
                    .build_int_nuw_add(now, self.constant(1), "next")?;
                pass.add_incoming(&[(&next, latch)]);
                let less = IntPredicate::ULT;
                Some(self.builder.build_int_compare(less, next, limit, "")?)
            }
            _ => None,
        };
        match again {
            Some(again) => self.builder.build_conditional_branch(again, head, exit)?,
            None => self.builder.build_unconditional_branch(head)?,
        };
        for (phi, datum) in phis.iter().zip(&yields) {
            phi.add(*datum, latch);
        }
        self.builder.position_at_end(exit);
        match count {
            Count::Value(_) => {
                let merged = self.phis(&yields, latch)?;
                for ((result, phi), datum) in inst.results.iter().zip(&merged).zip(init) {
                    phi.add(datum, before);
                    self.set_datum(*result, phi.datum());
                }
            }
            _ => {
                for (result, datum) in inst.results.iter().zip(yields) {
                    self.set_datum(*result, datum);
                }
            }
        }
        Ok(())
    }

    fn choice(
        &mut self,
        inst: &Inst,
        cond: Value,
        (then, otherwise): (&Block, &Block),
    ) -> Result<(), Error> {
        let cond = self.nonzero(self.int(cond))?;
        let [yes, no, join] = ["then", "else", "join"].map(|name| self.append(name));
        self.builder.build_conditional_branch(cond, yes, no)?;
        let known = self.control.clone();
        let mut ends = Vec::new();
        for (start, block) in [(yes, then), (no, otherwise)] {
            self.builder.position_at_end(start);
            self.control = known.clone();
            let yields = self.block(block)?;
            ends.push((yields, self.here(), self.control.clone()));
            self.builder.build_unconditional_branch(join)?;
        }
        self.builder.position_at_end(join);
        if let [(yes, from_yes, after_yes), (no, from_no, after_no)] = &ends[..] {
            self.control = after_yes.common(after_no);
            let dims = |datum: &Datum<'c>| match datum {
                Datum::Walk(dims, _) => Some(*dims),
                Datum::One(_) => None,
            };
            if yes.iter().map(dims).ne(no.iter().map(dims)) {
                let reason = "its blocks yield walks of different dimensions";
                return Err(self.unsupported(inst, reason));
            }
            let phis = self.phis(yes, *from_yes)?;
            for ((result, phi), datum) in inst.results.iter().zip(&phis).zip(no) {
                phi.add(*datum, *from_no);
                self.set_datum(*result, phi.datum());
            }
        }
        Ok(())
    }
}
