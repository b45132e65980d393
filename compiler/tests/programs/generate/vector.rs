//! Operations on vectors and accumulators.

use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{IntOp, Value};
use npuc::kernel::types::{ROUNDINGS, Type};

use super::{ACCS, Choices, Scope, VECTORS, wide};

const F32X16: Type = ACCS[4];
const F32X32: Type = ACCS[5];
const BF16X16: Type = VECTORS[6];
const BF16X32: Type = VECTORS[7];

pub(super) fn operation(
    b: &mut FuncBuilder,
    choices: &mut Choices<'_>,
    scope: &mut Scope,
) -> Value {
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
