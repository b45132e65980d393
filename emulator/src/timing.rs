//! Constants of time: every number of the time model, with where it comes from.
//!
//! | what | how it is modelled |
//! |---|---|
//! | cores | one bundle a cycle; stalls for locks, streams, cascades, and the core's own bank conflicts |
//! | streams | one word of 4 bytes a cycle on every link, latency and depth of the switches on the way |
//! | DMA | a cycle to take up a descriptor and its lock, then one word a cycle; a shim's tasks wait for their first word |
//! | host memory | a rate for reads and one for writes, shared by all shim channels |
//! | host | a fixed cost of a dispatch, and of the first one after a configuration |
//!
//! Not modelled, and why:
//! - Bank conflicts of a core with DMA channels of its tile. DMA yields: on silicon, a core that used
//!   one bank in every cycle while a channel read the same bank stalled for 18 to 25 of 28159 cycles,
//!   less than 0.1 %, and not at all when it used the bank in two cycles of three. Source:
//!   FIM43-Redeye/xdna-emu, `docs/superpowers/findings/2026-07-14-producer-collision-aiesim-bank-model.md`.
//! - Bank conflicts of a core with its neighbours. AM020 says that they take turns; designs hand buffers
//!   over by locks, and who holds one has its bank alone unless buffers share banks.
//! - What the firmware takes for single operations of an instruction stream beyond one cycle each; no
//!   figure for npu1 was found.

use std::fmt;

/// A frequency of the array clock in MHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockMhz(pub u32);

impl Default for ClockMhz {
    /// The highest of npu1's table.
    ///
    /// Source: Linux, drivers/accel/amdxdna/npu1_regs.c, the H clock of the last power level; the IREE
    /// project computes with the same for Phoenix (nod-ai/iree-amd-aie issue 1198).
    fn default() -> Self {
        ClockMhz(1600)
    }
}

impl fmt::Display for ClockMhz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::str::FromStr for ClockMhz {
    type Err = String;

    /// Reads a number of MHz.
    fn from_str(text: &str) -> Result<Self, String> {
        let range = 1..=10_000;
        let mhz = text.parse().ok().filter(|mhz| range.contains(mhz));
        let refuse = || format!("`{text}` is no clock\nhelp: give a number of MHz from 1 to 10000");
        mhz.map(ClockMhz).ok_or_else(refuse)
    }
}

/// Cycles a word needs through one stream switch: two at the slave port, two at the master port.
///
/// Source: AMD AM020 "Stream Switch Buffering and Latency".
pub(crate) const SWITCH_LATENCY: u32 = 4;
/// Words that one stream switch buffers on a connection: four at the slave, four at the master port.
///
/// Source: AMD AM020 "Stream Switch Buffering and Latency".
pub(crate) const SWITCH_WORDS: u32 = 8;
/// Words of a switch's FIFO port.
///
/// Source: AMD AM020 "AXI4-Stream Interconnect".
pub(crate) const FIFO_WORDS: u32 = 16;
/// Bytes that a stream link carries in a cycle.
///
/// Source: AMD AM020 "AXI4-Stream Interconnect".
pub(crate) const LINK_BYTES: u64 = 4;

/// Bytes a second between the host's memory and all shim channels of one direction.
///
/// The figure of the project's design; no public source was found that states it for npu1. It is four
/// channels at the rate of their streams at 1.75 GHz, and the best published matrix products on npu1
/// (arXiv:2512.13282) fit it. That one channel alone moves a word a cycle was measured on silicon
/// (FIM43-Redeye/xdna-emu, `crates/xdna-archspec/src/model_builder.rs`, "shim_words_per_cycle").
pub(crate) const DDR_BYTES_PER_SECOND: u64 = 28_000_000_000;
/// Words of a burst to or from the host's memory, 256 bytes: the longest that a shim descriptor can ask
/// for.
///
/// Source: Xilinx/mlir-aie, lib/Dialect/AIE: burst lengths of shim DMAs, 64, 128 and 256 bytes.
pub(crate) const DDR_BLOCK_WORDS: u32 = 64;

/// Microseconds of a dispatch that moves nothing, from submission to completion.
///
/// Source: Xilinx/mlir-aie issue 2381, an empty kernel through XRT.
pub(crate) const DISPATCH_MICROSECONDS: f64 = 45.0;
/// Cycles from the start of a shim channel's task to its first word: reads, then writes of the host's
/// memory. Paid by every task; the fabric's bursts and the descriptor are in them.
///
/// Source: FIM43-Redeye/xdna-emu, `crates/xdna-archspec/src/model_builder.rs`, medians of 50 runs on a
/// Phoenix: "shim_per_task_overhead".
pub(crate) const SHIM_TASK_CYCLES: [u64; 2] = [325, 179];
/// Cycles on top of it for the first task of a channel.
///
/// Source: as above, "shim_ddr_cold_start".
pub(crate) const SHIM_FIRST_TASK_CYCLES: [u64; 2] = [1330, 341];

/// Microseconds that loading another configuration takes, before its first dispatch.
///
/// The figure of the project's design; no public source was found.
pub(crate) const RECONFIGURATION_MICROSECONDS: f64 = 2800.0;

/// Cycles at the end of which every core stands at the same cycle again. In between a core runs ahead
/// of the array for as long as nobody can tell.
pub(crate) const WINDOW: u64 = 256;

/// Cycles in which nothing moves until the array counts as stuck. Everything that is under way takes
/// less than this.
pub(crate) const STUCK_CYCLES: u64 = 512;
/// Cycles that the polls of a configuration wait in all. The commands' own limits are in a unit of the
/// firmware.
pub(crate) const POLL_CYCLES: u64 = 1_000_000;
