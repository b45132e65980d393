//! What a core refuses to do, and where it happened.

use super::symbols::Place;
use arch::Tile;
use arch::num::MacError;
use std::fmt;
use thiserror::Error;

/// A program did something that has no meaning on the chip, or that this model lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The core's tile.
    pub tile: Tile,
    /// Address of the bundle that is at fault; its instruction may have issued some cycles ago.
    pub pc: u32,
    /// The function that it is in, where names are known.
    pub place: Option<Place>,
    /// The bundle in assembler, empty if it cannot be decoded.
    pub bundle: String,
    /// The core's cycle.
    pub cycle: u64,
    /// What happened.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "core {} at {:#07x}", self.tile, self.pc)?;
        if let Some(place) = &self.place {
            write!(f, " in {place}")?;
        }
        if !self.bundle.is_empty() {
            write!(f, " `{}`", self.bundle)?;
        }
        write!(f, ", cycle {}: {}", self.cycle, self.kind)
    }
}

impl std::error::Error for Fault {}

/// What an undefined register was needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Part of an address.
    Address,
    /// Condition or target of a branch, or a loop register.
    Branch,
    /// Number or value of a lock.
    Lock,
    /// Stored to memory or sent to a stream or cascade.
    Stored,
    /// A shift amount, mode, index or configuration word.
    Control,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Address => "in an address",
            Role::Branch => "to branch",
            Role::Lock => "as a lock operand",
            Role::Stored => "as a stored value",
            Role::Control => "to steer an operation",
        })
    }
}

/// The kinds of faults.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// A register that was never written, or got its value from one, decides what happens.
    #[error(
        "{reg} is used {role} but was never given a defined value\nhelp: write it first; results arrive after the latency of their instruction"
    )]
    Undefined {
        /// The register.
        reg: String,
        /// What it was needed for.
        role: Role,
    },
    /// An address is not a multiple of the access size.
    #[error(
        "address {addr:#07x} is not a multiple of the access size {bytes}\nhelp: align the buffer and its strides"
    )]
    Misaligned {
        /// The address.
        addr: u32,
        /// The access size in bytes.
        bytes: u32,
    },
    /// An address outside the core's data window.
    #[error(
        "address {addr:#07x} is outside the data window 0x40000..0x80000\nhelp: own memory begins at 0x70000, neighbours at 0x40000 (south), 0x50000 (west), 0x60000 (north)"
    )]
    OutsideWindow {
        /// The address.
        addr: u32,
    },
    /// The world refused a memory access.
    #[error(
        "access to {addr:#07x}: {reason}\nhelp: check the placement of the buffer and its tile"
    )]
    Memory {
        /// The address.
        addr: u32,
        /// Why.
        reason: String,
    },
    /// The world refused a lock operation.
    #[error("lock {lock}: {reason}\nhelp: check the lock's number and its values")]
    Lock {
        /// The lock number as the core sees it.
        lock: i64,
        /// Why.
        reason: String,
    },
    /// The world refused a stream or cascade access.
    #[error("{reason}\nhelp: connect it in the design")]
    Port {
        /// Why.
        reason: String,
    },
    /// The bytes at the program counter are no bundle.
    #[error("{reason}\nhelp: check the branch target and that the program was loaded completely")]
    Undecodable {
        /// What the decoder says.
        reason: String,
    },
    /// The program counter left the program memory.
    #[error(
        "execution runs past the end of the program memory (16384 bytes)\nhelp: end the program with `done` and a jump to itself"
    )]
    ProgramEnd,
    /// The program counter came to bytes that no program was loaded to.
    #[error(
        "no program was loaded there\nhelp: end the program with `done` and a jump to itself; check the branch target"
    )]
    NoProgram,
    /// The stack has grown over a buffer that a DMA channel of the tile uses.
    #[error(
        "the stack grows from {from:#07x} to {to:#07x}, over the buffer at {buffer:#07x}\nhelp: give the worker a larger stack, or the kernel fewer values to keep"
    )]
    StackOverflow {
        /// The stack pointer before.
        from: u32,
        /// The stack pointer after.
        to: u32,
        /// Address of the buffer.
        buffer: u32,
    },
    /// A branch among the five bundles after another branch.
    #[error(
        "a branch in a delay slot of another\nhelp: leave five bundles without a branch after every branch, taken or not"
    )]
    BranchInDelaySlot,
    /// The hardware loop is set up in a way the chip does not support.
    #[error("hardware loop to {end:#07x}: {problem}\nhelp: {help}")]
    Loop {
        /// Address of the last bundle.
        end: u32,
        /// What is wrong.
        problem: String,
        /// What to do.
        help: &'static str,
    },
    /// Two results arrive in one register in the same cycle.
    #[error(
        "two results arrive in {reg} in the same cycle\nhelp: issue the two instructions so that their results differ in time"
    )]
    WriteConflict {
        /// The register.
        reg: String,
    },
    /// The multiplier configuration has no arithmetic.
    #[error(transparent)]
    Mac(#[from] MacError),
    /// A register holds a value without meaning.
    #[error("{reg} holds {value}, which has no meaning here\nhelp: {help}")]
    Reserved {
        /// The register.
        reg: String,
        /// Its value.
        value: u32,
        /// What would be right.
        help: &'static str,
    },
    /// The instruction is not modelled.
    #[error(
        "{name} is not modelled\nhelp: use another instruction, or add it to emulator/src/core"
    )]
    NotModelled {
        /// The instruction form.
        name: String,
    },
}

/// A result whose error is boxed, so that the good case stays small.
pub(crate) type Outcome<T> = Result<T, Box<FaultKind>>;

impl FaultKind {
    /// This fault as an outcome.
    #[cold]
    pub(crate) fn fail<T>(self) -> Outcome<T> {
        Err(Box::new(self))
    }
}
