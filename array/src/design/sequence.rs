//! Programs of the host: transfers, waits, parameters.

use arch::Tile;
use arch::array::Direction;

use super::ObjectType;
use kernel::types::Elem;

/// A host-side DMA program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Name, unique in the design.
    pub name: String,
    /// Host buffers, in the order in which they are passed.
    pub args: Vec<HostArg>,
    /// Operations in order.
    pub ops: Vec<SeqOp>,
}

/// A host buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostArg {
    /// Name, unique in the sequence.
    pub name: String,
    /// Type.
    pub object: ObjectType,
}

impl HostArg {
    /// A host buffer of `len` elements.
    pub fn new(name: impl Into<String>, elem: Elem, len: u32) -> Self {
        HostArg {
            name: name.into(),
            object: ObjectType::new(elem, [len]),
        }
    }
}

/// An operation of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeqOp {
    /// Moves data between a host buffer and a fifo that ends at a shim.
    Transfer(Transfer),
    /// Waits for the completion of the oldest transfer of the fifo that issues a token and was not
    /// waited for.
    Wait {
        /// Fifo.
        fifo: String,
    },
    /// Writes a word of a core's buffer (a runtime parameter).
    WriteParameter {
        /// Buffer.
        buffer: String,
        /// Word.
        index: u32,
        /// Value.
        value: i32,
    },
    /// Prepares a task: its buffer descriptors are taken and written.
    Task(Task),
    /// Puts a prepared task into the queue of its channel.
    Start {
        /// Task.
        task: String,
    },
    /// Waits until a task that issues a token is done, and gives its descriptors back.
    Await {
        /// Task.
        task: String,
    },
    /// Gives back the descriptors of a task that is known to be done.
    Free {
        /// Task.
        task: String,
    },
    /// Writes a register by its number.
    Register(RegisterWrite),
    /// Waits for a token of a channel, whatever sends it.
    Token(TokenWait),
}

/// A write to a register by its number, for what a design has no words for. The verifier does not know
/// what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterWrite {
    /// Tile.
    pub tile: Tile,
    /// Byte offset in the tile.
    pub offset: u32,
    /// Bits that are written; all of them when `None`.
    pub mask: Option<u32>,
    /// Value.
    pub value: u32,
}

/// A wait for the task-complete tokens of a DMA channel by its number, on every tile of a rectangle. It
/// is taken as it is: a token that nothing sends is waited for without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenWait {
    /// Tile in the south-west.
    pub tile: Tile,
    /// Direction of the channel.
    pub direction: Direction,
    /// Channel.
    pub channel: u8,
    /// Columns of the rectangle, 1 or more.
    pub columns: u8,
    /// Rows of the rectangle, 1 or more.
    pub rows: u8,
}

impl Sequence {
    /// The task called `name`.
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.ops.iter().find_map(|op| match op {
            SeqOp::Task(task) if task.name == name => Some(task),
            _ => None,
        })
    }
}

impl SeqOp {
    /// Starts the task `task`.
    pub fn start(task: impl Into<String>) -> Self {
        SeqOp::Start { task: task.into() }
    }

    /// Waits for the task `task`.
    pub fn finish(task: impl Into<String>) -> Self {
        SeqOp::Await { task: task.into() }
    }

    /// Waits for a transfer of `fifo`.
    pub fn wait(fifo: impl Into<String>) -> Self {
        SeqOp::Wait { fifo: fifo.into() }
    }
}

/// A chain of moves between host buffers and a fifo, prepared once and then started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Name, unique in the sequence.
    pub name: String,
    /// Fifo whose shim end moves the data.
    pub fifo: String,
    /// Moves in order, a buffer descriptor each.
    pub parts: Vec<TaskPart>,
    /// How often all of them are done, 1 or more.
    pub repeat: u32,
    /// Whether its end can be awaited.
    pub token: bool,
}

