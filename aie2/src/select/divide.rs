//! Division, a bit a step.

use arch::aie2::{op, reg};
use arch::num::scalar::DIVIDE_STEPS;

use super::lower::Lower;
use crate::mir::ValueId;
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::IntOp;

impl Lower<'_> {
    /// Quotient or remainder of two registers.
    pub(super) fn division(&mut self, op: IntOp, a: ValueId, b: ValueId) -> ValueId {
        let quotient = matches!(op, IntOp::Div | IntOp::Udiv);
        let part = |(q, r)| if quotient { q } else { r };
        if matches!(op, IntOp::Udiv | IntOp::Urem) {
            return part(self.divide_steps(a, 0, b, DIVIDE_STEPS));
        }
        let (value, by) = (self.alu1(op::ABS, a), self.alu1(op::ABS, b));
        let result = part(self.divide_steps(value, 0, by, DIVIDE_STEPS));
        let sign = match quotient {
            true => self.alu(op::XOR, a, b),
            false => a,
        };
        let zero = self.shared_const(RegClass::R, 0);
        let negated = self.alu(op::SUB, zero, result);
        self.choose_by(op::LT, (sign, zero), negated, result)
    }

    /// So many steps of a division that begins with a remainder: quotient and remainder.
    pub(super) fn divide_steps(
        &mut self,
        mut value: ValueId,
        remainder: i64,
        by: ValueId,
        steps: u32,
    ) -> (ValueId, ValueId) {
        let mut rest = self.out.fixed(RegClass::R, reg::R31);
        self.const_into(rest, reg::R31, remainder);
        for _ in 0..steps {
            let next = self.out.value(RegClass::R);
            let less = self.out.fixed(RegClass::R, reg::R31);
            let args = [next, less, rest, value, by].map(Arg::value).to_vec();
            self.emit(VInst::new(op::DIVS, args));
            (value, rest) = (next, less);
        }
        let rest = self.copy(rest, 0, RegClass::R);
        (value, rest)
    }
}
