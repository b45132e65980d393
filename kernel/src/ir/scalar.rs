//! Operations of the scalar unit, on 32-bit values.

use std::fmt;

/// Operation on two scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntOp {
    /// Wrapping sum.
    Add,
    /// Wrapping difference.
    Sub,
    /// Low 32 bits of the product.
    Mul,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Shift left; the amount is taken modulo 32.
    Shl,
    /// Logical shift right; the amount is taken modulo 32.
    Lshr,
    /// Arithmetic shift right; the amount is taken modulo 32.
    Ashr,
    /// 1 where both are equal, otherwise 0.
    Eq,
    /// 1 where they differ.
    Ne,
    /// 1 where the left one is less, signed.
    Lt,
    /// 1 where the left one is less, unsigned.
    Ltu,
    /// 1 where the left one is not less, signed.
    Ge,
    /// 1 where the left one is not less, unsigned.
    Geu,
    /// The lesser, signed.
    Min,
    /// The greater, signed.
    Max,
    /// The lesser, unsigned.
    Minu,
    /// The greater, unsigned.
    Maxu,
    /// Quotient of signed numbers, rounded toward zero; by zero it is -1 of a dividend that is not
    /// negative and 1 of one that is, and -2^31 by -1 wraps to -2^31.
    Div,
    /// Quotient of unsigned numbers; by zero it is 2^32 - 1.
    Udiv,
    /// What the quotient of signed numbers leaves, with the sign of the dividend; by zero the
    /// dividend.
    Rem,
    /// What the quotient of unsigned numbers leaves; by zero the dividend.
    Urem,
}

impl IntOp {
    /// Every operation, with its spelling.
    pub const ALL: [(IntOp, &'static str); 23] = [
        (IntOp::Add, "add"),
        (IntOp::Sub, "sub"),
        (IntOp::Mul, "mul"),
        (IntOp::And, "and"),
        (IntOp::Or, "or"),
        (IntOp::Xor, "xor"),
        (IntOp::Shl, "shl"),
        (IntOp::Lshr, "lshr"),
        (IntOp::Ashr, "ashr"),
        (IntOp::Eq, "eq"),
        (IntOp::Ne, "ne"),
        (IntOp::Lt, "lt"),
        (IntOp::Ltu, "ltu"),
        (IntOp::Ge, "ge"),
        (IntOp::Geu, "geu"),
        (IntOp::Min, "min"),
        (IntOp::Max, "max"),
        (IntOp::Minu, "minu"),
        (IntOp::Maxu, "maxu"),
        (IntOp::Div, "div"),
        (IntOp::Udiv, "udiv"),
        (IntOp::Rem, "rem"),
        (IntOp::Urem, "urem"),
    ];
}

impl fmt::Display for IntOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(IntOp::ALL[*self as usize].1)
    }
}

/// Operation on one scalar.
///
/// Those whose names begin with `f` take and make the bits of an f32. They are done in integers, as
/// [`arch::num::scalar`] says, which also says how far from the true value they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// Magnitude; -2^31 stays as it is.
    Abs,
    /// Number of leading zeros, 32 for zero.
    Clz,
    /// The low 8 bits as a signed number.
    ExtendS8,
    /// The low 16 bits as a signed number.
    ExtendS16,
    /// The low 8 bits as an unsigned number.
    ExtendU8,
    /// The low 16 bits as an unsigned number.
    ExtendU16,
    /// f32: one divided by the operand.
    Frecip,
    /// f32: one divided by the square root of the operand.
    Frsqrt,
    /// f32: square root.
    Fsqrt,
}

impl UnaryOp {
    /// Every operation, with its spelling.
    pub const ALL: [(UnaryOp, &'static str); 9] = [
        (UnaryOp::Abs, "abs"),
        (UnaryOp::Clz, "clz"),
        (UnaryOp::ExtendS8, "extend.s8"),
        (UnaryOp::ExtendS16, "extend.s16"),
        (UnaryOp::ExtendU8, "extend.u8"),
        (UnaryOp::ExtendU16, "extend.u16"),
        (UnaryOp::Frecip, "frecip"),
        (UnaryOp::Frsqrt, "frsqrt"),
        (UnaryOp::Fsqrt, "fsqrt"),
    ];
}

impl fmt::Display for UnaryOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(UnaryOp::ALL[*self as usize].1)
    }
}
