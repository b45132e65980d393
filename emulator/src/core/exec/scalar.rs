//! Scalar arithmetic. A result of an undefined operand is undefined.

use crate::core::fault::Outcome;
use crate::core::machine::Machine;
use crate::core::op::{AluFn, ScalarDst, Src};
use crate::core::regs::Scalar;
use arch::num::scalar::divide_step;

impl Machine {
    pub(super) fn alu(&mut self, f: AluFn, to: ScalarDst, a: Src, b: Src) -> Outcome<()> {
        let ((x, x_defined), (y, y_defined)) = (self.get(a), self.get(b));
        let mut defined = x_defined && y_defined;
        if matches!(f, AluFn::AddCarry | AluFn::SubCarry) {
            defined &= self.regs.defined(Scalar::CARRY);
        }
        let carry = self.regs.get(Scalar::CARRY) & 1;
        let (value, carry_out) = compute(f, x, y, carry);
        if let Some(carry) = carry_out {
            // No source states the carry of `abs`.
            let defined = defined && f != AluFn::Abs;
            self.pipe
                .stage(1)
                .scalar(Scalar::CARRY, u32::from(carry), defined);
        }
        if matches!(to.to, Scalar::LS | Scalar::LE | Scalar::LC) {
            self.flow.loop_setup = 0;
        }
        self.pipe.stage(to.stage).scalar(to.to, value, defined);
        Ok(())
    }

    pub(super) fn divide(
        &mut self,
        to: ScalarDst,
        remainder: ScalarDst,
        dividend: Scalar,
        divisor: Scalar,
    ) -> Outcome<()> {
        let operands = [remainder.to, dividend, divisor];
        let defined = operands.iter().all(|r| self.regs.defined(*r));
        let [partial, value, by] = operands.map(|r| self.regs.get(r));
        let (quotient, rest) = divide_step(value, partial, by);
        self.pipe.stage(to.stage).scalar(to.to, quotient, defined);
        self.pipe
            .stage(remainder.stage)
            .scalar(remainder.to, rest, defined);
        Ok(())
    }

    pub(super) fn choose(
        &mut self,
        to: ScalarDst,
        a: Scalar,
        b: Scalar,
        by: Scalar,
        if_zero: bool,
    ) -> Outcome<()> {
        let from = if (self.regs.get(by) == 0) == if_zero {
            a
        } else {
            b
        };
        let defined = self.regs.defined(by) && self.regs.defined(from);
        self.pipe
            .stage(to.stage)
            .scalar(to.to, self.regs.get(from), defined);
        Ok(())
    }

    pub(super) fn counter(&mut self, to: ScalarDst) -> Outcome<()> {
        let cycle = self.cycle;
        let slot = self.pipe.stage(to.stage);
        slot.scalar(to.to, cycle as u32, true);
        slot.scalar(to.to.odd(), (cycle >> 32) as u32, true);
        Ok(())
    }
}

/// The result, and the carry for operations that set it.
fn compute(f: AluFn, x: u32, y: u32, carry: u32) -> (u32, Option<bool>) {
    let flag = |condition: bool| (u32::from(condition), None);
    let plain = |value: u32| (value, None);
    let (sx, sy) = (x as i32, y as i32);
    match f {
        AluFn::Move => plain(x),
        AluFn::Add => {
            let (sum, carry) = x.overflowing_add(y);
            (sum, Some(carry))
        }
        AluFn::AddNoCarry => plain(x.wrapping_add(y)),
        AluFn::Sub => {
            let (difference, borrow) = x.overflowing_sub(y);
            (difference, Some(borrow))
        }
        AluFn::AddCarry => {
            let sum = u64::from(x) + u64::from(y) + u64::from(carry);
            (sum as u32, Some(sum >> 32 != 0))
        }
        AluFn::SubCarry => {
            let borrow = u64::from(x) < u64::from(y) + u64::from(carry);
            (x.wrapping_sub(y).wrapping_sub(carry), Some(borrow))
        }
        AluFn::And => plain(x & y),
        AluFn::Or => plain(x | y),
        AluFn::Xor => plain(x ^ y),
        AluFn::Mul => plain(x.wrapping_mul(y)),
        AluFn::ShiftLogical => plain(match sy {
            0..32 => x << sy,
            -31..0 => x >> -sy,
            _ => 0,
        }),
        AluFn::ShiftArithmetic => plain(match sy {
            0..32 => x << sy,
            32.. => 0,
            _ => (sx >> sy.unsigned_abs().min(31)) as u32,
        }),
        AluFn::Eq => flag(x == y),
        AluFn::Ne => flag(x != y),
        AluFn::Lt => flag(sx < sy),
        AluFn::LtUnsigned => flag(x < y),
        AluFn::Ge => flag(sx >= sy),
        AluFn::GeUnsigned => flag(x >= y),
        AluFn::Abs => (sx.wrapping_abs() as u32, Some(false)),
        AluFn::ExtendS8 => plain(x as i8 as u32),
        AluFn::ExtendS16 => plain(x as i16 as u32),
        AluFn::ExtendU8 => plain(x & 0xFF),
        AluFn::ExtendU16 => plain(x & 0xFFFF),
        AluFn::LeadingZeros => plain(x.leading_zeros()),
        AluFn::LeadingSigns => plain((sx ^ sx >> 31).leading_zeros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_turn_with_the_sign_of_the_amount() {
        let of = |f, x: i32, n: i32| compute(f, x as u32, n as u32, 0).0 as i32;
        assert_eq!(of(AluFn::ShiftLogical, 3, 4), 48);
        assert_eq!(of(AluFn::ShiftLogical, -1, -28), 15);
        assert_eq!(of(AluFn::ShiftArithmetic, -64, -4), -4);
        assert_eq!(of(AluFn::ShiftArithmetic, -64, -40), -1);
        assert_eq!(of(AluFn::ShiftLogical, -1, -32), 0);
        assert_eq!(of(AluFn::ShiftLogical, -1, i32::MIN), 0);
    }

    #[test]
    fn carries_chain() {
        assert_eq!(compute(AluFn::Add, u32::MAX, 1, 0), (0, Some(true)));
        assert_eq!(compute(AluFn::AddCarry, 0, 0, 1), (1, Some(false)));
        assert_eq!(compute(AluFn::Sub, 0, 1, 0), (u32::MAX, Some(true)));
        assert_eq!(compute(AluFn::SubCarry, 5, 5, 1), (u32::MAX, Some(true)));
    }
}
