//! Rules of products and of operations on vectors and accumulators.

use super::{At, Check};
use crate::ir::{LaneOp, MacMode, MoveOp, ReduceOp, Value, VectorOp};
use crate::types::{AccLane, Elem, Type};
use crate::verify::Rule;

fn is_vec(ty: Type) -> bool {
    matches!(ty, Type::Vec { .. })
}

fn is_acc(ty: Type) -> bool {
    matches!(ty, Type::Acc { .. })
}

fn is_mask(ty: Type) -> bool {
    matches!(ty, Type::Mask { .. })
}

fn is_wide_vec(ty: Type) -> bool {
    is_vec(ty) && ty.bits() == 512
}

const WIDE_VEC: &str = "a vector of 512 bits";

impl Check<'_, '_> {
    /// Two halves of a register, of one type.
    pub(super) fn halves(&mut self, at: At<'_>, lo: Value, hi: Value) {
        let half = |ty: Type| is_vec(ty) && ty.bits() == 256 || is_acc(ty) && ty.bits() == 512;
        let expected = "a vector of 256 bits or an accumulator of 512";
        self.operand_if(at, "low half", lo, half, expected);
        if let Some(lo) = self.ty(lo).filter(|ty| half(*ty)) {
            self.operand(at, "high half", hi, lo);
        }
    }

    /// A register that has halves.
    pub(super) fn whole(&mut self, at: At<'_>, value: Value) {
        let whole = |ty: Type| is_vec(ty) && ty.bits() == 512 || is_acc(ty) && ty.bits() == 1024;
        let expected = "a vector of 512 bits or an accumulator of 1024";
        self.operand_if(at, "operand", value, whole, expected);
    }

    /// Accumulator and factors of a product.
    pub(super) fn product(
        &mut self,
        at: At<'_>,
        mode: MacMode,
        signed: bool,
        acc: Option<Value>,
        (a, b): (Value, Value),
    ) {
        let shape = mode.shape();
        if let Some(acc) = acc {
            self.operand(at, "accumulator", acc, shape.acc);
        }
        self.operand(at, "first factor", a, shape.a);
        self.operand(at, "second factor", b, shape.b);
        if mode.is_float() && !signed {
            self.error(at, Rule::FloatSign { mode: shape.name });
        }
    }

