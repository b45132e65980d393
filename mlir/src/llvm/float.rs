//! Single precision reciprocals and roots in integers, step for step as [`arch::num::scalar`] does them,
//! which also says how far from the true value they may be.

use arch::num::scalar::{
    GREATEST_RECIP, INFINITY, LEAST_NORMAL, NAN, NEWTON_STEPS, RECIP_START, RECIP_STEPS, ROOT_GUESS,
};
use inkwell::IntPredicate::{UGE, UGT, ULT};
use inkwell::values::IntValue;
use npuc::kernel::ir::IntOp;

use super::Error;
use super::func::Lower;

/// A number as m * 4^half: m, the half of its exponent and the reciprocal root of m, as
/// [`arch::num::scalar`] has them.
struct RootParts<'c> {
    m: IntValue<'c>,
    half: IntValue<'c>,
    y: IntValue<'c>,
}

impl<'c> Lower<'c, '_> {
    fn bits(&self, value: u32) -> IntValue<'c> {
        self.constant(value as i32)
    }

    fn with(&self, op: IntOp, a: IntValue<'c>, b: u32) -> Result<IntValue<'c>, Error> {
        self.binary(op, a, self.bits(b))
    }

    /// One divided by an f32.
    pub(super) fn reciprocal(&self, x: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let sign = self.with(IntOp::And, x, 0x8000_0000)?;
        let magnitude = self.with(IntOp::And, x, 0x7fff_ffff)?;
        let exponent = self.with(IntOp::Lshr, magnitude, 23)?;
        let mantissa = self.with(IntOp::And, magnitude, 0x007f_ffff)?;
        let by = self.with(IntOp::Or, mantissa, 0x0080_0000)?;
        // The remainder stays below the divisor of 24 bits, so that twice it fits a word.
        let (mut quotient, mut rest) = (self.bits(0), self.bits(RECIP_START));
        for _ in 0..RECIP_STEPS {
            let shifted = self.with(IntOp::Shl, rest, 1)?;
            let fits = self.binary(IntOp::Geu, shifted, by)?;
            let less = self.binary(IntOp::Sub, shifted, by)?;
            rest = self.choose(UGE, (shifted, by), less, shifted)?;
            quotient = self.with(IntOp::Shl, quotient, 1)?;
            quotient = self.binary(IntOp::Or, quotient, fits)?;
        }
        let twice = self.with(IntOp::Shl, rest, 1)?;
        let up = self.binary(IntOp::Geu, twice, by)?;
        let rounded = self.binary(IntOp::Add, quotient, up)?;
        let exponent = self.binary(IntOp::Sub, self.bits(252), exponent)?;
        let exponent = self.with(IntOp::Shl, exponent, 23)?;
        let usual = self.binary(IntOp::Add, exponent, rounded)?;
        let usual = self.binary(IntOp::Or, sign, usual)?;
        let infinite = self.with(IntOp::Or, sign, INFINITY)?;
        let result = self.choose(UGT, (magnitude, self.bits(GREATEST_RECIP)), sign, usual)?;
        let least = self.bits(LEAST_NORMAL);
        let result = self.choose(ULT, (magnitude, least), infinite, result)?;
        self.choose(UGT, (magnitude, self.bits(INFINITY)), x, result)
    }

    fn root_parts(&self, magnitude: IntValue<'c>) -> Result<RootParts<'c>, Error> {
        let exponent = self.with(IntOp::Lshr, magnitude, 23)?;
        let parity = self.with(IntOp::And, exponent, 1)?;
        let odd = self.with(IntOp::Xor, parity, 1)?;
        let mantissa = self.with(IntOp::And, magnitude, 0x007f_ffff)?;
        let mantissa = self.with(IntOp::Or, mantissa, 0x0080_0000)?;
        let m = self.binary(IntOp::Shl, mantissa, odd)?;
        let short = self.with(IntOp::Lshr, m, 9)?;
        let slope = self.with(IntOp::Mul, short, ROOT_GUESS.1)?;
        let slope = self.with(IntOp::Lshr, slope, 14)?;
        let mut y = self.binary(IntOp::Sub, self.bits(ROOT_GUESS.0), slope)?;
        for _ in 0..NEWTON_STEPS {
            let square = self.binary(IntOp::Mul, y, y)?;
            let square = self.with(IntOp::Lshr, square, 15)?;
            let product = self.binary(IntOp::Mul, short, square)?;
            let product = self.with(IntOp::Lshr, product, 14)?;
            let factor = self.binary(IntOp::Sub, self.bits(3 << 15), product)?;
            let next = self.binary(IntOp::Mul, y, factor)?;
            y = self.with(IntOp::Lshr, next, 16)?;
        }
        let even = self.binary(IntOp::Sub, exponent, odd)?;
        let half = self.with(IntOp::Lshr, even, 1)?;
        Ok(RootParts { m, half, y })
    }

    /// A root of 17 + 15 bits with its exponent, rounded to 24 bits.
    fn rounded(&self, exponent: IntValue<'c>, root: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let exponent = self.with(IntOp::Shl, exponent, 23)?;
        let root = self.with(IntOp::Add, root, 64)?;
        let root = self.with(IntOp::Lshr, root, 7)?;
        self.binary(IntOp::Add, exponent, root)
    }

    /// The result of a root: `usual`, and what stands for zero, infinity, and numbers without a root.
    fn root_of(
        &self,
        x: IntValue<'c>,
        usual: IntValue<'c>,
        (of_zero, of_infinity): (u32, u32),
    ) -> Result<IntValue<'c>, Error> {
        let infinity = self.bits(INFINITY);
        let none = self.choose(UGT, (x, infinity), self.bits(NAN), self.bits(of_infinity))?;
        let result = self.choose(UGE, (x, infinity), none, usual)?;
        let magnitude = self.with(IntOp::And, x, 0x7fff_ffff)?;
        let least = self.bits(LEAST_NORMAL);
        self.choose(ULT, (magnitude, least), self.bits(of_zero), result)
    }

    /// One divided by the square root of an f32.
    pub(super) fn reciprocal_root(&self, x: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let RootParts { m, half, y } = self.root_parts(x)?;
        let square = self.binary(IntOp::Mul, y, y)?;
        let high = self.with(IntOp::Lshr, square, 15)?;
        let low = self.with(IntOp::And, square, 0x7fff)?;
        let product = self.binary(IntOp::Mul, m, high)?;
        let below = self.with(IntOp::Lshr, m, 8)?;
        let below = self.binary(IntOp::Mul, below, low)?;
        let below = self.with(IntOp::Lshr, below, 7)?;
        let product = self.binary(IntOp::Add, product, below)?;
        let missing = self.binary(IntOp::Sub, self.bits(0), product)?;
        let missing = self.with(IntOp::Ashr, missing, 12)?;
        let correction = self.binary(IntOp::Mul, y, missing)?;
        let correction = self.with(IntOp::Ashr, correction, 11)?;
        let root = self.with(IntOp::Shl, y, 16)?;
        let root = self.binary(IntOp::Add, root, correction)?;
        let exponent = self.binary(IntOp::Sub, self.bits(188), half)?;
        let usual = self.rounded(exponent, root)?;
        self.root_of(x, usual, (INFINITY, 0))
    }

    /// The square root of an f32.
    pub(super) fn root(&self, x: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let RootParts { m, half, y } = self.root_parts(x)?;
        let short = self.with(IntOp::Lshr, m, 9)?;
        let root = self.binary(IntOp::Mul, short, y)?;
        let root = self.with(IntOp::Lshr, root, 14)?;
        let whole = self.with(IntOp::Shl, m, 7)?;
        let square = self.binary(IntOp::Mul, root, root)?;
        let missing = self.binary(IntOp::Sub, whole, square)?;
        let missing = self.with(IntOp::Ashr, missing, 6)?;
        let correction = self.binary(IntOp::Mul, missing, y)?;
        let correction = self.with(IntOp::Ashr, correction, 10)?;
        let root = self.with(IntOp::Shl, root, 15)?;
        let root = self.binary(IntOp::Add, root, correction)?;
        let exponent = self.with(IntOp::Add, half, 63)?;
        let usual = self.rounded(exponent, root)?;
        self.root_of(x, usual, (0, INFINITY))
    }
}
