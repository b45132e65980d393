//! Loads, stores and pointers.

use arch::aie2::{Opcode, RegFile, op};

use super::forms::{
    Forms, LOAD_ACC, LOAD_S8, LOAD_S16, LOAD_SCALAR, LOAD_U8, LOAD_U16, LOAD_VECTOR, STORE_ACC,
    STORE_BF16, STORE_BYTE, STORE_HALF, STORE_SCALAR, STORE_VECTOR,
};
use super::lower::{Lower, Ref};
use super::walk::counter;
use super::widen::{PACK_BY_CONTROL, PACK_SIGNED, widening};
use crate::error::CompileError;
use crate::mir::{MemAccess, ValueId};
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::{Access, MoveOp, Narrow, Op, Value, VectorOp, Width};
use kernel::types::Type;

/// Moves of a pointer by a number.
const ADD_IMM: [Opcode; 3] = [
    op::PADDB_ldb_ptr_inc_nrm_imm,
    op::PADDA_lda_ptr_inc_idx_imm,
    op::PADDS_st_ptr_inc_idx_imm,
];

/// Moves of a pointer by `m`.
const ADD_REG: [Opcode; 2] = [op::PADDA_lda_ptr_inc_idx, op::PADDS_st_ptr_inc_idx];

/// Bytes of one part of a wide access.
const PART_BYTES: i32 = 32;

/// One access of at most 256 bits.
pub(super) struct One<'a> {
    /// Forms.
    pub(super) forms: &'a Forms,
    /// Value loaded or stored.
    pub(super) data: Arg,
    /// Shift amount of a store that shifts.
    pub(super) shift: Option<Arg>,
    /// Pointer of the kernel, for the object that it reaches.
    pub(super) object: Option<u32>,
    /// Whether it writes.
    pub(super) write: bool,
}

