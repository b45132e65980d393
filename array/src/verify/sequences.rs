//! Checks of sequences.

use arch::TileKind;
use arch::array::ShimBd;
use arch::array::field::Field;
use arch::geometry::{ROWS, TILE_SPAN};
use arch::limits::MAX_TASK_REPEAT;

use super::error::DesignError;
use super::transfer_error::TransferError;
use super::{fifos, names};
use crate::design::{
    Design, HostArg, ObjectFifo, RegisterWrite, SeqOp, Sequence, Task, TokenWait, Transfer,
};
use crate::lower::plan::Plan;
use crate::lower::sequence::{is_linear, shim_channel};
use crate::schedule;

/// Host buffers that the kernel of an XCLBIN takes: `bo0` to `bo4`.
pub const MAX_HOST_ARGS: usize = 5;

fn largest(name: &str) -> u32 {
    let range = ShimBd::FIELDS
        .iter()
        .find(|f| f.name == name)
        .map(Field::range);
    range.map_or(0, |(_, max)| u32::try_from(max).unwrap_or(u32::MAX))
}

/// Names of the wrap fields of sizes, outermost first; the second has none.
const SIZE_FIELDS: [Option<&str>; 4] = [Some("iter_wrap"), None, Some("d1_wrap"), Some("d0_wrap")];
/// Names of the step fields of strides, outermost first.
const STRIDE_FIELDS: [&str; 4] = ["iter_step", "d2_step", "d1_step", "d0_step"];

fn whole_words(what: impl Into<String>, bytes: u64) -> Result<(), TransferError> {
    if bytes.is_multiple_of(4) {
        return Ok(());
    }
    Err(TransferError::NotWords {
        what: what.into(),
        bytes,
    })
}

fn size(transfer: &Transfer, dim: usize, elem: u64) -> Result<(), TransferError> {
    let size = transfer.sizes[dim];
    if size == 0 {
        return Err(TransferError::ZeroSize { dim });
    }
    let mut counted = u64::from(size);
    let mut unit = "";
    if dim == 3 {
        whole_words("size 3", counted * elem)?;
        counted = counted * elem / 4;
        unit = if elem == 4 { "" } else { " words" };
    }
    let free = is_linear(transfer) && dim != 0;
    match SIZE_FIELDS[dim].map(largest) {
        Some(limit) if !free && counted > u64::from(limit) => Err(TransferError::Size {
            dim,
            size: counted,
            unit,
            limit,
        }),
        _ => Ok(()),
    }
}

fn stride(transfer: &Transfer, dim: usize, elem: u64) -> Result<(), TransferError> {
    let (size, stride) = (transfer.sizes[dim], transfer.strides[dim]);
    let consecutive = is_linear(transfer) && dim != 0;
    if size == 1 || consecutive || (dim == 3 && stride == 1) {
        return Ok(());
    }
    if stride == 0 {
        return if dim == 0 {
            Ok(())
        } else {
            Err(TransferError::ZeroStride { dim, size })
        };
    }
    let bytes = u64::from(stride) * elem;
    whole_words(format!("stride {dim}"), bytes)?;
    let limit = largest(STRIDE_FIELDS[dim]);
    if bytes / 4 > u64::from(limit) {
        return Err(TransferError::Stride {
            dim,
            words: bytes / 4,
            limit,
        });
    }
    Ok(())
}

