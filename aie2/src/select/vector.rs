//! Multiply-accumulate, shift-round-saturate and moves of vectors.

use arch::aie2::{Opcode, op};

use super::forms::{Forms, one_slot};
use super::lower::{Lower, Ref};
use crate::error::CompileError;
use crate::mir::ValueId;
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::{MacMode, Op, SrsMode, Value};
use kernel::types::{AccLane, Elem, Type};

/// Shift-round-saturate of one pair of types.
struct SrsForms {
    lane: AccLane,
    elem: Elem,
    /// Into a 256-bit vector.
    narrow: Opcode,
    /// Into a 512-bit vector, where the accumulator is large enough.
    wide: Option<Opcode>,
    /// Into memory, 256 bits.
    store: Forms,
}

/// Signed results.
const SRS_SIGNED: [SrsForms; 4] = [
    SrsForms {
        lane: AccLane::I32,
        elem: Elem::I8,
        narrow: op::VSRS_S8_S32_mv_w_srs,
        wide: None,
        store: one_slot!(
            VST_SRS_S8_S32_ag_idx_imm,
            VST_SRS_S8_S32_ag_idx,
            VST_SRS_S8_S32_ag_pstm_nrm_imm,
            VST_SRS_S8_S32_ag_pstm_nrm,
            VST_2D_SRS_S8_S32,
            VST_3D_SRS_S8_S32
        ),
    },
    SrsForms {
        lane: AccLane::I32,
        elem: Elem::I16,
        narrow: op::VSRS_S16_S32_mv_w_srs,
        wide: Some(op::VSRS_S16_S32_mv_x_srs),
        store: one_slot!(
            VST_SRS_S16_S32_ag_idx_imm,
            VST_SRS_S16_S32_ag_idx,
            VST_SRS_S16_S32_ag_pstm_nrm_imm,
            VST_SRS_S16_S32_ag_pstm_nrm,
            VST_2D_SRS_S16_S32,
            VST_3D_SRS_S16_S32
        ),
    },
    SrsForms {
        lane: AccLane::I64,
        elem: Elem::I16,
        narrow: op::VSRS_S16_S64_mv_w_srs,
        wide: None,
        store: one_slot!(
            VST_SRS_S16_S64_ag_idx_imm,
            VST_SRS_S16_S64_ag_idx,
            VST_SRS_S16_S64_ag_pstm_nrm_imm,
            VST_SRS_S16_S64_ag_pstm_nrm,
            VST_2D_SRS_S16_S64,
            VST_3D_SRS_S16_S64
        ),
    },
    SrsForms {
        lane: AccLane::I64,
        elem: Elem::I32,
        narrow: op::VSRS_S32_S64_mv_w_srs,
        wide: Some(op::VSRS_S32_S64_mv_x_srs),
        store: one_slot!(
            VST_SRS_S32_S64_ag_idx_imm,
            VST_SRS_S32_S64_ag_idx,
            VST_SRS_S32_S64_ag_pstm_nrm_imm,
            VST_SRS_S32_S64_ag_pstm_nrm,
            VST_2D_SRS_S32_S64,
            VST_3D_SRS_S32_S64
        ),
    },
];

/// Results whose sign the control register says.
const SRS_BY_CONTROL: [SrsForms; 4] = [
    SrsForms {
        lane: AccLane::I32,
        elem: Elem::I8,
        narrow: op::VSRS_D8_S32_mv_w_srs,
        wide: None,
        store: one_slot!(
            VST_SRS_D8_S32_ag_idx_imm,
            VST_SRS_D8_S32_ag_idx,
            VST_SRS_D8_S32_ag_pstm_nrm_imm,
            VST_SRS_D8_S32_ag_pstm_nrm,
            VST_2D_SRS_D8_S32,
            VST_3D_SRS_D8_S32
        ),
    },
    SrsForms {
        lane: AccLane::I32,
        elem: Elem::I16,
        narrow: op::VSRS_D16_S32_mv_w_srs,
        wide: Some(op::VSRS_D16_S32_mv_x_srs),
        store: one_slot!(
            VST_SRS_D16_S32_ag_idx_imm,
            VST_SRS_D16_S32_ag_idx,
            VST_SRS_D16_S32_ag_pstm_nrm_imm,
            VST_SRS_D16_S32_ag_pstm_nrm,
            VST_2D_SRS_D16_S32,
            VST_3D_SRS_D16_S32
        ),
    },
    SrsForms {
        lane: AccLane::I64,
        elem: Elem::I16,
        narrow: op::VSRS_D16_S64_mv_w_srs,
        wide: None,
        store: one_slot!(
            VST_SRS_D16_S64_ag_idx_imm,
            VST_SRS_D16_S64_ag_idx,
            VST_SRS_D16_S64_ag_pstm_nrm_imm,
            VST_SRS_D16_S64_ag_pstm_nrm,
            VST_2D_SRS_D16_S64,
            VST_3D_SRS_D16_S64
        ),
    },
    SrsForms {
        lane: AccLane::I64,
        elem: Elem::I32,
        narrow: op::VSRS_D32_S64_mv_w_srs,
        wide: Some(op::VSRS_D32_S64_mv_x_srs),
        store: one_slot!(
            VST_SRS_D32_S64_ag_idx_imm,
            VST_SRS_D32_S64_ag_idx,
            VST_SRS_D32_S64_ag_pstm_nrm_imm,
            VST_SRS_D32_S64_ag_pstm_nrm,
            VST_2D_SRS_D32_S64,
            VST_3D_SRS_D32_S64
        ),
    },
];

