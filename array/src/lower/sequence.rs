//! Instruction streams of sequences.
//!
//! Source: mlir-aie `lib/Dialect/AIEX/Transforms/AIEDmaToNpu.cpp`, `lib/Targets/AIETargetNPU.cpp`.

use std::collections::BTreeMap;

use arch::TileKind;
use arch::array::field::FieldError;
use arch::array::{Direction, ShimBd, bd, dma, packet};
use formats::txn;

use super::plan::Plan;
use crate::design::{Design, RegisterWrite, SeqOp, Sequence, Task, Transfer};
use crate::lowered::LoweredSequence;
use crate::schedule::{self, Channel};

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

/// What a sequence is lowered with.
struct Context<'a> {
    design: &'a Design,
    plan: &'a Plan,
    sequence: &'a Sequence,
}

impl Context<'_> {
    fn channel(&self, fifo: &str) -> Option<Channel> {
        shim_channel(self.design, self.plan, fifo)
    }

    /// Writes descriptor `id`, with the host buffer's number and the byte offset in it.
    fn write(
        &self,
        transfer: &Transfer,
        channel: Channel,
        id: u8,
        chained: impl FnOnce(&mut ShimBd, u64),
    ) -> Result<[txn::Op; 2], FieldError> {
        let args = &self.sequence.args;
        let arg = args.iter().position(|a| a.name == transfer.arg);
        let arg = arg.unwrap_or_default();
        let elem = args[arg].object.elem.bytes();
        let offset = transfer.offset * u64::from(elem);
        let addr = channel.tile.base() + bd::bd_offset(TileKind::Shim, id);
        let mut bd = descriptor(transfer, elem);
        let fifo = self.design.fifo(&transfer.fifo);
        if let (false, Some(packet)) = (channel.to_host, fifo.and_then(|(_, f)| f.packet)) {
            bd.enable_packet = true;
            bd.packet_id = u32::from(packet.id);
        }
        chained(&mut bd, offset);
        Ok([
            txn::Op::BlockWrite {
                addr,
                data: bd.encode()?.to_vec(),
            },
            txn::Op::DdrPatch {
                addr: addr + 4 * bd::SHIM_BD_ADDRESS_WORD,
                arg: arg as u32,
                offset,
            },
        ])
    }

    fn transfer(
        &self,
        transfer: &Transfer,
        channel: Channel,
        id: u8,
    ) -> Result<Vec<txn::Op>, FieldError> {
        let mut ops = self.write(transfer, channel, id, |_, _| ())?.to_vec();
        let token = channel.to_host || transfer.token;
        ops.extend(start(channel, id, transfer.sizes[0], token)?);
        Ok(ops)
    }

    /// The descriptors of a task, each with the next; unlike those of transfers they carry the offset.
    fn task(&self, task: &Task, channel: Channel, ids: &[u8]) -> Result<Vec<txn::Op>, FieldError> {
        let mut ops = Vec::new();
        for (i, (part, id)) in task.parts.iter().zip(ids).enumerate() {
            let transfer = task.transfer(part);
            ops.extend(self.write(&transfer, channel, *id, |bd, offset| {
                bd.base_address_low = (offset / 4) as u32 & (u32::MAX >> 2);
                bd.base_address_high = (offset >> 32) as u32;
                if let Some(next) = ids.get(i + 1) {
                    bd.use_next = true;
                    bd.next_bd = u32::from(*next);
                }
            })?);
        }
        Ok(ops)
    }
}

/// Puts descriptor `id` and those chained to it into a channel's queue.
fn start(channel: Channel, id: u8, repeat: u32, token: bool) -> Result<Vec<txn::Op>, FieldError> {
    let (kind, base, direction) = (TileKind::Shim, channel.tile.base(), channel.direction());
    let mut ops = Vec::new();
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
        repeat,
        start_bd: u32::from(id),
    };
    ops.push(txn::Op::Write32 {
        addr: base + dma::queue_offset(kind, direction, channel.index),
        value: queue.to_word()?,
    });
    Ok(ops)
}

/// Waits for a token of a channel.
fn wait(channel: Channel) -> txn::Op {
    txn::Op::TctWait {
        tile: channel.tile,
        direction: token_direction(channel.direction()),
        channel: channel.index,
        columns: 1,
        rows: 1,
    }
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
    let context = Context {
        design,
        plan,
        sequence,
    };
    let taken = schedule::descriptors(sequence, |f| context.channel(f)).unwrap_or_default();
    let buffers = plan.buffer_addresses();
    let mut ops = Vec::new();
    // Channel and descriptors of each task.
    let mut tasks: BTreeMap<&str, (&Task, Channel, Vec<u8>)> = BTreeMap::new();
    for (op, bds) in sequence.ops.iter().zip(taken) {
        match op {
            SeqOp::Transfer(transfer) => {
                if let (Some(channel), [bd]) = (context.channel(&transfer.fifo), bds.as_slice()) {
                    ops.extend(context.transfer(transfer, channel, *bd)?);
                }
            }
            SeqOp::Task(task) => {
                if let Some(channel) = context.channel(&task.fifo) {
                    ops.extend(context.task(task, channel, &bds)?);
                    tasks.insert(&task.name, (task, channel, bds));
                }
            }
            SeqOp::Start { task } => {
                if let Some((task, channel, bds)) = tasks.get(task.as_str())
                    && let Some(first) = bds.first()
                {
                    ops.extend(start(*channel, *first, task.repeat, task.token)?);
                }
            }
            SeqOp::Await { task } => {
                ops.extend(
                    tasks
                        .get(task.as_str())
                        .map(|(_, channel, _)| wait(*channel)),
                );
            }
            SeqOp::Free { .. } => {}
            SeqOp::Wait { fifo } => ops.extend(context.channel(fifo).map(wait)),
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
