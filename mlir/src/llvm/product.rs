//! Products, sums and conversions of accumulators, and the choice among operations on vectors.

use arch::num::{AccLane as UnitLane, MacConf};
use inkwell::values::BasicValueEnum;
use npuc::kernel::ir::{AccOp, Inst, Op, VectorOp};
use npuc::kernel::types::{AccLane, Elem, Type};

use super::Error;
use super::func::Lower;
use super::register::bits;

/// Configuration word of a sum of accumulators: the lanes that it adds.
fn sum_config(lane: AccLane) -> u32 {
    let (amode, bmode) = match lane {
        AccLane::I32 => (0, 0),
        AccLane::I64 => (1, 0),
        AccLane::F32 => (2, 3),
    };
    MacConf {
        amode,
        bmode,
        ..MacConf::default()
    }
    .encode()
}

impl<'c> Lower<'c, '_> {
    fn lane(&self, ty: Type) -> AccLane {
        match ty {
            Type::Acc { lane, .. } => lane,
            _ => AccLane::I32,
        }
    }

    /// A product, added to an accumulator where there is one.
    pub(super) fn product(&mut self, inst: &Inst) -> Result<(), Error> {
        let Op::Mac {
            mode,
            a_signed,
            b_signed,
            negate,
            acc,
            a,
            b,
        } = &inst.op
        else {
            return Err(self.unsupported(inst, "it is no product"));
        };
        let hardware = mode.hardware();
        let mut conf = hardware.conf(*a_signed, *b_signed);
        let negate_acc = acc.is_some_and(|addend| addend.negate);
        let sum = match (acc, negate_acc, negate) {
            (None, _, false) => "mul",
            (None, _, true) => "negmul",
            (Some(_), false, false) => "mac",
            (Some(_), false, true) => "msc",
            (Some(_), true, true) => "negmac",
            (Some(_), true, false) => "negmsc",
        };
        let with_acc = if acc.is_some() { ".ACC1024" } else { "" };
        let name = match hardware.acc {
            UnitLane::Acc32 => format!("I512.I512{with_acc}.acc32.{sum}.conf"),
            UnitLane::Acc64 => format!("I512.I512{with_acc}.acc64.{sum}.conf"),
            UnitLane::Fp32 => {
                // No product of floats negates its accumulator: the configuration word does.
                conf.sub1 = negate_acc;
                let sum = match (acc, negate) {
                    (None, _) => sum,
                    (Some(_), false) => "mac",
                    (Some(_), true) => "msc",
                };
                format!("bf.{sum}16.conf")
            }
        };
        let mut args = vec![
            self.resize(self.get(*a), 512)?,
            self.resize(self.get(*b), 512)?,
        ];
        args.extend(acc.map(|addend| self.get(addend.acc)));
        args.push(self.constant(conf.encode() as i32).into());
        let value = self.intrinsic(&name, &args)?;
        self.set(inst.results[0], value)
    }

    /// A shift of lanes between accumulators and vectors.
    pub(super) fn shift_lanes(&mut self, inst: &Inst) -> Result<(), Error> {
        self.require(&inst.op)?;
        let (name, value, shift, signed) = match &inst.op {
            Op::Srs {
                ty,
                acc,
                shift,
                mode,
            } => (srs(self.ty(*acc), *ty), *acc, *shift, mode.signed),
            Op::Ups {
                ty,
                value,
                shift,
                signed,
            } => (ups(self.ty(*value), *ty), *value, *shift, *signed),
            _ => (None, inst.results[0], inst.results[0], false),
        };
        let Some(name) = name else {
            return Err(self.unsupported(inst, "no intrinsic has these lanes"));
        };
        let signed = self.constant(signed.into());
        let args = [self.get(value), self.get(shift), signed.into()];
        let value = self.intrinsic(name, &args)?;
        self.set(inst.results[0], value)
    }

    /// An operation on vectors and accumulators.
    pub(super) fn vector(&mut self, inst: &Inst, op: &VectorOp) -> Result<(), Error> {
        self.require(&inst.op)?;
        let value = match op {
            VectorOp::Acc { op, a, b } => {
                let name = match op {
                    AccOp::Add => "add",
                    AccOp::Sub => "sub",
                };
                let lane = self.lane(self.ty(*a));
                self.sum(lane, name, &[self.get(*a), self.get(*b)])?
            }
            VectorOp::AccNeg { acc } => {
                let lane = self.lane(self.ty(*acc));
                self.sum(lane, "neg", &[self.get(*acc)])?
            }
            VectorOp::Cast { value, .. } => self.get(*value),
            VectorOp::ToBf16 { acc, .. } => {
                self.in_parts(self.get(*acc), 512, "v16accfloat.to.v16bf16")?
            }
            VectorOp::ToF32 { value } => {
                self.in_parts(self.get(*value), 256, "v16bf16.to.v16accfloat")?
            }
            VectorOp::Floor { value, shift } => {
                let args = [self.get(*value), self.get(*shift)];
                self.intrinsic("v16bf16.to.v16i32", &args)?
            }
            VectorOp::Lanes { op, signed, a, b } => {
                return self.lane_op(inst, *op, *signed, *a, *b);
            }
            VectorOp::Compare { op, signed, a, b } => {
                self.comparison(*op, *signed, self.ty(*a), (self.get(*a), self.get(*b)))?
            }
            VectorOp::EqZero { value } => self.equal_zero(self.ty(*value), self.get(*value))?,
            VectorOp::Select { mask, a, b } => {
                let width = self.elem(self.ty(*a)).bits();
                // Where the bit is set the core takes the second.
                let args = [self.get(*b), self.get(*a), self.get(*mask)];
                self.intrinsic(&format!("vsel{width}"), &args)?
            }
            VectorOp::Move(op) => self.movement(op)?,
            VectorOp::Reduce { op, signed, value } => {
                self.reduction(*op, *signed, self.ty(*value), self.get(*value))?
            }
            VectorOp::Mask { op, a, b } => self.masks(*op, self.get(*a), self.get(*b))?,
            VectorOp::MaskNot { mask } => self.mask_not(self.ty(*mask), self.get(*mask))?,
            VectorOp::MaskWord { mask, high } => {
                self.mask_words(self.get(*mask))?[usize::from(*high)].into()
            }
            VectorOp::MaskOf { lanes, lo, hi } => {
                let mut words = vec![self.int(*lo)];
                words.extend(hi.map(|hi| self.int(hi)));
                self.mask_of(*lanes, &words)?
            }
        };
        self.set(inst.results[0], value)
    }

    /// A sum of accumulators, or one negated. Integers are added 1024 bits at once, floats 512.
    pub(super) fn sum(
        &self,
        lane: AccLane,
        name: &str,
        terms: &[BasicValueEnum<'c>],
    ) -> Result<BasicValueEnum<'c>, Error> {
        let width = bits(terms[0]);
        let conf = BasicValueEnum::from(self.constant(sum_config(lane) as i32));
        let (name, at_once) = match (lane, name) {
            (AccLane::F32, "neg") => ("ACC512.accfloat.neg.conf".to_owned(), 512),
            (AccLane::F32, name) => (format!("{name}.accfloat"), 512),
            (AccLane::I32, "neg") => ("ACC1024.acc32.neg.conf".to_owned(), 1024),
            (AccLane::I64, "neg") => ("ACC1024.acc64.neg.conf".to_owned(), 1024),
            (_, name) => (format!("{name}.acc"), 1024),
        };
        let parts = (width / at_once).max(1);
        let mut split = Vec::new();
        for term in terms {
            let term = self.resize(*term, at_once * parts)?;
            split.push(self.split(term, parts)?);
        }
        let mut sums = Vec::new();
        for k in 0..parts as usize {
            let mut args: Vec<_> = split.iter().map(|term| term[k]).collect();
            args.push(conf);
            sums.push(self.intrinsic(&name, &args)?);
        }
        self.resize(self.join(&sums)?, width)
    }

    /// An intrinsic of one operand, on so many bits at once.
    fn in_parts(
        &self,
        value: BasicValueEnum<'c>,
        at_once: u32,
        name: &str,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let parts = self.split(value, bits(value) / at_once)?;
        let results = parts.iter().map(|part| self.intrinsic(name, &[*part]));
        self.join(&results.collect::<Result<Vec<_>, _>>()?)
    }

    pub(super) fn elem(&self, ty: Type) -> Elem {
        match ty {
            Type::Vec { elem, .. } => elem,
            _ => Elem::I32,
        }
    }
}

