//! Vector arithmetic, movement, conversion and the multiply-accumulate unit.

use super::View;
use super::memory::{lane, srs};
use crate::core::op::{Conversion, LaneType, Lanes, Mac, MacUnit, Movement, Op, Sign, UpShift};
use crate::core::regs::{Scalar, Span};
use arch::num::{LaneFn, Negate};

pub(super) fn decode(view: &View, parts: &[&str]) -> Option<Op> {
    adder(view, parts)
        .or_else(|| movement(view, parts))
        .or_else(|| conversion(view, parts))
        .or_else(|| accumulate(view, parts))
}

/// `8`, `s8`, `d8`, `bf16`: lanes of the vector adder.
fn lane_type(text: &str) -> Option<LaneType> {
    if text == "bf16" {
        return Some(LaneType::Bf16);
    }
    let (bits, sign) = match text.parse() {
        Ok(bits) => (bits, Sign::Signed),
        Err(_) => lane(text, Scalar::VADD_SIGN)?,
    };
    match bits {
        8 => Some(LaneType::I8(sign)),
        16 => Some(LaneType::I16(sign)),
        32 => Some(LaneType::I32(sign)),
        _ => None,
    }
}

fn adder(view: &View, parts: &[&str]) -> Option<Op> {
    use LaneFn as F;
    let wide = LaneType::I32(Sign::Signed);
    let (f, lane) = match parts {
        ["vadd", n] => (F::Add, lane_type(n)?),
        ["vsub", n] => (F::Sub, lane_type(n)?),
        ["vaddsub", n] => (F::AddSub, lane_type(n)?),
        ["vsel", n] => (F::Select, lane_type(n)?),
        ["vband"] => (F::And, wide),
        ["vbor"] => (F::Or, wide),
        ["vbneg_ltz", n] => (F::NotLtz, lane_type(n)?),
        ["vneg_gtz8"] => (F::NegGtz, lane_type("8")?),
        ["vneg_gtz16"] => (F::NegGtz, lane_type("16")?),
        ["vneg_gtz32"] => (F::NegGtz, lane_type("32")?),
        ["vabs_gtz", n] => (F::AbsGtz, lane_type(n)?),
        ["vlt", n] => (F::Lt, lane_type(n)?),
        ["vge", n] => (F::Ge, lane_type(n)?),
        ["veqz", n] => (F::EqZ, lane_type(n)?),
        ["vmax_lt", n] => (F::MaxLt, lane_type(n)?),
        ["vmin_ge", n] => (F::MinGe, lane_type(n)?),
        ["vsub_lt", n] => (F::SubLt, lane_type(n)?),
        ["vsub_ge", n] => (F::SubGe, lane_type(n)?),
        ["vmaxdiff_lt", n] => (F::MaxDiffLt, lane_type(n)?),
        _ => return None,
    };
    let first = view.source(view.input(0)?)?;
    let second = view.input(1).and_then(|k| view.source(k));
    Some(Op::Lanes(Lanes {
        f,
        lane,
        to: view.named("d").and_then(|k| view.vector_dst(k)),
        compare: view.named("cmp").and_then(|k| view.scalar_dst(k)),
        a: second.map(|_| first),
        b: second.unwrap_or(first),
        select: view.named("sel").and_then(|k| view.scalar(k)),
    }))
}

fn movement(view: &View, parts: &[&str]) -> Option<Op> {
    let vector = |n| view.input(n).and_then(|k| view.source(k));
    let scalar = |n| view.input(n).and_then(|k| view.scalar(k));
    let bits = |text: &str| text.parse().ok();
    let movement = match parts {
        ["vmov"] => {
            let (from, to) = (vector(0)?, Span::of(view.reg(view.output(0)?)?)?);
            let mask = [view.reg(view.output(0)?)?, view.reg(view.input(0)?)?];
            if from.span.units != to.units {
                return None;
            }
            if mask.iter().any(|r| r.bits() == 128) {
                Movement::CopyMask { from }
            } else {
                Movement::Copy { from }
            }
        }
        ["vshuffle"] => Movement::Shuffle {
            a: vector(0)?,
            b: vector(1)?,
            mode: scalar(2)?,
        },
        ["vbcst", n] => Movement::Broadcast {
            bits: bits(n)?,
            value: scalar(0)?,
        },
        ["vbcstshfl", n] => Movement::BroadcastShuffle {
            bits: bits(n)?,
            value: scalar(0)?,
            mode: scalar(1)?,
        },
        ["vextbcst", n] => Movement::ExtractBroadcast {
            bits: bits(n)?,
            from: vector(0)?,
            index: view.src(view.input(1)?)?,
        },
        ["vinsert", n] => Movement::Insert {
            bits: bits(n)?,
            from: vector(0)?,
            index: scalar(1)?,
            value: scalar(2)?,
        },
        ["vpush", "lo", n] => Movement::PushLow {
            bits: bits(n)?,
            from: vector(1)?,
            value: scalar(0)?,
        },
        ["vpush", "hi", n] => Movement::PushHigh {
            bits: bits(n)?,
            from: vector(0)?,
            value: scalar(1)?,
        },
        ["vshift"] => Movement::Shift {
            a: vector(0)?,
            b: vector(1)?,
            bytes: scalar(2)?,
        },
        ["vextract", n] => {
            let (bits, sign) = lane(n, Scalar::VADD_SIGN)?;
            return Some(Op::Extract {
                to: view.scalar_dst(view.output(0)?)?,
                bits,
                sign,
                from: vector(0)?,
                index: scalar(1)?,
            });
        }
        _ => return None,
    };
    Some(Op::Move {
        to: view.vector_dst(view.output(0)?)?,
        movement,
    })
}

