//! Products and operations on vectors and accumulators.

use super::Names;
use crate::kernel::ir::{Addend, Op, Value, VectorOp};
use crate::kernel::types::{ROUNDINGS, Rounding};

/// An operation as its text.
pub(super) fn text(names: &Names, op: &VectorOp) -> String {
    let n = |v: &Value| names.of(*v);
    match op {
        VectorOp::Acc { op, a, b } => format!("{op} {}, {}", n(a), n(b)),
        VectorOp::AccNeg { acc } => format!("acc.neg {}", n(acc)),
        VectorOp::Cast { ty, value } => format!("cast {ty} {}", n(value)),
        VectorOp::ToBf16 { acc, rounding } => {
            format!("to_bf16 {}, {}", n(acc), rounding_name(*rounding))
        }
        VectorOp::ToF32 { value } => format!("to_f32 {}", n(value)),
        VectorOp::Floor { value, shift } => format!("vfloor {}, {}", n(value), n(shift)),
    }
}

/// [`Op::Mac`] as its text; nothing of other operations.
pub(super) fn product(names: &Names, op: &Op) -> String {
    let Op::Mac {
        mode,
        a_signed,
        b_signed,
        negate,
        acc,
        a,
        b,
    } = op
    else {
        return String::new();
    };
    let name = match (negate, acc.map(|addend| addend.negate)) {
        (false, None) => "vmul",
        (true, None) => "vnegmul",
        (false, Some(false)) => "vmac",
        (true, Some(false)) => "vmsc",
        (true, Some(true)) => "vnegmac",
        (false, Some(true)) => "vnegmsc",
    };
    let signs = sign_suffix(*a_signed, *b_signed);
    let mode = mode.shape().name;
    let (a, b) = (names.of(*a), names.of(*b));
    match acc {
        Some(Addend { acc, .. }) => {
            let acc = names.of(*acc);
            format!("{name}{signs} {mode} {acc}, {a}, {b}")
        }
        None => format!("{name}{signs} {mode} {a}, {b}"),
    }
}

/// Signs of the factors; none is written where both are signed.
fn sign_suffix(a_signed: bool, b_signed: bool) -> &'static str {
    match (a_signed, b_signed) {
        (true, true) => "",
        (true, false) => ".su",
        (false, true) => ".us",
        (false, false) => ".uu",
    }
}

/// Spelling of a rounding.
pub(super) fn rounding_name(rounding: Rounding) -> &'static str {
    let found = ROUNDINGS.iter().find(|(r, _)| *r == rounding);
    found.map_or("", |(_, name)| name)
}
