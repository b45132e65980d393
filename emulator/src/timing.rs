//! Constants of time, in cycles of the array clock.

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

/// Cycles at the end of which every core stands at the same cycle again. In between a core runs ahead
/// of the array for as long as nobody can tell.
pub(crate) const WINDOW: u64 = 256;

/// Cycles in which nothing moves until the array counts as stuck. Everything that is under way takes
/// less than this.
pub(crate) const STUCK_CYCLES: u64 = 512;
/// Cycles that a poll of a configuration waits. The command's own limit is in a unit of the firmware.
pub(crate) const POLL_CYCLES: u64 = 1_000_000;
