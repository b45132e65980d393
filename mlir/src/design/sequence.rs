//! Runtime sequences.

use std::collections::BTreeMap;

use arch::TileKind;
use arch::array::Direction;
use melior::ir::{Block, BlockLike, Region, RegionLike, Type, Value};
use npuc::array::design::{Design, Dim, SeqOp, Sequence, Task, TaskPart, Transfer};
use npuc::array::lower::sequence::{is_linear, shim_channel};
use npuc::array::schedule;
use npuc::array::verify::Verified;

use super::PrintError;
use super::attributes::{dims_attribute, packet_info};
use crate::aie::Invalid;
use crate::aie::builder::{Maker, region_of};

/// One sequence; `channel_name` says by which name the device knows the shim channel of a fifo.
struct Emitter<'c, 'd> {
    maker: Maker<'c>,
    design: &'d Design,
    sequence: &'d Sequence,
    channel_name: fn(&str) -> String,
}

/// Every sequence of a design.
pub(super) fn sequences<'c>(
    maker: Maker<'c>,
    body: &Block<'c>,
    verified: &Verified,
    channel_name: fn(&str) -> String,
) -> Result<(), PrintError> {
    for sequence in &verified.design().sequences {
        let emitter = Emitter {
            maker,
            design: verified.design(),
            sequence,
            channel_name,
        };
        emitter.emit(body, verified)?;
    }
    Ok(())
}

