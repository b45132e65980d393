//! Movement of lanes, and lanes taken together.

use arch::num::{self, LaneFn, Rounding};

use super::lanes::{WIDEST, first_64, get, set};
use super::vector::{elem, wide_of};
use super::{Datum, Frame, TrapKind};
use crate::ir::{MoveOp, ReduceOp, Value, lane_kind};
use crate::types::Type;

pub(super) fn movement(frame: &Frame<'_>, op: &MoveOp) -> Result<Datum, TrapKind> {
    let vector = |value: Value| first_64(&frame.wide(value));
    let bytes = |value: Value| elem(frame.func.ty(value)).bytes();
    let place = |value: Value, index: Value| {
        let lanes = 64 / bytes(value) as usize;
        frame.i32(index) as u32 as usize % lanes
    };
    let out = match op {
        MoveOp::Shuffle { mode, a, b } => num::shuffle(*mode, &vector(*a), &vector(*b)),
        MoveOp::Shift { a, b, bytes } => {
            let shift = frame.i32(*bytes);
            if !(0..=64).contains(&shift) {
                let (min, max) = (0, 64);
                return Err(TrapKind::Shift { shift, min, max });
            }
            turned(&vector(*a), &vector(*b), shift as usize)
        }
        MoveOp::Broadcast { value, index } => {
            let (from, n) = (vector(*value), bytes(*value) as usize);
            let at = place(*value, *index) * n;
            std::array::from_fn(|i| from[at + i % n])
        }
        MoveOp::Extract {
            value,
            index,
            signed,
        } => {
            let lane = place(*value, *index);
            let lane = get(&frame.wide(*value), bytes(*value), lane, *signed);
            return Ok(Datum::I32(lane as i32));
        }
        MoveOp::Insert {
            value,
            index,
            scalar,
        } => {
            let mut wide = frame.wide(*value);
            let scalar = frame.i32(*scalar).into();
            set(&mut wide, bytes(*value), place(*value, *index), scalar);
            return Ok(Datum::Wide(wide));
        }
        MoveOp::Push {
            value,
            scalar,
            high,
        } => {
            let (from, n) = (vector(*value), bytes(*value) as usize);
            let scalar = frame.i32(*scalar).to_le_bytes();
            let mut out = [0; 64];
            if *high {
                out[..64 - n].copy_from_slice(&from[n..]);
                out[64 - n..].copy_from_slice(&scalar[..n]);
            } else {
                out[n..].copy_from_slice(&from[..64 - n]);
                out[..n].copy_from_slice(&scalar[..n]);
            }
            out
        }
        MoveOp::Pack {
            value,
            signed,
            range,
        } => {
            let (from, mut out) = (frame.wide(*value), [0; WIDEST]);
            for lane in 0..32 {
                let wide = get(&from, 2, lane, *signed);
                let (narrow, _) = num::srs(wide, 0, Rounding::Floor, *range, 8, *signed);
                set(&mut out, 1, lane, narrow);
            }
            return Ok(Datum::Wide(out));
        }
        MoveOp::Unpack { value, signed } => {
            let (from, mut out) = (frame.wide(*value), [0; WIDEST]);
            for lane in 0..32 {
                set(&mut out, 2, lane, get(&from, 1, lane, *signed));
            }
            return Ok(Datum::Wide(out));
        }
    };
    Ok(Datum::Wide(wide_of(&out)))
}

/// 64 bytes of `a` followed by `b` from byte `by` on.
fn turned(a: &[u8; 64], b: &[u8; 64], by: usize) -> [u8; 64] {
    std::array::from_fn(|i| {
        if i + by < 64 {
            a[i + by]
        } else {
            b[i + by - 64]
        }
    })
}

/// Lanes taken together as [`crate::ir::VectorOp::Reduce`] says.
pub(super) fn reduce(frame: &Frame<'_>, op: ReduceOp, signed: bool, value: Value) -> Datum {
    let ty = frame.func.ty(value);
    let mut all = first_64(&frame.wide(value));
    let lane_bytes = match ty {
        Type::Acc { lane, .. } => lane.bits() / 8,
        _ => elem(ty).bytes(),
    };
    for distance in ReduceOp::distances(lane_bytes) {
        let other = turned(&all, &all, distance as usize);
        all = match ty {
            Type::Acc { .. } => {
                let word = |bits: &[u8; 64], i: usize| {
                    u32::from_le_bytes(std::array::from_fn(|k| bits[i / 4 * 4 + k]))
                };
                std::array::from_fn(|i| {
                    let terms = [(word(&all, i), false), (word(&other, i), false)];
                    num::sum_f32(&terms).to_le_bytes()[i % 4]
                })
            }
            _ => {
                let f = match op {
                    ReduceOp::Add => LaneFn::Add,
                    ReduceOp::Max => LaneFn::MaxLt,
                    ReduceOp::Min => LaneFn::MinGe,
                };
                num::lanes(f, lane_kind(elem(ty), signed), &all, &other, 0).0
            }
        };
    }
    Datum::Wide(wide_of(&all))
}
