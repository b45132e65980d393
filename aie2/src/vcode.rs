//! Machine instructions on values instead of registers: what selection makes, scheduling orders and
//! allocation gives registers to.
//!
//! A function is in SSA form over [`ValueId`]s: a value is defined by one instruction, or part by
//! part by several of one block, or it comes in by the renames of the edges into a block.

use std::fmt;

use arch::aie2::{Binding, Class, Opcode, OperandDesc, Reg, class};

use super::frame::Frame;
use super::mir::{BlockId, BlockKind, Edge, Label, MemAccess, ValueId};

/// What kind of register a value lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegClass {
    /// Scalar.
    R,
    /// Pointer.
    P,
    /// Post-increment modifier.
    M,
    /// Index offset.
    Dj,
    /// Shift amount.
    S,
    /// Pair of scalars: a mask of 64 lanes.
    L,
    /// Vector of 256 bits.
    W,
    /// Vector of 512 bits.
    X,
    /// Accumulator of 512 bits.
    Bm,
    /// Accumulator of 1024 bits.
    Cm,
}

impl RegClass {
    /// Every class.
    pub const ALL: [RegClass; 10] = [
        RegClass::R,
        RegClass::P,
        RegClass::M,
        RegClass::Dj,
        RegClass::S,
        RegClass::L,
        RegClass::W,
        RegClass::X,
        RegClass::Bm,
        RegClass::Cm,
    ];

    /// The operand class that holds all its registers.
    pub fn operand_class(self) -> Class {
        match self {
            RegClass::R => class::eR,
            RegClass::P => class::eP,
            RegClass::M => class::eM,
            RegClass::Dj => class::eDJ,
            RegClass::S => class::mSs,
            RegClass::L => class::eL,
            RegClass::W => class::mWa,
            RegClass::X => class::mXa,
            RegClass::Bm => class::mBMs,
            RegClass::Cm => class::mCMs,
        }
    }

    /// Its registers.
    pub fn members(self) -> &'static [Reg] {
        self.operand_class().members()
    }

    /// Size in units.
    pub fn units(self) -> usize {
        match self {
            RegClass::X | RegClass::Bm | RegClass::L => 2,
            RegClass::Cm => 4,
            _ => 1,
        }
    }
}

impl fmt::Display for RegClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RegClass::R => "scalar (r)",
            RegClass::P => "pointer (p)",
            RegClass::M => "modifier (m)",
            RegClass::Dj => "offset (dj)",
            RegClass::S => "shift (s)",
            RegClass::L => "scalar pair (l)",
            RegClass::W => "256-bit vector (w)",
            RegClass::X => "512-bit vector (x)",
            RegClass::Bm => "512-bit accumulator (bm)",
            RegClass::Cm => "1024-bit accumulator (cm)",
        })
    }
}

/// A value of a function.
#[derive(Clone, Copy, Debug)]
pub struct ValueInfo {
    /// Where it lives.
    pub class: RegClass,
    /// The register that it must be in: arguments of functions and calls.
    pub fixed: Option<Reg>,
}

/// An operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// The part of a value that begins at unit `part` of it.
    Value {
        /// Value.
        value: ValueId,
        /// First unit.
        part: u8,
    },
    /// A register that is no value: control registers, SP, loop registers.
    Reg(Reg),
    /// A number.
    Imm(i64),
    /// An address.
    Label(Label),
}

impl Arg {
    /// A whole value.
    pub fn value(value: ValueId) -> Self {
        Arg::Value { value, part: 0 }
    }
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VInst {
    /// Forms that do the same in different slots, with the same operands in the same order; the
    /// scheduler picks one.
    pub forms: Vec<Opcode>,
    /// Operands, tied ones included.
    pub args: Vec<Arg>,
    /// What it touches in memory.
    pub memory: Option<MemAccess>,
}

impl VInst {
    /// An instruction of one form.
    pub fn new(op: Opcode, args: Vec<Arg>) -> Self {
        VInst {
            forms: vec![op],
            args,
            memory: None,
        }
    }

    /// The form that stands for all: they have the same operands, flags and stages.
    pub fn op(&self) -> Opcode {
        self.forms[0]
    }

    /// Operands with what the form says about them.
    pub fn operands(&self) -> impl Iterator<Item = (&Arg, &'static OperandDesc)> {
        self.args.iter().zip(self.op().desc().operands)
    }

    /// Values with their part, the operand's description and its position.
    pub fn values(&self) -> impl Iterator<Item = (ValueId, u8, &'static OperandDesc, usize)> {
        let operands = self.operands().enumerate();
        operands.filter_map(|(k, (arg, desc))| match arg {
            Arg::Value { value, part } => Some((*value, *part, desc, k)),
            _ => None,
        })
    }

