//! What can be wrong with an operation of a sequence.

use arch::array::Direction;
use arch::{Tile, TileKind};
use thiserror::Error;

/// What can be wrong with an operation of a sequence.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum TransferError {
    /// A size of 0.
    #[error("size {dim} is 0\nhelp: sizes that are not used are 1")]
    ZeroSize {
        /// Position, 0 is the outermost.
        dim: usize,
    },
    /// A transfer that leaves its buffer.
    #[error(
        "it reaches element {last} of `{arg}`, which has {elements}\nhelp: make the host buffer larger, or sizes and strides smaller"
    )]
    Outside {
        /// Last element.
        last: u64,
        /// Host buffer.
        arg: String,
        /// Its elements.
        elements: u64,
    },
    /// A size, stride or offset that is not whole words.
    #[error("{what} is {bytes} bytes; the DMA counts words of 4\nhelp: move whole 32-bit words")]
    NotWords {
        /// What.
        what: String,
        /// Bytes.
        bytes: u64,
    },
    /// A stride of 0 where there are several steps.
    #[error("stride {dim} is 0 with size {size}\nhelp: only the outermost stride may be 0")]
    ZeroStride {
        /// Position, 0 is the outermost.
        dim: usize,
        /// Size.
        size: u32,
    },
    /// A size the hardware does not have.
    #[error(
        "size {dim} is {size}{unit}; it may be up to {limit}\nhelp: split the dimension in two, or the transfer"
    )]
    Size {
        /// Position, 0 is the outermost.
        dim: usize,
        /// Size.
        size: u64,
        /// " words" where the size was converted.
        unit: &'static str,
        /// Largest size.
        limit: u32,
    },
    /// A stride the hardware does not have.
    #[error(
        "stride {dim} is {words} words; it may be up to {limit}\nhelp: use several transfers with offsets"
    )]
    Stride {
        /// Position, 0 is the outermost.
        dim: usize,
        /// Stride.
        words: u64,
        /// Largest stride.
        limit: u32,
    },
    /// A transfer that is too long.
    #[error("it moves {words} words; it may move up to {limit}\nhelp: use several transfers")]
    Length {
        /// Words moved by one execution.
        words: u64,
        /// Largest number.
        limit: u32,
    },
    /// Another element type than the fifo's.
    #[error(
        "it moves `{arg}` of {given} elements into fifo `{fifo}` of {needed}\nhelp: use one element type"
    )]
    Elem {
        /// Host buffer.
        arg: String,
        /// Its element.
        given: String,
        /// Fifo.
        fifo: String,
        /// Its element.
        needed: String,
    },
    /// A descriptor that does not exist.
    #[error("it uses buffer descriptor {bd}; a shim has 0 to {last}\nhelp: leave the choice open")]
    NoDescriptor {
        /// Descriptor.
        bd: u8,
        /// Last one.
        last: u8,
    },
    /// A descriptor that may still be in use.
    #[error(
        "it uses buffer descriptor {bd} of shim {tile}, which operation {by} may still be using\nhelp: wait for a token of `{fifo}` first, or use another descriptor"
    )]
    Busy {
        /// Descriptor.
        bd: u8,
        /// Shim.
        tile: Tile,
        /// Operation that started the transfer.
        by: usize,
        /// Fifo of that transfer.
        fifo: String,
    },
    /// A descriptor that one task names twice.
    #[error("it uses buffer descriptor {bd} twice\nhelp: leave the choice open")]
    Twice {
        /// Descriptor.
        bd: u8,
    },
    /// A task that moves nothing.
    #[error("task `{task}` has no parts\nhelp: give it one move at least")]
    EmptyTask {
        /// Task.
        task: String,
    },
    /// A task that is done too often.
    #[error("task `{task}` is done {repeat} times; it may be 1 to {limit}\nhelp: start it again")]
    TaskRepeat {
        /// Task.
        task: String,
        /// Times.
        repeat: u32,
        /// Most.
        limit: u32,
    },
    /// An outermost size that is not the task's.
    #[error(
        "size 0 of a part of task `{task}` is {size}; the task is done {repeat} times\nhelp: a part goes on with every repetition: its size 0 is 1 or {repeat}"
    )]
    TaskSize {
        /// Task.
        task: String,
        /// Size.
        size: u32,
        /// Repetitions.
        repeat: u32,
    },
    /// A task that has no descriptors.
    #[error(
        "task `{task}` has no buffer descriptors here\nhelp: a task is prepared before, and gone once it is awaited or freed"
    )]
    TaskGone {
        /// Task.
        task: String,
    },
    /// A task without a token.
    #[error("it awaits task `{task}`, which issues no token\nhelp: let it issue one")]
    TaskWithoutToken {
        /// Task.
        task: String,
    },
    /// A task that nothing has started.
    #[error("it awaits task `{task}`, which is not under way\nhelp: start it before")]
    TaskNotStarted {
        /// Task.
        task: String,
    },
    /// A token that another task sends first.
    #[error(
        "it awaits task `{task}`, but the channel's next token is that of operation {by}\nhelp: await what was started first before"
    )]
    TaskOrder {
        /// Task.
        task: String,
        /// Operation whose token comes first.
        by: usize,
    },
    /// Descriptors that may still be in use.
    #[error(
        "it frees task `{task}`, which may still be under way\nhelp: await it, or a later task of its channel, before"
    )]
    TaskRunning {
        /// Task.
        task: String,
    },
    /// No descriptor left.
    #[error(
        "it needs another buffer descriptor of shim {tile}; all {limit} are in use\nhelp: wait for transfers in between; those to the array need a token for it"
    )]
    Exhausted {
        /// Shim.
        tile: Tile,
        /// Descriptors.
        limit: u8,
    },
    /// A task queue that may be full.
    #[error(
        "it starts transfer {count} on channel {direction} {channel} of shim {tile} without waiting; {limit} may be under way\nhelp: wait for a token of `{fifo}` in between"
    )]
    Queue {
        /// Shim.
        tile: Tile,
        /// Direction.
        direction: Direction,
        /// Channel.
        channel: u8,
        /// Transfers under way, this one included.
        count: usize,
        /// Largest number.
        limit: usize,
        /// Fifo.
        fifo: String,
    },
    /// A wait that would never end.
    #[error(
        "it waits for fifo `{fifo}`, of which no transfer with a token is under way\nhelp: wait once per transfer; transfers to the array issue a token only when asked to"
    )]
    NothingToWaitFor {
        /// Fifo.
        fifo: String,
    },
    /// A word outside a buffer.
    #[error("it writes word {index} of buffer `{buffer}`, which has {words}\nhelp: count from 0")]
    ParameterIndex {
        /// Word.
        index: u32,
        /// Buffer.
        buffer: String,
        /// Words it has.
        words: u64,
    },
    /// A register that does not exist.
    #[error(
        "it writes a register at offset {offset:#x} of tile {tile}; a tile has whole words up to {last:#x}\nhelp: count bytes from the tile's own base"
    )]
    RegisterOffset {
        /// Tile.
        tile: Tile,
        /// Byte offset.
        offset: u32,
        /// The last word's.
        last: u32,
    },
    /// Bits that are written, but masked out.
    #[error(
        "it writes {value:#x} under the mask {mask:#x}, which leaves out {lost:#x}\nhelp: widen the mask, or clear those bits"
    )]
    RegisterMask {
        /// Value.
        value: u32,
        /// Mask.
        mask: u32,
        /// Bits of the value that the mask does not have.
        lost: u32,
    },
    /// A token of a channel that does not exist.
    #[error(
        "it waits for a token of channel {direction} {channel} of tile {tile}; a {kind} has 0 to {last}\nhelp: name a channel of the tile"
    )]
    TokenChannel {
        /// Tile.
        tile: Tile,
        /// Its kind.
        kind: TileKind,
        /// Direction.
        direction: Direction,
        /// Channel.
        channel: u8,
        /// Last one.
        last: u8,
    },
    /// Tokens of tiles outside the partition.
    #[error(
        "it waits for tokens of {columns} columns and {rows} rows from tile {tile}; there are 1 to {columns_left} and 1 to {rows_left}\nhelp: wait for tiles of the partition"
    )]
    TokenArea {
        /// Tile in the south-west.
        tile: Tile,
        /// Columns asked for.
        columns: u8,
        /// Rows asked for.
        rows: u8,
        /// Columns from that tile to the east end.
        columns_left: u8,
        /// Rows from that tile to the north end.
        rows_left: u8,
    },
}
