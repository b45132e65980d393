//! Instruction streams: the firmware's part in a dispatch.

use arch::Tile;
use arch::array::Direction;
use arch::array::bd::SHIM_BD_ADDRESS_WORD;
use arch::array::dma::{DmaRegister, dma_register};
use arch::{TileKind, geometry};
use formats::txn::{Direction as TxnDirection, Op, Stream};

use crate::error::{ChannelId, EmuError, tile_index};
use crate::host::{MAX_ARG_BYTES, MAX_ARGS};
use crate::npu::Npu;
use crate::registers::locate;
use crate::report::RunReport;
use crate::timing::STUCK_CYCLES;

/// Highest level of a preemption point.
///
/// Source: mlir-aie, `aiex.npu.preempt`.
const MAX_PREEMPT_LEVEL: u8 = 3;

/// How long a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Cycles of the array clock.
    pub cycles: u64,
}

impl Default for Budget {
    /// A billion cycles, a good half second of the chip's time.
    fn default() -> Self {
        Budget {
            cycles: 1_000_000_000,
        }
    }
}

/// Where a run stands in its stream.
struct Progress<'a> {
    ops: &'a [Op],
    next: usize,
    /// Channel indices that the wait at `next` names, once it was looked at.
    waits_for: Vec<usize>,
}

impl Npu {
    /// Runs an instruction stream to its end. `args` are the host buffers that the stream's address
    /// patches name by index; they come back with what the array wrote.
    ///
    /// # Errors
    /// Whatever a register write, a transfer or a core refuses; a deadlock (nothing can move); the
    /// budget used up. The buffers come back in every case.
    pub fn run(
        &mut self,
        stream: &Stream,
        args: &mut [Vec<u8>],
        budget: Budget,
    ) -> Result<RunReport, EmuError> {
        check_header(stream)?;
        check_args(args)?;
        let buffers = args.iter_mut().map(std::mem::take).collect();
        self.host.begin(buffers);
        let before = self.snapshot();
        let outcome = self.execute(&stream.ops, budget);
        for (arg, buffer) in args.iter_mut().zip(self.host.end()) {
            *arg = buffer;
        }
        outcome?;
        Ok(self.report(&before, stream.ops.len()))
    }

    fn execute(&mut self, ops: &[Op], budget: Budget) -> Result<(), EmuError> {
        let end = self.now.saturating_add(budget.cycles);
        let mut at = Progress {
            ops,
            next: 0,
            waits_for: Vec::new(),
        };
        let mut moved_at = self.now;
        while at.next < ops.len() {
            if self.now >= end {
                return Err(EmuError::Budget {
                    budget: budget.cycles,
                    waiters: self.waiters(&at),
                    cause: self.diagnosis(&self.awaited(&at)),
                });
            }
            let mut moved = self.execute_op(&mut at)?;
            if !moved && let Some(next) = self.next_event() {
                self.now = next.min(end) - 1;
                moved_at = self.now;
            }
            moved |= self.step()?;
            self.trace_cycle();
            if moved {
                moved_at = self.now;
            } else if self.now - moved_at > STUCK_CYCLES {
                return Err(EmuError::Deadlock {
                    cycle: moved_at,
                    waiters: self.waiters(&at),
                    cause: self.diagnosis(&self.awaited(&at)),
                });
            }
        }
        Ok(())
    }

    /// Executes the next operation if it can go on. Returns whether it did.
    fn execute_op(&mut self, at: &mut Progress<'_>) -> Result<bool, EmuError> {
        let index = at.next;
        let op = &at.ops[index];
        let refuse = |why: String| {
            Err(EmuError::Operation {
                index,
                name: op.name(),
                why,
            })
        };
        match op {
            Op::Write32 { addr, value } => self.write(*addr, *value)?,
            Op::BlockWrite { addr, data } => self.write_block(*addr, data)?,
            Op::MaskWrite32 { addr, value, mask } => self.mask_write(*addr, *mask, *value)?,
            Op::DdrPatch { addr, arg, offset } => {
                if let Err(why) = self.patch(*addr, *arg, *offset)? {
                    return refuse(why);
                }
            }
            Op::TctWait { .. } => {
                if at.waits_for.is_empty() {
                    let channels = match waited(op) {
                        Ok(channels) => channels,
                        Err(why) => return refuse(why),
                    };
                    let index = |c: &ChannelId| self.channel_index(c.tile, c.dir, c.number);
                    at.waits_for = channels.iter().map(index).collect();
                }
                if at.waits_for.iter().any(|i| self.tokens[*i] == 0) {
                    return Ok(false);
                }
                for i in at.waits_for.drain(..) {
                    self.tokens[i] -= 1;
                }
            }
            // There is no other context that the firmware could switch to.
            Op::Preempt {
                level: 0..=MAX_PREEMPT_LEVEL,
            } => {}
            Op::Preempt { level } => {
                return refuse(format!(
                    "level {level}, the limit is {MAX_PREEMPT_LEVEL}\n\
                     help: 0 saves nothing, 1 memory tiles, 2 core tiles, 3 registers as well"
                ));
            }
            Op::LoadPdi { .. } | Op::CreateScratchpad { .. } | Op::UpdateReg { .. } => {
                return refuse(
                    "it is not modelled: it uses memory of the firmware's own, which the stream does not hold\n\
                     help: load configurations from an XCLBIN, and leave the operation out"
                        .into(),
                );
            }
        }
        at.next += 1;
        Ok(true)
    }

