//! Products and operations on vectors and accumulators.

use super::{Reader, Result};
use crate::kernel::ir::{AccOp, Addend, MacMode, Op, VectorOp};
use crate::kernel::types::{ROUNDINGS, Rounding};

/// Products: spelling, whether the product and whether the accumulator is negated, none where there
/// is no accumulator.
const PRODUCTS: [(&str, bool, Option<bool>); 6] = [
    ("vmul", false, None),
    ("vnegmul", true, None),
    ("vmac", false, Some(false)),
    ("vmsc", true, Some(false)),
    ("vnegmac", true, Some(true)),
    ("vnegmsc", false, Some(true)),
];

/// Signs of the factors, with the suffix that says them.
const SIGNS: [(&str, bool, bool); 4] = [
    ("", true, true),
    (".su", true, false),
    (".us", false, true),
    (".uu", false, false),
];

/// Operations of this file that have no table of their own.
const OPS: [&str; 5] = ["acc.neg", "cast", "to_bf16", "to_f32", "vfloor"];

/// Spelling of every operation that [`Reader::vector`] reads.
pub(super) fn names() -> Vec<String> {
    let products = PRODUCTS
        .iter()
        .flat_map(|(name, ..)| SIGNS.map(|(suffix, ..)| format!("{name}{suffix}")));
    let accs = AccOp::ALL.iter().map(|(_, name)| name.to_string());
    let others = OPS.iter().map(ToString::to_string);
    products.chain(accs).chain(others).collect()
}

impl Reader<'_> {
    /// An operation of [`names`]; none for other names.
    pub(super) fn vector(&mut self, name: &str) -> Result<Option<Op>> {
        if let Some((op, _)) = AccOp::ALL.into_iter().find(|(_, n)| *n == name) {
            let (a, b) = self.pair()?;
            return Ok(Some(Op::Vector(VectorOp::Acc { op, a, b })));
        }
        let op = match name {
            "acc.neg" => VectorOp::AccNeg {
                acc: self.operand()?,
            },
            "cast" => VectorOp::Cast {
                ty: self.ty()?,
                value: self.operand()?,
            },
            "to_bf16" => {
                let acc = self.operand()?;
                self.punct(",")?;
                let rounding = self.rounding()?;
                VectorOp::ToBf16 { acc, rounding }
            }
            "to_f32" => VectorOp::ToF32 {
                value: self.operand()?,
            },
            "vfloor" => {
                let (value, shift) = self.pair()?;
                VectorOp::Floor { value, shift }
            }
            _ => return self.product(name),
        };
        Ok(Some(Op::Vector(op)))
    }

    fn product(&mut self, name: &str) -> Result<Option<Op>> {
        let (op, suffix) = match name.find('.') {
            Some(at) => name.split_at(at),
            None => (name, ""),
        };
        let product = PRODUCTS.iter().find(|(name, ..)| *name == op);
        let signs = SIGNS.iter().find(|(name, ..)| *name == suffix);
        let (Some((_, negate, addend)), Some((_, a_signed, b_signed))) = (product, signs) else {
            return Ok(None);
        };
        let names = MacMode::ALL.map(|mode| mode.shape().name);
        let word = self.word("a mode such as `i8.4x8x8`", &names)?;
        let mode = MacMode::ALL
            .into_iter()
            .find(|mode| mode.shape().name == word.text)
            .unwrap_or(MacMode::ALL[0]);
        let mut acc = None;
        if let Some(negate) = *addend {
            let value = self.operand()?;
            acc = Some(Addend { acc: value, negate });
            self.punct(",")?;
        }
        let (a, b) = self.pair()?;
        Ok(Some(Op::Mac {
            mode,
            a_signed: *a_signed,
            b_signed: *b_signed,
            negate: *negate,
            acc,
            a,
            b,
        }))
    }

    /// The name of a rounding.
    pub(super) fn rounding(&mut self) -> Result<Rounding> {
        let word = self.word("a rounding", &ROUNDINGS.map(|(_, name)| name))?;
        let rounding = ROUNDINGS.iter().find(|(_, name)| *name == word.text);
        Ok(rounding.map_or(Rounding::ConvEven, |(rounding, _)| *rounding))
    }
}