fn conversion(view: &View, parts: &[&str]) -> Option<Op> {
    let from = || view.input(0).and_then(|k| view.source(k));
    let shift = || view.input(1).and_then(|k| view.scalar(k));
    let conversion = match parts {
        ["vups", acc, text] => {
            let (from_bits, sign) = lane(text, Scalar::UPS_SIGN)?;
            let acc_bits = acc[1..].parse().ok()?;
            let up_shift = UpShift {
                from_bits,
                acc_bits,
                sign,
            };
            Conversion::UpShift {
                from: from()?,
                up_shift,
                shift: shift()?,
            }
        }
        ["vsrs" | "vsrsm", to, acc] => Conversion::Srs {
            from: from()?,
            srs: srs(to, acc)?,
            shift: shift()?,
        },
        ["vpack", to, _] => {
            let (bits, sign) = lane(to, Scalar::PACK_SIGN)?;
            Conversion::Pack {
                from: from()?,
                bits,
                sign,
            }
        }
        ["vconv", "fp32", "bf16"] => Conversion::ToF32 { from: from()? },
        ["vconv", "bf16", "fp32"] => Conversion::ToBf16 { from: from()? },
        ["vfloor", "s32", "bf16"] => Conversion::Floor {
            from: from()?,
            shift: shift()?,
        },
        ["vunpack", _, text] => {
            let (bits, sign) = lane(text, Scalar::UNPACK_SIGN)?;
            return Some(Op::UnpackRegister {
                to: view.vector_dst(view.output(0)?)?,
                from: from()?,
                bits,
                sign,
                from_stage: view.stage(view.input(0)?)?,
            });
        }
        _ => return None,
    };
    Some(Op::Convert {
        to: view.vector_dst(view.output(0)?)?,
        conversion,
    })
}

const fn negate(product: bool, acc1: bool, acc2: bool) -> Negate {
    Negate {
        product,
        acc1,
        acc2,
    }
}

/// What each multiply-accumulate negates: product, acc1, acc2.
#[rustfmt::skip]
const PRODUCTS: [(&str, Negate); 10] = [
    ("vmul",    negate(false, false, false)),
    ("vnegmul", negate(true,  false, false)),
    ("vmac",    negate(false, false, false)),
    ("vmsc",    negate(true,  false, false)),
    ("vnegmac", negate(true,  true,  false)),
    ("vnegmsc", negate(false, true,  false)),
    ("vaddmac", negate(false, false, false)),
    ("vaddmsc", negate(true,  false, false)),
    ("vsubmac", negate(false, false, true)),
    ("vsubmsc", negate(true,  false, true)),
];

/// What each accumulator addition negates: (no product), acc1, acc2.
#[rustfmt::skip]
const SUMS: [(&str, Negate); 5] = [
    ("vadd",    negate(false, false, false)),
    ("vsub",    negate(false, false, true)),
    ("vnegadd", negate(false, true,  true)),
    ("vnegsub", negate(false, true,  false)),
    ("vneg",    negate(false, true,  false)),
];

fn accumulate(view: &View, parts: &[&str]) -> Option<Op> {
    let (name, unit) = match parts {
        [name] => (name, MacUnit::Integer),
        [name, "f"] => (name, MacUnit::Float),
        ["vmov", "d"] => {
            let from = view.input(0)?;
            return Some(Op::CopyAccumulator {
                to: view.vector_dst(view.output(0)?)?,
                from: view.source(from)?,
                stage: view.stage(from)?,
            });
        }
        _ => return None,
    };
    let to = view.vector_dst(view.output(0)?)?;
    if *name == "vclr" {
        return Some(Op::Clear { to });
    }
    let find = |table: &[(&str, Negate)]| {
        table
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, negate)| *negate)
    };
    let acc1 = view.named("acc1").and_then(|k| view.source(k));
    let acc2 = view.named("acc2").and_then(|k| view.source(k));
    let acc_stage = view.named("acc1").and_then(|k| view.stage(k)).unwrap_or(1);
    let conf = view.scalar(view.named("c")?)?;
    let mac = |negate| Mac {
        unit,
        negate,
        to,
        acc1,
        acc2,
        acc_stage,
    };
    match (view.named("s1"), view.named("s2")) {
        (Some(x), Some(y)) => Some(Op::Mac {
            mac: mac(find(&PRODUCTS)?),
            x: view.source(x)?,
            y: view.source(y)?,
            conf,
        }),
        (None, None) if acc1.is_some() => Some(Op::Sum {
            mac: mac(find(&SUMS)?),
            conf,
        }),
        _ => None,
    }
}