    /// Writes the address of a host buffer into a shim descriptor; the inner error says why not.
    fn patch(&mut self, addr: u32, arg: u32, offset: u64) -> Result<Result<(), String>, EmuError> {
        let (tile, place) = locate(addr)?;
        let register = dma_register(tile.kind(), place);
        let id = match (tile.kind(), register) {
            (TileKind::Shim, Some(DmaRegister::Bd { id, word }))
                if u32::from(word) == SHIM_BD_ADDRESS_WORD =>
            {
                id
            }
            _ => {
                return Ok(Err(format!(
                    "address {addr:#010x} is not the address word of a shim descriptor"
                )));
            }
        };
        if let Some(channel) = self.bd_in_use(tile, id) {
            return Ok(Err(format!(
                "a task of DMA {channel} still has to load descriptor {id}\n\
                 help: patch a descriptor before queueing its task"
            )));
        }
        let count = self.host.arg_count();
        if arg as usize >= count {
            return Ok(Err(format!(
                "it names argument {arg}, the dispatch has {count}\n\
                 help: pass one buffer for every argument of the runtime sequence"
            )));
        }
        if offset >= MAX_ARG_BYTES {
            return Ok(Err(format!(
                "offset {offset} is beyond what an argument can have ({MAX_ARG_BYTES} bytes)"
            )));
        }
        let address = self.host.address(arg as usize, offset);
        let words = &mut self.bds[tile_index(tile)][usize::from(id)];
        words[1] = address as u32;
        words[2] = words[2] & 0xffff_0000 | (address >> 32) as u32 & 0xffff;
        Ok(Ok(()))
    }

    /// Channels whose tokens the next operation lacks.
    fn awaited(&self, at: &Progress<'_>) -> Vec<usize> {
        let channels = at.waits_for.iter().copied();
        channels.filter(|i| self.tokens[*i] == 0).collect()
    }

    fn waiters(&self, at: &Progress<'_>) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(op) = at.ops.get(at.next) {
            let count = at.ops.len();
            let head = format!("operation {} of {count} ({})", at.next, op.name());
            match waited(op) {
                Ok(channels) if !channels.is_empty() => {
                    let missing = channels
                        .iter()
                        .filter(|c| self.tokens[self.channel_index(c.tile, c.dir, c.number)] == 0)
                        .map(|c| format!("DMA {c}"))
                        .collect::<Vec<_>>();
                    out.push(format!(
                        "{head} waits for a token of {}",
                        missing.join(", ")
                    ));
                }
                _ => out.push(format!("{head} is next")),
            }
        }
        out.extend(self.wait_texts());
        out
    }
}

/// The channels a wait names; empty for other operations.
fn waited(op: &Op) -> Result<Vec<ChannelId>, String> {
    let Op::TctWait {
        tile,
        direction,
        channel,
        columns,
        rows,
    } = op
    else {
        return Ok(Vec::new());
    };
    let dir = match direction {
        TxnDirection::S2mm => Direction::S2mm,
        TxnDirection::Mm2s => Direction::Mm2s,
    };
    let mut out = Vec::new();
    for dc in 0..*columns {
        for dr in 0..*rows {
            let t = Tile::new(tile.col.saturating_add(dc), tile.row.saturating_add(dr));
            if !t.exists() || *channel >= t.kind().dma_channels() {
                return Err(format!(
                    "it waits for {dir}{channel} of tile {t}, which does not exist"
                ));
            }
            out.push(ChannelId {
                tile: t,
                dir,
                number: *channel,
            });
        }
    }
    if out.is_empty() {
        return Err("it waits for 0 tiles".into());
    }
    Ok(out)
}

fn check_header(stream: &Stream) -> Result<(), EmuError> {
    let h = &stream.header;
    let fits = h.device_generation == 3
        && h.rows == geometry::ROWS
        && (1..=geometry::COLUMNS).contains(&h.columns);
    if fits {
        return Ok(());
    }
    Err(EmuError::Operation {
        index: 0,
        name: "header",
        why: format!(
            "the stream is for device generation {} with {} columns and {} rows, npu1 is generation 3 with {} and {}\n\
             help: build the stream for npu1",
            h.device_generation,
            h.columns,
            h.rows,
            geometry::COLUMNS,
            geometry::ROWS
        ),
    })
}

fn check_args(args: &[Vec<u8>]) -> Result<(), EmuError> {
    let too_large = args.iter().position(|a| a.len() as u64 > MAX_ARG_BYTES);
    let why = match too_large {
        Some(arg) => format!("argument {arg} has more than {MAX_ARG_BYTES} bytes"),
        None if args.len() > MAX_ARGS => {
            format!("{} arguments, the emulator takes {MAX_ARGS}", args.len())
        }
        None => return Ok(()),
    };
    Err(EmuError::Operation {
        index: 0,
        name: "arguments",
        why,
    })
}
