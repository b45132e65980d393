//! Reciprocal and roots of an f32 in a scalar register: [`arch::num::scalar`], step for step.

use arch::aie2::{Opcode, op};
use arch::num::scalar::{
    GREATEST_RECIP, INFINITY, LEAST_NORMAL, NAN, NEWTON_STEPS, RECIP_START, RECIP_STEPS, ROOT_GUESS,
};

use super::lower::Lower;
use crate::mir::ValueId;
use crate::vcode::RegClass;

const SIGN: u32 = 1 << 31;
const MAGNITUDE: u32 = !SIGN;
const MANTISSA: u32 = LEAST_NORMAL - 1;

/// A positive number as [`arch::num::scalar`] takes it apart for a root.
struct Root {
    /// A number of 1..4, in units of 2^-23.
    m: ValueId,
    /// Half of the exponent.
    half: ValueId,
    /// Reciprocal root of `m`, in units of 2^-15.
    y: ValueId,
}

impl Lower<'_> {
    /// A number in a register of its own: the sequences here are long, and what they share would be
    /// alive all along.
    fn number(&mut self, bits: u32) -> ValueId {
        self.own_const(RegClass::R, i64::from(bits as i32))
    }

    fn with(&mut self, form: Opcode, a: ValueId, bits: u32) -> ValueId {
        let b = self.number(bits);
        self.alu(form, a, b)
    }

    /// Shifts left, or right where `by` is negative.
    fn shifted(&mut self, form: Opcode, a: ValueId, by: i32) -> ValueId {
        self.with(form, a, by as u32)
    }

    /// `bits` where the comparison holds, otherwise `value`.
    fn unless(
        &mut self,
        form: Opcode,
        compared: (ValueId, ValueId),
        bits: u32,
        value: ValueId,
    ) -> ValueId {
        let bits = self.number(bits);
        self.choose_by(form, compared, bits, value)
    }

    /// One divided by an f32.
    pub(super) fn recip(&mut self, x: ValueId) -> ValueId {
        let sign = self.with(op::AND, x, SIGN);
        let magnitude = self.with(op::AND, x, MAGNITUDE);
        let mantissa = self.with(op::AND, magnitude, MANTISSA);
        let by = self.with(op::OR, mantissa, LEAST_NORMAL);
        let zero = self.number(0);
        let start = i64::from(RECIP_START);
        let (quotient, rest) = self.divide_steps(zero, start, by, RECIP_STEPS);
        let twice = self.alu(op::ADD, rest, rest);
        let up = self.alu(op::GEU, twice, by);
        let rounded = self.alu(op::ADD, quotient, up);
        let exponent = self.shifted(op::LSHL, magnitude, -23);
        let base = self.number(252);
        let exponent = self.alu(op::SUB, base, exponent);
        let exponent = self.shifted(op::LSHL, exponent, 23);
        let normal = self.alu(op::ADD, exponent, rounded);
        let greatest = self.number(GREATEST_RECIP);
        let result = self.unless(op::LTU, (greatest, magnitude), 0, normal);
        let least = self.number(LEAST_NORMAL);
        let result = self.unless(op::LTU, (magnitude, least), INFINITY, result);
        let result = self.alu(op::OR, result, sign);
        let infinity = self.number(INFINITY);
        self.choose_by(op::LTU, (infinity, magnitude), x, result)
    }

    fn root(&mut self, x: ValueId) -> Root {
        let exponent = self.shifted(op::LSHL, x, -23);
        let odd = self.with(op::AND, exponent, 1);
        let odd = self.with(op::XOR, odd, 1);
        let mantissa = self.with(op::AND, x, MANTISSA);
        let m = self.with(op::OR, mantissa, LEAST_NORMAL);
        let m = self.alu(op::LSHL, m, odd);
        let half = self.alu(op::SUB, exponent, odd);
        let half = self.shifted(op::LSHL, half, -1);
        let short = self.shifted(op::LSHL, m, -9);
        let slope = self.with(op::MUL_mul_r_rr, short, ROOT_GUESS.1);
        let slope = self.shifted(op::LSHL, slope, -14);
        let begin = self.number(ROOT_GUESS.0);
        let mut y = self.alu(op::SUB, begin, slope);
        for _ in 0..NEWTON_STEPS {
            let square = self.alu(op::MUL_mul_r_rr, y, y);
            let square = self.shifted(op::LSHL, square, -15);
            let product = self.alu(op::MUL_mul_r_rr, short, square);
            let product = self.shifted(op::LSHL, product, -14);
            let three = self.number(3 << 15);
            let factor = self.alu(op::SUB, three, product);
            y = self.alu(op::MUL_mul_r_rr, y, factor);
            y = self.shifted(op::LSHL, y, -16);
        }
        Root { m, half, y }
    }

    /// `bits` of x below zero or no number, of infinity, and of zero, otherwise `root`.
    fn special_roots(&mut self, x: ValueId, root: ValueId, bits: [u32; 3]) -> ValueId {
        let [none, infinite, nothing] = bits;
        let infinity = self.number(INFINITY);
        let result = self.unless(op::LTU, (infinity, x), none, root);
        let result = self.unless(op::EQ, (infinity, x), infinite, result);
        let magnitude = self.with(op::AND, x, MAGNITUDE);
        let least = self.number(LEAST_NORMAL);
        self.unless(op::LTU, (magnitude, least), nothing, result)
    }

    /// The bits of an f32 from its mantissa, in units of 2^-31 or 2^-30, and its exponent.
    fn assemble(&mut self, root: ValueId, exponent: ValueId) -> ValueId {
        let rounded = self.with(op::ADD, root, 64);
        let mantissa = self.shifted(op::LSHL, rounded, -7);
        let exponent = self.shifted(op::LSHL, exponent, 23);
        self.alu(op::ADD, exponent, mantissa)
    }

    /// One divided by the square root of an f32.
    pub(super) fn rsqrt(&mut self, x: ValueId) -> ValueId {
        let Root { m, half, y } = self.root(x);
        let square = self.alu(op::MUL_mul_r_rr, y, y);
        let high = self.shifted(op::LSHL, square, -15);
        let low = self.with(op::AND, square, 0x7fff);
        let product = self.alu(op::MUL_mul_r_rr, m, high);
        let short = self.shifted(op::LSHL, m, -8);
        let rest = self.alu(op::MUL_mul_r_rr, short, low);
        let rest = self.shifted(op::LSHL, rest, -7);
        let product = self.alu(op::ADD, product, rest);
        let zero = self.number(0);
        let missing = self.alu(op::SUB, zero, product);
        let missing = self.shifted(op::ASHL, missing, -12);
        let correction = self.alu(op::MUL_mul_r_rr, y, missing);
        let correction = self.shifted(op::ASHL, correction, -11);
        let root = self.shifted(op::LSHL, y, 16);
        let root = self.alu(op::ADD, root, correction);
        let base = self.number(188);
        let exponent = self.alu(op::SUB, base, half);
        let root = self.assemble(root, exponent);
        self.special_roots(x, root, [NAN, 0, INFINITY])
    }

    /// The square root of an f32.
    pub(super) fn sqrt(&mut self, x: ValueId) -> ValueId {
        let Root { m, half, y } = self.root(x);
        let short = self.shifted(op::LSHL, m, -9);
        let root = self.alu(op::MUL_mul_r_rr, short, y);
        let root = self.shifted(op::LSHL, root, -14);
        let square = self.alu(op::MUL_mul_r_rr, root, root);
        let wanted = self.shifted(op::LSHL, m, 7);
        let missing = self.alu(op::SUB, wanted, square);
        let missing = self.shifted(op::ASHL, missing, -6);
        let correction = self.alu(op::MUL_mul_r_rr, missing, y);
        let correction = self.shifted(op::ASHL, correction, -10);
        let root = self.shifted(op::LSHL, root, 15);
        let root = self.alu(op::ADD, root, correction);
        let exponent = self.with(op::ADD, half, 63);
        let root = self.assemble(root, exponent);
        self.special_roots(x, root, [NAN, INFINITY, 0])
    }
}
