//! Operations on vectors and accumulators.

use arch::num::ShuffleMode;
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{CompareOp, IntOp, LaneOp, MaskOp, MoveOp, ReduceOp, Value};
use npuc::kernel::types::{Elem, ROUNDINGS, SATURATIONS, Type};

use super::{ACCS, Choices, Scope, VECTORS, wide};

const F32X16: Type = ACCS[4];
const F32X32: Type = ACCS[5];
const BF16X16: Type = VECTORS[6];
const BF16X32: Type = VECTORS[7];

/// Elements and the vectors of 256 and 512 bits of them.
const INTEGERS: [(Type, Type); 3] = [
    (VECTORS[0], VECTORS[1]),
    (VECTORS[2], VECTORS[3]),
    (VECTORS[4], VECTORS[5]),
];

pub(super) fn operation(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    match choices.below(8) {
        0 => lanes(b, choices, scope),
        1 => compare(b, choices, scope),
        2 => select(b, choices, scope),
        3 => masks(b, choices, scope),
        4 | 5 => movement(b, choices, scope),
        _ => {
            let value = accumulate(b, choices, scope);
            scope.wide.push(value);
        }
    }
}

/// Brings values into scope.
pub(super) fn extend(b: &FuncBuilder, scope: &mut Scope, values: &[Value]) {
    for value in values {
        match b.ty(*value) {
            Type::Mask { .. } => scope.masks.push(*value),
            _ => scope.wide.push(*value),
        }
    }
}

/// A vector type of 512 bits that the operation takes, bf16 among them where it does.
fn lane_type(choices: &mut Choices<'_>, floats: bool) -> Type {
    match choices.below(4) {
        0 if floats => BF16X32,
        _ => choices.of(&INTEGERS).1,
    }
}

fn lanes(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let (op, _) = choices.of(&LaneOp::ALL);
    let mut ty = lane_type(choices, op.takes(Elem::Bf16));
    if !op.has_mask() && choices.below(4) == 0 {
        ty = choices.of(&INTEGERS).0;
    }
    let first = wide(b, choices, scope, ty);
    let second = (!op.is_unary()).then(|| wide(b, choices, scope, ty));
    let signed = !op.compares() || ty == BF16X32 || choices.below(2) == 0;
    if op.has_mask() {
        let (value, mask) = b.lanes_mask(op, signed, first, second);
        scope.wide.push(value);
        scope.masks.push(mask);
        return;
    }
    scope.wide.push(match (second, signed) {
        (Some(second), true) => b.lanes(op, first, second),
        (Some(second), false) => b.lanes_unsigned(op, first, second),
        (None, _) => b.lanes_of(op, first),
    });
}

fn compare(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let ty = lane_type(choices, true);
    let left = wide(b, choices, scope, ty);
    let (op, _) = choices.of(&CompareOp::ALL);
    let mask = match choices.below(3) {
        0 => b.eq_zero(left),
        1 if ty != BF16X32 && op.orders() => {
            let right = wide(b, choices, scope, ty);
            b.compare_unsigned(op, left, right)
        }
        _ => {
            let right = wide(b, choices, scope, ty);
            b.compare(op, left, right)
        }
    };
    scope.masks.push(mask);
}

/// A mask: the last there is, or one made for the purpose.
fn mask(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope, ty: Type) -> Value {
    if let Some(mask) = scope.masks.iter().rev().find(|v| b.ty(**v) == ty) {
        return *mask;
    }
    let lo = choices.of(&scope.scalars);
    match ty {
        Type::Mask { lanes: 64 } => {
            let hi = choices.of(&scope.scalars);
            b.mask64_of(lo, hi)
        }
        _ => b.mask_of(ty.bits() as u16, lo),
    }
}

fn select(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let ty = lane_type(choices, true);
    let Type::Vec { lanes, .. } = ty else {
        return;
    };
    let mask = mask(b, choices, scope, Type::Mask { lanes });
    let first = wide(b, choices, scope, ty);
    let second = wide(b, choices, scope, ty);
    scope.wide.push(b.select_lanes(mask, first, second));
}

