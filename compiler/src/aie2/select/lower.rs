//! Functions, blocks, loops and calls.

use std::collections::HashMap;

use arch::aie2::{Reg, op, reg};

use super::consts::{Scope, set_label, set_reg};
use super::control::State;
use super::facts::Facts;
use crate::aie2::error::CompileError;
use crate::aie2::mir::{BlockId, BlockKind, Edge, Label, ValueId};
use crate::aie2::vcode::{Arg, RegClass, Trip, VBlock, VFunc, VInst, ValueInfo};
use crate::kernel::ir::{Block, Count, Func, Inst, Op, SrsMode, Value};
use crate::kernel::types::Type;

/// How a value of the kernel is at hand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ref {
    /// In a register: the units of a machine value from `part` on.
    Reg {
        /// Machine value.
        value: ValueId,
        /// First unit.
        part: u8,
    },
    /// A scalar constant, made where it is used.
    Const(i32),
    /// A constant address, made where it is used.
    Addr(u32),
    /// An accumulator of zeros, made where it is used.
    Zero(Type),
    /// A shift that its store does.
    Srs {
        /// Accumulator.
        acc: Value,
        /// Shift.
        shift: Value,
        /// Rounding and range.
        mode: SrsMode,
    },
}

/// An open loop.
struct OpenLoop {
    /// The block before it.
    before: BlockId,
    /// Whether it calls.
    calls: bool,
}

/// A copy made before a loop.
struct Hoist {
    of: Value,
    copy: ValueId,
    /// Loops that must stay open for it to be there.
    depth: usize,
}

/// Selection of one function.
pub(super) struct Lower<'a> {
    pub(super) func: &'a Func,
    pub(super) facts: Facts,
    pub(super) out: VFunc,
    /// What the control registers hold here.
    pub(super) control: State,
    current: BlockId,
    refs: Vec<Option<Ref>>,
    /// Number of loops that were open where a value was defined.
    depths: Vec<usize>,
    loops: Vec<OpenLoop>,
    scopes: Vec<Scope>,
    hoists: Vec<Hoist>,
    /// Machine values of concatenations, by the kernel's value.
    pub(super) wholes: HashMap<Value, ValueId>,
}

/// Registers of arguments, scalars and pointers.
const SCALAR_ARGS: [Reg; 8] = [
    reg::R0,
    reg::R1,
    reg::R2,
    reg::R3,
    reg::R4,
    reg::R5,
    reg::R6,
    reg::R7,
];
const POINTER_ARGS: [Reg; 6] = [reg::P0, reg::P1, reg::P2, reg::P3, reg::P4, reg::P5];

/// Selects instructions for a function.
pub fn lower(func: &Func) -> Result<VFunc, CompileError> {
    let mut lower = Lower {
        func,
        facts: Facts::of(func),
        out: VFunc {
            name: func.name.clone(),
            params: Vec::new(),
            blocks: vec![VBlock::new(0)],
            values: Vec::<ValueInfo>::new(),
            returns: true,
        },
        control: State::new(),
        current: BlockId(0),
        refs: vec![None; func.types.len()],
        depths: vec![0; func.types.len()],
        loops: Vec::new(),
        scopes: vec![Scope::at(BlockId(0))],
        hoists: Vec::new(),
        wholes: HashMap::new(),
    };
    lower.params()?;
    lower.block(&func.body)?;
    let endless = func.body.insts.last().is_some_and(|i| {
        let Op::Loop { count, .. } = &i.op else {
            return false;
        };
        *count == Count::Forever
    });
    if endless {
        lower.out.returns = false;
    } else {
        lower.emit(VInst::new(op::RET, Vec::new()));
    }
    Ok(lower.out)
}

/// Whether a block calls, loops inside included.
fn calls(block: &Block) -> bool {
    block.insts.iter().any(|i| match &i.op {
        Op::Call { .. } => true,
        Op::Loop { body, .. } => calls(body),
        _ => false,
    })
}

/// Whether a block loops; a single pass is no loop.
fn loops(block: &Block) -> bool {
    block.insts.iter().any(|i| match &i.op {
        Op::Loop { count, body, .. } => *count != Count::Const(1) || loops(body),
        _ => false,
    })
}

