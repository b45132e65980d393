//! What can be wrong with a design and its programs together.

use arch::Tile;
use arch::array::field::FieldError;
use formats::elf::ElfError;
use formats::pdi::PdiError;
use formats::xclbin::XclbinError;
use thiserror::Error;

/// Why a design is not packed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PackageError {
    /// A core without a program.
    #[error("core {tile} has a worker but no program\nhelp: compile the worker's kernels for it")]
    NoProgram {
        /// Core.
        tile: Tile,
    },
    /// A program for a tile without a worker.
    #[error("there is a program for core {tile}, which has no worker\nhelp: leave it out")]
    StrayProgram {
        /// Core.
        tile: Tile,
    },
    /// A program whose data lies where the design has something else.
    #[error(
        "the program of core {tile} has data at {start:#x} to {end:#x}, where {owner} is\nhelp: link static data from {free:#x} on"
    )]
    Overlap {
        /// Core.
        tile: Tile,
        /// First byte, in the tile's data memory.
        start: u32,
        /// End.
        end: u32,
        /// What is there.
        owner: String,
        /// First byte above all buffers.
        free: u32,
    },
    /// A program that cannot be loaded.
    #[error("program of core {tile}: {source}")]
    Elf {
        /// Core.
        tile: Tile,
        /// What is wrong.
        source: ElfError,
    },
    /// A value that its register does not hold.
    #[error("tile {tile}: {source}")]
    Field {
        /// Tile.
        tile: Tile,
        /// Which field.
        source: FieldError,
    },
    /// A switch port that the tile does not have.
    #[error(
        "the switch of tile {tile} has no port {port}\nhelp: route the design again; this routing is for another device"
    )]
    Port {
        /// Tile.
        tile: Tile,
        /// Port.
        port: String,
    },
    /// A configuration that firmware would not load.
    #[error(transparent)]
    Pdi(#[from] PdiError),
    /// A file that cannot be made.
    #[error(transparent)]
    Xclbin(#[from] XclbinError),
}
