//! Scalar operations.

use arch::aie2::{Opcode, op, reg};

use super::lower::Lower;
use crate::mir::ValueId;
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::{IntOp, UnaryOp, Value};

impl Lower<'_> {
    /// `result = a op b`.
    pub(super) fn lower_int(&mut self, result: Value, op: IntOp, a: Value, b: Value) {
        let simple = match op {
            IntOp::Add => return self.lower_add(result, a, b),
            IntOp::Shl | IntOp::Lshr | IntOp::Ashr => return self.lower_shift(result, op, a, b),
            IntOp::Min | IntOp::Max | IntOp::Minu | IntOp::Maxu => {
                let (a, b) = (self.scalar(a), self.scalar(b));
                let d = self.extreme(op, a, b);
                return self.define(result, d);
            }
            IntOp::Div | IntOp::Udiv | IntOp::Rem | IntOp::Urem => {
                let (a, b) = (self.scalar(a), self.scalar(b));
                let d = self.division(op, a, b);
                return self.define(result, d);
            }
            IntOp::Eq => op::EQ,
            IntOp::Ne => op::NE,
            IntOp::Lt => op::LT,
            IntOp::Ltu => op::LTU,
            IntOp::Ge => op::GE,
            IntOp::Geu => op::GEU,
            IntOp::Sub => op::SUB,
            IntOp::Mul => op::MUL_mul_r_rr,
            IntOp::And => op::AND,
            IntOp::Or => op::OR,
            IntOp::Xor => op::XOR,
        };
        let (a, b) = (self.scalar(a), self.scalar(b));
        let d = self.alu(simple, a, b);
        self.define(result, d);
    }

    fn lower_add(&mut self, result: Value, a: Value, b: Value) {
        let (a, b) = match self.known_const(a) {
            Some(_) => (b, a),
            None => (a, b),
        };
        let imm = self.known_const(b).map(i64::from);
        let d = match imm {
            Some(imm) if (-64..64).contains(&imm) => {
                let a = self.scalar(a);
                self.add_imm(a, imm)
            }
            _ => {
                let (a, b) = (self.scalar(a), self.scalar(b));
                self.alu(op::ADD, a, b)
            }
        };
        self.define(result, d);
    }

    /// Left for amounts above zero, right for those below: the amount of the operation is taken
    /// modulo 32 and turned round for the right shifts.
    fn lower_shift(&mut self, result: Value, op: IntOp, a: Value, b: Value) {
        let amount = match self.known_const(b) {
            Some(n) if op == IntOp::Shl => self.shared_const(RegClass::R, i64::from(n & 31)),
            Some(n) => self.shared_const(RegClass::R, -i64::from(n & 31)),
            None => {
                let mask = self.shared_const(RegClass::R, 31);
                let b = self.scalar(b);
                let amount = self.alu(op::AND, b, mask);
                if op == IntOp::Shl {
                    amount
                } else {
                    let zero = self.shared_const(RegClass::R, 0);
                    self.alu(op::SUB, zero, amount)
                }
            }
        };
        let form = if op == IntOp::Ashr {
            op::ASHL
        } else {
            op::LSHL
        };
        let a = self.scalar(a);
        let d = self.alu(form, a, amount);
        self.define(result, d);
    }

    /// `result = op a`.
    pub(super) fn lower_unary(&mut self, result: Value, op: UnaryOp, a: Value) {
        let a = self.scalar(a);
        let d = match op {
            UnaryOp::Abs => self.alu1(op::ABS, a),
            UnaryOp::Clz => self.alu1(op::CLZ, a),
            UnaryOp::ExtendS8 => self.alu1(op::EXTENDs8, a),
            UnaryOp::ExtendS16 => self.alu1(op::EXTENDs16, a),
            UnaryOp::ExtendU8 => self.alu1(op::EXTENDu8, a),
            UnaryOp::ExtendU16 => self.alu1(op::EXTENDu16, a),
            UnaryOp::Frecip => self.recip(a),
            UnaryOp::Frsqrt => self.rsqrt(a),
            UnaryOp::Fsqrt => self.sqrt(a),
        };
        self.define(result, d);
    }

    /// `result = cond != 0 ? a : b`.
    pub(super) fn lower_select(&mut self, result: Value, cond: Value, a: Value, b: Value) {
        let (cond, a, b) = (self.scalar(cond), self.scalar(a), self.scalar(b));
        let by = self.out.fixed(RegClass::R, reg::R27);
        let copy = vec![Arg::value(by), Arg::value(cond)];
        self.emit(VInst::new(op::MOV_mv_scl, copy));
        let d = self.choose(by, a, b);
        self.define(result, d);
    }

    /// The lesser or the greater of two registers.
    fn extreme(&mut self, op: IntOp, a: ValueId, b: ValueId) -> ValueId {
        let less = match op {
            IntOp::Min | IntOp::Max => op::LT,
            _ => op::LTU,
        };
        let compared = match op {
            IntOp::Min | IntOp::Minu => (a, b),
            _ => (b, a),
        };
        self.choose_by(less, compared, a, b)
    }

    /// `a` where the comparison `form` of two registers holds, otherwise `b`.
    pub(super) fn choose_by(
        &mut self,
        form: Opcode,
        (left, right): (ValueId, ValueId),
        a: ValueId,
        b: ValueId,
    ) -> ValueId {
        let by = self.out.fixed(RegClass::R, reg::R27);
        let args = vec![Arg::value(by), Arg::value(left), Arg::value(right)];
        self.emit(VInst::new(form, args));
        self.choose(by, a, b)
    }

    /// `a` where `by`, which must be in r27, is not zero, otherwise `b`.
    fn choose(&mut self, by: ValueId, a: ValueId, b: ValueId) -> ValueId {
        let d = self.out.value(RegClass::R);
        let args = [d, a, b, by].map(Arg::value).to_vec();
        self.emit(VInst::new(op::SELNEZ, args));
        d
    }

    /// An operation of the scalar unit on one register.
    pub(super) fn alu1(&mut self, form: Opcode, a: ValueId) -> ValueId {
        let d = self.out.value(RegClass::R);
        self.emit(VInst::new(form, vec![Arg::value(d), Arg::value(a)]));
        d
    }

    /// An operation of the scalar unit on two registers.
    pub(super) fn alu(&mut self, form: Opcode, a: ValueId, b: ValueId) -> ValueId {
        let d = self.out.value(RegClass::R);
        let args = vec![Arg::value(d), Arg::value(a), Arg::value(b)];
        self.emit(VInst::new(form, args));
        d
    }

    /// Scalar plus a number of -64..=63.
    pub(super) fn add_imm(&mut self, a: ValueId, imm: i64) -> ValueId {
        let d = self.out.value(RegClass::R);
        let args = vec![Arg::value(d), Arg::value(a), Arg::Imm(imm)];
        self.emit(VInst::new(op::ADD_add_r_ri, args));
        d
    }

    /// The value in a register.
    pub(super) fn scalar(&mut self, value: Value) -> ValueId {
        match self.known_const(value) {
            Some(imm) => self.shared_const(RegClass::R, i64::from(imm)),
            None => self.whole(value),
        }
    }
}
