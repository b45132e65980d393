//! Designs: what runs where and how data moves, in the words of IRON and MLIR-AIE.
//!
//! A [`Design`] is plain data. Build it with the constructors here, hand it to
//! [`verify`](super::verify::verify), and the result to [`lower`](super::lower::lower). Its
//! [`Display`](std::fmt::Display) form is in [`text`](super::text). Workers' steps and cores' kernels
//! are here; [`sequence`] has the programs of the host, [`spot`] tiles that are left open.

pub mod sequence;
pub mod spot;

pub use self::sequence::{
    HostArg, RegisterWrite, SeqOp, Sequence, Task, TaskPart, TokenWait, Transfer,
};
pub use self::spot::{OpenTile, Spot};

use arch::{Tile, geometry};

use kernel::types::Elem;

/// A configuration of the array: data movement, core programs, host programs.
///
/// `P` says where things are: on a [`Tile`], or on a [`Spot`], which may still be open.
#[derive(Clone, Debug, PartialEq)]
pub struct Design<P = Tile> {
    /// Name, used for files and in messages.
    pub name: String,
    /// Columns of the partition that the design is for, 1 to 4, counted from the west.
    pub columns: u8,
    /// Where buffers lie in the memory of core tiles.
    pub memory: Allocation,
    /// Data movement between tiles, in the order in which resources are handed out.
    pub fifos: Vec<ObjectFifo<P>>,
    /// Fifos that meet in a memory tile.
    pub links: Vec<Link>,
    /// Named memory of core tiles that is not part of a fifo.
    pub buffers: Vec<Buffer<P>>,
    /// Functions that workers call.
    pub kernels: Vec<Kernel>,
    /// Core programs.
    pub workers: Vec<Worker<P>>,
    /// Ways of accumulators from one core to the next.
    pub cascades: Vec<Cascade<P>>,
    /// Host-side DMA programs; each becomes one instruction stream.
    pub sequences: Vec<Sequence>,
}

impl<P> Design<P> {
    /// An empty design for all four columns of npu1.
    pub fn new(name: impl Into<String>) -> Self {
        Design {
            name: name.into(),
            columns: geometry::COLUMNS,
            memory: Allocation::InTurns,
            fifos: Vec::new(),
            links: Vec::new(),
            buffers: Vec::new(),
            kernels: Vec::new(),
            workers: Vec::new(),
            cascades: Vec::new(),
            sequences: Vec::new(),
        }
    }

    /// The fifo called `name`, with its index.
    pub fn fifo(&self, name: &str) -> Option<(usize, &ObjectFifo<P>)> {
        self.fifos.iter().enumerate().find(|(_, f)| f.name == name)
    }
}

impl Design {
    /// The worker on `tile`.
    pub fn worker(&self, tile: Tile) -> Option<&Worker> {
        self.workers.iter().find(|w| w.tile == tile)
    }

    /// Every tile that the design mentions, column by column from the shim upwards.
    pub fn tiles(&self) -> Vec<Tile> {
        let mut tiles: Vec<Tile> = self
            .fifos
            .iter()
            .flat_map(|f| std::iter::once(f.producer).chain(f.consumers.iter().map(|c| c.tile)))
            .chain(self.buffers.iter().map(|b| b.tile))
            .chain(self.workers.iter().map(|w| w.tile))
            .collect();
        tiles.sort();
        tiles.dedup();
        tiles
    }
}

/// How buffers are laid out in the memory of a core tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// As in MLIR-AIE: the banks take turns, whatever the buffers are for.
    InTurns,
    /// What one call works on lies in different banks where there is room, so that its loads and
    /// stores do not wait for each other: first what its kernel accesses together most often
    /// ([`Kernel::meets`]).
    Apart,
}

/// Element type and shape of an object, a buffer or an argument; row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectType {
    /// Element.
    pub elem: Elem,
    /// Sizes, outermost first, in elements.
    pub shape: Vec<u32>,
}

impl ObjectType {
    /// An object of `shape` elements.
    pub fn new(elem: Elem, shape: impl Into<Vec<u32>>) -> Self {
        ObjectType {
            elem,
            shape: shape.into(),
        }
    }

    /// Number of elements, at most `u64::MAX`.
    pub fn len(&self) -> u64 {
        let sizes = self.shape.iter().map(|&n| u64::from(n));
        sizes.fold(1, u64::saturating_mul)
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size in bytes, at most `u64::MAX`.
    pub fn bytes(&self) -> u64 {
        self.len().saturating_mul(u64::from(self.elem.bytes()))
    }
}

/// One dimension of a walk over an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dim {
    /// Steps taken.
    pub size: u32,
    /// Distance of a step, in elements.
    pub stride: u32,
}

