//! Operations of the scalar unit.

use inkwell::IntPredicate;
use inkwell::intrinsics::Intrinsic;
use inkwell::values::{IntValue, ValueKind};
use npuc::kernel::ir::{IntOp, UnaryOp};

use super::Error;
use super::func::Lower;

impl<'c> Lower<'c, '_> {
    /// The result of an operation on two scalars.
    pub(super) fn binary(
        &self,
        op: IntOp,
        a: IntValue<'c>,
        b: IntValue<'c>,
    ) -> Result<IntValue<'c>, Error> {
        let build = &self.builder;
        // An amount of 32 or more has no meaning in LLVM IR.
        let amount = || build.build_and(b, self.constant(31), "");
        Ok(match op {
            IntOp::Add => build.build_int_add(a, b, "")?,
            IntOp::Sub => build.build_int_sub(a, b, "")?,
            IntOp::Mul => build.build_int_mul(a, b, "")?,
            IntOp::And => build.build_and(a, b, "")?,
            IntOp::Or => build.build_or(a, b, "")?,
            IntOp::Xor => build.build_xor(a, b, "")?,
            IntOp::Shl => build.build_left_shift(a, amount()?, "")?,
            IntOp::Lshr => build.build_right_shift(a, amount()?, false, "")?,
            IntOp::Ashr => build.build_right_shift(a, amount()?, true, "")?,
            IntOp::Eq => self.compare(IntPredicate::EQ, a, b)?,
            IntOp::Ne => self.compare(IntPredicate::NE, a, b)?,
            IntOp::Lt => self.compare(IntPredicate::SLT, a, b)?,
            IntOp::Ltu => self.compare(IntPredicate::ULT, a, b)?,
            IntOp::Ge => self.compare(IntPredicate::SGE, a, b)?,
            IntOp::Geu => self.compare(IntPredicate::UGE, a, b)?,
            IntOp::Min => self.choose(IntPredicate::SLT, (a, b), a, b)?,
            IntOp::Max => self.choose(IntPredicate::SGT, (a, b), a, b)?,
            IntOp::Minu => self.choose(IntPredicate::ULT, (a, b), a, b)?,
            IntOp::Maxu => self.choose(IntPredicate::UGT, (a, b), a, b)?,
            IntOp::Udiv => self.divide(a, b)?.0,
            IntOp::Urem => self.divide(a, b)?.1,
            IntOp::Div => {
                let (quotient, _) = self.divide(self.magnitude(a)?, self.magnitude(b)?)?;
                let signs = build.build_xor(a, b, "")?;
                self.with_sign(quotient, signs)?
            }
            IntOp::Rem => {
                let (_, rest) = self.divide(self.magnitude(a)?, self.magnitude(b)?)?;
                self.with_sign(rest, a)?
            }
        })
    }

    /// The result of an operation on one scalar.
    pub(super) fn unary(&self, op: UnaryOp, a: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let build = &self.builder;
        let (i8, i16, i32) = (
            self.context.i8_type(),
            self.context.i16_type(),
            self.context.i32_type(),
        );
        Ok(match op {
            UnaryOp::Abs => self.magnitude(a)?,
            UnaryOp::Clz => self.leading_zeros(a)?,
            UnaryOp::ExtendS8 => {
                let low = build.build_int_truncate(a, i8, "")?;
                build.build_int_s_extend(low, i32, "")?
            }
            UnaryOp::ExtendS16 => {
                let low = build.build_int_truncate(a, i16, "")?;
                build.build_int_s_extend(low, i32, "")?
            }
            UnaryOp::ExtendU8 => build.build_and(a, self.constant(0xff), "")?,
            UnaryOp::ExtendU16 => build.build_and(a, self.constant(0xffff), "")?,
            UnaryOp::Frecip => self.reciprocal(a)?,
            UnaryOp::Frsqrt => self.reciprocal_root(a)?,
            UnaryOp::Fsqrt => self.root(a)?,
        })
    }

    /// One where a comparison holds, otherwise zero.
    fn compare(
        &self,
        predicate: IntPredicate,
        a: IntValue<'c>,
        b: IntValue<'c>,
    ) -> Result<IntValue<'c>, Error> {
        let bit = self.builder.build_int_compare(predicate, a, b, "")?;
        let i32 = self.context.i32_type();
        Ok(self.builder.build_int_z_extend(bit, i32, "")?)
    }

    /// `yes` where a comparison holds, otherwise `no`.
    pub(super) fn choose(
        &self,
        predicate: IntPredicate,
        (a, b): (IntValue<'c>, IntValue<'c>),
        yes: IntValue<'c>,
        no: IntValue<'c>,
    ) -> Result<IntValue<'c>, Error> {
        let bit = self.builder.build_int_compare(predicate, a, b, "")?;
        let chosen = self.builder.build_select(bit, yes, no, "")?;
        Ok(chosen.into_int_value())
    }

    /// The magnitude of a signed number; the least stays as it is.
    fn magnitude(&self, a: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        self.with_sign(a, a)
    }

    /// A number, negated where `sign` is below zero.
    fn with_sign(&self, a: IntValue<'c>, sign: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let zero = self.constant(0);
        let negated = self.builder.build_int_sub(zero, a, "")?;
        self.choose(IntPredicate::SLT, (sign, zero), negated, a)
    }

    /// Quotient and remainder of unsigned numbers; by zero 2^32 - 1 and the dividend, where a division
    /// in LLVM IR has no meaning.
    fn divide(
        &self,
        a: IntValue<'c>,
        b: IntValue<'c>,
    ) -> Result<(IntValue<'c>, IntValue<'c>), Error> {
        let zero = self.constant(0);
        let by = self.choose(IntPredicate::EQ, (b, zero), self.constant(1), b)?;
        let quotient = self.builder.build_int_unsigned_div(a, by, "")?;
        let rest = self.builder.build_int_unsigned_rem(a, by, "")?;
        Ok((
            self.choose(IntPredicate::EQ, (b, zero), self.constant(-1), quotient)?,
            self.choose(IntPredicate::EQ, (b, zero), a, rest)?,
        ))
    }

    fn leading_zeros(&self, a: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let i32 = self.context.i32_type();
        let declared = Intrinsic::find("llvm.ctlz")
            .and_then(|ctlz| ctlz.get_declaration(self.llvm, &[i32.into()]));
        let defined_at_zero = self.context.bool_type().const_zero();
        if let Some(ctlz) = declared {
            let args = [a.into(), defined_at_zero.into()];
            let site = self.builder.build_call(ctlz, &args, "")?;
            if let ValueKind::Basic(value) = site.try_as_basic_value() {
                return Ok(value.into_int_value());
            }
        }
        Err(Error::Refused {
            module: self.llvm.get_name().to_string_lossy().into_owned(),
            says: "this LLVM has no llvm.ctlz".to_owned(),
        })
    }
}
