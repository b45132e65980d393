//! Sizes and counts of npu1's tiles.
//!
//! Source: mlir-aie `include/aie/Dialect/AIE/IR/AIETargetModel.h`, aie-rt
//! `driver/src/global/xaiemlgbl_params.h`.

use crate::TileKind;

/// Program memory of a core tile, bytes.
pub const PROGRAM_BYTES: u32 = 16 * 1024;
/// Data memory of a core tile, bytes.
pub const CORE_DATA_BYTES: u32 = 64 * 1024;
/// Data memory of a memory tile, bytes.
pub const MEM_DATA_BYTES: u32 = 512 * 1024;
/// Size of one of the four logical banks of a core tile's data memory, bytes.
pub const CORE_BANK_BYTES: u32 = 16 * 1024;
/// Bytes that a bank of a core tile's data memory serves in a cycle: lines of so many bytes take turns
/// over the two banks that make a logical one. Source: AMD AM020 "AIE-ML Memory Module" (eight banks of
/// 512 x 128 bits); that bit 4 of the address selects the bank is inferred.
pub const CORE_BANK_LINE_BYTES: u32 = 16;
/// Size of one of the eight allocation banks of a memory tile, bytes.
pub const MEM_BANK_BYTES: u32 = 64 * 1024;
/// Alignment of the core's 256-bit load and store bus, bytes.
pub const VECTOR_ALIGN: u32 = 32;
/// Stack that a core program gets unless its design says otherwise, bytes.
pub const DEFAULT_STACK_BYTES: u32 = 1024;
/// Tasks that a DMA channel queues besides the running one.
pub const TASK_QUEUE_DEPTH: usize = 4;
/// Executions that one task queue entry can ask for.
pub const MAX_TASK_REPEAT: u32 = 256;
/// Largest value of a lock.
pub const MAX_LOCK_VALUE: u8 = 63;
/// Hardware contexts that the driver keeps at a time.
pub const MAX_CONTEXTS: usize = 6;

impl TileKind {
    /// DMA channels in each direction (S2MM and MM2S alike).
    pub const fn dma_channels(self) -> u8 {
        match self {
            TileKind::Mem => 6,
            TileKind::Shim | TileKind::Core => 2,
        }
    }

    /// Buffer descriptors of the tile's DMA.
    pub const fn bds(self) -> u8 {
        match self {
            TileKind::Mem => 48,
            TileKind::Shim | TileKind::Core => 16,
        }
    }

    /// Locks of the tile.
    pub const fn locks(self) -> u8 {
        match self {
            TileKind::Mem => 64,
            TileKind::Shim | TileKind::Core => 16,
        }
    }

    /// Data memory, bytes; a shim has none.
    pub const fn data_bytes(self) -> u32 {
        match self {
            TileKind::Shim => 0,
            TileKind::Mem => MEM_DATA_BYTES,
            TileKind::Core => CORE_DATA_BYTES,
        }
    }

    /// Address dimensions of a buffer descriptor, the iteration not counted.
    pub const fn bd_dims(self) -> usize {
        match self {
            TileKind::Mem => 4,
            TileKind::Shim | TileKind::Core => 3,
        }
    }
}