/// The intrinsic that brings an accumulator's lanes into a vector.
fn srs(from: Type, to: Type) -> Option<&'static str> {
    let (Type::Acc { lane, lanes }, Type::Vec { elem, .. }) = (from, to) else {
        return None;
    };
    Some(match (lane, elem, lanes) {
        (AccLane::I32, Elem::I16, 16) => "I256.v16.acc32.srs",
        (AccLane::I64, Elem::I16, 16) => "I256.v16.acc64.srs",
        (AccLane::I32, Elem::I8, 32) => "I256.v32.acc32.srs",
        (AccLane::I64, Elem::I32, 8) => "I256.v8.acc64.srs",
        (AccLane::I64, Elem::I32, 16) => "I512.v16.acc64.srs",
        (AccLane::I32, Elem::I16, 32) => "I512.v32.acc32.srs",
        _ => return None,
    })
}

/// The intrinsic that widens a vector's lanes into an accumulator.
fn ups(from: Type, to: Type) -> Option<&'static str> {
    let (Type::Vec { elem, .. }, Type::Acc { lane, lanes }) = (from, to) else {
        return None;
    };
    Some(match (lane, elem, lanes) {
        (AccLane::I32, Elem::I16, 16) => "acc32.v16.I256.ups",
        (AccLane::I32, Elem::I8, 32) => "acc32.v32.I256.ups",
        (AccLane::I32, Elem::I16, 32) => "acc32.v32.I512.ups",
        (AccLane::I64, Elem::I16, 16) => "acc64.v16.I256.ups",
        (AccLane::I64, Elem::I32, 16) => "acc64.v16.I512.ups",
        (AccLane::I64, Elem::I32, 8) => "acc64.v8.I256.ups",
        _ => return None,
    })
}
