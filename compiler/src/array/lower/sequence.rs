//! Instruction streams of sequences.
//!
//! Source: mlir-aie `lib/Dialect/AIEX/Transforms/AIEDmaToNpu.cpp`, `lib/Targets/AIETargetNPU.cpp`.

use arch::TileKind;
use arch::array::field::FieldError;
use arch::array::{Direction, ShimBd, bd, dma, packet};
use formats::txn;

use super::plan::Plan;
use crate::array::design::{Design, RegisterWrite, SeqOp, Sequence, Transfer};
use crate::array::lowered::LoweredSequence;
use crate::array::schedule::{self, Channel};

/// Bursts of 256 bytes.
const BURST: u32 = 2;
/// Cache attributes that the reference writes.
const AXCACHE: u32 = 2;

/// The shim channel of a fifo that begins or ends at a shim.
pub fn shim_channel(design: &Design, plan: &Plan, fifo: &str) -> Option<Channel> {
    let (index, _) = design.fifo(fifo)?;
    plan.ends
        .iter()
        .zip(&plan.channel_of)
        .find_map(|(end, channel)| {
            let direction = super::channels::direction(end)?;
            (end.fifo == index && end.tile.kind() == TileKind::Shim).then_some(Channel {
                tile: end.tile,
                to_host: direction == Direction::S2mm,
                index: (*channel)?,
            })
        })
}

/// Whether the three inner dimensions walk consecutive elements: then only the length counts.
pub fn is_linear(transfer: &Transfer) -> bool {
    let [_, s2, s1, s0] = transfer.sizes.map(u64::from);
    let [_, t2, t1, t0] = transfer.strides.map(u64::from);
    (t0 == 1 || s0 == 1) && (s1 == 1 || t1 == s0) && (s2 == 1 || t2 == s0 * s1)
}

/// Words of a stride in bytes; a stride that is not used, or below a word, is stored as one word.
fn step(size: u32, stride: u32, elem: u32) -> u32 {
    if size > 1 {
        (stride * elem / 4).max(1)
    } else {
        1
    }
}

fn descriptor(transfer: &Transfer, elem: u32) -> ShimBd {
    let [s3, s2, s1, s0] = transfer.sizes;
    let [t3, t2, t1, t0] = transfer.strides;
    let mut bd = ShimBd {
        buffer_length: (u64::from(s2) * u64::from(s1) * u64::from(s0) * u64::from(elem) / 4) as u32,
        burst_length: BURST,
        axcache: AXCACHE,
        valid: true,
        ..ShimBd::default()
    };
    if !is_linear(transfer) {
        bd.d0_wrap = s0 * elem / 4;
        bd.d0_step = step(s0, t0, elem);
        bd.d1_wrap = s1;
        bd.d1_step = step(s1, t1, elem);
        bd.d2_step = step(s2, t2, elem);
    }
    if s3 > 1 && t3 > 0 {
        bd.iter_wrap = s3;
        bd.iter_step = step(s3, t3, elem);
    }
    bd
}

fn token_direction(direction: Direction) -> txn::Direction {
    match direction {
        Direction::S2mm => txn::Direction::S2mm,
        Direction::Mm2s => txn::Direction::Mm2s,
    }
}

fn transfer_ops(
    sequence: &Sequence,
    transfer: &Transfer,
    channel: Channel,
    id: u8,
) -> Result<Vec<txn::Op>, FieldError> {
    let arg = sequence.args.iter().position(|a| a.name == transfer.arg);
    let arg = arg.unwrap_or_default();
    let elem = sequence.args[arg].object.elem.bytes();
    let kind = TileKind::Shim;
    let base = channel.tile.base();
    let direction = channel.direction();
    let bd_addr = base + bd::bd_offset(kind, id);
    let mut ops = vec![
        txn::Op::BlockWrite {
            addr: bd_addr,
            data: descriptor(transfer, elem).encode()?.to_vec(),
        },
        txn::Op::DdrPatch {
            addr: bd_addr + 4 * bd::SHIM_BD_ADDRESS_WORD,
            arg: arg as u32,
            offset: transfer.offset * u64::from(elem),
        },
    ];
    let token = channel.to_host || transfer.token;
    if token {
        let ctrl = dma::ShimCtrl {
            controller_id: packet::controller_id(channel.tile),
            ..dma::ShimCtrl::default()
        };
        ops.push(txn::Op::MaskWrite32 {
            addr: base + dma::ctrl_offset(kind, direction, channel.index),
            value: ctrl.to_word()?,
            mask: dma::CTRL_CONTROLLER_ID_MASK,
        });
    }
    let queue = dma::Queue {
        token,
        repeat: transfer.sizes[0],
        start_bd: u32::from(id),
    };
    ops.push(txn::Op::Write32 {
        addr: base + dma::queue_offset(kind, direction, channel.index),
        value: queue.to_word()?,
    });
    Ok(ops)
}

fn register(write: &RegisterWrite) -> txn::Op {
    let (addr, value) = (write.tile.base() + write.offset, write.value);
    match write.mask {
        Some(mask) => txn::Op::MaskWrite32 { addr, value, mask },
        None => txn::Op::Write32 { addr, value },
    }
}

/// The instruction stream of a verified sequence.
///
/// # Errors
/// When a value does not fit its field, which the verifier excludes.
pub fn lower(
    design: &Design,
    plan: &Plan,
    sequence: &Sequence,
) -> Result<LoweredSequence, FieldError> {
    let channel_of = |fifo: &str| shim_channel(design, plan, fifo);
    let bds = schedule::descriptors(sequence, channel_of).unwrap_or_default();
    let buffers = plan.buffer_addresses();
    let mut ops = Vec::new();
    for (op, bd) in sequence.ops.iter().zip(bds) {
        match op {
            SeqOp::Transfer(transfer) => {
                if let (Some(channel), Some(bd)) = (channel_of(&transfer.fifo), bd) {
                    ops.extend(transfer_ops(sequence, transfer, channel, bd)?);
                }
            }
            SeqOp::Wait { fifo } => ops.extend(channel_of(fifo).map(|c| txn::Op::TctWait {
                tile: c.tile,
                direction: token_direction(c.direction()),
                channel: c.index,
                columns: 1,
                rows: 1,
            })),
            SeqOp::Token(wait) => ops.push(txn::Op::TctWait {
                tile: wait.tile,
                direction: token_direction(wait.direction),
                channel: wait.channel,
                columns: wait.columns,
                rows: wait.rows,
            }),
            SeqOp::Register(write) => ops.push(register(write)),
            SeqOp::WriteParameter {
                buffer,
                index,
                value,
            } => {
                let at = design.buffers.iter().position(|b| b.name == *buffer);
                if let Some(at) = at {
                    let address = buffers.get(&at).copied().unwrap_or_default() as u32;
                    ops.push(txn::Op::Write32 {
                        addr: design.buffers[at].tile.base() + address + 4 * index,
                        value: *value as u32,
                    });
                }
            }
        }
    }
    Ok(LoweredSequence {
        name: sequence.name.clone(),
        args: sequence
            .args
            .iter()
            .map(|a| (a.name.clone(), a.object.bytes()))
            .collect(),
        ops,
    })
}