    /// Pairs of operand positions (written, read) that must be the same register.
    pub fn tied(&self) -> impl Iterator<Item = (usize, usize)> {
        let operands = self.op().desc().operands.iter().enumerate();
        operands.filter_map(|(k, o)| match o.binding {
            Binding::Tied(with) => Some((k, usize::from(with))),
            _ => None,
        })
    }
}

/// How often a hardware loop runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// So many times.
    Const(u32),
    /// As a scalar says, at least so many times.
    AtLeast(u32),
}

/// An instruction that a software pipeline has given its place.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The instruction; in a block's own list as well unless it belongs to a neighbour.
    pub inst: VInst,
    /// Which of its forms.
    pub form: usize,
    /// Cycle, counted from where the list says.
    pub cycle: i32,
}

/// What software pipelines dictate of a block beside their loop.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The loop before: what it issued last, by cycles before this block begins.
    pub before: Vec<Pinned>,
    /// How the loop before ends: the first instructions of this block, by cycles from its beginning.
    pub head: Vec<Pinned>,
    /// How the loop behind begins: the last instructions of this block, by cycles from where the
    /// first of them stands.
    pub tail: Vec<Pinned>,
    /// Cycles that the tail takes.
    pub tail_span: u32,
    /// The loop behind: what it issues first, by cycles after this block ends.
    pub after: Vec<Pinned>,
    /// Cycles of one pass of the loop behind.
    pub after_span: u32,
}

/// A block.
#[derive(Clone, Debug)]
pub struct VBlock {
    /// Instructions in program order; a branch is the last.
    pub insts: Vec<VInst>,
    /// Whether it is a hardware loop's body.
    pub kind: BlockKind,
    /// Passes of a hardware loop.
    pub trip: Option<Trip>,
    /// Ways out.
    pub successors: Vec<Edge>,
    /// For the body of a pipelined loop: cycle and form of each instruction, and cycles per pass.
    pub pipelined: Option<(u32, Vec<(u32, usize)>)>,
    /// For a block beside a pipelined loop.
    pub beside: Option<Box<Beside>>,
    /// Values that the call or return at its end hands over: read when the other function goes on.
    pub call_args: Vec<ValueId>,
    /// Values that the call at its end returns: there when the next block begins.
    pub call_results: Vec<ValueId>,
    /// How deep in loops it stands.
    pub depth: u32,
}

impl VBlock {
    /// A block without instructions.
    pub fn new(depth: u32) -> Self {
        VBlock {
            insts: Vec::new(),
            kind: BlockKind::Plain,
            trip: None,
            successors: Vec::new(),
            pipelined: None,
            beside: None,
            call_args: Vec::new(),
            call_results: Vec::new(),
            depth,
        }
    }

    /// The branch at its end.
    pub fn branch(&self) -> Option<&VInst> {
        self.insts.last().filter(|i| i.op().has_delay_slots())
    }
}

/// A function.
#[derive(Clone, Debug)]
pub struct VFunc {
    /// Symbol.
    pub name: String,
    /// Values that the caller passes; each has a fixed register.
    pub params: Vec<ValueId>,
    /// Blocks in order; a block without a branch falls through to the next.
    pub blocks: Vec<VBlock>,
    /// Values.
    pub values: Vec<ValueInfo>,
    /// Registers that instructions name and no value may have.
    pub reserved: Vec<Reg>,
    /// Whether it returns.
    pub returns: bool,
    /// What it keeps on the stack.
    pub frame: Frame,
}

impl VFunc {
    /// Adds a value.
    pub fn value(&mut self, class: RegClass) -> ValueId {
        self.values.push(ValueInfo { class, fixed: None });
        ValueId(self.values.len() as u32 - 1)
    }

    /// Adds a value that must be in `reg`.
    pub fn fixed(&mut self, class: RegClass, reg: Reg) -> ValueId {
        let value = self.value(class);
        self.values[value.index()].fixed = Some(reg);
        value
    }

    /// Class of a value.
    pub fn class(&self, value: ValueId) -> RegClass {
        self.values[value.index()].class
    }

    /// Whether it calls.
    pub fn calls(&self) -> bool {
        let mut insts = self.blocks.iter().flat_map(|b| &b.insts);
        insts.any(|i| i.op().is_call())
    }

    /// Block of an id.
    pub fn block(&self, id: BlockId) -> &VBlock {
        &self.blocks[id.index()]
    }
}

/// Number of units of the registers of an operand class.
pub fn class_units(class: Class) -> usize {
    class.members().first().map_or(0, |r| r.units().len())
}

/// The register that an operand of `class` names when it means the units of `reg` from `part` on.
///
/// The operand may be wider than what is left of `reg`: a 256-bit value in `wl3` read by an operand
/// that takes `x3` gives `x3`, of which only the low half matters.
pub fn operand_reg(reg: Reg, part: u8, class: Class) -> Option<Reg> {
    let first = *reg.units().get(usize::from(part))?;
    let rest = &reg.units()[usize::from(part)..];
    let mut members = class.members().iter().copied();
    members.find(|m| {
        let units = m.units();
        let shared = units.len().min(rest.len());
        units[0] == first && units[..shared] == rest[..shared]
    })
}
