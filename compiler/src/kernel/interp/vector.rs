//! Operations on vectors and accumulators.

use arch::num::{self, MacConf, Negate};

use super::lanes::{Bits, WIDEST, get, set, words};
use super::{Datum, Frame, TrapKind};
use crate::kernel::ir::{AccOp, VectorOp};
use crate::kernel::types::{AccLane, Type};

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
    };
    Ok(vec![Datum::Wide(wide)])
}

/// Number of lanes.
fn lane_count(ty: Type) -> usize {
    match ty {
        Type::Vec { lanes, .. } | Type::Acc { lanes, .. } => lanes.into(),
        Type::I32 | Type::Ptr => 0,
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
