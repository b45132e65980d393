//! Machine IR after scheduling and register allocation: what a core program does, bundle by bundle,
//! and what it means.
//!
//! Selection, scheduling and allocation hand this on; layout turns it into bytes; the checker holds
//! the bytes against it. Every register operand names the register and, apart from it, the *value*
//! that the program means to read or write there. A schedule is right when each read finds the value
//! that it names, whatever the pipeline has in flight: that is how the checker proves it.

use arch::aie2::{Opcode, Reg};

/// A core's program. The first function is the entry and stands at address 0.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Functions in the order of their addresses.
    pub funcs: Vec<MFunc>,
    /// Constant data.
    pub data: Vec<MData>,
}

/// Constant data at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MData {
    /// Symbol.
    pub name: String,
    /// Address of its first byte in the core's data space.
    pub address: u32,
    /// Contents.
    pub bytes: Vec<u8>,
}

/// A function: blocks in the order of their addresses, the first is the entry.
#[derive(Clone, Debug)]
pub struct MFunc {
    /// Symbol.
    pub name: String,
    /// Values that the caller passes, each in its register.
    pub params: Vec<(Reg, ValueId)>,
    /// Blocks.
    pub blocks: Vec<MBlock>,
}

/// A block of a function, by its position in [`MFunc::blocks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u32);

impl BlockId {
    /// Position in [`MFunc::blocks`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a register holds, independent of the register; unique in its function.
///
/// A value has the units that are written to it. Where a register is read that has more units than
/// the value, the others do not matter: a product of 256 bits by 512 bits reads a whole `x` and
/// minds the low half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

impl ValueId {
    /// Position in a table of the function's values.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A straight line of instructions with its schedule.
#[derive(Clone, Debug)]
pub struct MBlock {
    /// Instructions in program order: executed one after the other they mean what the kernel means.
    pub insts: Vec<MInst>,
    /// Schedule: per cycle the instructions (indices into `insts`) that issue in it; an empty cycle
    /// is a bundle of no operation. Each instruction stands in exactly one cycle. A branch is
    /// followed by its five delay slots, which belong to this block.
    pub cycles: Vec<Vec<usize>>,
    /// Whether and how the block repeats.
    pub kind: BlockKind,
    /// Where control goes after the last cycle. More than one where a branch is conditional.
    pub successors: Vec<Edge>,
}

/// How a block is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Once per entry.
    Plain,
    /// As the body of a zero-overhead loop: LS, LE and LC are set in a block before it. Its
    /// successors are itself and the block after it.
    HardwareLoop,
}

/// A way out of a block.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Target, a block of the same function.
    pub to: BlockId,
    /// Values that go by another name in the target: (name here, name there). They keep their
    /// register. Values not listed keep their name.
    pub renames: Vec<(ValueId, ValueId)>,
}

/// An instruction.
#[derive(Clone, Debug)]
pub struct MInst {
    /// Form.
    pub op: Opcode,
    /// Operands in the order of the form, tied and fixed ones included.
    pub operands: Vec<MOperand>,
    /// Values read and written through registers that no operand names: register, value, whether it
    /// is written. A call names its arguments and results here, and a return its results; of other
    /// registers that forms imply, the last write by program order counts.
    pub implicit: Vec<(Reg, ValueId, bool)>,
    /// What it touches in memory.
    pub memory: Option<MemAccess>,
}

/// An operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MOperand {
    /// A register.
    Reg {
        /// Register.
        reg: Reg,
        /// Value read or written there; `None` where the contents do not matter.
        value: Option<ValueId>,
        /// Where the register begins inside the value, in units of [`Reg::units`]: a half of a
        /// vector begins at 0 or 1, a quarter of an accumulator at 0..=3.
        part: u8,
    },
    /// A number.
    Imm(i64),
    /// An address that layout fills in.
    Label(Label),
}

/// An address inside the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// First bundle of a block of the same function.
    Block(BlockId),
    /// Last bundle of a block of the same function: what LE holds.
    LastBundle(BlockId),
    /// First bundle of a function.
    Func(String),
}

/// What an instruction touches in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemAccess {
    /// Object; accesses to different objects never meet. `None` may meet any.
    pub object: Option<u32>,
    /// Whether it writes.
    pub write: bool,
}