fn masks(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let lanes = choices.of(&[16, 32, 64]);
    let left = mask(b, choices, scope, Type::Mask { lanes });
    match choices.below(4) {
        0 => scope.masks.push(b.mask_not(left)),
        1 => {
            let right = choices.of(&scope.scalars);
            let right = match lanes {
                64 => b.mask64_of(right, right),
                _ => b.mask_of(lanes, right),
            };
            let (op, _) = choices.of(&MaskOp::ALL);
            scope.masks.push(b.mask(op, left, right));
        }
        _ => {
            let high = lanes == 64 && choices.below(2) == 0;
            scope.scalars.push(b.mask_word(left, high));
        }
    }
}

/// A vector of 512 bits of any element.
fn any(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) -> Value {
    let ty = lane_type(choices, true);
    wide(b, choices, scope, ty)
}

fn movement(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) {
    let index = match choices.below(2) {
        0 => choices.of(&scope.scalars),
        _ => b.iconst(choices.below(256) as i32 - 64),
    };
    let scalar = choices.of(&scope.scalars);
    let first = any(b, choices, scope);
    let ty = b.ty(first);
    let moved = match choices.below(9) {
        0 => {
            let mode = choices.of(ShuffleMode::all());
            let second = wide(b, choices, scope, ty);
            b.shuffle(mode, first, second)
        }
        1 => {
            let bytes = match choices.below(2) {
                0 => b.iconst(choices.below(65) as i32),
                _ => {
                    let mask = b.iconst(63);
                    b.int(IntOp::And, scalar, mask)
                }
            };
            let second = wide(b, choices, scope, ty);
            b.vshift(first, second, bytes)
        }
        2 => b.broadcast(first, index),
        3 => {
            let signed = choices.below(2) == 0;
            let lane = match signed {
                true => b.extract(first, index),
                false => b.extract_unsigned(first, index),
            };
            scope.scalars.push(lane);
            return;
        }
        4 => b.insert(first, index, scalar),
        5 => match choices.below(2) {
            0 => b.push_low(first, scalar),
            _ => b.push_high(first, scalar),
        },
        6 => {
            let value = wide(b, choices, scope, VECTORS[3]);
            b.movement(MoveOp::Pack {
                value,
                signed: choices.below(2) == 0,
                range: choices.of(&SATURATIONS).0,
            })
        }
        7 => {
            let value = wide(b, choices, scope, VECTORS[0]);
            let signed = choices.below(2) == 0;
            b.movement(MoveOp::Unpack { value, signed })
        }
        _ => {
            let (op, _) = choices.of(&ReduceOp::ALL);
            let value = match op {
                ReduceOp::Add if choices.below(2) == 0 => wide(b, choices, scope, F32X16),
                ReduceOp::Add => wide(b, choices, scope, VECTORS[5]),
                ReduceOp::Max | ReduceOp::Min => first,
            };
            b.reduce(op, value)
        }
    };
    scope.wide.push(moved);
}

fn accumulate(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) -> Value {
    match choices.below(6) {
        0 | 1 => {
            let ty = choices.of(&ACCS);
            let left = wide(b, choices, scope, ty);
            let right = wide(b, choices, scope, ty);
            match choices.below(3) {
                0 => b.acc_add(left, right),
                1 => b.acc_sub(left, right),
                _ => b.acc_neg(left),
            }
        }
        2 => cast(b, choices, scope),
        3 => {
            let ty = choices.of(&[F32X16, F32X32]);
            let acc = wide(b, choices, scope, ty);
            b.to_bf16(acc, choices.of(&ROUNDINGS).0)
        }
        4 => {
            let ty = choices.of(&[BF16X16, BF16X32]);
            let value = wide(b, choices, scope, ty);
            b.to_f32(value)
        }
        _ => {
            let value = wide(b, choices, scope, BF16X16);
            let (scalar, bits) = (choices.of(&scope.scalars), b.iconst(31));
            let shift = b.int(IntOp::And, scalar, bits);
            b.floor(value, shift)
        }
    }
}

fn cast(b: &mut FuncBuilder, choices: &mut Choices<'_>, scope: &mut Scope) -> Value {
    let from = match choices.below(2) {
        0 => choices.of(&VECTORS),
        _ => choices.of(&ACCS),
    };
    let all = VECTORS.iter().chain(&ACCS).copied();
    let same: Vec<Type> = all.filter(|ty| ty.bits() == from.bits()).collect();
    let value = wide(b, choices, scope, from);
    b.cast(choices.of(&same), value)
}
