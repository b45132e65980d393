//! Functions and blocks, and where the values of the kernel are.

use std::collections::HashMap;

use arch::aie2::{Reg, op};

use super::consts::Scope;
use super::control::State;
use super::facts::Facts;
use super::loops::calls;
use crate::error::CompileError;
use crate::frame::Frame;
use crate::mir::{BlockId, BlockKind, Edge, ValueId};
use crate::vcode::{Arg, RegClass, VBlock, VFunc, VInst, ValueInfo};
use kernel::data::Addresses;
use kernel::ir::{Block, Count, Func, Inst, Op, SrsMode, Value};
use kernel::types::{Rounding, Saturation, Type};

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
    /// A walk, in the modifier registers of this tuple.
    Walk(Reg),
    /// A shift that its store does.
    Srs {
        /// Accumulator.
        acc: Value,
        /// Shift.
        shift: Value,
        /// Rounding and range.
        mode: SrsMode,
    },
    /// A packing that its store does.
    Pack {
        /// Vector.
        value: Value,
        /// Whether elements are signed.
        signed: bool,
        /// What becomes of values beyond 8 bits.
        range: Saturation,
    },
    /// A rounding to bf16 that its store does.
    Bf16 {
        /// Accumulator.
        acc: Value,
        /// Rounding.
        rounding: Rounding,
    },
}

/// An open loop.
pub(super) struct OpenLoop {
    /// The block before it.
    pub(super) before: BlockId,
    /// Whether it calls.
    pub(super) calls: bool,
}

/// A copy made before a loop.
#[derive(Clone)]
pub(super) struct Hoist {
    of: Value,
    copy: ValueId,
    /// Loops that must stay open for it to be there.
    pub(super) depth: usize,
}

/// What is known at a place of the function.
#[derive(Clone)]
pub(super) struct Saved {
    pub(super) control: State,
    hoists: Vec<Hoist>,
    scope: Scope,
}

/// Selection of one function.
pub(super) struct Lower<'a> {
    pub(super) func: &'a Func,
    /// Where constant data is.
    constants: &'a Addresses,
    pub(super) facts: Facts,
    pub(super) out: VFunc,
    /// What the control registers hold here.
    pub(super) control: State,
    pub(super) current: BlockId,
    refs: Vec<Option<Ref>>,
    /// Number of loops that were open where a value was defined.
    depths: Vec<usize>,
    pub(super) loops: Vec<OpenLoop>,
    pub(super) scopes: Vec<Scope>,
    pub(super) hoists: Vec<Hoist>,
    /// Machine values of concatenations, by the kernel's value.
    pub(super) wholes: HashMap<Value, ValueId>,
    /// Walks of two dimensions begun, and of three.
    pub(super) walks: (usize, usize),
}

