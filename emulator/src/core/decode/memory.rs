//! Loads, stores and pointer arithmetic.

use super::View;
use crate::core::op::{
    Address, Load, LoadKind, Lookup, Op, PartialStore, Sign, Src, Srs, Store, StoreKind, UpShift,
    Walk,
};
use crate::core::regs::{Scalar, Span};
use arch::aie2::{Dir, RegFile};

/// Operands that belong to the address, not to the data.
const ADDRESS: [&str; 8] = [
    "ptr",
    "dj",
    "imm",
    "mod",
    "ptr_out",
    "count_out",
    "count_lo_out",
    "count_hi_out",
];

pub(super) fn decode(view: &View, parts: &[&str]) -> Option<Op> {
    match parts {
        ["padda" | "paddb" | "padds"] => Some(Op::Pointer(address(view)?)),
        [
            "vldb",
            entry @ ("4x16" | "4x32" | "4x64"),
            half @ ("lo" | "hi"),
        ] => Some(Op::Lookup(Lookup {
            to: view.vector_dst(view.output(0)?)?,
            from: view.source(view.input(0)?)?,
            entry: entry[2..].parse::<u8>().ok()? / 8,
            high: *half == "hi",
            memory_stage: view.memory_stage(0)?,
        })),
        ["lda" | "vlda" | "vldb", ..] => load(view, parts),
        ["st", width @ ("s8" | "s16")] => {
            let value = view.named("mRv")?;
            Some(Op::PartialStore(PartialStore {
                address: address(view)?,
                value: view.scalar(value)?,
                bytes: if *width == "s8" { 1 } else { 2 },
                read_stage: view.memory_stage(0)?,
                value_stage: view.stage(value)?,
                write_stage: view.memory_stage(1)?,
            }))
        }
        ["st" | "vst", ..] => store(view, parts),
        _ => None,
    }
}

/// The address operands, whichever mode they are in.
fn address(view: &View) -> Option<Address> {
    let moves = view.has("ptr_out");
    let base = match view.named("ptr") {
        Some(k) => view.scalar(k)?,
        None => Scalar::SP,
    };
    let walk = if let Some(k) = view.named("mod") {
        let reg = view.reg(k)?;
        match reg.file() {
            RegFile::D => Walk::Post2(reg.index()),
            RegFile::D3 => Walk::Post3(reg.index()),
            _ => Walk::Post(view.src(k)?),
        }
    } else if let Some(k) = view.named("dj") {
        Walk::Offset(view.src(k)?)
    } else if let Some(k) = view.named("imm") {
        let only_moves = !view.inst.op().is_memory();
        let offset = view.src(k)?;
        if moves || only_moves {
            Walk::Post(offset)
        } else {
            Walk::Offset(offset)
        }
    } else {
        Walk::Offset(Src::Imm(0))
    };
    Some(Address { base, walk })
}

/// Position of the register that is loaded or stored.
fn data(view: &View, dir: Dir) -> Option<usize> {
    let names = view.inst.desc().operands;
    (0..)
        .map_while(|n| view.nth(dir, n))
        .find(|k| !ADDRESS.contains(&names[*k].name))
}

/// `s16` as signed of 16 bits; `d16` takes the sign from `control`.
pub(super) fn lane(text: &str, control: Scalar) -> Option<(u8, Sign)> {
    let sign = match text.as_bytes().first()? {
        b's' => Sign::Signed,
        b'd' => Sign::By(control),
        _ => return None,
    };
    Some((text[1..].parse().ok()?, sign))
}

fn load(view: &View, parts: &[&str]) -> Option<Op> {
    let dst = data(view, Dir::Out)?;
    let scalar = |bytes, signed| {
        Some(LoadKind::Scalar {
            to: view.scalar_dst(dst)?,
            bytes,
            signed,
        })
    };
    let vector = |bytes| {
        let to = view.vector_dst(dst)?;
        Some(Op::LoadVector {
            address: address(view)?,
            to: to.to.first,
            stage: to.stage,
            bytes,
            memory_stage: view.memory_stage(0)?,
        })
    };
    let kind = match parts {
        ["lda"] if Span::of(view.reg(dst)?).is_some() => return vector(16),
        ["lda"] => scalar(4, false)?,
        ["lda", "s8"] => scalar(1, true)?,
        ["lda", "u8"] => scalar(1, false)?,
        ["lda", "s16"] => scalar(2, true)?,
        ["lda", "u16"] => scalar(2, false)?,
        ["vlda" | "vldb"] => return vector(32),
        ["vlda" | "vldb", "128"] => return vector(16),
        ["vlda", "ups", acc, from] => {
            let (from_bits, sign) = lane(from, Scalar::UPS_SIGN)?;
            let shift = view.named("shft")?;
            LoadKind::UpShift {
                to: view.vector_dst(dst)?,
                up_shift: UpShift {
                    from_bits,
                    acc_bits: acc[1..].parse().ok()?,
                    sign,
                },
                shift: view.scalar(shift)?,
                shift_stage: view.stage(shift)?,
            }
        }
        ["vlda", "conv", "fp32", "bf16"] => LoadKind::Convert {
            to: view.vector_dst(dst)?,
        },
        ["vldb", "unpack", _, from] => {
            let (bits, sign) = lane(from, Scalar::UNPACK_SIGN)?;
            LoadKind::Unpack {
                to: view.vector_dst(dst)?,
                bits,
                sign,
            }
        }
        _ => return None,
    };
    Some(Op::Load(Load {
        address: address(view)?,
        kind,
        memory_stage: view.memory_stage(0)?,
    }))
}

fn store(view: &View, parts: &[&str]) -> Option<Op> {
    let src = data(view, Dir::In)?;
    let kind = match parts {
        ["st"] => match view.source(src) {
            Some(from) => StoreKind::Vector { from, bytes: 16 },
            None => StoreKind::Scalar {
                from: view.scalar(src)?,
                spill: !view.has("ptr"),
            },
        },
        ["vst"] => StoreKind::Vector {
            from: view.source(src)?,
            bytes: 32,
        },
        ["vst", "128"] => StoreKind::Vector {
            from: view.source(src)?,
            bytes: 16,
        },
        ["vst", "srs", to, acc] => StoreKind::Srs {
            from: view.source(view.named("src")?)?,
            srs: srs(to, acc)?,
            shift: view.scalar(view.named("shft")?)?,
        },
        ["vst", "conv", "bf16", "fp32"] => StoreKind::Convert {
            from: view.source(src)?,
        },
        ["vst", "pack", to, _] => {
            let (bits, sign) = lane(to, Scalar::PACK_SIGN)?;
            StoreKind::Pack {
                from: view.source(src)?,
                bits,
                sign,
            }
        }
        _ => return None,
    };
    Some(Op::Store(Store {
        address: address(view)?,
        kind,
        memory_stage: view.memory_stage(0)?,
    }))
}

/// `d8`, `s32`: the widths of a shift-round-saturate.
pub(super) fn srs(to: &str, acc: &str) -> Option<Srs> {
    let (to_bits, sign) = lane(to, Scalar::SRS_SIGN)?;
    Some(Srs {
        acc_bits: acc[1..].parse().ok()?,
        to_bits,
        sign,
    })
}