/// Up-shift: lane, element, 512 or 1024 bits of accumulator, instruction for signed elements and the
/// one whose sign the control register says.
const UPS: [(AccLane, Elem, RegClass, Opcode, Opcode); 6] = [
    (
        AccLane::I32,
        Elem::I16,
        RegClass::Bm,
        op::VUPS_S32_S16_mv_ups_w2b,
        op::VUPS_S32_D16_mv_ups_w2b,
    ),
    (
        AccLane::I32,
        Elem::I16,
        RegClass::Cm,
        op::VUPS_S32_S16_mv_ups_x2c,
        op::VUPS_S32_D16_mv_ups_x2c,
    ),
    (
        AccLane::I32,
        Elem::I8,
        RegClass::Cm,
        op::VUPS_S32_S8_mv_ups_w2c,
        op::VUPS_S32_D8_mv_ups_w2c,
    ),
    (
        AccLane::I64,
        Elem::I32,
        RegClass::Bm,
        op::VUPS_S64_S32_mv_ups_w2b,
        op::VUPS_S64_D32_mv_ups_w2b,
    ),
    (
        AccLane::I64,
        Elem::I32,
        RegClass::Cm,
        op::VUPS_S64_S32_mv_ups_x2c,
        op::VUPS_S64_D32_mv_ups_x2c,
    ),
    (
        AccLane::I64,
        Elem::I16,
        RegClass::Cm,
        op::VUPS_S64_S16_mv_ups_w2c,
        op::VUPS_S64_D16_mv_ups_w2c,
    ),
];

/// Configuration word of a multiplication, and whether it negates the accumulator.
fn mac_config(mode: MacMode, a_signed: bool, b_signed: bool, negate_acc: bool) -> i64 {
    let mut conf = mode.hardware().conf(a_signed, b_signed);
    conf.sub1 = negate_acc;
    i64::from(conf.encode())
}

/// The instruction of a product: whether of floats, whether it is negated, and whether the accumulator
/// is, if there is one. Of floats none negates the accumulator: the configuration word does.
fn product_form(float: bool, negate: bool, acc: Option<bool>) -> Opcode {
    match (float, negate, acc) {
        (false, false, None) => op::VMUL_vmac_cm_core_dense,
        (false, true, None) => op::VNEGMUL_vmac_cm_core_dense,
        (false, false, Some(false)) => op::VMAC_vmac_cm_core_dense,
        (false, true, Some(false)) => op::VMSC_vmac_cm_core_dense,
        (false, true, Some(true)) => op::VNEGMAC_vmac_cm_core_dense,
        (false, false, Some(true)) => op::VNEGMSC_vmac_cm_core_dense,
        (true, false, None) => op::VMUL_F_vmac_bm_core_dense,
        (true, true, None) => op::VNEGMUL_F_vmac_bm_core_dense,
        (true, false, Some(_)) => op::VMAC_F_vmac_bm_core_dense,
        (true, true, Some(_)) => op::VMSC_F_vmac_bm_core_dense,
    }
}