    pub(super) fn vector(&mut self, at: At<'_>, op: &VectorOp) {
        match op {
            VectorOp::Acc { a, b, .. } => {
                self.operand_if(at, "left operand", *a, is_acc, "an accumulator");
                if let Some(a) = self.ty(*a).filter(|ty| is_acc(*ty)) {
                    self.operand(at, "right operand", *b, a);
                }
            }
            VectorOp::AccNeg { acc } => {
                self.operand_if(at, "operand", *acc, is_acc, "an accumulator");
            }
            VectorOp::Cast { ty, value } => {
                let wide = |ty: Type| is_vec(ty) || is_acc(ty);
                self.operand_if(at, "operand", *value, wide, "a vector or an accumulator");
                self.makes(at, "cast", *ty, "vectors and accumulators", wide);
                if let Some(from) = self.ty(*value)
                    && wide(from)
                    && wide(*ty)
                    && from.bits() != ty.bits()
                {
                    let (bits, to_bits) = (from.bits(), ty.bits());
                    let to = *ty;
                    self.error(
                        at,
                        Rule::CastWidth {
                            from,
                            bits,
                            to,
                            to_bits,
                        },
                    );
                }
            }
            VectorOp::ToBf16 { acc, .. } => {
                let fits = |ty: Type| matches!(ty, Type::Acc { lane, .. } if lane == AccLane::F32);
                self.operand_if(at, "operand", *acc, fits, "an accumulator of f32 lanes");
            }
            VectorOp::ToF32 { value } => {
                let fits = |ty: Type| matches!(ty, Type::Vec { elem, .. } if elem == Elem::Bf16);
                self.operand_if(at, "operand", *value, fits, "a vector of bf16");
            }
            VectorOp::Floor { value, shift } => {
                self.operand(at, "operand", *value, Type::vec(Elem::Bf16, 16));
                self.operand(at, "shift", *shift, Type::I32);
                self.constant_in(at, "vfloor", *shift, -32..=31);
            }
            VectorOp::Lanes { op, signed, a, b } => self.lanes(at, *op, *signed, *a, *b),
            VectorOp::Compare { op, signed, a, b } => {
                self.operand_if(at, "left operand", *a, is_wide_vec, WIDE_VEC);
                let Some(Type::Vec { elem, lanes }) = self.ty(*a).filter(|ty| is_wide_vec(*ty))
                else {
                    return;
                };
                self.operand(at, "right operand", *b, Type::vec(elem, lanes));
                if elem == Elem::F32 {
                    self.error(
                        at,
                        Rule::LaneElem {
                            op: op.name(),
                            elem,
                        },
                    );
                }
                self.sign(at, op.name(), op.orders(), *signed, elem);
            }
            VectorOp::EqZero { value } => {
                self.operand_if(at, "operand", *value, is_wide_vec, WIDE_VEC);
            }
            VectorOp::Select { mask, a, b } => {
                self.operand_if(at, "first choice", *a, is_wide_vec, WIDE_VEC);
                if let Some(Type::Vec { elem, lanes }) = self.ty(*a).filter(|ty| is_wide_vec(*ty)) {
                    self.operand(at, "second choice", *b, Type::vec(elem, lanes));
                    self.operand(at, "mask", *mask, Type::Mask { lanes });
                }
            }
            VectorOp::Move(op) => self.movement(at, op),
            VectorOp::Reduce { op, signed, value } => self.reduce(at, *op, *signed, *value),
            VectorOp::Mask { a, b, .. } => {
                self.operand_if(at, "left operand", *a, is_mask, "a mask");
                if let Some(a) = self.ty(*a).filter(|ty| is_mask(*ty)) {
                    self.operand(at, "right operand", *b, a);
                }
            }
            VectorOp::MaskNot { mask } | VectorOp::MaskWord { mask, high: false } => {
                self.operand_if(at, "operand", *mask, is_mask, "a mask");
            }
            VectorOp::MaskWord { mask, high: true } => {
                self.operand(at, "operand", *mask, Type::Mask { lanes: 64 });
            }
            VectorOp::MaskOf { lanes, lo, hi } => {
                self.operand(at, "low lanes", *lo, Type::I32);
                if let Some(hi) = hi {
                    self.operand(at, "high lanes", *hi, Type::I32);
                }
                let (lanes, words) = (*lanes, 1 + usize::from(hi.is_some()));
                let mask = Type::Mask { lanes };
                if mask.is_legal() && words != usize::from(lanes).div_ceil(32) {
                    self.error(at, Rule::MaskWords { lanes, words });
                }
            }
        }
    }

    fn movement(&mut self, at: At<'_>, op: &MoveOp) {
        match op {
            MoveOp::Shuffle { a, b, .. } | MoveOp::Shift { a, b, .. } => {
                self.operand_if(at, "first operand", *a, is_wide_vec, WIDE_VEC);
                if let Some(a) = self.ty(*a).filter(|ty| is_wide_vec(*ty)) {
                    self.operand(at, "second operand", *b, a);
                }
                if let MoveOp::Shift { bytes, .. } = op {
                    self.operand(at, "shift", *bytes, Type::I32);
                    self.constant_in(at, "vshift", *bytes, 0..=64);
                }
            }
            MoveOp::Broadcast { value, index } | MoveOp::Extract { value, index, .. } => {
                self.operand_if(at, "operand", *value, is_wide_vec, WIDE_VEC);
                self.operand(at, "index", *index, Type::I32);
            }
            MoveOp::Insert {
                value,
                index,
                scalar,
            } => {
                self.operand_if(at, "operand", *value, is_wide_vec, WIDE_VEC);
                self.operand(at, "index", *index, Type::I32);
                self.operand(at, "scalar", *scalar, Type::I32);
            }
            MoveOp::Push { value, scalar, .. } => {
                self.operand_if(at, "operand", *value, is_wide_vec, WIDE_VEC);
                self.operand(at, "scalar", *scalar, Type::I32);
            }
            MoveOp::Pack { value, .. } => {
                self.packing(at, *value, Type::vec(Elem::I16, 32), "vpack");
            }
            MoveOp::Unpack { value, .. } => {
                self.packing(at, *value, Type::vec(Elem::I8, 32), "vunpack");
            }
        }
    }

