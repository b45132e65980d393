//! DMA channels: where their registers are, and what the control, queue and status words hold.
//!
//! A task queue write starts the task when the channel is free and queues it otherwise. A task walks
//! the descriptor chain from its first descriptor while `use_next` is set, and is done again as often
//! as the repeat count says.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Util/aie_registers_aie2.json`, aie-rt
//! `driver/src/global/xaiemlgbl_reginit.c`.

use super::field::word_layout;
use crate::TileKind;
use core::fmt;

/// Direction of a DMA channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Stream to memory: the channel writes.
    S2mm,
    /// Memory to stream: the channel reads.
    Mm2s,
}

impl Direction {
    /// Both directions, S2MM first (its number in instruction streams is 0, MM2S is 1).
    pub const ALL: [Direction; 2] = [Direction::S2mm, Direction::Mm2s];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::S2mm => "S2MM",
            Direction::Mm2s => "MM2S",
        })
    }
}

/// First control register of each kind and direction; a channel has 8 bytes: control, then queue.
const fn ctrl_base(kind: TileKind, dir: Direction) -> u32 {
    match (kind, dir) {
        (TileKind::Core, Direction::S2mm) => 0x1de00,
        (TileKind::Core, Direction::Mm2s) => 0x1de10,
        (TileKind::Mem, Direction::S2mm) => 0xa0600,
        (TileKind::Mem, Direction::Mm2s) => 0xa0630,
        (TileKind::Shim, Direction::S2mm) => 0x1d200,
        (TileKind::Shim, Direction::Mm2s) => 0x1d210,
    }
}

/// First status register of each kind and direction; a channel has 4 bytes.
const fn status_base(kind: TileKind, dir: Direction) -> u32 {
    match (kind, dir) {
        (TileKind::Core, Direction::S2mm) => 0x1df00,
        (TileKind::Core, Direction::Mm2s) => 0x1df10,
        (TileKind::Mem, Direction::S2mm) => 0xa0660,
        (TileKind::Mem, Direction::Mm2s) => 0xa0680,
        (TileKind::Shim, Direction::S2mm) => 0x1d220,
        (TileKind::Shim, Direction::Mm2s) => 0x1d228,
    }
}

/// Offset of a channel's control register.
pub const fn ctrl_offset(kind: TileKind, dir: Direction, channel: u8) -> u32 {
    ctrl_base(kind, dir) + 8 * channel as u32
}

/// Offset of a channel's task queue register (write only).
pub const fn queue_offset(kind: TileKind, dir: Direction, channel: u8) -> u32 {
    ctrl_offset(kind, dir, channel) + 4
}

/// Offset of a channel's status register.
pub const fn status_offset(kind: TileKind, dir: Direction, channel: u8) -> u32 {
    status_base(kind, dir) + 4 * channel as u32
}

/// First register of the counts of transfers that ended with TLAST; an S2MM channel has 4 bytes.
const fn counts_base(kind: TileKind) -> u32 {
    match kind {
        TileKind::Core => 0x1df20,
        TileKind::Mem => 0xa06c8,
        TileKind::Shim => 0x1d238,
    }
}

/// Offset of the register that hands out an S2MM channel's counts, see [`Count`].
pub const fn counts_offset(kind: TileKind, channel: u8) -> u32 {
    counts_base(kind) + 4 * channel as u32
}

/// A DMA register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaRegister {
    /// Word `word` of descriptor `id`.
    Bd {
        /// Descriptor.
        id: u8,
        /// Word inside the descriptor.
        word: u8,
    },
    /// Channel control.
    Ctrl(Direction, u8),
    /// Task queue.
    Queue(Direction, u8),
    /// Channel status.
    Status(Direction, u8),
    /// Counts of transfers of an S2MM channel.
    Counts(u8),
}

/// Which DMA register is at `offset` (a multiple of 4), if any.
pub fn dma_register(kind: TileKind, offset: u32) -> Option<DmaRegister> {
    if !offset.is_multiple_of(4) {
        return None;
    }
    if let Some(at) = offset.checked_sub(super::bd::bd_base(kind)) {
        let (id, word) = (at / 32, at % 32 / 4);
        if id < u32::from(kind.bds()) {
            return (word < super::bd::bd_words(kind)).then_some(DmaRegister::Bd {
                id: id as u8,
                word: word as u8,
            });
        }
    }
    let channels = u32::from(kind.dma_channels());
    if let Some(at) = offset.checked_sub(counts_base(kind))
        && at < 4 * channels
    {
        return Some(DmaRegister::Counts((at / 4) as u8));
    }
    for dir in Direction::ALL {
        if let Some(at) = offset.checked_sub(ctrl_base(kind, dir))
            && at < 8 * channels
        {
            let channel = (at / 8) as u8;
            return Some(if at % 8 == 0 {
                DmaRegister::Ctrl(dir, channel)
            } else {
                DmaRegister::Queue(dir, channel)
            });
        }
        if let Some(at) = offset.checked_sub(status_base(kind, dir))
            && at < 4 * channels
        {
            return Some(DmaRegister::Status(dir, (at / 4) as u8));
        }
    }
    None
}

word_layout! {
    /// Control word of a channel. Core and memory tiles have `reset` at bit 1 and compression at bit
    /// 4; on shim tiles bits 1 and 2 pause the channel (see [`ShimCtrl`]). There is no enable bit.
    Ctrl, "DMA channel control" {
        /// Finish-on-TLAST mode (S2MM); 0 is off.
        fot_mode      = [17:16] uint;
        /// Controller id, the packet id of task-complete tokens.
        controller_id = [15:8]  uint;
        /// Compression (MM2S) or decompression (S2MM).
        compression   = [4:4]   flag;
        /// Descriptors are chosen by the packet header (S2MM).
        out_of_order  = [3:3]   flag;
        /// Channel held in reset.
        reset         = [1:1]   flag;
    }
}

