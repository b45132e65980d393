//! The vector adder: arithmetic, comparison and selection of lanes, and masks.

use arch::aie2::{Opcode, op};
use arch::num::LaneFn;

use super::acc::part_of;
use super::lower::Lower;
use crate::mir::ValueId;
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::{CompareOp, LaneOp, Value};
use kernel::types::{Elem, Type};

/// What the adder does, for signed elements of 8, 16 and 32 bits, for unsigned ones, and for bf16. What
/// minds no sign stands in both places.
type Row = (LaneFn, [Opcode; 3], [Opcode; 3], Option<Opcode>);

/// Instructions of the adder.
#[rustfmt::skip]
const FORMS: [Row; 12] = [
    (LaneFn::Add, [op::VADD_8, op::VADD_16, op::VADD_32], [op::VADD_8, op::VADD_16, op::VADD_32], None),
    (LaneFn::Sub, [op::VSUB_8, op::VSUB_16, op::VSUB_32], [op::VSUB_8, op::VSUB_16, op::VSUB_32], None),
    (LaneFn::NotLtz, [op::VBNEG_LTZ_S8, op::VBNEG_LTZ_S16, op::VBNEG_LTZ_S32], [op::VBNEG_LTZ_S8, op::VBNEG_LTZ_S16, op::VBNEG_LTZ_S32], Some(op::VBNEG_LTZ_S16)),
    (LaneFn::NegGtz, [op::VNEG_GTZ8, op::VNEG_GTZ16, op::VNEG_GTZ32], [op::VNEG_GTZ8, op::VNEG_GTZ16, op::VNEG_GTZ32], None),
    (LaneFn::AbsGtz, [op::VABS_GTZ_S8, op::VABS_GTZ_S16, op::VABS_GTZ_S32], [op::VABS_GTZ_D8, op::VABS_GTZ_D16, op::VABS_GTZ_D32], None),
    (LaneFn::Lt, [op::VLT_S8, op::VLT_S16, op::VLT_S32], [op::VLT_D8, op::VLT_D16, op::VLT_D32], Some(op::VLT_BF16)),
    (LaneFn::Ge, [op::VGE_S8, op::VGE_S16, op::VGE_S32], [op::VGE_D8, op::VGE_D16, op::VGE_D32], Some(op::VGE_BF16)),
    (LaneFn::EqZ, [op::VEQZ_8, op::VEQZ_16, op::VEQZ_32], [op::VEQZ_8, op::VEQZ_16, op::VEQZ_32], Some(op::VEQZ_16)),
    (LaneFn::MaxLt, [op::VMAX_LT_S8, op::VMAX_LT_S16, op::VMAX_LT_S32], [op::VMAX_LT_D8, op::VMAX_LT_D16, op::VMAX_LT_D32], Some(op::VMAX_LT_BF16)),
    (LaneFn::MinGe, [op::VMIN_GE_S8, op::VMIN_GE_S16, op::VMIN_GE_S32], [op::VMIN_GE_D8, op::VMIN_GE_D16, op::VMIN_GE_D32], Some(op::VMIN_GE_BF16)),
    (LaneFn::SubLt, [op::VSUB_LT_S8, op::VSUB_LT_S16, op::VSUB_LT_S32], [op::VSUB_LT_D8, op::VSUB_LT_D16, op::VSUB_LT_D32], None),
    (LaneFn::SubGe, [op::VSUB_GE_S8, op::VSUB_GE_S16, op::VSUB_GE_S32], [op::VSUB_GE_D8, op::VSUB_GE_D16, op::VSUB_GE_D32], None),
];

/// The instruction of the adder for lanes of an element.
fn form(f: LaneFn, elem: Elem, signed: bool) -> Opcode {
    match f {
        LaneFn::And => return op::VBAND,
        LaneFn::Or => return op::VBOR,
        _ => {}
    }
    let row = FORMS.iter().find(|row| row.0 == f).unwrap_or(&FORMS[0]);
    let forms = if signed { &row.1 } else { &row.2 };
    let by_width = match elem.bits() {
        8 => forms[0],
        16 => forms[1],
        _ => forms[2],
    };
    match elem {
        Elem::Bf16 => row.3.unwrap_or(by_width),
        _ => by_width,
    }
}

