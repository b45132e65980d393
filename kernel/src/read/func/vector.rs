//! Products and operations on vectors and accumulators.

use arch::num::ShuffleMode;

use super::{Reader, Result};
use crate::ir::{
    AccOp, Addend, CompareOp, LaneOp, MacMode, MaskOp, MoveOp, Op, ReduceOp, VectorOp,
};
use crate::types::{ROUNDINGS, Rounding, SATURATIONS, Saturation, Type};

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
const OPS: [&str; 17] = [
    "acc.neg",
    "cast",
    "to_bf16",
    "to_f32",
    "vfloor",
    "veqz",
    "vselect",
    "mask.not",
    "mask.lo",
    "mask.hi",
    "mask.of",
    "vshuffle",
    "vshift",
    "vbroadcast",
    "vinsert",
    "vpush.lo",
    "vpush.hi",
];

/// Movements that have an unsigned form.
const SIGNED_MOVES: [&str; 3] = ["vextract", "vpack", "vunpack"];

/// Suffix of operations on unsigned elements, where that matters.
const UNSIGNED: &str = ".u";

/// Spelling of every operation that [`Reader::vector`] reads.
pub(super) fn names() -> Vec<String> {
    let products = PRODUCTS
        .iter()
        .flat_map(|(name, ..)| SIGNS.map(|(suffix, ..)| format!("{name}{suffix}")));
    let accs = AccOp::ALL.iter().map(|(_, name)| name.to_string());
    let others = OPS.iter().map(ToString::to_string);
    let lanes = LaneOp::ALL.iter().map(|(op, name)| (*name, op.compares()));
    let compares = CompareOp::ALL.iter().map(|(op, name)| (*name, op.orders()));
    let reductions = ReduceOp::ALL.iter();
    let reductions = reductions.map(|(op, name)| (*name, *op != ReduceOp::Add));
    let moves = SIGNED_MOVES.iter().map(|name| (*name, true));
    let all = lanes.chain(compares).chain(reductions).chain(moves);
    let signed = all.flat_map(|(name, both)| {
        let unsigned = both.then(|| format!("{name}{UNSIGNED}"));
        [Some(name.to_string()), unsigned].into_iter().flatten()
    });
    let masks = MaskOp::ALL.iter().map(|(_, name)| name.to_string());
    let tables = products.chain(accs).chain(signed).chain(masks);
    tables.chain(others).collect()
}

