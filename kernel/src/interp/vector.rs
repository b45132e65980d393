//! Operations on vectors and accumulators.

use arch::num::{self, LaneFn, LaneKind, MacConf, Negate};

use super::lanes::{Bits, WIDEST, first_64, get, set, words};
use super::movement::{movement, reduce};
use super::{Datum, Frame, TrapKind};
use crate::ir::{AccOp, CompareOp, LaneOp, MaskOp, VectorOp, lane_kind};
use crate::types::{AccLane, Elem, Type};

/// Results of an operation.
pub(super) fn vector(frame: &Frame<'_>, op: &VectorOp) -> Result<Vec<Datum>, TrapKind> {
    let wide = match op {
        VectorOp::Acc { op, a, b } => {
            let negate = match op {
                AccOp::Add => false,
                AccOp::Sub => true,
            };
            let (ty, b) = (frame.func.ty(*a), frame.wide(*b));
            acc_sum(ty, (&frame.wide(*a), false), Some((&b, negate)))
        }
        VectorOp::AccNeg { acc } => acc_sum(frame.func.ty(*acc), (&frame.wide(*acc), true), None),
        VectorOp::Cast { value, .. } => frame.wide(*value),
        VectorOp::ToBf16 { acc, rounding } => {
            let from = frame.wide(*acc);
            convert(frame.func.ty(*acc), &from, (4, 2), |lane| {
                i64::from(num::f32_to_bf16(lane as u32, *rounding))
            })
        }
        VectorOp::ToF32 { value } => {
            let from = frame.wide(*value);
            convert(frame.func.ty(*value), &from, (2, 4), |lane| {
                i64::from(num::bf16_to_f32(lane as u16))
            })
        }
        VectorOp::Floor { value, shift } => {
            let shift = match frame.i32(*shift) {
                shift @ -32..=31 => shift,
                shift => {
                    let (min, max) = (-32, 31);
                    return Err(TrapKind::Shift { shift, min, max });
                }
            };
            let from = frame.wide(*value);
            convert(frame.func.ty(*value), &from, (2, 4), |lane| {
                i64::from(num::floor_bf16(lane as u16, shift))
            })
        }
        VectorOp::Lanes { op, signed, a, b } => {
            let elem = elem(frame.func.ty(*a));
            let first = first_64(&frame.wide(*a));
            let second = b.map_or(first, |b| first_64(&frame.wide(b)));
            let (out, mask) = lane_op(*op, lane_kind(elem, *signed), &first, &second);
            // A vector of 256 bits has nothing above it.
            let mut wide = wide_of(&out);
            wide[frame.func.ty(*a).bytes() as usize..].fill(0);
            let mut results = vec![Datum::Wide(wide)];
            results.extend(op.has_mask().then_some(Datum::Mask(mask)));
            return Ok(results);
        }
        VectorOp::Compare { op, signed, a, b } => {
            let kind = lane_kind(elem(frame.func.ty(*a)), *signed);
            let (lanes, a) = (lane_count(frame.func.ty(*a)), frame.wide(*a));
            let mask = compare(*op, kind, &first_64(&a), &first_64(&frame.wide(*b)));
            return Ok(vec![Datum::Mask(mask & all(lanes))]);
        }
        VectorOp::EqZero { value } => {
            let kind = lane_kind(elem(frame.func.ty(*value)), false);
            let bits = first_64(&frame.wide(*value));
            let kind = if kind == LaneKind::Bf16 {
                LaneKind::U16
            } else {
                kind
            };
            return Ok(vec![Datum::Mask(
                num::lanes(LaneFn::EqZ, kind, &bits, &bits, 0).1,
            )]);
        }
        VectorOp::Select { mask, a, b } => {
            let kind = lane_kind(elem(frame.func.ty(*a)), false);
            let (a, b) = (first_64(&frame.wide(*a)), first_64(&frame.wide(*b)));
            wide_of(&num::lanes(LaneFn::Select, kind, &b, &a, frame.mask(*mask)).0)
        }
        VectorOp::Move(op) => return Ok(vec![movement(frame, op)?]),
        VectorOp::Reduce { op, signed, value } => {
            return Ok(vec![reduce(frame, *op, *signed, *value)]);
        }
        VectorOp::Mask { op, a, b } => {
            let (a, b) = (frame.mask(*a), frame.mask(*b));
            return Ok(vec![Datum::Mask(match op {
                MaskOp::And => a & b,
                MaskOp::Or => a | b,
                MaskOp::Xor => a ^ b,
            })]);
        }
        VectorOp::MaskNot { mask } => {
            let lanes = lane_count(frame.func.ty(*mask));
            return Ok(vec![Datum::Mask(!frame.mask(*mask) & all(lanes))]);
        }
        VectorOp::MaskWord { mask, high } => {
            let word = frame.mask(*mask) >> if *high { 32 } else { 0 };
            return Ok(vec![Datum::I32(word as i32)]);
        }
        VectorOp::MaskOf { lanes, lo, hi } => {
            let word = |value| u64::from(frame.i32(value) as u32);
            let mask = word(*lo) | hi.map_or(0, word) << 32;
            return Ok(vec![Datum::Mask(mask & all((*lanes).into()))]);
        }
    };
    Ok(vec![Datum::Wide(wide)])
}