impl Dim {
    /// `size` steps of `stride` elements.
    pub const fn new(size: u32, stride: u32) -> Self {
        Dim { size, stride }
    }
}

/// Zeros that a memory tile's DMA sends around one dimension of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad {
    /// Steps of zeros before the dimension's own.
    pub before: u32,
    /// Steps of zeros behind them.
    pub after: u32,
}

impl Pad {
    /// `before` steps of zeros before and `after` behind.
    pub const fn new(before: u32, after: u32) -> Self {
        Pad { before, after }
    }
}

/// A queue of objects from one tile to one or several others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectFifo<P = Tile> {
    /// Name, unique in the design.
    pub name: String,
    /// Tile that fills objects.
    pub producer: P,
    /// Tiles that use them; several receive the same data (broadcast).
    pub consumers: Vec<Consumer<P>>,
    /// Objects that each end holds.
    pub depth: Depth,
    /// Type of one object.
    pub object: ObjectType,
    /// Order in which the producer's DMA reads an object, outermost first; empty is row-major.
    pub dims_to_stream: Vec<Dim>,
    /// Zeros around each of those dimensions, outermost first; empty is none. Only memory tiles pad.
    /// An object is what arrives, zeros included.
    pub pad: Vec<Pad>,
    /// How often the producer's DMA sends an object before its place is free again, 1 or more.
    pub repeat: u32,
    /// Contents of the producer's first objects when the array is configured.
    pub init: Vec<Vec<u8>>,
    /// How often a memory tile sends its initial objects before it stops for good. `None`: each as
    /// often as [`repeat`](ObjectFifo::repeat) says.
    pub rounds: Option<u32>,
    /// Whether to move data by DMA although both cores reach one memory.
    pub via_dma: bool,
    /// Lets the words find their way by a packet header, over wires that other packets use as well;
    /// `None` is a way of their own.
    pub packet: Option<Packet>,
}

/// How packets of a fifo are told apart: every buffer descriptor's words are one packet.
///
/// Packet fifos that begin at one shim share a channel, and so do those that end at one shim and keep
/// their headers; elsewhere, packets share ports of switches. A packet holds every port on its way until
/// its last word has passed: packets of which one may wait for the other get channels and ports of their
/// own ([`holds`](crate::route::holds) says when, and why that suffices). A design in which the chip has not
/// enough of them is refused. What the host does not ask for holds its ports for ever: a sequence has to
/// move all that packets bring to a shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Id, unique in the design.
    pub id: u8,
    /// Whether the header arrives, one word before the others.
    pub keep_header: bool,
}

impl<P: Clone> ObjectFifo<P> {
    /// A fifo from `producer` to `consumers`, the same depth at every end.
    pub fn new(
        name: impl Into<String>,
        producer: P,
        consumers: &[P],
        depth: u32,
        object: ObjectType,
    ) -> Self {
        ObjectFifo {
            name: name.into(),
            producer,
            consumers: consumers.iter().cloned().map(Consumer::new).collect(),
            depth: Depth::Same(depth),
            object,
            dims_to_stream: Vec::new(),
            pad: Vec::new(),
            repeat: 1,
            init: Vec::new(),
            rounds: None,
            via_dma: false,
            packet: None,
        }
    }

    /// The same fifo, its words in packets with this id.
    pub fn packet(mut self, id: u8) -> Self {
        self.packet = Some(Packet {
            id,
            keep_header: false,
        });
        self
    }

    /// The same fifo, its words in packets with this id, which arrive with their headers.
    pub fn packet_with_header(mut self, id: u8) -> Self {
        self.packet = Some(Packet {
            id,
            keep_header: true,
        });
        self
    }

    /// The same fifo with the order in which the producer's DMA reads objects.
    pub fn to_stream(mut self, dims: &[Dim]) -> Self {
        self.dims_to_stream = dims.to_vec();
        self
    }

    /// The same fifo with the order in which every consumer's DMA writes objects.
    pub fn from_stream(mut self, dims: &[Dim]) -> Self {
        for consumer in &mut self.consumers {
            consumer.dims_from_stream = dims.to_vec();
        }
        self
    }

    /// The same fifo with a depth for the producer and each consumer.
    pub fn depths(mut self, depths: &[u32]) -> Self {
        self.depth = Depth::PerEnd(depths.to_vec());
        self
    }

