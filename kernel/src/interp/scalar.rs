//! What operations on scalars compute.

use arch::num::scalar;

use crate::ir::{IntOp, UnaryOp};

/// The result of an operation on two scalars.
pub(super) fn int(op: IntOp, a: i32, b: i32) -> i32 {
    let (x, y) = (a as u32, b as u32);
    // The `wrapping` shifts take the amount modulo 32.
    match op {
        IntOp::Add => a.wrapping_add(b),
        IntOp::Sub => a.wrapping_sub(b),
        IntOp::Mul => a.wrapping_mul(b),
        IntOp::And => a & b,
        IntOp::Or => a | b,
        IntOp::Xor => a ^ b,
        IntOp::Shl => a.wrapping_shl(y),
        IntOp::Lshr => x.wrapping_shr(y) as i32,
        IntOp::Ashr => a.wrapping_shr(y),
        IntOp::Eq => i32::from(a == b),
        IntOp::Ne => i32::from(a != b),
        IntOp::Lt => i32::from(a < b),
        IntOp::Ltu => i32::from(x < y),
        IntOp::Ge => i32::from(a >= b),
        IntOp::Geu => i32::from(x >= y),
        IntOp::Min => a.min(b),
        IntOp::Max => a.max(b),
        IntOp::Minu => x.min(y) as i32,
        IntOp::Maxu => x.max(y) as i32,
        IntOp::Div => scalar::divide_signed(a, b).0,
        IntOp::Udiv => scalar::divide(x, y).0 as i32,
        IntOp::Rem => scalar::divide_signed(a, b).1,
        IntOp::Urem => scalar::divide(x, y).1 as i32,
    }
}

/// The result of an operation on one scalar.
pub(super) fn unary(op: UnaryOp, a: i32) -> i32 {
    let bits = a as u32;
    match op {
        UnaryOp::Abs => a.wrapping_abs(),
        UnaryOp::Clz => bits.leading_zeros() as i32,
        UnaryOp::ExtendS8 => i32::from(a as i8),
        UnaryOp::ExtendS16 => i32::from(a as i16),
        UnaryOp::ExtendU8 => i32::from(a as u8),
        UnaryOp::ExtendU16 => i32::from(a as u16),
        UnaryOp::Frecip => scalar::recip(bits) as i32,
        UnaryOp::Frsqrt => scalar::rsqrt(bits) as i32,
        UnaryOp::Fsqrt => scalar::sqrt(bits) as i32,
    }
}