/// Number of lanes.
fn lane_count(ty: Type) -> usize {
    match ty {
        Type::Vec { lanes, .. } | Type::Acc { lanes, .. } | Type::Mask { lanes } => lanes.into(),
        Type::I32 | Type::Ptr | Type::Walk { .. } => 0,
    }
}

/// Element of a vector.
pub(super) fn elem(ty: Type) -> Elem {
    match ty {
        Type::Vec { elem, .. } => elem,
        _ => Elem::I32,
    }
}

/// The mask that has the first `lanes` lanes.
fn all(lanes: usize) -> u64 {
    u64::MAX >> (64 - lanes.clamp(1, 64))
}

/// 512 bits as the contents of a register.
pub(super) fn wide_of(bits: &[u8; 64]) -> Bits {
    let mut wide = [0; WIDEST];
    wide[..64].copy_from_slice(bits);
    wide
}

fn lane_op(op: LaneOp, kind: LaneKind, a: &[u8; 64], b: &[u8; 64]) -> ([u8; 64], u64) {
    match op.hardware() {
        Some(f) => num::lanes(f, kind, a, b, 0),
        None => (std::array::from_fn(|i| a[i] ^ b[i]), 0),
    }
}

fn compare(op: CompareOp, kind: LaneKind, a: &[u8; 64], b: &[u8; 64]) -> u64 {
    let mask = |f, a, b| num::lanes(f, kind, a, b, 0).1;
    match op {
        CompareOp::Lt => mask(LaneFn::Lt, a, b),
        CompareOp::Le => mask(LaneFn::Ge, b, a),
        CompareOp::Gt => mask(LaneFn::Lt, b, a),
        CompareOp::Ge => mask(LaneFn::Ge, a, b),
        CompareOp::Eq => mask(LaneFn::Ge, a, b) & mask(LaneFn::Ge, b, a),
        CompareOp::Ne => !compare(CompareOp::Eq, kind, a, b),
    }
}

/// Each lane of `ty` by a function, from and to lanes of so many bytes.
fn convert(ty: Type, from: &Bits, bytes: (u32, u32), f: impl Fn(i64) -> i64) -> Bits {
    let mut out = [0; WIDEST];
    for lane in 0..lane_count(ty) {
        set(&mut out, bytes.1, lane, f(get(from, bytes.0, lane, false)));
    }
    out
}

/// Sum of accumulators of a type, each negated where its flag says so.
fn acc_sum(ty: Type, a: (&Bits, bool), b: Option<(&Bits, bool)>) -> Bits {
    let Type::Acc { lane, .. } = ty else {
        return [0; WIDEST];
    };
    let negate = b.is_some_and(|(_, negate)| negate);
    let (left, right) = (words::<32>(a.0), b.map(|(b, _)| words::<32>(b)));
    let sum: [u32; 32] = match lane {
        AccLane::F32 => std::array::from_fn(|i| {
            let right = right.map_or(0, |right| right[i]);
            num::sum_f32(&[(left[i], a.1), (right, negate)])
        }),
        AccLane::I32 | AccLane::I64 => {
            let conf = MacConf {
                amode: u8::from(lane == AccLane::I64),
                ..MacConf::default()
            };
            let negate = Negate {
                product: false,
                acc1: a.1,
                acc2: negate,
            };
            num::add_acc(conf, negate, Some(&left), right.as_ref())
        }
    };
    let mut out = [0; WIDEST];
    for (to, word) in out.chunks_exact_mut(4).zip(sum) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    out
}