    fn packing(&mut self, at: At<'_>, value: Value, takes: Type, op: &'static str) {
        match self.ty(value) {
            Some(found) if is_vec(found) && found != takes => {
                self.error(at, Rule::Packing { op, found, takes });
            }
            _ => self.operand(at, "operand", value, takes),
        }
    }

    fn reduce(&mut self, at: At<'_>, op: ReduceOp, signed: bool, value: Value) {
        let sums = |ty: Type| op == ReduceOp::Add && ty == Type::acc(AccLane::F32, 16);
        let fits = |ty: Type| is_wide_vec(ty) || sums(ty);
        let expected = match op {
            ReduceOp::Add => "a vector of 512 bits or accf32x16",
            ReduceOp::Max | ReduceOp::Min => WIDE_VEC,
        };
        self.operand_if(at, "operand", value, fits, expected);
        if let Some(Type::Vec { elem, .. }) = self.ty(value) {
            let lanes = match op {
                ReduceOp::Add => LaneOp::Add,
                ReduceOp::Max => LaneOp::Max,
                ReduceOp::Min => LaneOp::Min,
            };
            if !lanes.takes(elem) {
                let op = op.name();
                self.error(at, Rule::LaneElem { op, elem });
            }
            self.sign(at, op.name(), lanes.compares(), signed, elem);
        }
    }

    fn lanes(&mut self, at: At<'_>, op: LaneOp, signed: bool, a: Value, b: Option<Value>) {
        let name = op.name();
        let (found, expected) = (1 + usize::from(b.is_some()), 2 - usize::from(op.is_unary()));
        if found != expected {
            self.error(
                at,
                Rule::LaneOperands {
                    op: name,
                    found,
                    expected,
                },
            );
        }
        match op.has_mask() {
            true => self.operand_if(at, "first operand", a, is_wide_vec, WIDE_VEC),
            false => self.operand_if(at, "first operand", a, is_vec, "a vector"),
        }
        let Some(Type::Vec { elem, lanes }) = self.ty(a) else {
            return;
        };
        if let Some(b) = b {
            self.operand(at, "second operand", b, Type::vec(elem, lanes));
        }
        if !op.takes(elem) {
            self.error(at, Rule::LaneElem { op: name, elem });
        }
        self.sign(at, name, op.compares(), signed, elem);
    }

    /// Whether an operation is said to be unsigned that has no such form, or of elements that are
    /// floats.
    fn sign(&mut self, at: At<'_>, op: &'static str, both: bool, signed: bool, elem: Elem) {
        if signed {
            return;
        }
        if !both {
            self.error(at, Rule::NoUnsigned { op });
        } else if matches!(elem, Elem::Bf16 | Elem::F32) {
            self.error(at, Rule::FloatSign { mode: op });
        }
    }

    /// A scalar operand that is a constant has a range.
    fn constant_in(
        &mut self,
        at: At<'_>,
        op: &str,
        value: Value,
        range: std::ops::RangeInclusive<i32>,
    ) {
        if let Some(found) = self.constants.get(&value).copied()
            && !range.contains(&found)
        {
            let (op, min, max) = (op.to_string(), *range.start(), *range.end());
            self.error(
                at,
                Rule::ShiftRange {
                    op,
                    found,
                    min,
                    max,
                },
            );
        }
    }
}
