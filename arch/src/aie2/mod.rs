//! The AIE2 core's instruction set: forms, encodings, registers and timing.
//!
//! The facts are rows of four text files, `arch/data/aie2.{isa,regs,formats,timing}`; `arch/build.rs`
//! turns them into the static tables behind the types here.
//!
//! - [`Opcode`] names an instruction form (constants in [`op`]), [`InstDesc`] says all about it.
//! - [`Reg`] is a register (constants in [`reg`]), [`Class`] a set of registers or immediates that an
//!   operand takes (constants in [`class`]).
//! - [`Inst`] is an instruction with operands; [`encode_inst`] and [`decode_inst`] turn it into a slot
//!   word and back.
//! - [`Bundle`] is a set of instructions that issue together in a [`Format`]; [`encode_bundle`] and
//!   [`decode_bundle`] turn it into bytes and back.
//! - `Display` writes assembler text, [`parse_inst`] and [`parse_bundle`] read it.
//! - [`Itinerary`] says when operands are read and written and which ports are busy; [`raw_latency`],
//!   [`war_latency`] and [`waw_latency`] derive distances between bundles from it. [`rules`] adds what no
//!   itinerary states.
//!
//! # How to add an instruction
//!
//! Add an `inst` row to `arch/data/aie2.isa` under its `slot`: bit pattern, itinerary, implicit
//! registers, flags, assembler text and operands, as the comment above the rows says. Its itinerary must
//! be a row of `aie2.timing`, its operand classes rows of `aie2.regs`. The build checks the row and names
//! the line of a mistake. Then add a line of assembler text with its bytes to
//! `arch/tests/data/vectors.jsonl`, and raise the count in `arch/tests/aie2/tables.rs`.

mod bundle;
mod classes;
mod desc;
mod encode;
mod error;
mod inst;
mod register;
pub mod rules;
mod slots;
mod tables;
mod text;
mod timing;

pub use bundle::{Bundle, EncodedBundle, Format, decode_bundle, encode_bundle};
pub use classes::{Class, ImmDesc, Sign};
pub use desc::{Binding, BitRun, Dir, Flags, Implicit, InstDesc, Opcode, OperandDesc, Piece};
pub use encode::{decode_inst, encode_inst};
pub use error::{DecodeError, EncodeError, ParseError};
pub use inst::{Inst, Operand};
pub use register::{Part, Reg};
pub use slots::SlotSet;
pub use tables::{Bypass, MAX_OPERANDS, PIPELINE_DEPTH, RegFile, Resource, Slot, class, op, reg};
pub use text::{parse_bundle, parse_inst};
pub use timing::{
    Access, Itinerary, ItineraryId, RegAccess, Stage, UseKind, Variant, itinerary_of,
    memory_latency, raw_latency, war_latency, waw_latency,
};
