//! What the table says about an instruction form.

use core::fmt;

use super::classes::Class;
use super::register::Reg;
use super::tables::{INSTS, OPCODES_BY_MNEMONIC, OPCODES_BY_NAME, Slot, find};
use super::timing::ItineraryId;

/// An instruction form. Constants are in [`op`](super::op).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opcode(pub(crate) u16);

/// Everything about an instruction form.
#[derive(Debug)]
pub struct InstDesc {
    /// The form itself.
    pub opcode: Opcode,
    /// Unique name, as the open compiler calls it.
    pub name: &'static str,
    /// First word of the assembler text.
    pub mnemonic: &'static str,
    /// Assembler pattern; `$name` stands for an operand.
    pub asm: &'static str,
    /// The pattern in pieces.
    pub pieces: &'static [Piece],
    /// The slot it occupies.
    pub slot: Slot,
    /// Fixed bits of the slot word.
    pub mask: u64,
    /// Values of the fixed bits.
    pub value: u64,
    /// Operands, outputs first. Itineraries count them in this order.
    pub operands: &'static [OperandDesc],
    /// Registers written that no operand names.
    pub implicit_defs: &'static [Implicit],
    /// Registers read that no operand names.
    pub implicit_uses: &'static [Implicit],
    /// What it does, coarsely.
    pub flags: Flags,
    /// Timing; [`Itinerary::variant`](super::Itinerary::variant) refines it by register class.
    pub itinerary: ItineraryId,
}

/// An operand of an instruction form.
#[derive(Clone, Copy, Debug)]
pub struct OperandDesc {
    /// Its name in the assembler pattern.
    pub name: &'static str,
    /// Written or read.
    pub dir: Dir,
    /// What it accepts.
    pub class: Class,
    /// Where its value comes from.
    pub binding: Binding,
}

/// Whether an operand is written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// Written.
    Out,
    /// Read.
    In,
}

/// Where the value of an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Bits of the slot word, lowest run first.
    Field(&'static [BitRun]),
    /// Always this register.
    Fixed(Reg),
    /// The same register as the operand with this position.
    Tied(u8),
    /// Counter of the 2-D tuple (or of the low half of the 3-D tuple) in the operand with this position.
    Counter(u8),
    /// Counter of the high half of the 3-D tuple in the operand with this position.
    CounterHigh(u8),
}

/// Consecutive bits of a slot word that belong to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitRun {
    /// Lowest bit in the slot word.
    pub at: u8,
    /// Number of bits.
    pub bits: u8,
    /// Lowest bit in the field.
    pub shift: u8,
}

/// A register that an instruction reads or writes without naming it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Implicit {
    /// The register.
    pub reg: Reg,
    /// The stage of the access, 1 is the cycle of issue.
    pub stage: u8,
}

/// A piece of an assembler pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Literal text.
    Text(&'static str),
    /// The operand with this position.
    Operand(u8),
}

/// A set of properties; the constants say which there are.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub(crate) u32);

impl Flags {
    /// Whether all properties of `other` are in the set.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set shares a property with `other`.
    pub const fn intersects(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }
}

impl core::ops::BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Flags::NAMES.iter().enumerate();
        let set = names.filter(|(k, _)| self.0 >> k & 1 == 1);
        f.debug_set().entries(set.map(|(_, name)| name)).finish()
    }
}

impl Opcode {
    /// Number of instruction forms; [`Opcode::number`] is below it.
    pub const COUNT: usize = INSTS.len();

    /// Every instruction form.
    pub fn all() -> impl Iterator<Item = Opcode> {
        (0..INSTS.len() as u16).map(Opcode)
    }

    /// Position among all forms, for tables indexed by opcode.
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    /// The form called `name`, see [`InstDesc::name`].
    pub fn from_name(name: &str) -> Option<Opcode> {
        find(&OPCODES_BY_NAME, name).first().copied()
    }

    /// The forms whose assembler text begins with `mnemonic`.
    pub fn from_mnemonic(mnemonic: &str) -> &'static [Opcode] {
        find(&OPCODES_BY_MNEMONIC, mnemonic)
    }

    /// Everything about the form.
    pub fn desc(self) -> &'static InstDesc {
        &INSTS[self.number()]
    }

    /// Its unique name.
    pub fn name(self) -> &'static str {
        self.desc().name
    }

    /// The slot it occupies.
    pub fn slot(self) -> Slot {
        self.desc().slot
    }

    /// Its properties.
    pub fn flags(self) -> Flags {
        self.desc().flags
    }

    /// Whether it reads data memory. Partial-word stores do.
    pub fn is_load(self) -> bool {
        self.flags().contains(Flags::LOAD)
    }

    /// Whether it writes data memory.
    pub fn is_store(self) -> bool {
        self.flags().contains(Flags::STORE)
    }

    /// Whether it accesses data memory.
    pub fn is_memory(self) -> bool {
        self.flags().intersects(Flags::LOAD | Flags::STORE)
    }

    /// Whether it stores 8 or 16 bits by reading, changing and writing a word.
    pub fn is_partial_word_store(self) -> bool {
        self.flags().contains(Flags::PARTIAL_WORD_STORE)
    }

    /// Whether it changes the program counter.
    pub fn is_branch(self) -> bool {
        self.flags().contains(Flags::BRANCH)
    }

    /// Whether it is a branch that depends on a register.
    pub fn is_conditional(self) -> bool {
        self.flags().contains(Flags::CONDITIONAL)
    }

    /// Whether it branches and writes `lr`.
    pub fn is_call(self) -> bool {
        self.flags().contains(Flags::CALL)
    }

    /// Whether it branches to `lr`.
    pub fn is_return(self) -> bool {
        self.flags().contains(Flags::RET)
    }

    /// Whether the five bundles after it always execute.
    pub fn has_delay_slots(self) -> bool {
        self.flags().contains(Flags::DELAY_SLOTS_5)
    }

    /// Whether it acquires or releases a lock.
    pub fn is_lock(self) -> bool {
        self.flags().contains(Flags::LOCK)
    }

    /// Whether it does nothing.
    pub fn is_nop(self) -> bool {
        self.flags().contains(Flags::NOP)
    }

    /// Whether it has effects that no operand shows: streams, cascade, locks, events, control.
    pub fn has_side_effects(self) -> bool {
        self.flags().contains(Flags::SIDE_EFFECTS)
    }
}

impl InstDesc {
    /// Position of the operand called `name`.
    pub fn operand(&self, name: &str) -> Option<usize> {
        self.operands.iter().position(|o| o.name == name)
    }
}

impl OperandDesc {
    /// Whether the encoding has bits for it, so that its value is free to choose.
    pub fn is_encoded(&self) -> bool {
        matches!(self.binding, Binding::Field(_))
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
