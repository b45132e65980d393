//! Designs as MLIR-AIE.
//!
//! [`logical`] is what a user of MLIR-AIE would write: tiles, ObjectFIFOs, core programs that acquire,
//! call and release, runtime sequences. [`physical`] is what our lowering and routing make of it: buffers
//! with addresses, locks, descriptors, switch settings, core programs that use locks.
//!
//! - `logical`, `worker`: fifos and core programs with fifos.
//! - `physical`, `dma`, `switches`, `program`: what lowering made of them.
//! - `sequence`: runtime sequences, which both forms have.
//! - `names`: that what a module names is named once.
//! - `attributes`: walks, zeros, packets.
//! - `frame`: the device, its tiles and kernels; loops.

use arch::Tile;
use melior::Context;
use melior::ir::Module;
use npuc::array::lowered::Lowered;
use npuc::array::verify::Verified;

use crate::aie::builder::Maker;
use crate::aie::{self, Invalid};

mod attributes;
mod dma;
mod frame;
mod logical;
mod names;
mod physical;
mod program;
mod sequence;
mod switches;
mod worker;

/// Why a design has no MLIR-AIE.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// A core program uses an object that only an earlier pass of a loop acquired. MLIR-AIE's accesses
    /// name the acquire that they belong to.
    #[error(
        "worker {tile}: `{fifo}` [{index}] is used where no acquire of this pass gives it\nhelp: acquire `{fifo}` again before the call; for objects that are held already it costs nothing"
    )]
    NoAcquire {
        /// Core.
        tile: Tile,
        /// Fifo.
        fifo: String,
        /// Position among the objects held.
        index: u32,
    },
    /// Two things of a design have one name, which must be two in one table.
    #[error(
        "`{name}` is a {first} and a {second}; MLIR-AIE has one table of names for both\nhelp: give one of them another name"
    )]
    SameName {
        /// Name.
        name: String,
        /// What has it.
        first: &'static str,
        /// What has it too.
        second: &'static str,
    },
    /// A fifo whose words are packets.
    #[error(
        "fifo `{fifo}` sends packets, for which ObjectFIFOs of MLIR-AIE have no words\nhelp: print the lowered design, or let the fifo have a way of its own"
    )]
    PacketFifo {
        /// Fifo.
        fifo: String,
    },
    /// A loop counts by a word of a buffer that has no words.
    #[error(
        "a loop runs as often as a word of `{buffer}` says, which has {object}\nhelp: give `{buffer}` elements of i32"
    )]
    CountElement {
        /// Buffer.
        buffer: String,
        /// Its type.
        object: String,
    },
    /// A transfer begins where MLIR-AIE's offsets, which count strides, do not reach.
    #[error(
        "sequence `{sequence}`: the transfer of `{fifo}` begins at element {offset}, which is no multiple of its inner stride {stride}\nhelp: begin at a multiple of {stride}, or cut the transfer so that its inner stride is 1"
    )]
    Offset {
        /// Sequence.
        sequence: String,
        /// Fifo.
        fifo: String,
        /// First element.
        offset: u64,
        /// Distance of elements.
        stride: u32,
    },
    /// What was made is not what MLIR takes.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// The module with ObjectFIFOs, verified.
///
/// # Errors
/// [`PrintError`] where MLIR-AIE has no words for what the design does.
pub fn logical<'c>(context: &'c Context, design: &Verified) -> Result<Module<'c>, PrintError> {
    names::logical(design.design())?;
    let module = logical::module(Maker::new(context), design)?;
    aie::verify(context, &module)?;
    Ok(module)
}

/// The module of the lowered design, verified.
///
/// # Errors
/// [`PrintError`] where MLIR-AIE has no words for what the design does.
pub fn physical<'c>(
    context: &'c Context,
    design: &Verified,
    lowered: &Lowered,
) -> Result<Module<'c>, PrintError> {
    names::physical(design.design(), lowered)?;
    let module = physical::module(Maker::new(context), design, lowered)?;
    aie::verify(context, &module)?;
    Ok(module)
}
