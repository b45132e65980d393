//! What can be wrong with the steps of a worker.

use arch::Tile;
use thiserror::Error;

use crate::design::Port;

/// What can be wrong with the steps of a worker; the message continues "worker (0,2) ...".
#[derive(Clone, Debug, PartialEq, Error)]
pub enum WorkerError {
    /// A worker at an end that is not its own.
    #[error(
        "uses the {port} end of fifo `{fifo}`, which is at {at}\nhelp: move the worker, or use another fifo"
    )]
    NotItsEnd {
        /// Fifo.
        fifo: String,
        /// End.
        port: Port,
        /// Where the end is.
        at: String,
    },
    /// A fifo whose objects the tile's DMA forwards.
    #[error(
        "uses fifo `{fifo}`, whose objects a link forwards on its tile\nhelp: take the link away, or let the DMA alone move them"
    )]
    Forwarded {
        /// Fifo.
        fifo: String,
    },
    /// More objects wanted than the end holds.
    #[error(
        "acquires {count} objects of fifo `{fifo}`; its end holds {depth}\nhelp: give the fifo a larger depth"
    )]
    AcquireBeyondDepth {
        /// Fifo.
        fifo: String,
        /// Objects wanted.
        count: u32,
        /// Depth of the end.
        depth: u32,
    },
    /// More objects released than held.
    #[error(
        "releases {count} objects of fifo `{fifo}`; it holds {held}\nhelp: acquire before releasing, also in the second pass of a loop"
    )]
    ReleaseBeyondHeld {
        /// Fifo.
        fifo: String,
        /// Objects released.
        count: u32,
        /// Objects held.
        held: u32,
    },
    /// An object used that is not held.
    #[error(
        "uses object {index} of fifo `{fifo}`; it holds {held}\nhelp: acquire more objects before the call"
    )]
    NotHeld {
        /// Fifo.
        fifo: String,
        /// Position.
        index: u32,
        /// Objects held.
        held: u32,
    },
    /// A loop whose buffers take too long to come round.
    #[error(
        "has a loop that would be unrolled into more than {limit} passes before its buffers recur\nhelp: give its fifos equal depths"
    )]
    Unroll {
        /// Largest number of passes.
        limit: usize,
    },
    /// More steps than a program memory holds instructions.
    #[error(
        "has more than {limit} steps once its loops are unrolled until their buffers recur; each takes an instruction\nhelp: give the fifos of loops in each other equal depths, or let inner loops take and give as many objects as their ends hold"
    )]
    Steps {
        /// Most steps.
        limit: usize,
    },
    /// A loop of as many passes as memory says whose buffers do not come round in one.
    #[error(
        "repeats as often as `{buffer}[{index}]` says what moves fifo `{fifo}` on in its ring\nhelp: let the body take and give as many objects as its end holds, or a multiple"
    )]
    DoesNotRecur {
        /// Buffer.
        buffer: String,
        /// Word.
        index: u32,
        /// Fifo.
        fifo: String,
    },
    /// A word outside its buffer.
    #[error(
        "repeats as often as `{buffer}[{index}]` says; the buffer has {words} words\nhelp: count words from 0"
    )]
    CountOutside {
        /// Buffer.
        buffer: String,
        /// Word.
        index: u32,
        /// Words of the buffer.
        words: u64,
    },
    /// Steps that are never reached.
    #[error(
        "has steps after an endless loop\nhelp: remove them, or give the loop a number of passes"
    )]
    Unreachable,
    /// A call with the wrong number of arguments.
    #[error(
        "calls `{kernel}` with {given} arguments; it has {params} parameters\nhelp: the kernel is declared as `{kernel}({signature})`"
    )]
    ArgCount {
        /// Kernel.
        kernel: String,
        /// Arguments.
        given: usize,
        /// Parameters.
        params: usize,
        /// Parameters as text.
        signature: String,
    },
    /// An argument of another type than its parameter.
    #[error(
        "passes {given} as argument {index} of `{kernel}`; the parameter is {param}\nhelp: pass the declared type, or declare the kernel differently"
    )]
    ArgType {
        /// Kernel.
        kernel: String,
        /// Position.
        index: usize,
        /// Type passed.
        given: String,
        /// Type declared.
        param: String,
    },
    /// A buffer of another tile.
    #[error("uses buffer `{buffer}` of tile {at}\nhelp: put the buffer on the worker's tile")]
    BufferElsewhere {
        /// Buffer.
        buffer: String,
        /// Its tile.
        at: Tile,
    },
}
