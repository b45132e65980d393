//! The vector adder: arithmetic, comparison and selection of lanes, and masks.

use inkwell::values::{BasicValueEnum, IntValue, VectorValue};
use npuc::kernel::ir::{CompareOp, Inst, LaneOp, MaskOp, Value};
use npuc::kernel::types::{Elem, Type};

use super::Error;
use super::func::Lower;

/// Bits of the registers that the adder works on.
const WIDE: u32 = 512;

/// The end of an intrinsic's name for lanes of an element.
fn suffix(elem: Elem) -> &'static str {
    match elem {
        Elem::I8 => "8",
        Elem::I16 => "16",
        Elem::I32 | Elem::F32 => "32",
        Elem::Bf16 => "bf16",
    }
}

/// As [`suffix`], where a bf16 is its bits.
fn bits_suffix(elem: Elem) -> &'static str {
    match elem {
        Elem::Bf16 => "16",
        _ => suffix(elem),
    }
}

impl<'c> Lower<'c, '_> {
    /// An operation on lanes, and the mask that it makes as well.
    pub(super) fn lane_op(
        &mut self,
        inst: &Inst,
        op: LaneOp,
        signed: bool,
        a: Value,
        b: Option<Value>,
    ) -> Result<(), Error> {
        let ty = self.ty(a);
        let first = self.resize(self.get(a), WIDE)?;
        let second = match b {
            Some(b) => self.resize(self.get(b), WIDE)?,
            None => first,
        };
        let (value, mask) = self.adder(op, signed, self.elem(ty), (first, second))?;
        let value = self.resize(value, ty.bits())?;
        self.set(inst.results[0], value)?;
        match (inst.results.get(1), mask) {
            (Some(result), Some(mask)) => self.set(*result, mask),
            _ => Ok(()),
        }
    }

    /// An operation of the adder on registers of 512 bits: its vector, and its mask if it makes one.
    /// Operations of one operand look at the first.
    pub(super) fn adder(
        &self,
        op: LaneOp,
        signed: bool,
        elem: Elem,
        (a, b): (BasicValueEnum<'c>, BasicValueEnum<'c>),
    ) -> Result<(BasicValueEnum<'c>, Option<BasicValueEnum<'c>>), Error> {
        let sign = BasicValueEnum::from(self.constant(signed.into()));
        let ordered: &[BasicValueEnum<'c>] = match elem {
            Elem::Bf16 => &[a, b],
            _ => &[a, b, sign],
        };
        let (name, args) = match op {
            LaneOp::Add | LaneOp::Sub | LaneOp::And | LaneOp::Or | LaneOp::Xor => {
                return Ok((self.plain(op, elem, a, b)?, None));
            }
            LaneOp::Max | LaneOp::MaxLt => (format!("vmax.lt{}", suffix(elem)), ordered),
            LaneOp::Min | LaneOp::MinGe => (format!("vmin.ge{}", suffix(elem)), ordered),
            LaneOp::SubLt => (format!("vsub.lt{}", suffix(elem)), ordered),
            LaneOp::SubGe => (format!("vsub.ge{}", suffix(elem)), ordered),
            LaneOp::Not | LaneOp::NotLtz => (format!("vbneg.ltz{}", bits_suffix(elem)), &[a][..]),
            LaneOp::Neg | LaneOp::NegGtz => (format!("vneg.gtz{}", suffix(elem)), &[a][..]),
            LaneOp::Abs | LaneOp::AbsGtz => (format!("vabs.gtz{}", suffix(elem)), &[a, sign][..]),
        };
        let parts = self.intrinsic_parts(&name, args)?;
        Ok((parts[0], parts.get(1).copied()))
    }

    /// What LLVM IR says without an intrinsic.
    fn plain(
        &self,
        op: LaneOp,
        elem: Elem,
        a: BasicValueEnum<'c>,
        b: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let lanes = match elem {
            Elem::I8 => self.context.i8_type().vec_type(64),
            Elem::I16 | Elem::Bf16 => self.context.i16_type().vec_type(32),
            Elem::I32 | Elem::F32 => self.context.i32_type().vec_type(16),
        };
        let (a, b): (VectorValue<'c>, VectorValue<'c>) = (
            self.cast(a, lanes.into())?.into_vector_value(),
            self.cast(b, lanes.into())?.into_vector_value(),
        );
        let build = &self.builder;
        let value = match op {
            LaneOp::Sub => build.build_int_sub(a, b, "")?,
            LaneOp::And => build.build_and(a, b, "")?,
            LaneOp::Or => build.build_or(a, b, "")?,
            // The core has no exclusive or of vectors: what is in either, less what is in both.
            LaneOp::Xor => {
                let (either, both) = (build.build_or(a, b, "")?, build.build_and(a, b, "")?);
                build.build_int_sub(either, both, "")?
            }
            _ => build.build_int_add(a, b, "")?,
        };
        Ok(value.into())
    }

    /// A comparison of vectors -> mask.
    pub(super) fn comparison(
        &self,
        op: CompareOp,
        signed: bool,
        ty: Type,
        (a, b): (BasicValueEnum<'c>, BasicValueEnum<'c>),
    ) -> Result<BasicValueEnum<'c>, Error> {
        let elem = self.elem(ty);
        let order = |name: &str, a, b| {
            let mut args = vec![a, b];
            if elem != Elem::Bf16 {
                args.push(self.constant(signed.into()).into());
            }
            self.intrinsic(&format!("{name}{}", suffix(elem)), &args)
        };
        match op {
            CompareOp::Lt => order("vlt", a, b),
            CompareOp::Ge => order("vge", a, b),
            CompareOp::Gt => order("vlt", b, a),
            CompareOp::Le => order("vge", b, a),
            CompareOp::Eq if elem == Elem::Bf16 => {
                // Of two that are no number neither holds.
                self.masks(MaskOp::And, order("vge", a, b)?, order("vge", b, a)?)
            }
            CompareOp::Eq => self.equal_zero(ty, self.plain(LaneOp::Sub, elem, a, b)?),
            CompareOp::Ne => {
                let Type::Vec { lanes, .. } = ty else {
                    return order("vlt", a, b);
                };
                let equal = self.comparison(CompareOp::Eq, signed, ty, (a, b))?;
                self.mask_not(Type::Mask { lanes }, equal)
            }
        }
    }

    /// Where lanes are zero -> mask.
    pub(super) fn equal_zero(
        &self,
        ty: Type,
        value: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        self.intrinsic(&format!("veqz{}", bits_suffix(self.elem(ty))), &[value])
    }

    /// The words of a mask.
    pub(super) fn mask_words(&self, mask: BasicValueEnum<'c>) -> Result<Vec<IntValue<'c>>, Error> {
        if let BasicValueEnum::IntValue(word) = mask {
            return Ok(vec![word]);
        }
        let word = |n| self.intrinsic("ext.I32.I64", &[mask, self.constant(n).into()]);
        Ok(vec![word(0)?.into_int_value(), word(1)?.into_int_value()])
    }

    /// A mask of words.
    fn mask_from(&self, words: &[IntValue<'c>]) -> Result<BasicValueEnum<'c>, Error> {
        let [lo, hi] = words else {
            return Ok(words[0].into());
        };
        let empty = self.context.i32_type().vec_type(2).get_poison();
        let update = |mask, word: &IntValue<'c>, n| {
            let args = [mask, (*word).into(), self.constant(n).into()];
            self.intrinsic("upd.I64.I32", &args)
        };
        update(update(empty.into(), lo, 0)?, hi, 1)
    }

    /// An operation on two masks.
    pub(super) fn masks(
        &self,
        op: MaskOp,
        a: BasicValueEnum<'c>,
        b: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let words = self.mask_words(a)?.into_iter().zip(self.mask_words(b)?);
        let words = words.map(|(a, b)| match op {
            MaskOp::And => self.builder.build_and(a, b, ""),
            MaskOp::Or => self.builder.build_or(a, b, ""),
            MaskOp::Xor => self.builder.build_xor(a, b, ""),
        });
        self.mask_from(&words.collect::<Result<Vec<_>, _>>()?)
    }

    /// The lanes that a mask has not.
    pub(super) fn mask_not(
        &self,
        ty: Type,
        mask: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let all = self.constant(if ty.bits() == 16 { 0xffff } else { -1 });
        let words = self.mask_words(mask)?;
        let words = words.iter().map(|w| self.builder.build_xor(*w, all, ""));
        self.mask_from(&words.collect::<Result<Vec<_>, _>>()?)
    }

    /// A mask of scalars, without bits beyond its lanes.
    pub(super) fn mask_of(
        &self,
        lanes: u16,
        words: &[IntValue<'c>],
    ) -> Result<BasicValueEnum<'c>, Error> {
        if lanes != 16 {
            return self.mask_from(words);
        }
        let low = self.constant(0xffff);
        Ok(self.builder.build_and(words[0], low, "")?.into())
    }
}