    /// The same fifo with zeros around the dimensions in which the producer's DMA reads objects.
    pub fn padded(mut self, pad: &[Pad]) -> Self {
        self.pad = pad.to_vec();
        self
    }

    /// The same fifo, every object sent `times` times.
    pub fn repeated(mut self, times: u32) -> Self {
        self.repeat = times;
        self
    }

    /// The same fifo, its first objects filled when the array is configured.
    pub fn holding(mut self, objects: impl Into<Vec<Vec<u8>>>) -> Self {
        self.init = objects.into();
        self
    }

    /// The same fifo, its initial objects sent `rounds` times.
    pub fn in_rounds(mut self, rounds: u32) -> Self {
        self.rounds = Some(rounds);
        self
    }

    /// The same fifo, moved by DMA even between neighbours.
    pub fn via_dma(mut self) -> Self {
        self.via_dma = true;
        self
    }
}

impl<P> ObjectFifo<P> {
    /// Whether the fifo itself says nothing against two cores sharing the memory of its objects.
    pub fn may_share(&self) -> bool {
        let plain = |consumer: &Consumer<P>| consumer.dims_from_stream.is_empty();
        self.consumers.len() == 1
            && self.consumers.iter().all(plain)
            && self.dims_to_stream.is_empty()
            && self.repeat <= 1
            && self.rounds.is_none()
            && !self.via_dma
            && self.packet.is_none()
    }
}

/// A receiving end of a fifo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer<P = Tile> {
    /// Tile.
    pub tile: P,
    /// Order in which the DMA writes an object, outermost first; empty is row-major.
    pub dims_from_stream: Vec<Dim>,
}

impl<P> Consumer<P> {
    /// A consumer that writes objects in row-major order.
    pub fn new(tile: P) -> Self {
        Consumer {
            tile,
            dims_from_stream: Vec::new(),
        }
    }
}

/// How many objects the ends of a fifo hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Depth {
    /// One number for the fifo. An end on a core keeps only what its worker needs to overlap with
    /// the DMA: one more than it acquires at a time.
    Same(u32),
    /// The producer's, then each consumer's, taken as they are.
    PerEnd(Vec<u32>),
}

/// Fifos that meet in a tile and share its buffers: in a memory tile, or one to one in a core's.
///
/// One input and one output forward; several outputs distribute the parts of each input object;
/// several inputs join theirs into one output object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Fifos that end in the tile.
    pub inputs: Vec<String>,
    /// Fifos that begin there.
    pub outputs: Vec<String>,
    /// Where each part begins in the larger object, in elements; empty when nothing is split.
    pub offsets: Vec<u32>,
}

/// Named memory of a core tile outside any fifo: tables, scratch space, runtime parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer<P = Tile> {
    /// Name, unique in the design.
    pub name: String,
    /// Tile whose memory holds it.
    pub tile: P,
    /// Type.
    pub object: ObjectType,
    /// First byte in the tile's data memory; chosen when `None`.
    pub address: Option<u32>,
    /// Bytes written when the array is configured, as many as the type has.
    pub init: Option<Vec<u8>>,
}

impl<P> Buffer<P> {
    /// A buffer without initial contents, anywhere in the memory of `tile`.
    pub fn new(name: impl Into<String>, tile: P, object: ObjectType) -> Self {
        Buffer {
            name: name.into(),
            tile,
            object,
            address: None,
            init: None,
        }
    }

    /// The same buffer at a byte of the tile's data memory.
    pub fn at(mut self, address: u32) -> Self {
        self.address = Some(address);
        self
    }

    /// The same buffer, filled when the array is configured.
    pub fn holding(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.init = Some(bytes.into());
        self
    }
}

/// The way of accumulators from one core to its neighbour in the east or in the south.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cascade<P = Tile> {
    /// Core that sends.
    pub from: P,
    /// Core that receives.
    pub to: P,
}

/// Declaration of a function that workers call; the function itself is kernel IR, or C++.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Name of the function.
    pub name: String,
    /// Parameters in order.
    pub params: Vec<Param>,
    /// File that the function is in, beside the design's: kernel IR as text, or C++ for Peano. `None`
    /// when it comes with the design otherwise.
    pub file: Option<String>,
    /// Which of its operands a call accesses together; none where nobody knows.
    pub meets: Vec<Meets>,
}

/// A parameter of a kernel and what a call accesses together with it. Accesses of one cycle that meet in a
/// memory bank wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meets {
    /// Position of the parameter.
    pub param: u32,
    /// The other.
    pub other: Other,
    /// Cycles of a call in which accesses to both may meet.
    pub cycles: u64,
}