impl Reader<'_> {
    /// An operation of [`names`]; none for other names.
    pub(super) fn vector(&mut self, name: &str) -> Result<Option<Op>> {
        if let Some((op, _)) = AccOp::ALL.into_iter().find(|(_, n)| *n == name) {
            let (a, b) = self.pair()?;
            return Ok(Some(Op::Vector(VectorOp::Acc { op, a, b })));
        }
        if let Some(op) = self.lanes(name)? {
            return Ok(Some(Op::Vector(op)));
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
            "veqz" => VectorOp::EqZero {
                value: self.operand()?,
            },
            "vselect" => {
                let (mask, a) = self.pair()?;
                self.punct(",")?;
                let b = self.operand()?;
                VectorOp::Select { mask, a, b }
            }
            "mask.not" => VectorOp::MaskNot {
                mask: self.operand()?,
            },
            "mask.lo" | "mask.hi" => VectorOp::MaskWord {
                mask: self.operand()?,
                high: name == "mask.hi",
            },
            "mask.of" => {
                let lanes = self.mask_type()?;
                let lo = self.operand()?;
                let mut hi = None;
                if lanes > 32 {
                    self.punct(",")?;
                    hi = Some(self.operand()?);
                }
                VectorOp::MaskOf { lanes, lo, hi }
            }
            _ => return self.product(name),
        };
        Ok(Some(Op::Vector(op)))
    }

    /// An operation of the tables of lane operations; none for other names.
    fn lanes(&mut self, name: &str) -> Result<Option<VectorOp>> {
        if let Some((op, _)) = MaskOp::ALL.into_iter().find(|(_, n)| *n == name) {
            let (a, b) = self.pair()?;
            return Ok(Some(VectorOp::Mask { op, a, b }));
        }
        let (name, signed) = match name.strip_suffix(UNSIGNED) {
            Some(name) => (name, false),
            None => (name, true),
        };
        if let Some((op, _)) = CompareOp::ALL.into_iter().find(|(_, n)| *n == name) {
            let (a, b) = self.pair()?;
            return Ok(Some(VectorOp::Compare { op, signed, a, b }));
        }
        if let Some((op, _)) = ReduceOp::ALL.into_iter().find(|(_, n)| *n == name) {
            let value = self.operand()?;
            return Ok(Some(VectorOp::Reduce { op, signed, value }));
        }
        let Some((op, _)) = LaneOp::ALL.into_iter().find(|(_, n)| *n == name) else {
            return Ok(self.movement(name, signed)?.map(VectorOp::Move));
        };
        let a = self.operand()?;
        let mut b = None;
        if !op.is_unary() {
            self.punct(",")?;
            b = Some(self.operand()?);
        }
        Ok(Some(VectorOp::Lanes { op, signed, a, b }))
    }

    /// A movement of lanes; none for other names.
    fn movement(&mut self, name: &str, signed: bool) -> Result<Option<MoveOp>> {
        Ok(Some(match name {
            "vshuffle" => {
                let modes: Vec<&str> = ShuffleMode::all().iter().map(|m| m.name()).collect();
                let word = self.word("a mode such as `T16_8x4`", &modes)?;
                let mode = ShuffleMode::from_name(word.text).unwrap_or(ShuffleMode::all()[0]);
                let (a, b) = self.pair()?;
                MoveOp::Shuffle { mode, a, b }
            }
            "vshift" => {
                let (a, b) = self.pair()?;
                self.punct(",")?;
                let bytes = self.operand()?;
                MoveOp::Shift { a, b, bytes }
            }
            "vbroadcast" => {
                let (value, index) = self.pair()?;
                MoveOp::Broadcast { value, index }
            }
            "vextract" => {
                let (value, index) = self.pair()?;
                MoveOp::Extract {
                    value,
                    index,
                    signed,
                }
            }
            "vinsert" => {
                let (value, index) = self.pair()?;
                self.punct(",")?;
                let scalar = self.operand()?;
                MoveOp::Insert {
                    value,
                    index,
                    scalar,
                }
            }
            "vpush.lo" | "vpush.hi" => {
                let (value, scalar) = self.pair()?;
                let high = name == "vpush.hi";
                MoveOp::Push {
                    value,
                    scalar,
                    high,
                }
            }
            "vpack" => {
                let value = self.operand()?;
                self.punct(",")?;
                let range = self.range()?;
                MoveOp::Pack {
                    value,
                    signed,
                    range,
                }
            }
            "vunpack" => MoveOp::Unpack {
                value: self.operand()?,
                signed,
            },
            _ => return Ok(None),
        }))
    }

    /// The number of lanes of a mask's type.
    fn mask_type(&mut self) -> Result<u16> {
        let masks = [16, 32, 64].map(|lanes| Type::Mask { lanes }.to_string());
        let names: Vec<&str> = masks.iter().map(String::as_str).collect();
        let word = self.word("mask16, mask32 or mask64", &names)?;
        Ok(match word.text.parse() {
            Ok(Type::Mask { lanes }) => lanes,
            _ => 16,
        })
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

    /// How results come into the range of their lanes.
    pub(super) fn range(&mut self) -> Result<Saturation> {
        let names = SATURATIONS.map(|(_, name)| name);
        let word = self.word("`saturate`, `symmetric` or `wrap`", &names)?;
        let range = SATURATIONS.iter().find(|(_, name)| *name == word.text);
        Ok(range.map_or(Saturation::Wrap, |(range, _)| *range))
    }

    /// The name of a rounding.
    pub(super) fn rounding(&mut self) -> Result<Rounding> {
        let word = self.word("a rounding", &ROUNDINGS.map(|(_, name)| name))?;
        let rounding = ROUNDINGS.iter().find(|(_, name)| *name == word.text);
        Ok(rounding.map_or(Rounding::ConvEven, |(rounding, _)| *rounding))
    }
}
