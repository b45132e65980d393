//! What the checker finds wrong, and where.

use core::fmt;

use arch::aie2::rules::{DELAY_SLOTS, LOOP_END_BYTES, LOOP_SETUP_BYTES, TARGET_ALIGN};
use arch::aie2::{DecodeError, Opcode, Reg, Resource};
use arch::limits::PROGRAM_BYTES;

use crate::mir::ValueId;

/// A place in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Function.
    pub func: String,
    /// Block, by its position in the function.
    pub block: usize,
    /// Cycle of the block; `None` for a bundle that layout put in.
    pub cycle: Option<usize>,
    /// Address of the bundle.
    pub address: u32,
    /// The bundle as assembler text.
    pub bundle: String,
}

/// A rule that the bytes break, and the bundle that breaks it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{site}: {fault}")]
pub struct CheckError {
    /// Where.
    pub site: Site,
    /// What.
    pub fault: Fault,
}

/// A register that does not hold what is read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The value lands so many cycles after the read.
    Early(u32),
    /// The bundle at this address wrote something else over it.
    Overwritten(u32),
    /// The bundle at this address forwards what it writes over it in this cycle.
    Forwarded(u32),
    /// The register holds different things, depending on the way control came.
    Unknown,
    /// Nothing wrote it.
    Never,
}

/// What is read: a value, or what the write before it in program order left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A part of a value.
    Value(ValueId, u8),
    /// What the register holds by program order.
    InOrder,
    /// What the register held when the function was entered.
    Kept,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes that are no bundle.
    #[error("no bundle: {0}")]
    Undecodable(DecodeError),
    /// Program memory is too small.
    #[error(
        "the program takes {0} bytes, more than the {PROGRAM_BYTES} of program memory\n\
         help: give work to another core"
    )]
    TooLarge(u32),
    /// The layout does not describe the bytes.
    #[error("the layout says {wanted}, the bytes say {found}\nhelp: emit the program again")]
    Layout {
        /// What the layout says.
        wanted: String,
        /// What the bytes say.
        found: String,
    },
    /// The bytes do not describe the program.
    #[error(
        "the program has `{wanted}` here, the bytes have `{found}`\nhelp: emit the program again"
    )]
    Differs {
        /// Of the program.
        wanted: String,
        /// Of the bytes.
        found: String,
    },
    /// An instruction of the program is not scheduled exactly once.
    #[error(
        "instruction {inst} of the block stands in {times} cycles\nhelp: each stands in exactly one"
    )]
    Scheduled {
        /// Position in the block.
        inst: usize,
        /// Cycles with it.
        times: usize,
    },
    /// The program's description of an instruction does not fit its form.
    #[error("{0}\nhelp: describe the form's accesses as they are")]
    Described(String),
    /// A branch within five bundles of another.
    #[error(
        "a branch in delay slot {slot} of the branch at {branch:#06x}\n\
         help: the {DELAY_SLOTS} bundles after a branch hold no other"
    )]
    BranchInDelaySlot {
        /// Delay slot, 1 to 5.
        slot: usize,
        /// Address of the first branch.
        branch: u32,
    },
    /// A block that ends before the delay slots of its branch.
    #[error(
        "only {0} of the {DELAY_SLOTS} delay slots belong to the block\n\
         help: bundles after a branch run whatever it decides; keep them in its block"
    )]
    DelaySlots(usize),
    /// Bundles of a block after the delay slots of its branch.
    #[error("{0} bundles of the block stand behind the delay slots\nhelp: end the block with them")]
    BehindBranch(usize),
    /// Control goes elsewhere than the program says.
    #[error(
        "control goes to {found}, the program says {wanted}\nhelp: name each way out of the block once"
    )]
    Successors {
        /// Ways by the bytes.
        found: String,
        /// Ways by the program.
        wanted: String,
    },
    /// A branch to an address in no function's list of blocks.
    #[error(
        "{0:#06x} is no block of this function and no function\nhelp: branch to blocks, call functions"
    )]
    Target(i64),
    /// An address that control goes to is not aligned.
    #[error(
        "{what} {address:#06x} is no multiple of {TARGET_ALIGN}\nhelp: grow bundles in front of it"
    )]
    Alignment {
        /// What kind of address.
        what: &'static str,
        /// The address.
        address: u32,
    },
    /// Two uses of a unit in one cycle.
    #[error(
        "needs {resource:?} in stage {stage}, when the bundle at {other:#06x} has it\n\
         help: issue one of them in another cycle"
    )]
    Resource {
        /// Port or unit.
        resource: Resource,
        /// Stage of the instruction in which they meet.
        stage: u8,
        /// Address of the other user; the same address for two slots of one bundle.
        other: u32,
    },
    /// Two accesses that must keep a distance.
    #[error(
        "`{second}` issues {got} cycles after `{first}` at {other:#06x}, {needed} are needed \
         ({early} too early)\nhelp: {why}",
        early = needed - got
    )]
    Order {
        /// The access that comes first in the program.
        first: Opcode,
        /// Its address.
        other: u32,
        /// The access that comes second.
        second: Opcode,
        /// Cycles between them; negative if they are swapped.
        got: i32,
        /// Cycles needed.
        needed: i32,
        /// What would go wrong.
        why: &'static str,
    },
    /// A read that does not find its value.
    #[error("`{inst}` reads {reg} in stage {stage} and should find {wanted}, but {found}\n{}", .found.help())]
    Read {
        /// Form.
        inst: Opcode,
        /// Register.
        reg: Reg,
        /// Stage of the read.
        stage: u8,
        /// What it should find.
        wanted: Wanted,
        /// What it finds.
        found: Found,
    },
    /// A write that lands before a read of an earlier block.
    #[error(
        "`{inst}` writes {reg} {early} cycles before the bundle at {reader:#06x} of the block before has \
         read it\nhelp: issue it later"
    )]
    WriteBeforeRead {
        /// Form.
        inst: Opcode,
        /// Register.
        reg: Reg,
        /// Cycles.
        early: u32,
        /// Address of the reader.
        reader: u32,
    },
    /// Two writes of a register in one cycle.
    #[error(
        "{reg} is written in this cycle by the bundles at {first:#06x} and {second:#06x}\nhelp: issue one of them in another cycle"
    )]
    WrittenTwice {
        /// Register.
        reg: Reg,
        /// Address of one writer.
        first: u32,
        /// Address of the other.
        second: u32,
    },
    /// Something under way where another function takes over.
    #[error(
        "{reg} is still to be {what} {cycles} cycles after control leaves the function\n\
         help: issue it so early that it is done with the last delay slot"
    )]
    UnderWay {
        /// Register.
        reg: Reg,
        /// Written or read.
        what: &'static str,
        /// Cycles.
        cycles: u32,
    },
    /// An argument or a result that only one side of a call names.
    #[error(
        "`{func}` {what} {reg}, the other side of the call does not name it\nhelp: name it on both sides"
    )]
    Call {
        /// The function that is called.
        func: String,
        /// What happens to the register.
        what: &'static str,
        /// Register.
        reg: Reg,
    },
    /// A register that the function must keep.
    #[error("returns without the caller's {0}\nhelp: save and restore it")]
    NotKept(Reg),
    /// A broken rule of hardware loops.
    #[error("{0}")]
    Loop(LoopFault),
}