/// Element of a vector.
pub(super) fn elem(ty: Type) -> Elem {
    match ty {
        Type::Vec { elem, .. } => elem,
        _ => Elem::I32,
    }
}

/// Class of the register of a mask of an element's lanes.
fn mask_class(elem: Elem) -> RegClass {
    match elem.bits() {
        8 => RegClass::L,
        _ => RegClass::R,
    }
}

impl Lower<'_> {
    pub(super) fn lower_lanes(
        &mut self,
        results: &[Value],
        op: LaneOp,
        signed: bool,
        a: Value,
        b: Option<Value>,
    ) {
        let elem = elem(self.func.ty(a));
        let first = self.factor(a);
        let mut operands = vec![first];
        if let Some(b) = b {
            operands.push(self.factor(b));
        }
        let (value, mask) = match op.hardware() {
            Some(f) => self.adder(f, elem, signed, &operands),
            None => (self.exclusive_or(&operands), None),
        };
        self.define(results[0], value);
        if let (Some(result), Some(mask)) = (results.get(1), mask) {
            self.define(*result, mask);
        }
    }

    /// An instruction of the adder that makes a vector: the vector and the mask that it makes as well.
    /// The vector has 512 bits; where operands have 256, so has what matters of it.
    pub(super) fn adder(
        &mut self,
        f: LaneFn,
        elem: Elem,
        signed: bool,
        operands: &[Arg],
    ) -> (ValueId, Option<ValueId>) {
        let form = form(f, elem, signed);
        let value = self.out.value(RegClass::X);
        let mut args = vec![Arg::value(value)];
        let has_mask = form.desc().operand("cmp").is_some();
        let mask = has_mask.then(|| self.out.value(mask_class(elem)));
        args.extend(mask.map(Arg::value));
        args.extend(operands.iter().cloned());
        self.emit(VInst::new(form, args));
        (value, mask)
    }

    /// What is in one operand and not in both: `(a | b) & ~(a & b)`.
    fn exclusive_or(&mut self, operands: &[Arg]) -> ValueId {
        let (either, _) = self.adder(LaneFn::Or, Elem::I32, true, operands);
        let (both, _) = self.adder(LaneFn::And, Elem::I32, true, operands);
        let (not_both, _) = self.adder(LaneFn::NotLtz, Elem::I32, true, &[Arg::value(both)]);
        let operands = [Arg::value(either), Arg::value(not_both)];
        self.adder(LaneFn::And, Elem::I32, true, &operands).0
    }

    pub(super) fn lower_compare(
        &mut self,
        result: Value,
        op: CompareOp,
        signed: bool,
        a: Value,
        b: Value,
    ) {
        let ty = self.func.ty(a);
        let elem = elem(ty);
        let (x, y) = (self.factor(a), self.factor(b));
        match op {
            CompareOp::Lt => self.lower_order(result, form(LaneFn::Lt, elem, signed), x, y),
            CompareOp::Ge => self.lower_order(result, form(LaneFn::Ge, elem, signed), x, y),
            CompareOp::Gt => self.lower_order(result, form(LaneFn::Lt, elem, signed), y, x),
            CompareOp::Le => self.lower_order(result, form(LaneFn::Ge, elem, signed), y, x),
            CompareOp::Eq => self.lower_equal(result, ty, x, y),
            CompareOp::Ne => {
                self.lower_equal(result, ty, x, y);
                self.lower_mask_not(result, result);
            }
        }
    }

    fn lower_order(&mut self, result: Value, form: Opcode, a: Arg, b: Arg) {
        let class = self.class_of(self.func.ty(result));
        let mask = self.out.value(class);
        self.emit(VInst::new(form, vec![Arg::value(mask), a, b]));
        self.define(result, mask);
    }

    /// Integers are equal where their difference is zero, bf16 where neither is below the other.
    fn lower_equal(&mut self, result: Value, ty: Type, a: Arg, b: Arg) {
        let elem = elem(ty);
        if elem != Elem::Bf16 {
            let (difference, _) = self.adder(LaneFn::Sub, elem, true, &[a, b]);
            self.lower_eq_zero(result, ty, Arg::value(difference));
            return;
        }
        let form = form(LaneFn::Ge, elem, true);
        let masks = [(a.clone(), b.clone()), (b, a)].map(|(a, b)| {
            let mask = self.out.value(RegClass::R);
            self.emit(VInst::new(form, vec![Arg::value(mask), a, b]));
            Arg::value(mask)
        });
        let [left, right] = masks;
        self.mask_op(result, op::AND, left, right);
    }

    pub(super) fn lower_eq_zero(&mut self, result: Value, ty: Type, value: Arg) {
        let mask = self.out.value(mask_class(elem(ty)));
        let form = form(LaneFn::EqZ, elem(ty), true);
        self.emit(VInst::new(form, vec![Arg::value(mask), value]));
        self.define(result, mask);
    }

    pub(super) fn lower_select_lanes(&mut self, result: Value, mask: Value, a: Value, b: Value) {
        let ty = self.func.ty(a);
        let form = match elem(ty).bits() {
            8 => op::VSEL_8,
            16 => op::VSEL_16,
            _ => op::VSEL_32,
        };
        let (a, b, mask) = (self.factor(a), self.factor(b), self.mask(mask));
        let to = self.out.value(RegClass::X);
        // Where the bit is set the instruction takes the second.
        self.emit(VInst::new(form, vec![Arg::value(to), b, a, mask]));
        self.define(result, to);
    }

    /// A mask as an operand.
    pub(super) fn mask(&mut self, mask: Value) -> Arg {
        let (value, part) = self.place(mask);
        Arg::Value { value, part }
    }

    /// A scalar operation on each word of two masks; of an operand that is a scalar, on it each time.
    pub(super) fn mask_op(&mut self, result: Value, form: Opcode, a: Arg, b: Arg) {
        let class = self.class_of(self.func.ty(result));
        let to = self.out.value(class);
        for word in 0..class.units() {
            let args = [&Arg::value(to), &a, &b].map(|arg| match arg {
                Arg::Value { value, .. } if self.out.class(*value) == RegClass::L => {
                    part_of(arg, word)
                }
                other => other.clone(),
            });
            self.emit(VInst::new(form, args.to_vec()));
        }
        self.define(result, to);
    }

    pub(super) fn lower_mask_not(&mut self, result: Value, mask: Value) {
        let lanes = self.func.ty(mask).bits();
        let ones = if lanes == 16 { 0xffff } else { -1 };
        let ones = self.shared_const(RegClass::R, ones);
        let mask = self.mask(mask);
        self.mask_op(result, op::XOR, mask, Arg::value(ones));
    }

    pub(super) fn lower_mask_of(
        &mut self,
        result: Value,
        lanes: u16,
        lo: Value,
        hi: Option<Value>,
    ) {
        let lo = self.scalar(lo);
        if lanes == 16 {
            let ones = self.shared_const(RegClass::R, 0xffff);
            self.mask_op(result, op::AND, Arg::value(lo), Arg::value(ones));
            return;
        }
        let to = match hi {
            None => self.copy(lo, 0, RegClass::R),
            Some(hi) => {
                let hi = self.scalar(hi);
                let to = self.out.value(RegClass::L);
                for (part, from) in [(0, lo), (1, hi)] {
                    let to = Arg::Value { value: to, part };
                    let args = vec![to, Arg::value(from)];
                    self.emit(VInst::new(op::MOV_mv_scl, args));
                }
                to
            }
        };
        self.define(result, to);
    }
}
