//! What can be wrong with an instruction, a bundle, bytes or assembler text.

use core::fmt;
use std::collections::BTreeSet;

use super::bundle::Format;
use super::classes::{Class, ImmDesc};
use super::desc::Opcode;
use super::inst::Operand;
use super::register::Reg;
use super::slots::SlotSet;
use super::tables::Slot;

/// An instruction or bundle that has no encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EncodeError {
    /// Too few or too many operands.
    OperandCount {
        /// The instruction.
        op: Opcode,
        /// Number of operands given.
        given: usize,
        /// Number of operands it takes.
        wanted: usize,
    },
    /// An immediate where a register belongs.
    NotARegister {
        /// The instruction.
        op: Opcode,
        /// Position of the operand.
        operand: usize,
        /// The value given.
        value: i64,
    },
    /// A register where an immediate belongs.
    NotAnImmediate {
        /// The instruction.
        op: Opcode,
        /// Position of the operand.
        operand: usize,
        /// The register given.
        reg: Reg,
    },
    /// A register that the operand's class does not have.
    NotInClass {
        /// The instruction.
        op: Opcode,
        /// Position of the operand.
        operand: usize,
        /// The register given.
        reg: Reg,
        /// What the operand takes.
        class: Class,
    },
    /// An immediate that does not fit.
    Immediate {
        /// The instruction.
        op: Opcode,
        /// Position of the operand.
        operand: usize,
        /// The value given.
        value: i64,
        /// What the operand takes.
        imm: ImmDesc,
    },
    /// An operand that must equal another one, or be a certain register, and does not.
    Tied {
        /// The instruction.
        op: Opcode,
        /// Position of the operand.
        operand: usize,
        /// What was given.
        given: Operand,
        /// What it must be.
        wanted: Operand,
    },
    /// Two instructions of a bundle need the same slot.
    SlotTwice {
        /// The slot.
        slot: Slot,
        /// The first instruction.
        first: Opcode,
        /// The second instruction.
        second: Opcode,
    },
    /// No format has all of these slots, or none of the wanted size.
    NoFormat {
        /// The slots in use.
        slots: SlotSet,
        /// The size in bytes that was asked for.
        bytes: Option<usize>,
    },
    /// The format asked for lacks a slot.
    FormatLacks {
        /// The format.
        format: &'static Format,
        /// Slots in use that it does not have.
        slots: SlotSet,
    },
}