/// A broken rule of hardware loops.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoopFault {
    /// The last bundle is not a whole fetch packet.
    #[error("the last bundle of a loop takes {0} bytes\nhelp: it must take {LOOP_END_BYTES}")]
    LastSize(u32),
    /// The end comes too soon after a write of LS, LE or LC.
    #[error(
        "the loop ends {0} bytes after a write of LS, LE or LC, at least {LOOP_SETUP_BYTES} are needed\n\
         help: write them earlier or grow bundles between"
    )]
    Distance(u32),
    /// A register does not say what the loop is.
    #[error(
        "{reg} does not hold {wanted} when the loop is entered\nhelp: write it on every way to the loop"
    )]
    Register {
        /// LS, LE or LC.
        reg: Reg,
        /// What it should hold.
        wanted: String,
    },
    /// An instruction that a loop body cannot have.
    #[error(
        "`{0}` in a loop body\nhelp: move it out of the loop, or branch back without loop registers"
    )]
    Body(Opcode),
    /// A partial-word store in the last bundle.
    #[error("`{0}` in the last bundle of a loop\nhelp: hardware can drop it there; move it")]
    PartialStoreAtEnd(Opcode),
    /// A loop without bundles.
    #[error("a loop without bundles\nhelp: leave it out")]
    Empty,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` block {}", self.func, self.block)?;
        if let Some(cycle) = self.cycle {
            write!(f, " cycle {cycle}")?;
        }
        write!(f, ", {:#06x} `{}`", self.address, self.bundle)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Value(value, 0) => write!(f, "value {}", value.0),
            Wanted::Value(value, part) => write!(f, "value {} part {part}", value.0),
            Wanted::InOrder => f.write_str("what program order left there"),
            Wanted::Kept => f.write_str("what the caller left there"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Early(1) => f.write_str("is 1 cycle early"),
            Found::Early(cycles) => write!(f, "is {cycles} cycles early"),
            Found::Overwritten(by) => write!(f, "the bundle at {by:#06x} wrote something else"),
            Found::Forwarded(by) => write!(f, "the bundle at {by:#06x} forwards what follows it"),
            Found::Unknown => f.write_str("the ways to it disagree"),
            Found::Never => f.write_str("nothing wrote it"),
        }
    }
}

impl Found {
    fn help(&self) -> &'static str {
        match self {
            Found::Early(_) => "help: issue the read later or the write earlier",
            Found::Forwarded(_) => "help: issue the writer a cycle later",
            Found::Overwritten(_) => "help: give one of the two values another register",
            Found::Unknown => "help: bring the value into this register on every way",
            Found::Never => "help: write it first",
        }
    }
}
