//! What a run came to.

use std::fmt;

use arch::Tile;

use crate::error::ChannelId;
use crate::timing::ClockMhz;

/// Cycles of one core in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreReport {
    /// The core's tile.
    pub tile: Tile,
    /// Cycles in which the pipeline advanced.
    pub busy: u64,
    /// Cycles spent waiting for a lock.
    pub lock_stalls: u64,
    /// Cycles spent waiting for a stream or cascade.
    pub stream_stalls: u64,
    /// Cycles in which its own accesses waited for each other in a memory bank.
    pub memory_stalls: u64,
    /// The program has ended.
    pub done: bool,
}

/// Transfers of one DMA channel in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaReport {
    /// The channel.
    pub channel: ChannelId,
    /// 32-bit words moved, padding included, headers not.
    pub words: u64,
    /// Tasks finished.
    pub tasks: u64,
    /// Cycles spent waiting for a lock.
    pub lock_stalls: u64,
    /// Cycles spent waiting for stream data or room.
    pub stream_stalls: u64,
    /// Cycles spent waiting for the host's memory.
    pub host_stalls: u64,
}

/// What one dispatch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    /// The array clock.
    pub clock: ClockMhz,
    /// Cycles of the array clock from the first operation to the last.
    pub cycles: u64,
    /// Operations of the instruction stream.
    pub operations: usize,
    /// Bytes read from host buffers.
    pub host_read: u64,
    /// Bytes written to host buffers.
    pub host_written: u64,
    /// Cores that are enabled or have ended, in tile order.
    pub cores: Vec<CoreReport>,
    /// Channels that moved anything, in tile order.
    pub dma: Vec<DmaReport>,
    /// Shim transfers that were still running when the stream ended: the stream did not wait for
    /// them.
    pub unfinished: Vec<ChannelId>,
}

impl RunReport {
    /// Words that all DMA channels moved.
    pub fn dma_words(&self) -> u64 {
        self.dma.iter().map(|d| d.words).sum()
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} operations, {} cycles (emulated), host read {} bytes, written {} bytes",
            self.operations, self.cycles, self.host_read, self.host_written
        )?;
        for core in &self.cores {
            writeln!(
                f,
                "core {}: {} busy, {} waiting for locks, {} for streams{}",
                core.tile,
                core.busy,
                core.lock_stalls,
                core.stream_stalls,
                if core.done { ", done" } else { "" }
            )?;
        }
        for dma in &self.dma {
            writeln!(
                f,
                "DMA {}: {} words, {} tasks, {} waiting for locks, {} for streams",
                dma.channel, dma.words, dma.tasks, dma.lock_stalls, dma.stream_stalls
            )?;
        }
        for channel in &self.unfinished {
            writeln!(f, "DMA {channel} was still running at the end")?;
        }
        Ok(())
    }
}