fn operand_name(op: Opcode, operand: usize) -> &'static str {
    op.desc().operands.get(operand).map_or("?", |o| o.name)
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::OperandCount { op, given, wanted } => write!(
                f,
                "{op} has {wanted} operands, {given} given\nhelp: its form is `{}`",
                op.desc().asm
            ),
            EncodeError::NotARegister { op, operand, value } => write!(
                f,
                "operand {} of {op} is a register, not the immediate {value}\n\
                 help: its form is `{}`",
                operand_name(*op, *operand),
                op.desc().asm
            ),
            EncodeError::NotAnImmediate { op, operand, reg } => write!(
                f,
                "operand {} of {op} is an immediate, not the register {reg}\n\
                 help: its form is `{}`",
                operand_name(*op, *operand),
                op.desc().asm
            ),
            EncodeError::NotInClass {
                op,
                operand,
                reg,
                class,
            } => {
                let name = operand_name(*op, *operand);
                write!(
                    f,
                    "operand {name} of {op} cannot be {reg}\nhelp: {class} takes "
                )?;
                match class.members() {
                    [] => write!(f, "no register"),
                    [only] => write!(f, "{only}"),
                    [first, .., last] => {
                        write!(f, "{} registers, {first} to {last}", class.members().len())
                    }
                }
            }
            EncodeError::Immediate {
                op,
                operand,
                value,
                imm,
            } => write!(
                f,
                "operand {} of {op} cannot be {value}\n\
                 help: it takes multiples of {} from {} to {}",
                operand_name(*op, *operand),
                imm.scale,
                imm.min(),
                imm.max()
            ),
            EncodeError::Tied {
                op,
                operand,
                given,
                wanted,
            } => write!(
                f,
                "operand {} of {op} is {given}\nhelp: it must be {wanted} here",
                operand_name(*op, *operand)
            ),
            EncodeError::SlotTwice {
                slot,
                first,
                second,
            } => write!(
                f,
                "{first} and {second} both need slot {slot}\nhelp: issue them in two bundles"
            ),
            EncodeError::NoFormat { slots, bytes } => {
                write!(f, "no bundle format ")?;
                if let Some(bytes) = bytes {
                    write!(f, "of {bytes} bytes ")?;
                }
                write!(f, "holds the slots {slots}\nhelp: ")?;
                let sizes: BTreeSet<usize> = Format::holding(*slots).map(Format::bytes).collect();
                if sizes.is_empty() {
                    return write!(f, "lng excludes alu and mv, nop goes alone or with lng");
                }
                write!(f, "sizes in bytes that do:")?;
                sizes.iter().try_for_each(|size| write!(f, " {size}"))
            }
            EncodeError::FormatLacks { format, slots } => write!(
                f,
                "format {} has no slot {slots}\nhelp: it has {}",
                format.name(),
                format.slots()
            ),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Bytes that are no instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end inside a bundle.
    Truncated {
        /// Size of the bundle.
        needed: usize,
        /// Bytes there are.
        have: usize,
    },
    /// No format has these fixed bits.
    UnknownFormat {
        /// Size of the bundle in bytes.
        size: usize,
        /// The bundle as a little-endian number.
        bits: u128,
    },
    /// No instruction of the slot has this word.
    UnknownInstruction {
        /// The slot.
        slot: Slot,
        /// The slot word.
        word: u64,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Truncated { have: 0, .. } => write!(
                f,
                "no bytes are left where a bundle should begin\n\
                 help: program text must end with a whole bundle"
            ),
            DecodeError::Truncated { needed, have } => write!(
                f,
                "the bundle has {needed} bytes, {have} are left\n\
                 help: program text must end with a whole bundle"
            ),
            DecodeError::UnknownFormat { size, bits } => write!(
                f,
                "no bundle format of {size} bytes matches {bits:#x}\n\
                 help: check that decoding starts at the first byte of a bundle"
            ),
            DecodeError::UnknownInstruction { slot, word } => write!(
                f,
                "no instruction of slot {slot} has the word {word:#x}\n\
                 help: check that decoding starts at the first byte of a bundle"
            ),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Assembler text that is no instruction or bundle.
#[derive(Clone, Debug, PartialEq)]
pub enum ParseError {
    /// No instruction begins with this word.
    UnknownMnemonic {
        /// The word.
        word: String,
        /// A first word there is that begins alike.
        nearest: Option<&'static str>,
    },
    /// Instructions of that name exist, but none of this form.
    NoForm {
        /// The text.
        text: String,
        /// The pattern of a form that begins with the same word.
        nearest: &'static str,
    },
    /// A form of this shape exists, its operands do not fit.
    Operands {
        /// The text.
        text: String,
        /// Why.
        why: EncodeError,
    },
    /// The instructions do not fit into one bundle.
    Bundle {
        /// The text.
        text: String,
        /// Why.
        why: EncodeError,
    },
    /// There is no instruction in the text.
    Empty,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::UnknownMnemonic { word, nearest } => {
                write!(f, "no instruction is called `{word}`\nhelp: ")?;
                match nearest {
                    Some(nearest) => write!(f, "there is `{nearest}`"),
                    None => write!(f, "instructions are listed in arch/data/aie2.isa"),
                }
            }
            ParseError::NoForm { text, nearest } => {
                write!(f, "`{text}` has no encoding\nhelp: a form is `{nearest}`")
            }
            ParseError::Operands { text, why } => write!(f, "`{text}`: {why}"),
            ParseError::Bundle { text, why } => write!(f, "`{text}` is no bundle: {why}"),
            ParseError::Empty => write!(
                f,
                "no instruction in the text\nhelp: an empty bundle is written `nop`"
            ),
        }
    }
}

impl core::error::Error for ParseError {}
