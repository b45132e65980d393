//! What can be wrong with a design.

use arch::array::field::FieldError;
use arch::{Tile, TileKind};
use thiserror::Error;

use super::packets::PacketError;
use super::sends::SendError;
use super::transfer_error::TransferError;
use super::worker_error::WorkerError;
use crate::design::ObjectType;

/// Why a design cannot be lowered: the thing, its number, the limit, and a way out.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DesignError {
    /// A partition of no or too many columns.
    #[error(
        "design `{design}` is for {columns} columns; npu1 has {limit}\nhelp: choose 1 to {limit} columns"
    )]
    Columns {
        /// Design.
        design: String,
        /// Columns asked for.
        columns: u8,
        /// Columns of npu1.
        limit: u8,
    },
    /// Two things of one kind with one name.
    #[error("two {what} are called `{name}`\nhelp: rename one of them")]
    DuplicateName {
        /// Kind of thing, plural.
        what: &'static str,
        /// Name.
        name: String,
    },
    /// A name that cannot stand in files and symbols.
    #[error(
        "the name `{name}` of a {what} is not an identifier\nhelp: use letters, digits and `_`, and begin with a letter"
    )]
    BadName {
        /// Kind of thing.
        what: &'static str,
        /// Name.
        name: String,
    },
    /// A name that refers to nothing.
    #[error("{user} refers to {what} `{name}`, which does not exist\nhelp: {hint}")]
    UnknownName {
        /// Who uses it.
        user: String,
        /// Kind of thing.
        what: &'static str,
        /// Name.
        name: String,
        /// Nearest name, or the names there are.
        hint: String,
    },
    /// A kernel that is said to access together what it does not have.
    #[error(
        "kernel `{kernel}` meets {what} {other}, there are 0 to {last}\nhelp: count from 0, or leave `meets` out"
    )]
    MeetsNothing {
        /// Kernel.
        kernel: String,
        /// What it meets.
        other: u32,
        /// What that is: a parameter or a bank.
        what: &'static str,
        /// The last of them.
        last: u32,
    },
    /// A tile outside the partition.
    #[error(
        "{user} is on tile {tile}; the design has columns 0 to {last_col} and rows 0 to {last_row}\nhelp: choose a tile of the partition"
    )]
    TileOutside {
        /// Who uses it.
        user: String,
        /// Tile.
        tile: Tile,
        /// Last column.
        last_col: u8,
        /// Last row.
        last_row: u8,
    },
    /// A tile of the wrong kind.
    #[error("{user} is on {kind} {tile}; it needs a {needed}\nhelp: {needed}s are in {rows}")]
    TileKind {
        /// Who uses it.
        user: String,
        /// Tile.
        tile: Tile,
        /// Its kind.
        kind: TileKind,
        /// Kind that is needed.
        needed: TileKind,
        /// Rows of that kind.
        rows: &'static str,
    },
    /// A fifo without consumers.
    #[error("fifo `{fifo}` has no consumer\nhelp: name at least one tile that uses its objects")]
    NoConsumer {
        /// Fifo.
        fifo: String,
    },
    /// A tile at two ends of a fifo.
    #[error(
        "tile {tile} is at two ends of fifo `{fifo}`\nhelp: name each tile once; a core keeps data for itself in a buffer"
    )]
    TileTwice {
        /// Fifo.
        fifo: String,
        /// Tile.
        tile: Tile,
    },
    /// A fifo from the host to the host.
    #[error(
        "fifo `{fifo}` goes from shim {producer} to shim {consumer}\nhelp: let it pass through a memory tile with a link"
    )]
    ShimToShim {
        /// Fifo.
        fifo: String,
        /// Producer.
        producer: Tile,
        /// Consumer.
        consumer: Tile,
    },
    /// An object without elements.
    #[error("{user} has type {object}, which is empty\nhelp: every size must be 1 or more")]
    Empty {
        /// Who has it.
        user: String,
        /// Type.
        object: ObjectType,
    },
    /// An object that no tile can hold.
    #[error(
        "{user} has type {object} of {bytes} bytes; a {kind} has {limit}\nhelp: cut the data into smaller objects"
    )]
    Object {
        /// Who has it.
        user: String,
        /// Type.
        object: ObjectType,
        /// Its size.
        bytes: u64,
        /// Kind of tile.
        kind: TileKind,
        /// Its data memory.
        limit: u32,
    },
    /// A size that is not whole words.
    #[error(
        "{user} moves {bytes} bytes; the DMA moves multiples of 4\nhelp: pad the data to whole 32-bit words"
    )]
    NotWords {
        /// What is moved.
        user: String,
        /// Bytes.
        bytes: u64,
    },
    /// An end without objects.
    #[error("fifo `{fifo}` has depth 0\nhelp: use 1, or 2 to overlap computing with moving")]
    NoDepth {
        /// Fifo.
        fifo: String,
    },
    /// A list of depths of the wrong length.
    #[error(
        "fifo `{fifo}` has {given} depths for {ends} ends\nhelp: give one for the producer and one for each consumer"
    )]
    DepthCount {
        /// Fifo.
        fifo: String,
        /// Depths given.
        given: usize,
        /// Ends.
        ends: usize,
    },
    /// More objects than a lock can count.
    #[error(
        "end `{end}` holds {depth} objects; a lock counts to {limit}\nhelp: use a smaller depth"
    )]
    Depth {
        /// End.
        end: String,
        /// Depth.
        depth: u32,
        /// Largest lock value.
        limit: u32,
    },
    /// An order of access at a shim.
    #[error(
        "fifo `{fifo}` has an order of access at shim {tile}\nhelp: give sizes and strides in the sequence's transfers instead"
    )]
    ShimDims {
        /// Fifo.
        fifo: String,
        /// Shim.
        tile: Tile,
    },
    /// Too many dimensions.
    #[error(
        "fifo `{fifo}` walks {given} dimensions at {kind} {tile}; its DMA has {limit}\nhelp: merge dimensions, or walk in a memory tile, which has 4"
    )]
    Dims {
        /// Fifo.
        fifo: String,
        /// Tile.
        tile: Tile,
        /// Its kind.
        kind: TileKind,
        /// Dimensions given.
        given: usize,
        /// Dimensions of the DMA.
        limit: usize,
    },
    /// A dimension with a size the hardware does not have.
    #[error(
        "dimension {dim} of fifo `{fifo}` at {kind} {tile} has size {size}{unit}; it may be 1 to {limit}\nhelp: split a dimension that is too long in two"
    )]
    DimSize {
        /// Fifo.
        fifo: String,
        /// Tile.
        tile: Tile,
        /// Its kind.
        kind: TileKind,
        /// Dimension, 0 is the innermost.
        dim: usize,
        /// Size.
        size: u64,
        /// " words" where the size was converted.
        unit: &'static str,
        /// Largest size.
        limit: u32,
    },
    /// A dimension with a stride the hardware does not have.
    #[error(
        "dimension {dim} of fifo `{fifo}` at {kind} {tile} has a stride of {words} words; it may be 1 to {limit}\nhelp: choose another layout of the object"
    )]
    DimStride {
        /// Fifo.
        fifo: String,
        /// Tile.
        tile: Tile,
        /// Its kind.
        kind: TileKind,
        /// Dimension, 0 is the innermost.
        dim: usize,
        /// Stride.
        words: u64,
        /// Largest stride.
        limit: u32,
    },
    /// A size or stride that is not whole words.
    #[error(
        "dimension {dim} of fifo `{fifo}` has a {what} of {bytes} bytes; the DMA counts words of 4\nhelp: {hint}"
    )]
    DimNotWords {
        /// Fifo.
        fifo: String,
        /// Dimension, 0 is the innermost.
        dim: usize,
        /// "size" or "stride".
        what: &'static str,
        /// Bytes.
        bytes: u64,
        /// What to do.
        hint: &'static str,
    },
    /// A walk of another length than what is moved.
    #[error(
        "the dimensions of fifo `{fifo}` at tile {tile} cover {covered} elements of {elements}\nhelp: the product of the sizes must be the number of elements moved"
    )]
    DimCover {
        /// Fifo.
        fifo: String,
        /// Tile.
        tile: Tile,
        /// Product of the sizes.
        covered: u64,
        /// Elements moved by one descriptor.
        elements: u64,
    },
    /// A walk that leaves what is moved.
    #[error(
        "the dimensions of fifo `{fifo}` at tile {tile} reach element {last}; {elements} are moved\nhelp: make sizes and strides stay inside the object"
    )]
    DimOutside {
        /// Fifo.
        fifo: String,
        /// Tile.
        tile: Tile,
        /// Last element reached.
        last: u64,
        /// Elements moved by one descriptor.
        elements: u64,
    },
    /// A link of several fifos to several.
    #[error(
        "link {link} has {inputs} inputs and {outputs} outputs\nhelp: one side must be a single fifo"
    )]
    LinkShape {
        /// Link.
        link: String,
        /// Inputs.
        inputs: usize,
        /// Outputs.
        outputs: usize,
    },
    /// A fifo in two links.
    #[error(
        "fifo `{fifo}` is {side} of two links\nhelp: send the data to both by a fifo with two consumers"
    )]
    LinkTwice {
        /// Fifo.
        fifo: String,
        /// "an input" or "an output".
        side: &'static str,
    },
    /// Fifos of a link that do not meet.
    #[error(
        "fifo `{fifo}` of link {link} does not {side} at tile {tile}\nhelp: inputs must end, and outputs begin, in one memory tile"
    )]
    LinkTile {
        /// Fifo.
        fifo: String,
        /// Link.
        link: String,
        /// "end" or "begin".
        side: &'static str,
        /// Tile where the link's outputs begin.
        tile: Tile,
    },
    /// Offsets that do not fit the fifos of a link.
    #[error("link {link} has {given} offsets; it needs {needed}\nhelp: {hint}")]
    LinkOffsets {
        /// Link.
        link: String,
        /// Offsets given.
        given: usize,
        /// Offsets needed.
        needed: usize,
        /// What to do.
        hint: &'static str,
    },
    /// Offsets that do not cut the object into parts.
    #[error(
        "offsets {offsets} of link {link} do not cut {elements} elements into parts\nhelp: begin at 0, ascend, and stay below the number of elements"
    )]
    LinkOrder {
        /// Link.
        link: String,
        /// Offsets.
        offsets: String,
        /// Elements of the larger object.
        elements: u64,
    },
    /// Parts that are not whole objects of the fifo at the other side.
    #[error(
        "link {link} moves {bytes} bytes at a time for fifo `{fifo}`, whose objects have {object}\nhelp: make one a multiple of the other"
    )]
    LinkLength {
        /// Link.
        link: String,
        /// Bytes of the part.
        bytes: u64,
        /// Fifo.
        fifo: String,
        /// Bytes of its objects.
        object: u64,
    },
    /// Initial contents of the wrong length.
    #[error(
        "buffer `{buffer}` has {given} initial bytes; its type {object} has {bytes}\nhelp: give every byte, or none"
    )]
    InitLength {
        /// Buffer.
        buffer: String,
        /// Bytes given.
        given: usize,
        /// Type.
        object: ObjectType,
        /// Bytes of the type.
        bytes: u64,
    },
    /// Something wrong with what a fifo's producer sends.
    #[error("fifo `{fifo}` {source}")]
    Send {
        /// Fifo.
        fifo: String,
        /// What is wrong.
        source: Box<SendError>,
    },
    /// Something wrong with a fifo's packets.
    #[error("fifo `{fifo}` {source}")]
    Packet {
        /// Fifo.
        fifo: String,
        /// What is wrong.
        source: PacketError,
    },
    /// A cascade between cores that are not connected.
    #[error(
        "a cascade goes from core {from} to core {to}\nhelp: accumulators go to the neighbour in the east or in the south"
    )]
    CascadeWay {
        /// Sender.
        from: Tile,
        /// Receiver.
        to: Tile,
    },
    /// Two cascades at one side of a core.
    #[error(
        "two cascades {side} at core {tile}\nhelp: a core has one input and one output of accumulators"
    )]
    CascadeTwice {
        /// Core.
        tile: Tile,
        /// Which side.
        side: &'static str,
    },
    /// A buffer at an address where it cannot be.
    #[error(
        "buffer `{buffer}` of {bytes} bytes is at {address:#x} of core {tile}{why}\nhelp: choose a multiple of {align} from {stack:#x} on, or leave the choice open"
    )]
    BufferAddress {
        /// Buffer.
        buffer: String,
        /// Its size.
        bytes: u64,
        /// Its address.
        address: u32,
        /// Core.
        tile: Tile,
        /// What is wrong with it.
        why: String,
        /// Alignment.
        align: u64,
        /// End of the stack.
        stack: u32,
    },
    /// Two programs for one core.
    #[error("two workers are on core {tile}\nhelp: join them, or use another core")]
    WorkerTwice {
        /// Core.
        tile: Tile,
    },
    /// A stack the core cannot have.
    #[error(
        "the stack of core {tile} has {bytes} bytes; it may be a multiple of {align} up to {limit}\nhelp: the default is 1024"
    )]
    Stack {
        /// Core.
        tile: Tile,
        /// Bytes.
        bytes: u32,
        /// Alignment.
        align: u32,
        /// Data memory.
        limit: u32,
    },
    /// Something wrong with the steps of a worker.
    #[error("worker {tile} {source}")]
    Worker {
        /// Core.
        tile: Tile,
        /// What.
        source: WorkerError,
    },
    /// Too few DMA channels.
    #[error(
        "{noun} {tile} needs {needed} {way} channels (for {fifos}); a {kind} has {limit}\nhelp: {hint}"
    )]
    Channels {
        /// "core", "memory tile" or "shim".
        noun: &'static str,
        /// Tile.
        tile: Tile,
        /// Channels needed.
        needed: usize,
        /// "input" or "output".
        way: &'static str,
        /// Fifos that need them.
        fifos: String,
        /// Kind of tile.
        kind: TileKind,
        /// Channels it has.
        limit: u8,
        /// What to do.
        hint: String,
    },
    /// Too few buffer descriptors.
    #[error(
        "{noun} {tile} needs {needed} buffer descriptors{class}; a {kind} has {limit}\nhelp: use smaller depths, or fewer parts per object"
    )]
    Descriptors {
        /// "core" or "memory tile".
        noun: &'static str,
        /// Tile.
        tile: Tile,
        /// Descriptors needed.
        needed: u64,
        /// Which channels share them.
        class: &'static str,
        /// Kind of tile.
        kind: TileKind,
        /// Descriptors it has.
        limit: u8,
    },
    /// Too few locks.
    #[error(
        "{noun} {tile} needs {needed} locks; a {kind} has {limit}\nhelp: every fifo end takes two, every part of a join or distribution two; use fewer"
    )]
    Locks {
        /// "core", "memory tile" or "shim".
        noun: &'static str,
        /// Tile.
        tile: Tile,
        /// Locks needed.
        needed: u32,
        /// Kind of tile.
        kind: TileKind,
        /// Locks it has.
        limit: u8,
    },
    /// Too little data memory.
    #[error(
        "{noun} {tile} needs {needed} bytes of data ({parts}); a {kind} has {limit}\nhelp: use smaller objects or depths"
    )]
    Data {
        /// "core" or "memory tile".
        noun: &'static str,
        /// Tile.
        tile: Tile,
        /// Bytes needed.
        needed: u64,
        /// What needs them.
        parts: String,
        /// Kind of tile.
        kind: TileKind,
        /// Bytes it has.
        limit: u32,
    },
    /// A descriptor field that does not hold its value.
    #[error("fifo end `{end}` at tile {tile}: {source}")]
    Field {
        /// End.
        end: String,
        /// Tile.
        tile: Tile,
        /// Which field.
        source: FieldError,
    },
    /// Too many host buffers.
    #[error(
        "sequence `{sequence}` has {given} host buffers; a kernel passes {limit}\nhelp: put several into one buffer and use offsets"
    )]
    HostArgs {
        /// Sequence.
        sequence: String,
        /// Buffers.
        given: usize,
        /// Buffers that can be passed.
        limit: usize,
    },
    /// A transfer of a fifo without an end at a shim.
    #[error(
        "sequence `{sequence}` uses fifo `{fifo}`, which neither begins nor ends at a shim\nhelp: name the fifo that the shim is part of"
    )]
    NotAtShim {
        /// Sequence.
        sequence: String,
        /// Fifo.
        fifo: String,
    },
    /// A fifo with several ends at shims.
    #[error(
        "sequence `{sequence}` uses fifo `{fifo}`, which ends at several shims\nhelp: use one fifo per shim"
    )]
    ManyShims {
        /// Sequence.
        sequence: String,
        /// Fifo.
        fifo: String,
    },
    /// Something wrong with one operation of a sequence.
    #[error("operation {op} of sequence `{sequence}`: {source}")]
    Sequence {
        /// Sequence.
        sequence: String,
        /// Operation, counted from 0.
        op: usize,
        /// What.
        source: Box<TransferError>,
    },
}