/// Selects instructions for a function that finds constant data at these addresses.
///
/// # Errors
/// An operation without an instruction.
pub fn lower(func: &Func, constants: &Addresses) -> Result<VFunc, CompileError> {
    let mut lower = Lower {
        func,
        constants,
        facts: Facts::of(func),
        out: VFunc {
            name: func.name.clone(),
            params: Vec::new(),
            blocks: vec![VBlock::new(0)],
            values: Vec::<ValueInfo>::new(),
            reserved: Vec::new(),
            returns: true,
            frame: Frame::default(),
        },
        control: State::new(),
        current: BlockId(0),
        refs: vec![None; func.types.len()],
        depths: vec![0; func.types.len()],
        loops: Vec::new(),
        scopes: vec![Scope::at(BlockId(0))],
        hoists: Vec::new(),
        wholes: HashMap::new(),
        walks: (0, 0),
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

    pub(super) fn block(&mut self, block: &Block) -> Result<(), CompileError> {
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
            Op::Data(name) => {
                let address = self.constant_address(name);
                self.set_ref(results[0], Ref::Addr(address));
            }
            Op::AccZero(ty) => self.set_ref(results[0], Ref::Zero(*ty)),
            Op::Int { op, a, b } => self.lower_int(results[0], *op, *a, *b),
            Op::Unary { op, a } => self.lower_unary(results[0], *op, *a),
            Op::Select { cond, a, b } => self.lower_select(results[0], *cond, *a, *b),
            Op::PtrAdd { ptr, offset } => self.lower_ptr_add(results[0], *ptr, *offset),
            Op::PtrAddVar { ptr, offset } => self.lower_ptr_add_var(results[0], *ptr, *offset),
            Op::Walk(dims) => self.lower_walk(results[0], dims)?,
            Op::Load { ty, ptr, access } => self.lower_load(results, *ty, *ptr, *access)?,
            Op::LoadNarrow {
                narrow,
                ptr,
                access,
            } => self.lower_load_narrow(results, *narrow, *ptr, *access),
            Op::StoreNarrow {
                width,
                value,
                ptr,
                access,
            } => self.lower_store_narrow(results, *width, *value, *ptr, *access),
            Op::Store { value, ptr, access } => self.lower_store(results, *value, *ptr, *access)?,
            Op::Splat { ty, scalar } => self.lower_splat(results[0], *ty, *scalar)?,
            Op::Concat { lo, hi } => self.lower_concat(results[0], *lo, *hi),
            Op::Half { value, high } => self.lower_half(results[0], *value, *high),
            Op::Mac { .. } => self.lower_mac(results[0], op)?,
            Op::Vector(vector) => self.lower_vector(results, op, vector),
            Op::Table(table) => self.lower_table(results[0], table),
            Op::Port(port) => self.lower_port(results, port),
            Op::Srs { .. } => self.lower_srs(results[0], op)?,
            Op::Ups { .. } => self.lower_ups(results[0], op)?,
            Op::Loop {
                count,
                params,
                init,
                body,
            } => self.lower_loop(results, *count, params, init, body)?,
            Op::If {
                cond,
                then,
                otherwise,
            } => self.lower_if(results, *cond, then, otherwise)?,
            Op::Yield(_) => {}
            Op::Call { func, args, .. } => self.lower_call(results, func, args)?,
            Op::Return(values) => self.lower_return(values)?,
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

    /// What is known here that a branch takes along.
    pub(super) fn known(&mut self) -> Saved {
        Saved {
            control: self.control.clone(),
            hoists: self.hoists.clone(),
            scope: self.scope().clone(),
        }
    }

    /// Goes back to what was known where a branch began. Constants made since stand at the start of the
    /// scope, which is before the branch.
    pub(super) fn set_known(&mut self, known: Saved) {
        self.control = known.control;
        self.hoists = known.hoists;
        if self.scope().block != known.scope.block {
            *self.scope() = known.scope;
        }
    }

    /// After a call, and where a loop with calls begins or ends: nothing is left of constants and
    /// control registers.
    pub(super) fn forget(&mut self) {
        self.control.clear();
        self.hoists.clear();
        let here = self.current;
        *self.scope() = Scope::at(here);
    }

    /// Begins a block that the current one falls through to.
    pub(super) fn next_block(
        &mut self,
        kind: BlockKind,
        renames: Vec<(ValueId, ValueId)>,
    ) -> BlockId {
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

    /// Where constant data is.
    pub(super) fn constant_address(&self, name: &str) -> u32 {
        // The verifier has seen to it that the module has it.
        self.constants.get(name).copied().unwrap_or(0)
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

    pub(super) fn alias(&mut self, value: Value, of: Value) {
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
    pub(super) fn known_number(&self, value: Value) -> Option<i64> {
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
            // Of its registers, the one that a pointer moves by last.
            Type::Walk { .. } => RegClass::M,
            Type::Vec { .. } if ty.bits() <= 256 => RegClass::W,
            Type::Vec { .. } => RegClass::X,
            Type::Mask { lanes: 64 } => RegClass::L,
            Type::Mask { .. } => RegClass::R,
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
            // The verifier has seen to it that only accesses and loops use walks.
            Ref::Walk(_) => (self.shared_const(RegClass::M, 0), 0),
            // Only made for a value whose one use is a store, which does not ask for its place.
            Ref::Srs { acc: value, .. }
            | Ref::Bf16 { acc: value, .. }
            | Ref::Pack { value, .. } => self.place(value),
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
