//! Products and operations on vectors and accumulators.

use super::Names;
use crate::ir::{Addend, MoveOp, Op, Value, VectorOp};
use crate::types::{ROUNDINGS, Rounding, SATURATIONS, Saturation};

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
        VectorOp::Lanes { op, signed, a, b } => {
            let name = signed_name(op.name(), *signed);
            match b {
                Some(b) => format!("{name} {}, {}", n(a), n(b)),
                None => format!("{name} {}", n(a)),
            }
        }
        VectorOp::Compare { op, signed, a, b } => {
            let name = signed_name(op.name(), *signed);
            format!("{name} {}, {}", n(a), n(b))
        }
        VectorOp::EqZero { value } => format!("veqz {}", n(value)),
        VectorOp::Select { mask, a, b } => format!("vselect {}, {}, {}", n(mask), n(a), n(b)),
        VectorOp::Move(op) => movement(names, op),
        VectorOp::Reduce { op, signed, value } => {
            format!("{} {}", signed_name(op.name(), *signed), n(value))
        }
        VectorOp::Mask { op, a, b } => format!("{} {}, {}", op.name(), n(a), n(b)),
        VectorOp::MaskNot { mask } => format!("mask.not {}", n(mask)),
        VectorOp::MaskWord { mask, high } => {
            format!("mask.{} {}", if *high { "hi" } else { "lo" }, n(mask))
        }
        VectorOp::MaskOf { lanes, lo, hi } => {
            let hi = hi.map_or(String::new(), |hi| format!(", {}", names.of(hi)));
            format!("mask.of mask{lanes} {}{hi}", n(lo))
        }
    }
}

fn movement(names: &Names, op: &MoveOp) -> String {
    let n = |v: &Value| names.of(*v);
    match op {
        MoveOp::Shuffle { mode, a, b } => format!("vshuffle {} {}, {}", mode.name(), n(a), n(b)),
        MoveOp::Shift { a, b, bytes } => format!("vshift {}, {}, {}", n(a), n(b), n(bytes)),
        MoveOp::Broadcast { value, index } => format!("vbroadcast {}, {}", n(value), n(index)),
        MoveOp::Extract {
            value,
            index,
            signed,
        } => {
            let name = signed_name("vextract", *signed);
            format!("{name} {}, {}", n(value), n(index))
        }
        MoveOp::Insert {
            value,
            index,
            scalar,
        } => format!("vinsert {}, {}, {}", n(value), n(index), n(scalar)),
        MoveOp::Push {
            value,
            scalar,
            high,
        } => {
            let end = if *high { "hi" } else { "lo" };
            format!("vpush.{end} {}, {}", n(value), n(scalar))
        }
        MoveOp::Pack {
            value,
            signed,
            range,
        } => {
            let range = range_name(*range);
            format!("{} {}, {range}", signed_name("vpack", *signed), n(value))
        }
        MoveOp::Unpack { value, signed } => {
            format!("{} {}", signed_name("vunpack", *signed), n(value))
        }
    }
}

/// The name of an operation on signed or unsigned elements.
fn signed_name(name: &str, signed: bool) -> String {
    format!("{name}{}", if signed { "" } else { ".u" })
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

/// Spelling of how results come into the range of their lanes.
pub(super) fn range_name(range: Saturation) -> &'static str {
    let found = SATURATIONS.iter().find(|(r, _)| *r == range);
    found.map_or("", |(_, name)| name)
}

/// Spelling of a rounding.
pub(super) fn rounding_name(rounding: Rounding) -> &'static str {
    let found = ROUNDINGS.iter().find(|(r, _)| *r == rounding);
    found.map_or("", |(_, name)| name)
}