fn transfer(transfer: &Transfer, arg: &HostArg, fifo: &ObjectFifo) -> Result<(), TransferError> {
    if arg.object.elem != fifo.object.elem {
        return Err(TransferError::Elem {
            arg: arg.name.clone(),
            given: arg.object.elem.to_string(),
            fifo: fifo.name.clone(),
            needed: fifo.object.elem.to_string(),
        });
    }
    let elem = u64::from(arg.object.elem.bytes());
    for dim in 0..4 {
        size(transfer, dim, elem)?;
        stride(transfer, dim, elem)?;
    }
    let last = transfer
        .sizes
        .iter()
        .zip(&transfer.strides)
        .fold(transfer.offset, |n, (&size, &stride)| {
            n.saturating_add(u64::from(size - 1) * u64::from(stride))
        });
    let elements = arg.object.len();
    if last >= elements {
        return Err(TransferError::Outside {
            last,
            arg: arg.name.clone(),
            elements,
        });
    }
    whole_words("the offset", transfer.offset.saturating_mul(elem))?;
    let inner = transfer.sizes[1..].iter().map(|&n| u64::from(n));
    let words = inner.fold(elem, u64::saturating_mul) / 4;
    let limit = largest("buffer_length");
    if words > u64::from(limit) {
        return Err(TransferError::Length { words, limit });
    }
    Ok(())
}

fn register(write: &RegisterWrite) -> Result<(), TransferError> {
    let last = TILE_SPAN - 4;
    if write.offset > last || !write.offset.is_multiple_of(4) {
        return Err(TransferError::RegisterOffset {
            tile: write.tile,
            offset: write.offset,
            last,
        });
    }
    match write.mask {
        Some(mask) if write.value & !mask != 0 => Err(TransferError::RegisterMask {
            value: write.value,
            mask,
            lost: write.value & !mask,
        }),
        _ => Ok(()),
    }
}

fn token(design_columns: u8, wait: &TokenWait) -> Result<(), TransferError> {
    let (tile, kind) = (wait.tile, wait.tile.kind());
    if wait.channel >= kind.dma_channels() {
        return Err(TransferError::TokenChannel {
            tile,
            kind,
            direction: wait.direction,
            channel: wait.channel,
            last: kind.dma_channels() - 1,
        });
    }
    let (columns_left, rows_left) = (design_columns - tile.col, ROWS - tile.row);
    if !(1..=columns_left).contains(&wait.columns) || !(1..=rows_left).contains(&wait.rows) {
        return Err(TransferError::TokenArea {
            tile,
            columns: wait.columns,
            rows: wait.rows,
            columns_left,
            rows_left,
        });
    }
    Ok(())
}

fn task_names(sequence: &Sequence) -> impl Iterator<Item = &str> {
    sequence.ops.iter().filter_map(|op| match op {
        SeqOp::Task(task) => Some(task.name.as_str()),
        _ => None,
    })
}

fn check_task(task: &Task) -> Result<(), TransferError> {
    let name = || task.name.clone();
    if task.parts.is_empty() {
        return Err(TransferError::EmptyTask { task: name() });
    }
    if !(1..=MAX_TASK_REPEAT).contains(&task.repeat) {
        return Err(TransferError::TaskRepeat {
            task: name(),
            repeat: task.repeat,
            limit: MAX_TASK_REPEAT,
        });
    }
    let outer = task.parts.iter().map(|p| p.sizes[0]);
    match outer.into_iter().find(|n| ![0, 1, task.repeat].contains(n)) {
        Some(size) => Err(TransferError::TaskSize {
            task: name(),
            size,
            repeat: task.repeat,
        }),
        None => Ok(()),
    }
}

struct Context<'a> {
    design: &'a Design,
    sequence: &'a Sequence,
}

