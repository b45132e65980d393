//! What can go wrong in the array: every refusal names the thing, its number and the limit.

use arch::Tile;
use arch::array::Direction;
use arch::array::regs::register_name;
use arch::array::switch::Port;
use formats::{cdo::CdoError, pdi::PdiError, txn::TxnError, xclbin::XclbinError};
use thiserror::Error;

use crate::core::Fault;

/// A DMA channel of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId {
    /// The tile.
    pub tile: Tile,
    /// S2MM or MM2S.
    pub dir: Direction,
    /// Number within the direction.
    pub number: u8,
}

impl std::fmt::Display for ChannelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}{} of {} {}",
            self.dir,
            self.number,
            self.tile.kind(),
            self.tile
        )
    }
}

/// Why the emulator stopped.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum EmuError {
    /// The address belongs to no tile of the partition.
    #[error(
        "address {addr:#010x} is in column {}, row {}, outside the partition of {} columns and {} rows\n\
         help: addresses are col << 25 | row << 20 | offset, relative to the partition",
        addr >> 25, addr >> 20 & 0x1f, arch::geometry::COLUMNS, arch::geometry::ROWS
    )]
    NoTile {
        /// The partition-relative address.
        addr: u32,
    },
    /// An address is no multiple of 4.
    #[error(
        "address {addr:#010x} is no multiple of 4\nhelp: registers are written as 32-bit words"
    )]
    Unaligned {
        /// The partition-relative address.
        addr: u32,
    },
    /// A register that does not exist or is not modelled.
    #[error("{} of {} {tile} at offset {offset:#07x} is not modelled: {why}\nhelp: leave the write out, or extend the emulator", name_of(*.tile, *.offset), .tile.kind())]
    Register {
        /// The tile.
        tile: Tile,
        /// Offset inside the tile.
        offset: u32,
        /// What was attempted and why it is refused.
        why: &'static str,
    },
    /// A register value that the hardware would not take.
    #[error("{} of {} {tile} is written {value:#x}: {why}", name_of(*.tile, *.offset), .tile.kind())]
    Value {
        /// The tile.
        tile: Tile,
        /// Offset inside the tile.
        offset: u32,
        /// The value.
        value: u32,
        /// Why it is refused.
        why: String,
    },
    /// A buffer descriptor that the channel cannot execute.
    #[error("descriptor {bd} on DMA {channel}: field {field} {why}")]
    Bd {
        /// The channel.
        channel: ChannelId,
        /// The descriptor.
        bd: u8,
        /// The field at fault.
        field: &'static str,
        /// What is wrong and how to mend it.
        why: String,
    },
    /// A task was queued on a full queue.
    #[error(
        "task queue of DMA {channel} overflows: it holds {} tasks besides the running one\n\
         help: wait for a task's token before queueing more",
        arch::limits::TASK_QUEUE_DEPTH
    )]
    QueueFull {
        /// The channel.
        channel: ChannelId,
    },
    /// A lock left its range.
    #[error(
        "{user} releases lock {id} of {} {tile} by {by}: it is {value} and would leave 0 to {}\n\
         help: a release without its acquire, or a wrong initial value", .tile.kind(), arch::limits::MAX_LOCK_VALUE
    )]
    LockRange {
        /// Who releases.
        user: String,
        /// Tile of the lock.
        tile: Tile,
        /// Id on that tile.
        id: u8,
        /// Value before.
        value: u8,
        /// Added value.
        by: i32,
    },
    /// A host access outside its argument.
    #[error(
        "DMA {channel} {} byte {offset} of argument {arg}, which has {size} bytes\n\
         help: the transfer's offset, sizes and strides reach past the buffer",
        if .channel.dir == Direction::S2mm { "writes" } else { "reads" }
    )]
    HostRange {
        /// The shim channel.
        channel: ChannelId,
        /// Argument of the dispatch.
        arg: usize,
        /// First byte accessed.
        offset: u64,
        /// Size of the argument in bytes.
        size: usize,
    },
    /// A host access that no argument of this dispatch covers.
    #[error("DMA {channel} accesses host address {addr:#x}: {why}")]
    HostAddress {
        /// The shim channel.
        channel: ChannelId,
        /// The 48-bit address.
        addr: u64,
        /// Why it belongs to no buffer.
        why: &'static str,
    },
    /// A circuit connection the switch does not have.
    #[error(
        "stream switch of {} {tile} connects slave {slave} to master {master}, which it cannot\n\
         help: see the table of legal connections", .tile.kind()
    )]
    Connection {
        /// Tile of the switch.
        tile: Tile,
        /// Slave port.
        slave: Port,
        /// Master port.
        master: Port,
    },
    /// Stream switch configuration that cannot work.
    #[error("stream switch of {} {tile}, port {port}: {why}", .tile.kind())]
    Switch {
        /// Tile of the switch.
        tile: Tile,
        /// The port.
        port: Port,
        /// What is wrong.
        why: String,
    },
    /// An operation of the instruction stream that is not modelled or wrong.
    #[error("operation {index} ({name}) of the instruction stream: {why}")]
    Operation {
        /// Index of the operation.
        index: usize,
        /// Its name.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A configuration command waited in vain.
    #[error("register {addr:#010x} does not reach {value:#x} under mask {mask:#x}, it is {is:#x}")]
    Poll {
        /// Address polled.
        addr: u32,
        /// Bits that count.
        mask: u32,
        /// Awaited value.
        value: u32,
        /// Value at the end.
        is: u32,
    },
    /// A core stopped with a fault.
    #[error("{fault} (array cycle {cycle})")]
    Core {
        /// Cycle of the array.
        cycle: u64,
        /// The core, the place in its program and what happened.
        fault: Box<Fault>,
    },
    /// Nothing can move any more.
    #[error("deadlock at cycle {cycle}, nothing can move:\n{}\n{cause}", list(.waiters))]
    Deadlock {
        /// Cycle of the last movement.
        cycle: u64,
        /// Who waits for what, one line each.
        waiters: Vec<String>,
        /// The chain of waits, its culprit, and help.
        cause: String,
    },
    /// The budget of cycles was used up.
    #[error("the budget of {budget} cycles is used up; still waiting or running:\n{}\n{cause}", list(.waiters))]
    Budget {
        /// The budget.
        budget: u64,
        /// Who waits for what, one line each.
        waiters: Vec<String>,
        /// The chain of waits, its culprit, and help.
        cause: String,
    },
    /// The CDO is bad.
    #[error(transparent)]
    Cdo(#[from] CdoError),
    /// The PDI is bad.
    #[error(transparent)]
    Pdi(#[from] PdiError),
    /// The xclbin is bad.
    #[error(transparent)]
    Xclbin(#[from] XclbinError),
    /// The xclbin does not tell which configuration to load.
    #[error("{why}; the xclbin has {names}\nhelp: name one of them")]
    Kernel {
        /// What is missing or ambiguous.
        why: String,
        /// Names of the xclbin's kernels.
        names: String,
    },
    /// The instruction stream is bad.
    #[error(transparent)]
    Txn(#[from] TxnError),
}

fn name_of(tile: Tile, offset: u32) -> String {
    register_name(tile.kind(), offset).unwrap_or_else(|| "an unknown register".into())
}

fn list(waiters: &[String]) -> String {
    if waiters.is_empty() {
        return "  nobody waits".into();
    }
    waiters
        .iter()
        .map(|w| format!("  {w}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Index of a tile in tables over all tiles: column by column, from the shim upwards.
pub(crate) fn tile_index(tile: Tile) -> usize {
    usize::from(tile.col) * usize::from(arch::geometry::ROWS) + usize::from(tile.row)
}

/// Tiles of the partition.
pub(crate) const TILES: usize = arch::geometry::COLUMNS as usize * arch::geometry::ROWS as usize;
