//! Sums and conversions of accumulators, and values seen as another type.

use arch::aie2::{Opcode, op};
use arch::num::MacConf;

use super::lower::{Lower, Ref};
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::{AccOp, MaskOp, Op, Value, VectorOp};
use kernel::types::{AccLane, Rounding, Type};

/// Configuration word of a sum of accumulators: the lanes that it adds.
pub(super) fn sum_config(lane: AccLane) -> i64 {
    let (amode, bmode) = match lane {
        AccLane::I32 => (0, 0),
        AccLane::I64 => (1, 0),
        AccLane::F32 => (2, 3),
    };
    let conf = MacConf {
        amode,
        bmode,
        ..MacConf::default()
    };
    i64::from(conf.encode())
}

impl Lower<'_> {
    pub(super) fn lower_vector(&mut self, results: &[Value], op: &Op, vector: &VectorOp) {
        self.require(op);
        let result = results[0];
        match vector {
            VectorOp::Acc { op, a, b } => {
                let (integer, float) = match op {
                    AccOp::Add => (op::VADD, op::VADD_F),
                    AccOp::Sub => (op::VSUB, op::VSUB_F),
                };
                self.lower_sum(result, integer, float, &[*a, *b]);
            }
            VectorOp::AccNeg { acc } => self.lower_sum(result, op::VNEG, op::VNEG_F, &[*acc]),
            VectorOp::Cast { value, .. } => self.lower_cast(result, *value),
            VectorOp::ToBf16 { acc, rounding } => {
                if self.facts.stored[result.index()] {
                    let (acc, rounding) = (*acc, *rounding);
                    self.set_ref(result, Ref::Bf16 { acc, rounding });
                } else {
                    self.convert(result, *acc, op::VCONV_BF16_FP32);
                }
            }
            VectorOp::ToF32 { value } => {
                if !self.facts.widened_loads.contains_key(value) {
                    self.convert(result, *value, op::VCONV_FP32_BF16);
                }
            }
            VectorOp::Floor { value, shift } => {
                let (value, part) = self.place(*value);
                let shift = self.shift(*shift);
                let to = self.out.value(RegClass::X);
                let args = vec![
                    Arg::value(to),
                    Arg::Value { value, part },
                    Arg::value(shift),
                ];
                let form = op::VFLOOR_S32_BF16_mFl2FxSrc_W;
                self.emit(VInst::new(form, args));
                self.define(result, to);
            }
            VectorOp::Lanes { op, signed, a, b } => self.lower_lanes(results, *op, *signed, *a, *b),
            VectorOp::Compare { op, signed, a, b } => {
                self.lower_compare(result, *op, *signed, *a, *b);
            }
            VectorOp::EqZero { value } => {
                let ty = self.func.ty(*value);
                let value = self.factor(*value);
                self.lower_eq_zero(result, ty, value);
            }
            VectorOp::Select { mask, a, b } => self.lower_select_lanes(result, *mask, *a, *b),
            VectorOp::Move(op) => self.lower_move(result, op),
            VectorOp::Reduce { op, signed, value } => {
                self.lower_reduce(result, *op, *signed, *value);
            }
            VectorOp::Mask { op, a, b } => {
                let form = match op {
                    MaskOp::And => op::AND,
                    MaskOp::Or => op::OR,
                    MaskOp::Xor => op::XOR,
                };
                let (a, b) = (self.mask(*a), self.mask(*b));
                self.mask_op(result, form, a, b);
            }
            VectorOp::MaskNot { mask } => self.lower_mask_not(result, *mask),
            VectorOp::MaskWord { mask, high } => {
                // A register of its own: masks live in few.
                let (value, part) = self.place(*mask);
                let copy = self.copy(value, part + u8::from(*high), RegClass::R);
                self.define(result, copy);
            }
            VectorOp::MaskOf { lanes, lo, hi } => self.lower_mask_of(result, *lanes, *lo, *hi),
        }
    }

    /// An accumulator as an operand: of 1024 bits, or the low half of such a register, or, for floats,
    /// any of 512.
    pub(super) fn acc(&mut self, value: Value) -> Arg {
        let (at, part) = self.place(value);
        let float = matches!(self.func.ty(value), Type::Acc { lane, .. } if lane == AccLane::F32);
        if part == 0 || float {
            return Arg::Value { value: at, part };
        }
        Arg::value(self.copy(at, part, RegClass::Bm))
    }

    /// A sum of one or two accumulators. Integers are added 1024 bits at once, floats 512.
    fn lower_sum(&mut self, result: Value, integer: Opcode, float: Opcode, terms: &[Value]) {
        let ty = self.func.ty(result);
        let lane = match ty {
            Type::Acc { lane, .. } => lane,
            _ => AccLane::I32,
        };
        let config = self.shared_const(RegClass::R, sum_config(lane));
        let terms: Vec<Arg> = terms.iter().map(|t| self.acc(*t)).collect();
        if lane != AccLane::F32 {
            let to = self.out.value(RegClass::Cm);
            let mut args = vec![Arg::value(to)];
            args.extend(terms);
            args.push(Arg::value(config));
            self.emit(VInst::new(integer, args));
            self.define(result, to);
            return;
        }
        let class = self.class_of(ty);
        let to = self.out.value(class);
        for first in (0..class.units()).step_by(RegClass::Bm.units()) {
            let mut args = vec![part_of(&Arg::value(to), first)];
            args.extend(terms.iter().map(|t| part_of(t, first)));
            args.push(Arg::value(config));
            self.emit(VInst::new(float, args));
        }
        self.define(result, to);
    }

    fn lower_cast(&mut self, result: Value, value: Value) {
        if let Ref::Zero(_) = self.at(value)
            && matches!(self.func.ty(result), Type::Acc { .. })
        {
            let ty = self.func.ty(result);
            self.set_ref(result, Ref::Zero(ty));
            return;
        }
        let (from, to) = (self.func.ty(value), self.func.ty(result));
        let (value, part) = self.place(value);
        let class = self.class_of(to);
        if class == self.class_of(from) {
            self.set_ref(result, Ref::Reg { value, part });
        } else {
            let copy = self.copy(value, part, class);
            self.define(result, copy);
        }
    }

    /// A conversion between a vector and an accumulator of twice its width, 256 bits of the vector at
    /// once.
    fn convert(&mut self, result: Value, from: Value, form: Opcode) {
        let (from_class, ty) = (self.class_of(self.func.ty(from)), self.func.ty(result));
        let to_class = self.class_of(ty);
        let steps = from_class.units().min(to_class.units());
        let (value, part) = self.place(from);
        let source = Arg::Value { value, part };
        let (value, part) = self.destination(result, ty);
        let target = Arg::Value { value, part };
        for k in 0..steps {
            let args = vec![
                part_of(&target, k * to_class.units() / steps),
                part_of(&source, k * from_class.units() / steps),
            ];
            self.emit(VInst::new(form, args));
        }
    }

    /// The accumulators of 512 bits whose lanes a store rounds to bf16.
    pub(super) fn fused_bf16(&mut self, acc: Value, rounding: Rounding, ty: Type) -> Vec<Arg> {
        self.require(&Op::Vector(VectorOp::ToBf16 { acc, rounding }));
        let (value, part) = self.place(acc);
        let step = self.class_of(self.func.ty(acc)).units() / self.class_of(ty).units();
        let source = Arg::Value { value, part };
        let parts = 0..self.class_of(ty).units();
        parts.map(|k| part_of(&source, k * step)).collect()
    }
}

/// The units of an operand from `units` on.
pub(super) fn part_of(arg: &Arg, units: usize) -> Arg {
    match arg {
        Arg::Value { value, part } => Arg::Value {
            value: *value,
            part: part + units as u8,
        },
        other => other.clone(),
    }
}