impl Lower<'_> {
    pub(super) fn lower_mac(&mut self, result: Value, op: &Op) -> Result<(), CompileError> {
        let Op::Mac {
            mode,
            a_signed,
            b_signed,
            negate,
            acc,
            a,
            b,
        } = op
        else {
            return Ok(());
        };
        // A sum that begins with zero is a product.
        let addend = acc.filter(|addend| !matches!(self.at(addend.acc), Ref::Zero(_)));
        let negated = mode.is_float() && addend.is_some_and(|addend| addend.negate);
        let config = mac_config(*mode, *a_signed, *b_signed, negated);
        let config = self.shared_const(RegClass::R, config);
        let (a, b) = (self.factor(*a), self.factor(*b));
        let ty = mode.shape().acc;
        let form = product_form(mode.is_float(), *negate, addend.map(|a| a.negate));
        let acc = addend.map(|addend| self.acc(addend.acc));
        let (value, part) = self.destination(result, ty);
        let mut args = vec![Arg::Value { value, part }];
        args.extend(acc);
        args.extend([a, b, Arg::value(config)]);
        self.emit(VInst::new(form, args));
        Ok(())
    }

    /// A vector as an operand of 512 bits; of a 256-bit vector the upper half does not matter.
    pub(super) fn factor(&mut self, value: Value) -> Arg {
        let (at, part) = self.place(value);
        if part == 0 {
            return Arg::value(at);
        }
        Arg::value(self.copy(at, part, RegClass::W))
    }

    pub(super) fn lower_srs(&mut self, result: Value, op: &Op) -> Result<(), CompileError> {
        let Op::Srs {
            ty,
            acc,
            shift,
            mode,
        } = op
        else {
            return Ok(());
        };
        let (acc, shift, mode, ty) = (*acc, *shift, *mode, *ty);
        if self.facts.stored[result.index()] {
            // Fails here rather than at the store, where the operation is no longer at hand.
            self.srs_forms(acc, mode, ty)?;
            // The store does it; the accumulator is there then as well.
            self.set_ref(result, Ref::Srs { acc, shift, mode });
            return Ok(());
        }
        self.require(op);
        let forms = self.srs_forms(acc, mode, ty)?;
        let form = match self.class_of(ty) {
            RegClass::W => forms.narrow,
            _ => forms.wide.unwrap_or(forms.narrow),
        };
        let (acc, acc_part) = self.place(acc);
        let shift = self.shift(shift);
        let (value, part) = self.destination(result, ty);
        let args = vec![
            Arg::Value { value, part },
            Arg::Value {
                value: acc,
                part: acc_part,
            },
            Arg::value(shift),
        ];
        self.emit(VInst::new(form, args));
        Ok(())
    }

    fn srs_forms(
        &self,
        acc: Value,
        mode: SrsMode,
        ty: Type,
    ) -> Result<&'static SrsForms, CompileError> {
        let from = self.func.ty(acc);
        let table = match mode.signed {
            true => &SRS_SIGNED,
            false => &SRS_BY_CONTROL,
        };
        let found = match (from, ty) {
            (Type::Acc { lane, .. }, Type::Vec { elem, .. }) => {
                table.iter().find(|f| f.lane == lane && f.elem == elem)
            }
            _ => None,
        };
        found.ok_or_else(|| CompileError::Unsupported {
            func: self.func.name.clone(),
            what: format!("srs from {from} to {ty}"),
            help: "acc32 goes to i8 or i16, acc64 to i16 or i32",
        })
    }

    /// The parts of a shift that its store does: forms, accumulators of 256 bits each of result,
    /// shift.
    pub(super) fn fused_srs(
        &mut self,
        acc: Value,
        shift: Value,
        mode: SrsMode,
        ty: Type,
    ) -> Result<(&'static Forms, Vec<Arg>, Arg), CompileError> {
        self.require(&Op::Srs {
            ty,
            acc,
            shift,
            mode,
        });
        let forms = self.srs_forms(acc, mode, ty)?;
        let (value, first) = self.place(acc);
        let shift = self.shift(shift);
        let units = self.class_of(self.func.ty(acc)).units();
        let parts = self.class_of(ty).units();
        let data = (0..parts)
            .map(|k| Arg::Value {
                value,
                part: first + (k * units / parts) as u8,
            })
            .collect();
        Ok((&forms.store, data, Arg::value(shift)))
    }

    pub(super) fn lower_ups(&mut self, result: Value, op: &Op) -> Result<(), CompileError> {
        let Op::Ups {
            ty,
            value,
            shift,
            signed,
        } = op
        else {
            return Ok(());
        };
        if self.facts.widened_loads.contains_key(value) {
            return Ok(());
        }
        self.require(op);
        let class = self.class_of(*ty);
        let from = self.func.ty(*value);
        let row = match (*ty, from) {
            (Type::Acc { lane, .. }, Type::Vec { elem, .. }) => UPS
                .iter()
                .find(|u| u.0 == lane && u.1 == elem && u.2 == class),
            _ => None,
        };
        let row = row.ok_or_else(|| CompileError::Unsupported {
            func: self.func.name.clone(),
            what: format!("ups from {from} to {ty}"),
            help: "i8 and i16 go to acc32, i16 and i32 to acc64",
        })?;
        let form = if *signed { row.3 } else { row.4 };
        let (at, part) = self.place(*value);
        let shift = self.shift(*shift);
        let (d, d_part) = self.destination(result, *ty);
        let args = vec![
            Arg::Value {
                value: d,
                part: d_part,
            },
            Arg::Value { value: at, part },
            Arg::value(shift),
        ];
        self.emit(VInst::new(form, args));
        Ok(())
    }

    /// A shift amount in a shift register.
    pub(super) fn shift(&mut self, shift: Value) -> ValueId {
        match self.known_const(shift) {
            Some(n) => self.shared_const(RegClass::S, i64::from(n)),
            None => self.hoisted_copy(shift, RegClass::S),
        }
    }

    pub(super) fn lower_splat(
        &mut self,
        result: Value,
        ty: Type,
        scalar: Value,
    ) -> Result<(), CompileError> {
        let elem = match ty {
            Type::Vec { elem, .. } => elem,
            _ => Elem::I32,
        };
        let form = match elem.bits() {
            8 => op::VBCST_8,
            16 => op::VBCST_16,
            _ => op::VBCST_32,
        };
        let scalar = self.scalar(scalar);
        // The instruction fills 512 bits; a 256-bit vector is the low half.
        let d = self.out.value(RegClass::X);
        self.emit(VInst::new(form, vec![Arg::value(d), Arg::value(scalar)]));
        self.define(result, d);
        Ok(())
    }

    pub(super) fn lower_concat(&mut self, result: Value, lo: Value, hi: Value) {
        let whole = self.placed_whole(result);
        // Where the block is selected once more, the vector is another.
        self.wholes.remove(&result);
        let class = self.class_of(self.func.ty(lo));
        for (half, part) in [(lo, 0), (hi, class.units() as u8)] {
            let (value, at) = self.place(half);
            if (value, at) != (whole, part) {
                let to = Arg::Value { value: whole, part };
                let from = Arg::Value { value, part: at };
                self.emit(VInst::new(copy_form(class), vec![to, from]));
            }
        }
        self.define(result, whole);
    }

    /// The machine value of a concatenation, made when the first half of it is.
    pub(super) fn placed_whole(&mut self, whole: Value) -> ValueId {
        if let Some(value) = self.wholes.get(&whole) {
            return *value;
        }
        let class = self.class_of(self.func.ty(whole));
        let value = self.out.value(class);
        self.wholes.insert(whole, value);
        value
    }

    pub(super) fn lower_half(&mut self, result: Value, value: Value, high: bool) {
        let half = self.class_of(self.func.ty(result)).units() as u8;
        let (value, part) = self.place(value);
        let part = part + if high { half } else { 0 };
        self.set_ref(result, Ref::Reg { value, part });
    }

    /// The units of a value from `part` on in a new value of `class`.
    pub(super) fn copy(&mut self, value: ValueId, part: u8, class: RegClass) -> ValueId {
        let d = self.out.value(class);
        for inst in copies(class, d, (value, part)) {
            self.emit(inst);
        }
        d
    }
}