impl<'c> Emitter<'c, '_> {
    fn emit(&self, body: &Block<'c>, verified: &Verified) -> Result<(), PrintError> {
        let (design, plan) = (verified.design(), verified.plan());
        let channel_of = |fifo: &str| shim_channel(design, plan, fifo);
        let args = self.sequence.args.iter();
        let types: Vec<Type> = args.map(|a| self.maker.memref(&a.object)).collect();
        let block = self.maker.block(&types);
        let bds = schedule::descriptors(self.sequence, channel_of).unwrap_or_default();
        let mut tasks = BTreeMap::new();
        for (op, bds) in self.sequence.ops.iter().zip(bds) {
            match op {
                SeqOp::Transfer(transfer) => {
                    let to_host = channel_of(&transfer.fifo).is_some_and(|c| c.to_host);
                    let bd = bds.first().copied().unwrap_or_default();
                    self.transfer(&block, transfer, bd, to_host)?;
                }
                SeqOp::Task(task) => {
                    tasks.insert(task.name.as_str(), self.task(&block, task)?);
                }
                SeqOp::Start { task } => {
                    self.on_task(&block, "aiex.dma_start_task", task, &tasks)?
                }
                SeqOp::Await { task } => {
                    self.on_task(&block, "aiex.dma_await_task", task, &tasks)?
                }
                SeqOp::Free { task } => self.on_task(&block, "aiex.dma_free_task", task, &tasks)?,
                other => self.operation(&block, other)?,
            }
        }
        self.maker
            .op("aie.runtime_sequence")
            .string("sym_name", &self.sequence.name)
            .region(region_of(block))
            .end_of(body)?;
        Ok(())
    }

    /// Offsets of MLIR-AIE, which count strides; all in the innermost dimension.
    fn offset(&self, transfer: &Transfer) -> Result<(i64, i64), PrintError> {
        // A single element has no distance to a next one.
        let stride = match transfer.sizes[3] {
            1 => 1,
            _ => transfer.strides[3],
        };
        let reached = stride > 0 && transfer.offset.is_multiple_of(u64::from(stride));
        if !reached && transfer.offset > 0 {
            return Err(PrintError::Offset {
                sequence: self.sequence.name.clone(),
                fifo: transfer.fifo.clone(),
                offset: transfer.offset,
                stride,
            });
        }
        let offset = transfer.offset / u64::from(stride.max(1));
        Ok((offset as i64, i64::from(stride)))
    }

    fn transfer(
        &self,
        block: &Block<'c>,
        transfer: &Transfer,
        bd: u8,
        to_host: bool,
    ) -> Result<(), PrintError> {
        let arg = self.arg(block, &transfer.arg)?;
        let (offset, stride) = self.offset(transfer)?;
        let [t3, t2, t1, _] = transfer.strides.map(i64::from);
        let mut op = self
            .maker
            .op("aiex.npu.dma_memcpy_nd")
            .operands(&[arg])
            .i32s("operandSegmentSizes", &[1, 0, 0, 0])
            .i64s("static_offsets", &[0, 0, 0, offset])
            .i64s("static_sizes", &transfer.sizes.map(i64::from))
            .i64s("static_strides", &[t3, t2, t1, stride])
            .reference("metadata", &(self.channel_name)(&transfer.fifo))
            .i64("id", bd);
        // Transfers to the host always send a token.
        if transfer.token && !to_host {
            op = op.flag("issue_token", true);
        }
        op.end_of(block)?;
        Ok(())
    }

    /// A host buffer.
    fn arg(&self, block: &Block<'c>, name: &str) -> Result<Value<'c, 'c>, Invalid> {
        let arg = self.sequence.args.iter().position(|a| a.name == name);
        let arg = block.argument(arg.unwrap_or_default());
        let arg = arg.map_err(|e| Invalid {
            messages: format!("sequence `{}`: {e}", self.sequence.name),
        })?;
        Ok(arg.into())
    }

    /// A task with a block a part.
    fn task(&self, block: &Block<'c>, task: &Task) -> Result<Value<'c, 'c>, PrintError> {
        let maker = self.maker;
        let blocks: Vec<Block> = task.parts.iter().map(|_| maker.block(&[])).collect();
        for (i, part) in task.parts.iter().enumerate() {
            self.part(block, &blocks[i], task, part)?;
            match blocks.get(i + 1) {
                Some(next) => maker
                    .op("aie.next_bd")
                    .successors(&[next])
                    .end_of(&blocks[i])?,
                None => maker.op("aie.end").end_of(&blocks[i])?,
            }
        }
        let region = Region::new();
        for block in blocks {
            region.append_block(block);
        }
        let mut op = maker
            .op("aiex.dma_configure_task_for")
            .reference("alloc", &(self.channel_name)(&task.fifo))
            .result(maker.index())
            .region(region);
        if task.token {
            op = op.flag("issue_token", true);
        }
        if task.repeat > 1 {
            op = op.i32("repeat_count", task.repeat - 1);
        }
        Ok(op.value_in(block)?)
    }

    /// The descriptor of one part; the outermost dimension is the task's repetitions.
    fn part(
        &self,
        block: &Block<'c>,
        inside: &Block<'c>,
        task: &Task,
        part: &TaskPart,
    ) -> Result<(), PrintError> {
        let maker = self.maker;
        let [_, s2, s1, s0] = part.sizes;
        let len = i64::from(s2) * i64::from(s1) * i64::from(s0);
        let mut op = maker
            .op("aie.dma_bd")
            .operands(&[self.arg(block, &part.arg)?])
            .with(
                "offset",
                maker.number(maker.integer(32), part.offset as i64),
            )
            .with("len", maker.number(maker.integer(32), len));
        let outer = usize::from(part.sizes[0] <= 1);
        if outer == 0 || !is_linear(&task.transfer(part)) {
            let walk = part.sizes[outer..].iter().zip(&part.strides[outer..]);
            let walk: Vec<Dim> = walk
                .map(|(&size, &stride)| Dim::new(size, stride))
                .collect();
            op = op.with("dimensions", dims_attribute(maker, &walk)?);
        }
        let sent = self.design.fifo(&task.fifo).filter(|(_, fifo)| {
            // Packets that arrive have been made packets by who sends them.
            fifo.producer.kind() == TileKind::Shim
        });
        if let Some(packet) = sent.and_then(|(_, fifo)| fifo.packet) {
            op = op.with("packet", packet_info(maker, packet.id.into())?);
        }
        if let Some(bd) = part.bd {
            op = op.i32("bd_id", bd);
        }
        op.end_of(inside)?;
        Ok(())
    }

    fn on_task(
        &self,
        block: &Block<'c>,
        name: &'static str,
        task: &str,
        tasks: &BTreeMap<&str, Value<'c, 'c>>,
    ) -> Result<(), Invalid> {
        let task = tasks.get(task).ok_or_else(|| Invalid {
            messages: format!("sequence `{}` has no task `{task}`", self.sequence.name),
        })?;
        self.maker.op(name).operands(&[*task]).end_of(block)
    }

    fn operation(&self, block: &Block<'c>, op: &SeqOp) -> Result<(), Invalid> {
        let maker = self.maker;
        match op {
            SeqOp::Transfer(_)
            | SeqOp::Task(_)
            | SeqOp::Start { .. }
            | SeqOp::Await { .. }
            | SeqOp::Free { .. } => Ok(()),
            SeqOp::Wait { fifo } => maker
                .op("aiex.npu.dma_wait")
                .reference("symbol", &(self.channel_name)(fifo))
                .end_of(block),
            SeqOp::WriteParameter {
                buffer,
                index,
                value,
            } => maker
                .op("aiex.npu.rtp_write")
                .reference("buffer", buffer)
                .ui32("index", *index)
                .i32("value", *value)
                .end_of(block),
            SeqOp::Token(wait) => maker
                .op("aiex.npu.sync")
                .i32("column", wait.tile.col)
                .i32("row", wait.tile.row)
                .i32("direction", direction(wait.direction))
                .i32("channel", wait.channel)
                .i32("column_num", wait.columns)
                .i32("row_num", wait.rows)
                .end_of(block),
            SeqOp::Register(write) => {
                let (name, mask) = match write.mask {
                    Some(mask) => ("aiex.npu.maskwrite32", Some(mask)),
                    None => ("aiex.npu.write32", None),
                };
                let mut op = maker
                    .op(name)
                    .ui32("address", write.offset)
                    .ui32("value", write.value)
                    .i32("column", write.tile.col)
                    .i32("row", write.tile.row);
                if let Some(mask) = mask {
                    op = op.ui32("mask", mask);
                }
                op.end_of(block)
            }
        }
    }
}

/// Number of a direction in MLIR-AIE.
pub(super) fn direction(direction: Direction) -> i32 {
    match direction {
        Direction::S2mm => 0,
        Direction::Mm2s => 1,
    }
}