impl Lower<'_> {
    fn params(&mut self) -> Result<(), CompileError> {
        let types: Vec<Type> = self
            .func
            .params
            .iter()
            .map(|p| self.func.ty(p.value))
            .collect();
        let regs = self.argument_regs(&self.func.name.clone(), &types)?;
        let copy = calls(&self.func.body);
        for (param, (class, reg)) in self.func.params.iter().zip(regs) {
            let value = self.out.fixed(class, reg);
            self.out.params.push(value);
            // Calls want the argument registers for themselves.
            let value = if copy {
                self.copy(value, 0, class)
            } else {
                value
            };
            self.define(param.value, value);
        }
        Ok(())
    }

    fn argument_regs(
        &self,
        callee: &str,
        types: &[Type],
    ) -> Result<Vec<(RegClass, Reg)>, CompileError> {
        let (mut scalars, mut pointers) = (0, 0);
        let mut regs = Vec::new();
        for ty in types {
            let (class, count, limit) = match ty {
                Type::I32 => (RegClass::R, &mut scalars, &SCALAR_ARGS[..]),
                Type::Ptr => (RegClass::P, &mut pointers, &POINTER_ARGS[..]),
                other => {
                    return Err(CompileError::Unsupported {
                        func: self.func.name.clone(),
                        what: format!("an argument of type {other} of `{callee}`"),
                        help: "pass a pointer to it",
                    });
                }
            };
            if let Some(reg) = limit.get(*count) {
                regs.push((class, *reg));
            }
            *count += 1;
        }
        let kinds = [
            ("scalar", scalars, SCALAR_ARGS.len()),
            ("pointer", pointers, POINTER_ARGS.len()),
        ];
        for (kind, count, limit) in kinds {
            if count > limit {
                return Err(CompileError::TooManyArguments {
                    func: callee.to_owned(),
                    kind,
                    count,
                    limit,
                });
            }
        }
        Ok(regs)
    }

    fn block(&mut self, block: &Block) -> Result<(), CompileError> {
        for inst in &block.insts {
            self.inst(inst)?;
        }
        Ok(())
    }

    fn inst(&mut self, inst: &Inst) -> Result<(), CompileError> {
        let Inst { results, op } = inst;
        match op {
            Op::Const(c) => self.set_ref(results[0], Ref::Const(*c)),
            Op::Addr(a) => self.set_ref(results[0], Ref::Addr(*a)),
            Op::AccZero(ty) => self.set_ref(results[0], Ref::Zero(*ty)),
            Op::Int { op, a, b } => self.lower_int(results[0], *op, *a, *b),
            Op::PtrAdd { ptr, offset } => self.lower_ptr_add(results[0], *ptr, *offset),
            Op::PtrAddVar { ptr, offset } => self.lower_ptr_add_var(results[0], *ptr, *offset),
            Op::Load { ty, ptr, access } => self.lower_load(results, *ty, *ptr, *access)?,
            Op::Store { value, ptr, access } => self.lower_store(results, *value, *ptr, *access)?,
            Op::Splat { ty, scalar } => self.lower_splat(results[0], *ty, *scalar)?,
            Op::Concat { lo, hi } => self.lower_concat(results[0], *lo, *hi),
            Op::Half { value, high } => self.lower_half(results[0], *value, *high),
            Op::Mac { .. } => self.lower_mac(results[0], op)?,
            Op::Srs { .. } => self.lower_srs(results[0], op)?,
            Op::Ups { .. } => self.lower_ups(results[0], op)?,
            Op::Loop {
                count,
                params,
                init,
                body,
            } => self.lower_loop(results, *count, params, init, body)?,
            Op::Yield(_) => {}
            Op::Call { func, args } => self.lower_call(func, args)?,
            Op::Acquire { lock, value } => {
                let value = self.shared_const(RegClass::R, -i64::from(*value));
                self.lower_lock(op::ACQ_mLockId_imm, lock.0, value);
            }
            Op::Release { lock, value } => {
                let value = self.shared_const(RegClass::R, i64::from(*value));
                self.lower_lock(op::REL_mLockId_imm, lock.0, value);
            }
        }
        Ok(())
    }

    fn lower_lock(&mut self, op: arch::aie2::Opcode, lock: u8, value: ValueId) {
        let args = vec![Arg::Imm(i64::from(lock)), Arg::value(value)];
        self.emit(VInst::new(op, args));
    }

    fn lower_call(&mut self, callee: &str, args: &[Value]) -> Result<(), CompileError> {
        let types: Vec<Type> = args.iter().map(|a| self.func.ty(*a)).collect();
        let regs = self.argument_regs(callee, &types)?;
        let mut passed = Vec::new();
        for (arg, (class, reg)) in args.iter().zip(regs) {
            let target = self.out.fixed(class, reg);
            passed.push(target);
            match self.known_number(*arg) {
                Some(imm) => self.const_into(target, reg, imm),
                None => {
                    let value = self.whole(*arg);
                    let copy = vec![Arg::value(target), Arg::value(value)];
                    self.emit(VInst::new(op::MOV_mv_scl, copy));
                }
            }
        }
        let label = Arg::Label(Label::Func(callee.to_owned()));
        self.emit(VInst::new(op::JL, vec![label]));
        self.out.blocks[self.current.index()].call_args = passed;
        self.next_block(BlockKind::Plain, Vec::new());
        self.forget();
        Ok(())
    }

    /// After a call, and where a loop with calls begins or ends: nothing is left of constants and
    /// control registers.
    fn forget(&mut self) {
        self.control.clear();
        self.hoists.clear();
        let here = self.current;
        *self.scope() = Scope::at(here);
    }

    fn lower_loop(
        &mut self,
        results: &[Value],
        count: Count,
        params: &[Value],
        init: &[Value],
        body: &Block,
    ) -> Result<(), CompileError> {
        let Some(Op::Yield(next)) = body.insts.last().map(|i| &i.op) else {
            return Ok(());
        };
        if count == Count::Const(1) {
            for (param, init) in params.iter().zip(init) {
                self.alias(*param, *init);
            }
            self.block(body)?;
            for (result, next) in results.iter().zip(next) {
                self.alias(*result, *next);
            }
            return Ok(());
        }
        let calls = calls(body);
        let hardware = !calls && count != Count::Forever && !loops(body);

        // What no pass changes is not carried.
        let mut carried = Vec::new();
        for (k, param) in params.iter().enumerate() {
            if next[k] == *param {
                self.alias(*param, init[k]);
            } else {
                carried.push(k);
            }
        }
        let entry: Vec<ValueId> = carried.iter().map(|k| self.own(init[*k])).collect();
        let trips = match count {
            Count::Value(v) => Some(self.scalar(v)),
            _ => None,
        };
        let unguarded = self.control.clone();
        let guard = trips.map(|trips| self.guard(trips));
        let counter = match count {
            _ if hardware => {
                self.set_loop_registers(count, trips);
                None
            }
            Count::Const(n) => Some(self.own_const(RegClass::R, i64::from(n))),
            Count::Value(_) => trips,
            Count::Forever => None,
        };
        if calls {
            self.control.clear();
        } else {
            self.enter_loop(body);
        }

        let before = self.current;
        self.loops.push(OpenLoop { before, calls });
        let inside: Vec<ValueId> = entry.iter().map(|v| self.same(*v)).collect();
        let counting = counter.map(|c| (c, self.out.value(RegClass::R)));
        let mut renames: Vec<_> = entry.iter().copied().zip(inside.iter().copied()).collect();
        renames.extend(counting);
        let kind = match hardware {
            true => BlockKind::HardwareLoop,
            false => BlockKind::Plain,
        };
        let head = self.next_block(kind, renames);
        if calls {
            self.scopes.push(Scope::at(head));
            self.hoists.clear();
        }
        for (k, value) in carried.iter().zip(&inside) {
            self.define(params[*k], *value);
        }
        self.block(body)?;
        let exit_values: Vec<ValueId> = carried.iter().map(|k| self.own(next[*k])).collect();
        let mut back: Vec<_> = exit_values.iter().copied().zip(inside).collect();
        let to_head = Label::Block(head);
        match counting {
            Some((_, inside)) => {
                let less = self.add_imm(inside, -1);
                back.push((less, inside));
                let args = vec![Arg::value(less), Arg::Label(to_head)];
                self.emit(VInst::new(op::JNZ, args));
            }
            None if count == Count::Forever => {
                self.emit(VInst::new(op::J_jump_imm, vec![Arg::Label(to_head)]));
            }
            None => {
                let trip = match count {
                    Count::Const(n) => Trip::Const(n),
                    _ => Trip::Value,
                };
                self.out.blocks[head.index()].trip = Some(trip);
            }
        }
        let back = Edge {
            to: head,
            renames: back,
        };
        self.out.blocks[self.current.index()].successors.push(back);
        self.loops.pop();
        let depth = self.loops.len();
        self.hoists.retain(|h| h.depth <= depth);
        if calls {
            self.scopes.pop();
        }
        if count == Count::Forever {
            return Ok(());
        }

        // Where the loop may run not at all, both ways meet in values of their own.
        let merged: Vec<ValueId> = match guard {
            Some(_) => exit_values.iter().map(|v| self.same(*v)).collect(),
            None => exit_values.clone(),
        };
        let mut renames: Vec<_> = exit_values.into_iter().zip(merged.clone()).collect();
        renames.retain(|(from, to)| from != to);
        let exit = self.next_block(BlockKind::Plain, renames);
        if let Some(guard) = guard {
            let skip = Edge {
                to: exit,
                renames: entry.into_iter().zip(merged.clone()).collect(),
            };
            let block = &mut self.out.blocks[guard.index()];
            block.successors.push(skip);
            if let Some(branch) = block.insts.last_mut() {
                branch.args[1] = Arg::Label(Label::Block(exit));
            }
            self.control
                .retain(|reg, value| unguarded.get(reg) == Some(value));
        }
        if calls {
            self.forget();
        }
        for (k, value) in carried.iter().zip(merged) {
            self.define(results[*k], value);
        }
        for (k, result) in results.iter().enumerate() {
            if !carried.contains(&k) {
                self.alias(*result, init[k]);
            }
        }
        Ok(())
    }

    /// Branches past the loop when it runs not at all; the target is filled in when it is known.
    fn guard(&mut self, trips: ValueId) -> BlockId {
        let zero = self.shared_const(RegClass::R, 0);
        let any = self.alu(op::LT, zero, trips);
        let guard = self.current;
        let args = vec![Arg::value(any), Arg::Label(Label::Block(guard))];
        self.emit(VInst::new(op::JZ, args));
        self.next_block(BlockKind::Plain, Vec::new());
        guard
    }

    fn set_loop_registers(&mut self, count: Count, trips: Option<ValueId>) {
        match (count, trips) {
            (Count::Const(n), _) => self.emit(set_reg(reg::LC, i64::from(n))),
            (_, Some(trips)) => {
                let args = vec![Arg::Reg(reg::LC), Arg::value(trips)];
                self.emit(VInst::new(op::MOV_mv_scl, args));
            }
            _ => {}
        }
        let body = BlockId(self.out.blocks.len() as u32);
        self.emit(set_label(reg::LS, Label::Block(body)));
        self.emit(set_label(reg::LE, Label::LastBundle(body)));
    }

    /// Begins a block that the current one falls through to.
    fn next_block(&mut self, kind: BlockKind, renames: Vec<(ValueId, ValueId)>) -> BlockId {
        let next = BlockId(self.out.blocks.len() as u32);
        let mut block = VBlock::new(self.loops.len() as u32);
        block.kind = kind;
        self.out.blocks.push(block);
        let edge = Edge { to: next, renames };
        self.out.blocks[self.current.index()].successors.push(edge);
        self.current = next;
        next
    }

    /// The scope of constants.
    pub(super) fn scope(&mut self) -> &mut Scope {
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// Appends to the current block.
    pub(super) fn emit(&mut self, inst: VInst) {
        self.out.blocks[self.current.index()].insts.push(inst);
    }

    /// A copy of a scalar in a register of another class, made once: before the outermost loop
    /// without calls around this point in which the scalar does not change.
    pub(super) fn hoisted_copy(&mut self, value: Value, class: RegClass) -> ValueId {
        let known = self
            .hoists
            .iter()
            .find(|h| h.of == value && self.out.class(h.copy) == class);
        if let Some(hoist) = known {
            return hoist.copy;
        }
        let from = self.depths[value.index()];
        let mut at = self.loops.len();
        while at > from && !self.loops[at - 1].calls {
            at -= 1;
        }
        let here = self.current;
        let mut depth = at;
        if let Some(outer) = self.loops.get(at) {
            self.current = outer.before;
            depth += 1;
        }
        let whole = self.whole(value);
        let copy = self.copy(whole, 0, class);
        self.current = here;
        self.hoists.push(Hoist {
            of: value,
            copy,
            depth,
        });
        copy
    }

    /// A new machine value of the class of another.
    pub(super) fn same(&mut self, value: ValueId) -> ValueId {
        let class = self.out.class(value);
        self.out.value(class)
    }

    /// Says where a value of the kernel is.
    pub(super) fn define(&mut self, value: Value, at: ValueId) {
        self.set_ref(value, Ref::Reg { value: at, part: 0 });
    }

    /// Says how a value of the kernel is at hand.
    pub(super) fn set_ref(&mut self, value: Value, at: Ref) {
        self.refs[value.index()] = Some(at);
        self.depths[value.index()] = self.loops.len();
    }

    fn alias(&mut self, value: Value, of: Value) {
        self.refs[value.index()] = self.refs[of.index()];
        self.depths[value.index()] = self.depths[of.index()];
    }

    /// How a value is at hand.
    pub(super) fn at(&self, value: Value) -> Ref {
        // The verifier has seen to it that definitions stand before uses.
        self.refs[value.index()].unwrap_or(Ref::Const(0))
    }

    /// The constant that a scalar is.
    pub(super) fn known_const(&self, value: Value) -> Option<i32> {
        match self.refs[value.index()] {
            Some(Ref::Const(c)) => Some(c),
            _ => None,
        }
    }

    /// The number that a scalar or pointer is.
    fn known_number(&self, value: Value) -> Option<i64> {
        match self.refs[value.index()] {
            Some(Ref::Const(c)) => Some(i64::from(c)),
            Some(Ref::Addr(a)) => Some(i64::from(a)),
            _ => None,
        }
    }

    /// Class of the register that holds values of a type.
    pub(super) fn class_of(&self, ty: Type) -> RegClass {
        match ty {
            Type::I32 => RegClass::R,
            Type::Ptr => RegClass::P,
            Type::Vec { .. } if ty.bits() <= 256 => RegClass::W,
            Type::Vec { .. } => RegClass::X,
            Type::Acc { .. } if ty.bits() <= 512 => RegClass::Bm,
            Type::Acc { .. } => RegClass::Cm,
        }
    }

    /// The value in a register, made there if need be: which machine value and from which unit.
    pub(super) fn place(&mut self, value: Value) -> (ValueId, u8) {
        match self.at(value) {
            Ref::Reg { value, part } => (value, part),
            Ref::Const(c) => (self.shared_const(RegClass::R, i64::from(c)), 0),
            Ref::Addr(a) => (self.shared_const(RegClass::P, i64::from(a)), 0),
            Ref::Zero(ty) => (self.zero(ty), 0),
            // Only made for a value whose one use is a store, which does not ask for its place.
            Ref::Srs { acc, .. } => self.place(acc),
        }
    }

    /// The value as a machine value of its own class that begins at its first unit; not to be
    /// written over.
    pub(super) fn whole(&mut self, value: Value) -> ValueId {
        let class = self.class_of(self.func.ty(value));
        let (at, part) = self.place(value);
        if part == 0 && self.out.class(at) == class {
            return at;
        }
        self.copy(at, part, class)
    }

    /// The value as [`Lower::whole`] gives it, constants made for this use alone.
    pub(super) fn own(&mut self, value: Value) -> ValueId {
        match self.at(value) {
            Ref::Const(c) => self.own_const(RegClass::R, i64::from(c)),
            Ref::Addr(a) => self.own_const(RegClass::P, i64::from(a)),
            _ => self.whole(value),
        }
    }

    /// An accumulator of zeros.
    fn zero(&mut self, ty: Type) -> ValueId {
        let class = self.class_of(ty);
        let d = self.out.value(class);
        let form = match class {
            RegClass::Bm => op::VCLR_vclr_BF,
            _ => op::VCLR_vclr,
        };
        self.emit(VInst::new(form, vec![Arg::value(d)]));
        d
    }
}