/// The instructions that copy the units of a value from `part` on to a value of a class.
pub fn copies(class: RegClass, to: ValueId, (value, part): (ValueId, u8)) -> Vec<VInst> {
    let form = copy_form(class);
    // Scalars move one by one.
    let moves = if class == RegClass::L { 2 } else { 1 };
    let one = |k: u8| {
        let to = Arg::Value { value: to, part: k };
        let from = Arg::Value {
            value,
            part: part + k,
        };
        VInst::new(form, vec![to, from])
    };
    (0..moves).map(one).collect()
}

/// The instruction that copies a register of a class, or one of a pair.
pub fn copy_form(class: RegClass) -> Opcode {
    match class {
        RegClass::L | RegClass::R | RegClass::P | RegClass::M | RegClass::Dj | RegClass::S => {
            op::MOV_mv_scl
        }
        RegClass::W => op::VMOV_mv_w,
        RegClass::X | RegClass::Bm => op::VMOV_mv_x,
        RegClass::Cm => op::VMOV_mv_cm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_words_are_those_of_compiled_kernels() {
        assert_eq!(mac_config(MacMode::I8M4K8N8, true, true, false), 776);
        assert_eq!(mac_config(MacMode::I8M4K8N8, true, false, false), 0x208);
        assert_eq!(mac_config(MacMode::I16E32, true, true, false), 0x338);
        assert_eq!(mac_config(MacMode::Bf16M4K8N4, true, true, false), 28);
    }
}