/// What a call accesses together with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// A parameter, by its position.
    Param(u32),
    /// Constant data that the program brings into a bank of the core's memory.
    Bank(u8),
}

impl Kernel {
    /// A kernel called `name`.
    pub fn new(name: impl Into<String>, params: impl Into<Vec<Param>>) -> Self {
        Kernel {
            name: name.into(),
            params: params.into(),
            file: None,
            meets: Vec::new(),
        }
    }

    /// The file that it is in, if that is C++.
    pub fn cpp(&self) -> Option<&str> {
        let file = self.file.as_deref()?;
        let cpp = [".cc", ".cpp", ".cxx"]
            .iter()
            .any(|end| file.ends_with(end));
        cpp.then_some(file)
    }
}

/// A parameter of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// Address of memory of this type.
    Memory(ObjectType),
    /// A 32-bit integer.
    I32,
}

/// The program of one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker<P = Tile> {
    /// Core tile.
    pub tile: P,
    /// Stack, bytes, at the bottom of the data memory.
    pub stack_bytes: u32,
    /// Steps in order; the core is done after the last.
    pub body: Vec<Step>,
}

impl<P> Worker<P> {
    /// A worker with the default stack.
    pub fn new(tile: P, body: impl Into<Vec<Step>>) -> Self {
        Worker {
            tile,
            stack_bytes: arch::limits::DEFAULT_STACK_BYTES,
            body: body.into(),
        }
    }
}

/// Which end of a fifo a core works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// Fills objects.
    Produce,
    /// Uses objects.
    Consume,
}

/// A step of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits until `count` objects are held; those held already count.
    Acquire {
        /// Fifo.
        fifo: String,
        /// End of the fifo.
        port: Port,
        /// Objects held afterwards.
        count: u32,
    },
    /// Hands the `count` objects held longest to the other end.
    Release {
        /// Fifo.
        fifo: String,
        /// End of the fifo.
        port: Port,
        /// Objects handed on.
        count: u32,
    },
    /// Calls a kernel.
    Call {
        /// Kernel.
        kernel: String,
        /// Arguments.
        args: Vec<Arg>,
    },
    /// Runs the body several times.
    Repeat {
        /// How often; `None` is forever.
        times: Option<u32>,
        /// Body.
        body: Vec<Step>,
    },
    /// Runs the body as often as a word of a buffer says when the step is reached; a sequence writes
    /// it. The body must leave its fifos where it found them in their rings.
    RepeatBy {
        /// Buffer of the worker's tile.
        buffer: String,
        /// Word.
        index: u32,
        /// Body.
        body: Vec<Step>,
    },
}

impl Step {
    /// Waits until `count` objects of `fifo` are held.
    pub fn acquire(fifo: impl Into<String>, port: Port, count: u32) -> Self {
        Step::Acquire {
            fifo: fifo.into(),
            port,
            count,
        }
    }

    /// Releases `count` objects of `fifo`.
    pub fn release(fifo: impl Into<String>, port: Port, count: u32) -> Self {
        Step::Release {
            fifo: fifo.into(),
            port,
            count,
        }
    }

    /// Calls `kernel`.
    pub fn call(kernel: impl Into<String>, args: impl Into<Vec<Arg>>) -> Self {
        Step::Call {
            kernel: kernel.into(),
            args: args.into(),
        }
    }

    /// Runs `body` `times` times.
    pub fn repeat(times: u32, body: impl Into<Vec<Step>>) -> Self {
        Step::Repeat {
            times: Some(times),
            body: body.into(),
        }
    }

    /// Runs `body` as often as word `index` of `buffer` says.
    pub fn repeat_by(buffer: impl Into<String>, index: u32, body: impl Into<Vec<Step>>) -> Self {
        Step::RepeatBy {
            buffer: buffer.into(),
            index,
            body: body.into(),
        }
    }

    /// Runs `body` without end.
    pub fn forever(body: impl Into<Vec<Step>>) -> Self {
        Step::Repeat {
            times: None,
            body: body.into(),
        }
    }
}

/// An argument of a kernel call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// Address of a held object; 0 is the one held longest.
    Object {
        /// Fifo.
        fifo: String,
        /// Position among the held objects.
        index: u32,
    },
    /// Address of a buffer of the worker's tile.
    Buffer(String),
    /// A constant.
    I32(i32),
}

impl Arg {
    /// The object of `fifo` held longest.
    pub fn object(fifo: impl Into<String>) -> Self {
        Arg::Object {
            fifo: fifo.into(),
            index: 0,
        }
    }
}