word_layout! {
    /// Control word of a shim channel.
    ShimCtrl, "shim DMA channel control" {
        /// Finish-on-TLAST mode (S2MM); 0 is off.
        fot_mode      = [17:16] uint;
        /// Controller id, the packet id of task-complete tokens.
        controller_id = [15:8]  uint;
        /// Descriptors are chosen by the packet header (S2MM).
        out_of_order  = [3:3]   flag;
        /// Stream side paused.
        pause_stream  = [2:2]   flag;
        /// Memory side paused.
        pause_mem     = [1:1]   flag;
    }
}

/// Finish-on-TLAST off: a descriptor ends with its length, whatever TLAST says.
pub const FOT_OFF: u32 = 0;
/// TLAST ends a descriptor.
pub const FOT_NO_COUNTS: u32 = 1;
/// TLAST ends a descriptor, and task-complete tokens carry the counts.
pub const FOT_TOKENS: u32 = 2;
/// TLAST ends a descriptor, and [`Count`]s tell how far each came.
pub const FOT_REGISTER: u32 = 3;

word_layout! {
    /// What a read of a channel's count register takes out of it.
    Count, "DMA transfer count" {
        /// There was a count.
        valid    = [31:31] flag;
        /// The transfer was its task's last.
        last     = [30:30] flag;
        /// Descriptor of the transfer.
        bd       = [29:24] uint;
        /// Words written to memory.
        words    = [17:0]  uint;
    }
}

/// Reset bit of the control word of core and memory tile channels.
pub const CTRL_RESET: u32 = 1 << 1;
/// Mask of the controller id that the instruction stream writes before a task with a token.
pub const CTRL_CONTROLLER_ID_MASK: u32 = 0x1f00;

word_layout! {
    /// Task queue word of core and shim channels.
    Queue, "DMA task queue" {
        /// Send a task-complete token at the end.
        token    = [31:31] flag;
        /// Executions of the chain, 1..=256.
        repeat   = [23:16] less1;
        /// First descriptor.
        start_bd = [3:0]   uint;
    }
}

word_layout! {
    /// Task queue word of memory tile channels.
    MemQueue, "memory tile DMA task queue" {
        /// Send a task-complete token at the end.
        token    = [31:31] flag;
        /// Executions of the chain, 1..=256.
        repeat   = [23:16] less1;
        /// First descriptor.
        start_bd = [5:0]   uint;
    }
}

word_layout! {
    /// Status word of a channel. `current_bd` is as wide as memory tiles have it; core and shim tiles
    /// use the low four bits.
    Status, "DMA channel status" {
        /// Running descriptor.
        current_bd         = [29:24] uint;
        /// Tasks that wait.
        queue_size         = [22:20] uint;
        /// A task runs.
        running            = [19:19] flag;
        /// A task was queued while the queue was full.
        queue_overflow     = [18:18] flag;
        /// A descriptor without its valid bit was loaded.
        bd_invalid         = [11:11] flag;
        /// A descriptor of the other channel parity was used (memory tile).
        bd_unavailable     = [10:10] flag;
        /// Waits for room to send a task-complete token.
        stalled_token      = [5:5]   flag;
        /// Waits for stream data (S2MM) or room (MM2S).
        stalled_stream     = [4:4]   flag;
        /// Waits for a lock release.
        stalled_release    = [3:3]   flag;
        /// Waits for a lock.
        stalled_acquire    = [2:2]   flag;
        /// 0 idle, 1 starting, 2 running.
        state              = [1:0]   uint;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_found_by_offset() {
        let kinds = [TileKind::Core, TileKind::Mem, TileKind::Shim];
        for kind in kinds {
            for dir in Direction::ALL {
                for ch in 0..kind.dma_channels() {
                    let at = |o| dma_register(kind, o).unwrap();
                    assert_eq!(at(ctrl_offset(kind, dir, ch)), DmaRegister::Ctrl(dir, ch));
                    assert_eq!(at(queue_offset(kind, dir, ch)), DmaRegister::Queue(dir, ch));
                    assert_eq!(
                        at(status_offset(kind, dir, ch)),
                        DmaRegister::Status(dir, ch)
                    );
                    assert_eq!(at(counts_offset(kind, ch)), DmaRegister::Counts(ch));
                }
            }
        }
        let bd = DmaRegister::Bd { id: 15, word: 5 };
        assert_eq!(dma_register(TileKind::Core, 0x1d1f4), Some(bd));
        assert_eq!(dma_register(TileKind::Core, 0x1d1f8), None);
        assert_eq!(dma_register(TileKind::Mem, 0xa0696), None);
    }

    #[test]
    fn queue_words() {
        let task = Queue {
            token: true,
            repeat: 1,
            start_bd: 2,
        };
        assert_eq!(task.to_word(), Ok(0x8000_0002));
        assert_eq!(MemQueue::from_word(0x0002_0018).repeat, 3);
        assert_eq!(MemQueue::from_word(0x0002_0018).start_bd, 24);
        let err = Queue {
            repeat: 257,
            ..task
        }
        .to_word()
        .unwrap_err();
        assert_eq!((err.field, err.max), ("repeat", 256));
    }

    #[test]
    fn controller_id_of_a_shim() {
        let ctrl = ShimCtrl {
            controller_id: 15,
            ..ShimCtrl::default()
        };
        assert_eq!(ctrl.to_word(), Ok(0xf00));
    }
}
