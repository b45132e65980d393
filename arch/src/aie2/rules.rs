//! Rules of issue order that no itinerary states: delay slots, hardware loops, locks.
//!
//! Source: Xilinx/llvm-aie `llvm/lib/Target/AIE/AIEBaseSubtarget.cpp`, `AIEBaseInstrInfo.cpp`,
//! `llvm/lib/Target/AIE/aie2/AIE2InstrInfo.cpp`. The distances around locks are that compiler's
//! conservative choice, not a statement about the hardware.

use super::timing::Itinerary;

/// Bundles after a branch that always execute; none of them may branch. `lr` of a call is the address
/// of the bundle after them.
pub const DELAY_SLOTS: usize = 5;

/// Alignment in bytes of branch targets, return addresses and the first bundle of a loop.
pub const TARGET_ALIGN: u32 = 16;

/// Size and alignment in bytes of the last bundle of a hardware loop, whose address is in `le`. A
/// partial-word store in that bundle may be lost, so it must not hold one.
pub const LOOP_END_BYTES: u32 = 16;

/// Fewest bytes from the start of the last bundle that writes `ls`, `le` or `lc` to the address in `le`.
pub const LOOP_SETUP_BYTES: u32 = 112;

/// Stage in which a lock instruction stalls the core until it succeeds.
pub const LOCK_STALL_STAGE: u8 = 2;

/// Stage of a lock instruction after which the core runs on.
pub const LOCK_RESUME_STAGE: u8 = 8;

/// Cycles to keep between `done` and what must have finished before or must not begin after it.
pub const DONE_LATENCY: i32 = 6;

/// Fewest cycles from an access to data memory to a lock instruction that releases it; `None` if
/// `access` does not access memory.
pub fn memory_to_lock(access: &Itinerary) -> Option<i32> {
    let last = access.memory_cycles.iter().max()?;
    Some(i32::from(*last) - i32::from(LOCK_STALL_STAGE) + 1)
}

/// Fewest cycles from a lock instruction to an access to the data memory that it guards; `None` if
/// `access` does not access memory.
pub fn lock_to_memory(access: &Itinerary) -> Option<i32> {
    let first = access.memory_cycles.iter().min()?;
    Some(i32::from(LOCK_RESUME_STAGE) - i32::from(*first) + 1)
}