impl Context<'_> {
    fn user(&self) -> String {
        format!("sequence `{}`", self.sequence.name)
    }

    /// The fifo called `name`, which must have exactly one end at a shim.
    fn fifo(&self, name: &str) -> Result<&ObjectFifo, DesignError> {
        let Some((_, fifo)) = self.design.fifo(name) else {
            let known = self.design.fifos.iter().map(|f| f.name.as_str());
            return Err(names::unknown(self.user(), "fifo", name, known));
        };
        let ends = std::iter::once(fifo.producer).chain(fifo.consumers.iter().map(|c| c.tile));
        let sequence = self.sequence.name.clone();
        match ends.filter(|t| t.kind() == TileKind::Shim).count() {
            0 => Err(DesignError::NotAtShim {
                sequence,
                fifo: name.to_string(),
            }),
            1 => Ok(fifo),
            _ => Err(DesignError::ManyShims {
                sequence,
                fifo: name.to_string(),
            }),
        }
    }

    /// The host buffer called `name`.
    fn arg(&self, name: &str) -> Result<&HostArg, DesignError> {
        let args = &self.sequence.args;
        args.iter().find(|a| a.name == name).ok_or_else(|| {
            let known = args.iter().map(|a| a.name.as_str());
            names::unknown(self.user(), "host buffer", name, known)
        })
    }

    fn operation(&self, op: &SeqOp) -> Result<Result<(), TransferError>, DesignError> {
        match op {
            SeqOp::Transfer(t) => {
                let fifo = self.fifo(&t.fifo)?;
                Ok(transfer(t, self.arg(&t.arg)?, fifo))
            }
            SeqOp::Wait { fifo } => self.fifo(fifo).map(|_| Ok(())),
            SeqOp::Task(task) => {
                let fifo = self.fifo(&task.fifo)?;
                if let Err(wrong) = check_task(task) {
                    return Ok(Err(wrong));
                }
                for part in &task.parts {
                    let checked = transfer(&task.transfer(part), self.arg(&part.arg)?, fifo);
                    if checked.is_err() {
                        return Ok(checked);
                    }
                }
                Ok(Ok(()))
            }
            SeqOp::Start { task } | SeqOp::Await { task } | SeqOp::Free { task } => {
                if self.sequence.task(task).is_some() {
                    return Ok(Ok(()));
                }
                let known = task_names(self.sequence);
                Err(names::unknown(self.user(), "task", task, known))
            }
            SeqOp::Register(write) => {
                fifos::tile_exists(self.design, &self.user(), write.tile)?;
                Ok(register(write))
            }
            SeqOp::Token(wait) => {
                fifos::tile_exists(self.design, &self.user(), wait.tile)?;
                Ok(token(self.design.columns, wait))
            }
            SeqOp::WriteParameter { buffer, index, .. } => {
                let Some(b) = self.design.buffers.iter().find(|b| b.name == *buffer) else {
                    let known = self.design.buffers.iter().map(|b| b.name.as_str());
                    return Err(names::unknown(self.user(), "buffer", buffer, known));
                };
                let words = b.object.bytes() / 4;
                Ok(if u64::from(*index) < words {
                    Ok(())
                } else {
                    Err(TransferError::ParameterIndex {
                        index: *index,
                        buffer: buffer.clone(),
                        words,
                    })
                })
            }
        }
    }
}

fn sequence(design: &Design, plan: &Plan, sequence: &Sequence) -> Result<(), DesignError> {
    names::unique(
        "host buffer",
        "host buffers",
        sequence.args.iter().map(|a| a.name.as_str()),
    )?;
    if sequence.args.len() > MAX_HOST_ARGS {
        return Err(DesignError::HostArgs {
            sequence: sequence.name.clone(),
            given: sequence.args.len(),
            limit: MAX_HOST_ARGS,
        });
    }
    names::unique("task", "tasks", task_names(sequence))?;
    let context = Context { design, sequence };
    let wrap = |op: usize, source: TransferError| DesignError::Sequence {
        sequence: sequence.name.clone(),
        op,
        source: Box::new(source),
    };
    for (i, op) in sequence.ops.iter().enumerate() {
        context.operation(op)?.map_err(|e| wrap(i, e))?;
    }
    schedule::descriptors(sequence, |fifo| shim_channel(design, plan, fifo))
        .map_err(|(i, e)| wrap(i, e))?;
    Ok(())
}

/// Checks the sequences.
pub(super) fn check(design: &Design, plan: &Plan) -> Result<(), DesignError> {
    names::unique(
        "sequence",
        "sequences",
        design.sequences.iter().map(|s| s.name.as_str()),
    )?;
    for s in &design.sequences {
        self::sequence(design, plan, s)?;
    }
    Ok(())
}