impl Task {
    /// A task that moves `parts` once.
    pub fn new(
        name: impl Into<String>,
        fifo: impl Into<String>,
        parts: impl Into<Vec<TaskPart>>,
    ) -> Self {
        Task {
            name: name.into(),
            fifo: fifo.into(),
            parts: parts.into(),
            repeat: 1,
            token: false,
        }
    }

    /// The same task, done `times` times.
    pub fn repeated(mut self, times: u32) -> Self {
        self.repeat = times;
        self
    }

    /// The same task, issuing a token at its end.
    pub fn with_token(mut self) -> Self {
        self.token = true;
        self
    }

    /// A part as the transfer that it alone would be.
    pub fn transfer(&self, part: &TaskPart) -> Transfer {
        Transfer {
            fifo: self.fifo.clone(),
            arg: part.arg.clone(),
            offset: part.offset,
            sizes: part.sizes,
            strides: part.strides,
            bd: part.bd,
            token: self.token,
        }
    }
}

/// One move of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPart {
    /// Host buffer.
    pub arg: String,
    /// First element.
    pub offset: u64,
    /// Steps, outermost first; the outermost is 1 or as often as the task is repeated.
    pub sizes: [u32; 4],
    /// Distances in elements, outermost first.
    pub strides: [u32; 4],
    /// Buffer descriptor of the shim; handed out when `None`.
    pub bd: Option<u8>,
}

impl TaskPart {
    /// Moves `len` consecutive elements starting at `offset`.
    pub fn linear(arg: impl Into<String>, offset: u64, len: u32) -> Self {
        TaskPart {
            arg: arg.into(),
            offset,
            sizes: [1, 1, 1, len],
            strides: [0, 0, 0, 1],
            bd: None,
        }
    }
}

/// A four-dimensional move between a host buffer and a fifo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Fifo whose shim end moves the data; its direction follows from that end.
    pub fifo: String,
    /// Host buffer.
    pub arg: String,
    /// First element.
    pub offset: u64,
    /// Steps, outermost first; the outermost runs as repetitions of the task.
    pub sizes: [u32; 4],
    /// Distances in elements, outermost first.
    pub strides: [u32; 4],
    /// Buffer descriptor of the shim; handed out when `None`.
    pub bd: Option<u8>,
    /// Whether completion can be waited for; always so for transfers to the host.
    pub token: bool,
}

impl Transfer {
    /// Moves `len` consecutive elements starting at `offset`.
    pub fn linear(fifo: impl Into<String>, arg: impl Into<String>, offset: u64, len: u32) -> Self {
        Transfer::tiled(fifo, arg, offset, [1, 1, 1, len], [0, 0, 0, 1])
    }

    /// Moves elements in the order given by `sizes` and `strides`, outermost first.
    pub fn tiled(
        fifo: impl Into<String>,
        arg: impl Into<String>,
        offset: u64,
        sizes: [u32; 4],
        strides: [u32; 4],
    ) -> Self {
        Transfer {
            fifo: fifo.into(),
            arg: arg.into(),
            offset,
            sizes,
            strides,
            bd: None,
            token: false,
        }
    }

    /// The same transfer on a chosen buffer descriptor.
    pub fn on_bd(mut self, bd: u8) -> Self {
        self.bd = Some(bd);
        self
    }

    /// The same transfer, issuing a token.
    pub fn with_token(mut self) -> Self {
        self.token = true;
        self
    }

    /// Number of elements moved.
    pub fn len(&self) -> u64 {
        let sizes = self.sizes.iter().map(|&n| u64::from(n));
        sizes.fold(1, u64::saturating_mul)
    }

    /// Whether nothing is moved.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Task> for SeqOp {
    fn from(task: Task) -> Self {
        SeqOp::Task(task)
    }
}

impl From<Transfer> for SeqOp {
    fn from(transfer: Transfer) -> Self {
        SeqOp::Transfer(transfer)
    }
}