impl Lower<'_> {
    pub(super) fn lower_load(
        &mut self,
        results: &[Value],
        ty: Type,
        ptr: Value,
        access: Access,
    ) -> Result<(), CompileError> {
        let parts = self.class_of(ty).units();
        // The load itself widens what is only wanted wide.
        let widened = self.facts.widened_loads.get(&results[0]).cloned();
        let widened = widened.and_then(|(result, op)| Some((widening(&op, ty)?, result, op)));
        let mut shift = None;
        let (forms, result, to) = match (ty, widened) {
            (_, Some((forms, result, op))) => {
                self.require(&op);
                if let Op::Ups { shift: by, .. } = op {
                    shift = Some(Arg::value(self.shift(by)));
                }
                (forms, result, self.func.ty(result))
            }
            (Type::I32 | Type::Ptr | Type::Mask { .. } | Type::Walk { .. }, _) => {
                (&LOAD_SCALAR, results[0], ty)
            }
            (Type::Vec { .. }, _) => (&LOAD_VECTOR, results[0], ty),
            (Type::Acc { .. }, _) => (&LOAD_ACC, results[0], ty),
        };
        let (value, first) = self.destination(result, to);
        let step = self.class_of(to).units() / parts;
        let data = (0..parts)
            .map(|k| Arg::Value {
                value,
                part: first + (k * step) as u8,
            })
            .collect();
        let moved = self.access(forms, data, shift, ptr, access, false);
        self.define_moved(&results[1..], moved, ptr, access);
        Ok(())
    }

    pub(super) fn lower_store(
        &mut self,
        results: &[Value],
        value: Value,
        ptr: Value,
        access: Access,
    ) -> Result<(), CompileError> {
        let ty = self.func.ty(value);
        if let Ref::Srs {
            acc, shift, mode, ..
        } = self.at(value)
        {
            let (forms, data, shift) = self.fused_srs(acc, shift, mode, ty)?;
            let moved = self.access(forms, data, Some(shift), ptr, access, true);
            self.define_moved(results, moved, ptr, access);
            return Ok(());
        }
        if let Ref::Bf16 { acc, rounding } = self.at(value) {
            let data = self.fused_bf16(acc, rounding, ty);
            let moved = self.access(&STORE_BF16, data, None, ptr, access, true);
            self.define_moved(results, moved, ptr, access);
            return Ok(());
        }
        if let Ref::Pack {
            value,
            signed,
            range,
        } = self.at(value)
        {
            self.require(&Op::Vector(VectorOp::Move(MoveOp::Pack {
                value,
                signed,
                range,
            })));
            let forms = if signed {
                &PACK_SIGNED
            } else {
                &PACK_BY_CONTROL
            };
            let data = vec![Arg::value(self.whole(value))];
            let moved = self.access(forms, data, None, ptr, access, true);
            self.define_moved(results, moved, ptr, access);
            return Ok(());
        }
        let forms = match ty {
            Type::I32 | Type::Ptr | Type::Mask { .. } | Type::Walk { .. } => &STORE_SCALAR,
            Type::Vec { .. } => &STORE_VECTOR,
            Type::Acc { .. } => &STORE_ACC,
        };
        let (at, first) = self.place(value);
        let data = (0..self.class_of(ty).units() as u8)
            .map(|k| Arg::Value {
                value: at,
                part: first + k,
            })
            .collect();
        let moved = self.access(forms, data, None, ptr, access, true);
        self.define_moved(results, moved, ptr, access);
        Ok(())
    }

    pub(super) fn lower_load_narrow(
        &mut self,
        results: &[Value],
        narrow: Narrow,
        ptr: Value,
        access: Access,
    ) {
        let forms = match narrow {
            Narrow::S8 => &LOAD_S8,
            Narrow::U8 => &LOAD_U8,
            Narrow::S16 => &LOAD_S16,
            Narrow::U16 => &LOAD_U16,
        };
        let value = self.out.value(RegClass::R);
        self.define(results[0], value);
        let data = vec![Arg::value(value)];
        let moved = self.access(forms, data, None, ptr, access, false);
        self.define_moved(&results[1..], moved, ptr, access);
    }

    pub(super) fn lower_store_narrow(
        &mut self,
        results: &[Value],
        width: Width,
        value: Value,
        ptr: Value,
        access: Access,
    ) {
        let forms = match width {
            Width::Byte => &STORE_BYTE,
            Width::Half => &STORE_HALF,
        };
        let data = vec![Arg::value(self.scalar(value))];
        let moved = self.access(forms, data, None, ptr, access, true);
        self.define_moved(results, moved, ptr, access);
    }

    /// Says where the moved pointer is, and the walk.
    fn define_moved(
        &mut self,
        results: &[Value],
        moved: Option<ValueId>,
        ptr: Value,
        access: Access,
    ) {
        match (results.first(), moved) {
            (Some(result), Some(moved)) => self.define(*result, moved),
            (Some(result), None) => {
                let same = self.at(ptr);
                self.set_ref(*result, same);
            }
            _ => {}
        }
        if let (Access::Walk(walk), Some(next)) = (access, results.get(1)) {
            self.alias(*next, walk);
        }
    }

    /// Reads or writes the parts of a value, lowest at the lowest address; the moved pointer.
    fn access(
        &mut self,
        forms: &Forms,
        data: Vec<Arg>,
        shift: Option<Arg>,
        ptr: Value,
        access: Access,
        write: bool,
    ) -> Option<ValueId> {
        let object = self.facts.object(ptr);
        let one = |data| One {
            forms,
            data,
            shift: shift.clone(),
            object,
            write,
        };
        match access {
            Access::Offset(offset) => {
                let base = self.whole(ptr);
                for (k, data) in data.into_iter().enumerate() {
                    self.access_at(one(data), base, offset + k as i32 * PART_BYTES);
                }
                None
            }
            Access::OffsetVar(offset) => {
                if let Some(offset) = self.known_const(offset) {
                    return self.access(forms, data, shift, ptr, Access::Offset(offset), write);
                }
                // The parts beyond the first are reached from a pointer of their own.
                let base = match data.len() {
                    1 => None,
                    _ => Some(self.ptr_add_var(ptr, offset)),
                };
                let Some(base) = base else {
                    let base = self.whole(ptr);
                    let offset = self.hoisted_copy(offset, RegClass::Dj);
                    let forms = forms.offset_reg.to_vec();
                    for data in data {
                        self.emit_access(forms.clone(), one(data), base, None, Arg::value(offset));
                    }
                    return None;
                };
                for (k, data) in data.into_iter().enumerate() {
                    self.access_at(one(data), base, k as i32 * PART_BYTES);
                }
                None
            }
            Access::Post(0) => self.access(forms, data, shift, ptr, Access::Offset(0), write),
            // The part at the pointer comes last and moves it: then all can issue together.
            Access::Post(_) | Access::PostVar(_) | Access::Walk(_) => {
                let base = self.own(ptr);
                let mut parts = data.into_iter();
                let first = parts.next()?;
                for (k, data) in parts.enumerate() {
                    self.access_at(one(data), base, (k as i32 + 1) * PART_BYTES);
                }
                Some(self.access_moving(one(first), base, access))
            }
        }
    }

    fn access_at(&mut self, one: One<'_>, base: ValueId, offset: i32) {
        let offset = i64::from(offset);
        let holds = fitting(one.forms.offset, "imm", offset);
        let (forms, arg) = if holds.is_empty() {
            let offset = self.shared_const(RegClass::Dj, offset);
            (one.forms.offset_reg.to_vec(), Arg::value(offset))
        } else {
            (holds, Arg::Imm(offset))
        };
        self.emit_access(forms, one, base, None, arg);
    }

    fn access_moving(&mut self, one: One<'_>, base: ValueId, access: Access) -> ValueId {
        let (forms, arg) = match access {
            Access::Walk(walk) => match self.at(walk) {
                Ref::Walk(tuple) if tuple.file() == RegFile::D3 => {
                    (one.forms.walk3.to_vec(), Arg::Reg(tuple))
                }
                Ref::Walk(tuple) => (one.forms.walk2.to_vec(), Arg::Reg(tuple)),
                // The verifier has checked types.
                _ => (one.forms.post.to_vec(), Arg::Imm(0)),
            },
            Access::PostVar(step) if self.known_const(step).is_none() => {
                let step = self.hoisted_copy(step, RegClass::M);
                (one.forms.post_reg.to_vec(), Arg::value(step))
            }
            Access::PostVar(_) | Access::Post(_) | Access::Offset(_) | Access::OffsetVar(_) => {
                let step = match access {
                    Access::PostVar(step) => self.known_const(step).unwrap_or(0),
                    Access::Post(step) => step,
                    _ => 0,
                };
                let holds = fitting(one.forms.post, "imm", i64::from(step));
                if holds.is_empty() {
                    let step = self.shared_const(RegClass::M, i64::from(step));
                    (one.forms.post_reg.to_vec(), Arg::value(step))
                } else {
                    (holds, Arg::Imm(i64::from(step)))
                }
            }
        };
        let moved = self.out.value(RegClass::P);
        self.emit_access(forms, one, base, Some(moved), arg);
        moved
    }

    fn emit_access(
        &mut self,
        forms: Vec<Opcode>,
        one: One<'_>,
        base: ValueId,
        moved: Option<ValueId>,
        offset: Arg,
    ) {
        let names = forms[0].desc().operands.iter().map(|o| o.name);
        let args = names
            .map(|name| match (name, moved, &one.shift) {
                ("ptr_out", Some(moved), _) => Arg::value(moved),
                ("ptr", ..) => Arg::value(base),
                ("imm" | "dj" | "mod", ..) => offset.clone(),
                ("count_out" | "count_lo_out", ..) => counter(&offset, false),
                ("count_hi_out", ..) => counter(&offset, true),
                ("shft", _, Some(shift)) => shift.clone(),
                _ => one.data.clone(),
            })
            .collect();
        self.emit(VInst {
            forms,
            args,
            memory: Some(MemAccess {
                object: one.object,
                write: one.write,
            }),
        });
    }

    pub(super) fn lower_ptr_add(&mut self, result: Value, ptr: Value, offset: i32) {
        if let Ref::Addr(addr) = self.at(ptr) {
            // Addresses have 20 bits and wrap.
            let sum = addr.wrapping_add_signed(offset) & 0xf_ffff;
            self.set_ref(result, Ref::Addr(sum));
            return;
        }
        let base = self.whole(ptr);
        if offset == 0 {
            self.define(result, base);
            return;
        }
        let offset = i64::from(offset);
        let forms = fitting(&ADD_IMM, "imm", offset);
        let moved = if forms.is_empty() {
            let by = self.shared_const(RegClass::M, offset);
            self.emit_ptr_add(base, ADD_REG.to_vec(), Arg::value(by))
        } else {
            self.emit_ptr_add(base, forms, Arg::Imm(offset))
        };
        self.define(result, moved);
    }

    pub(super) fn lower_ptr_add_var(&mut self, result: Value, ptr: Value, offset: Value) {
        if let Some(offset) = self.known_const(offset) {
            return self.lower_ptr_add(result, ptr, offset);
        }
        let moved = self.ptr_add_var(ptr, offset);
        self.define(result, moved);
    }

    /// A pointer plus a scalar that is no constant.
    fn ptr_add_var(&mut self, ptr: Value, offset: Value) -> ValueId {
        let base = self.own(ptr);
        let by = self.hoisted_copy(offset, RegClass::M);
        self.emit_ptr_add(base, ADD_REG.to_vec(), Arg::value(by))
    }

    fn emit_ptr_add(&mut self, base: ValueId, forms: Vec<Opcode>, by: Arg) -> ValueId {
        let moved = self.out.value(RegClass::P);
        self.emit(VInst {
            forms,
            args: vec![Arg::value(moved), Arg::value(base), by],
            memory: None,
        });
        moved
    }

    /// Where a result goes: a value of its own, or its half of the vector that it becomes part of.
    pub(super) fn destination(&mut self, result: Value, ty: Type) -> (ValueId, u8) {
        if let Some((whole, high)) = self.facts.halves.get(&result).copied() {
            let value = self.placed_whole(whole);
            let half = self.class_of(ty).units() as u8;
            let part = if high { half } else { 0 };
            self.set_ref(result, Ref::Reg { value, part });
            return (value, part);
        }
        let value = self.out.value(self.class_of(ty));
        self.define(result, value);
        (value, 0)
    }
}

/// The forms whose operand `name` can hold `imm`.
fn fitting(forms: &[Opcode], name: &str, imm: i64) -> Vec<Opcode> {
    let fits = |form: &&Opcode| {
        let desc = form.desc();
        let class = desc.operand(name).map(|k| desc.operands[k].class);
        class.and_then(|c| c.imm()).is_some_and(|i| i.holds(imm))
    };
    forms.iter().filter(fits).copied().collect()
}
