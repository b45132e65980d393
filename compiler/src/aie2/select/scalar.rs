//! Scalar operations.

use arch::aie2::{Opcode, op};

use super::lower::Lower;
use crate::aie2::mir::ValueId;
use crate::aie2::vcode::{Arg, RegClass, VInst};
use crate::kernel::ir::{IntOp, Value};

impl Lower<'_> {
    /// `result = a op b`.
    pub(super) fn lower_int(&mut self, result: Value, op: IntOp, a: Value, b: Value) {
        let simple = match op {
            IntOp::Add => return self.lower_add(result, a, b),
            IntOp::Shl | IntOp::Lshr | IntOp::Ashr => return self.lower_shift(result, op, a, b),
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
