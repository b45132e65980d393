//! Program images of cores: ELF32, little endian, machine 264 (AI Engine).
//!
//! A core sees its program memory at 0 and four windows of data memory (south, west, north, own).
//! Segments have addresses in that view; [`CoreElf::load_commands`] turns them into writes to the
//! tiles behind it.
//!
//! Sources: Xilinx/aie-rt `driver/src/core/xaie_elfloader.c`, `memory/xaie_mem.c`; Xilinx/llvm-aie
//! `llvm/include/llvm/BinaryFormat/ELF.h`.

use std::fmt::Write as _;
use std::ops::Range;

use arch::Tile;
use arch::array::memory::CORE_WINDOWS;
use arch::limits::{CORE_DATA_BYTES, PROGRAM_BYTES};
use thiserror::Error;

mod load;
mod read;
mod write;

/// `e_machine` of AI Engine cores.
pub const MACHINE: u16 = 264;

/// End of the data windows in a core's view.
const DATA_END: u32 = CORE_WINDOWS[3] + CORE_DATA_BYTES;

/// A program for one core.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreElf {
    /// Address of the first instruction, 0 for programs of the usual linker script.
    pub entry: u32,
    /// What is loaded, in order.
    pub segments: Vec<Segment>,
    /// Names of addresses.
    pub symbols: Vec<Symbol>,
}

/// A part of the program or of its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Address in the core's view: program below 0x4000, data windows from 0x40000.
    pub addr: u32,
    /// What is there.
    pub fill: Fill,
}

/// Contents of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many zeros.
    Zeros(u32),
}

/// A named address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Name, not empty.
    pub name: String,
    /// Address in the core's view.
    pub addr: u32,
    /// Size in bytes, 0 when unknown.
    pub size: u32,
    /// What it names.
    pub kind: SymbolKind,
    /// Whether other objects may refer to it. A file has local symbols first.
    pub global: bool,
}

/// What a symbol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymbolKind {
    /// Not said.
    None,
    /// A function.
    Function,
    /// A variable or buffer.
    Object,
}

/// Why bytes are not a core's ELF, or why one cannot be made or loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ElfError {
    /// Not an ELF file, or its tables are damaged.
    #[error(
        "not a readable ELF file: {message}\nhelp: pass the linked program of one core (32-bit little-endian ELF)"
    )]
    Format {
        /// What the reader says.
        message: String,
    },
    /// An ELF file for another machine.
    #[error(
        "the ELF file is for machine {found}, cores run machine {MACHINE}\nhelp: compile for aie2-none-unknown-elf"
    )]
    Machine {
        /// `e_machine` of the file.
        found: u16,
    },
    /// Not an executable.
    #[error(
        "the ELF file has type {found}, a program has type 2 (executable)\nhelp: link the object file first"
    )]
    NotExecutable {
        /// `e_type` of the file.
        found: u16,
    },
    /// A segment outside the memories of a core.
    #[error(
        "segment {start:#x}..{end:#x} is in no memory of a core: program is 0..{PROGRAM_BYTES:#x}, data {:#x}..{DATA_END:#x}\nhelp: check the linker script; a program may have {PROGRAM_BYTES} bytes",
        CORE_WINDOWS[0]
    )]
    Placement {
        /// First address.
        start: u64,
        /// Address behind the last.
        end: u64,
    },
    /// Two segments share addresses.
    #[error(
        "segment {second:#x} begins inside segment {first:#x}..{end:#x}\nhelp: check the linker script"
    )]
    Overlap {
        /// Address of the lower segment.
        first: u32,
        /// Its end.
        end: u32,
        /// Address of the other.
        second: u32,
    },
    /// A segment whose bytes are not in the file.
    #[error(
        "segment {addr:#x} takes {size} bytes at file offset {offset}, the file has {total}\nhelp: the file is cut off"
    )]
    SegmentRange {
        /// Address of the segment.
        addr: u32,
        /// Offset in the file.
        offset: u32,
        /// Bytes in the file.
        size: u32,
        /// Length of the file.
        total: usize,
    },
    /// A segment with fewer bytes in memory than in the file.
    #[error(
        "segment {addr:#x} has {file} bytes in the file but only {memory} in memory\nhelp: the file is damaged"
    )]
    SegmentSize {
        /// Address of the segment.
        addr: u32,
        /// Bytes in the file.
        file: u32,
        /// Bytes in memory.
        memory: u32,
    },
    /// The names of symbols add up to much more than the file.
    #[error(
        "the symbol names of the ELF file add up to more than {limit} bytes\nhelp: the file is damaged"
    )]
    SymbolNames {
        /// Bytes that were allowed.
        limit: usize,
    },
    /// A symbol name that an ELF file cannot hold.
    #[error("symbol name {name:?} is empty or has a zero byte\nhelp: give the symbol another name")]
    SymbolName {
        /// The name.
        name: String,
    },
    /// A program segment that does not begin at a word.
    #[error(
        "program segment begins at {addr:#x}, must be a multiple of 4\nhelp: align the section in the linker script to 16"
    )]
    ProgramAlign {
        /// Address of the segment.
        addr: u32,
    },
    /// A segment for a neighbour that is not there.
    #[error(
        "segment {addr:#x} of the core at {tile} is in the {window} neighbour's memory, and there is no core tile\nhelp: place the buffer in another tile"
    )]
    NoNeighbour {
        /// Address of the segment.
        addr: u32,
        /// Tile of the core.
        tile: Tile,
        /// Which neighbour.
        window: &'static str,
    },
}

impl Segment {
    /// A segment of bytes.
    pub fn bytes(addr: u32, bytes: Vec<u8>) -> Self {
        Segment {
            addr,
            fill: Fill::Bytes(bytes),
        }
    }

    /// A segment of zeros.
    pub fn zeros(addr: u32, size: u32) -> Self {
        Segment {
            addr,
            fill: Fill::Zeros(size),
        }
    }

    /// Whether it is program, not data.
    pub fn is_program(&self) -> bool {
        self.addr < PROGRAM_BYTES
    }

    /// Bytes it takes in memory.
    pub fn size(&self) -> usize {
        match &self.fill {
            Fill::Bytes(bytes) => bytes.len(),
            Fill::Zeros(size) => *size as usize,
        }
    }

    /// Its addresses; `Err` if they are in no memory of a core.
    fn place(&self) -> Result<Range<u32>, ElfError> {
        place(self.addr, self.size() as u64)
    }
}

/// The address range of a segment, if it is inside the program or the data windows.
fn place(addr: u32, size: u64) -> Result<Range<u32>, ElfError> {
    let (start, end) = (u64::from(addr), u64::from(addr) + size);
    let inside = |low: u32, high: u32| u64::from(low) <= start && end <= u64::from(high);
    if inside(0, PROGRAM_BYTES) || inside(CORE_WINDOWS[0], DATA_END) {
        Ok(addr..end as u32)
    } else {
        Err(ElfError::Placement { start, end })
    }
}

/// Refuses ranges that share addresses.
fn check_overlap(mut ranges: Vec<Range<u32>>) -> Result<(), ElfError> {
    ranges.retain(|r| !r.is_empty());
    ranges.sort_by_key(|r| r.start);
    for pair in ranges.windows(2) {
        if pair[1].start < pair[0].end {
            return Err(ElfError::Overlap {
                first: pair[0].start,
                end: pair[0].end,
                second: pair[1].start,
            });
        }
    }
    Ok(())
}

impl CoreElf {
    /// The symbol of this name.
    pub fn symbol(&self, name: &str) -> Option<&Symbol> {
        self.symbols.iter().find(|s| s.name == name)
    }

    /// A readable listing: one segment or symbol a line.
    pub fn dump(&self) -> String {
        // Writing to a String cannot fail.
        let mut out = String::new();
        let _ = writeln!(out, "core elf entry {:#x}", self.entry);
        for segment in &self.segments {
            let kind = match (&segment.fill, segment.is_program()) {
                (Fill::Bytes(_), true) => "program",
                (Fill::Bytes(_), false) => "data",
                (Fill::Zeros(_), _) => "zeros",
            };
            let _ = writeln!(
                out,
                "segment {:#07x} {kind} {} bytes",
                segment.addr,
                segment.size()
            );
        }
        for s in &self.symbols {
            let kind = match s.kind {
                SymbolKind::None => "symbol",
                SymbolKind::Function => "function",
                SymbolKind::Object => "object",
            };
            let scope = if s.global { "global" } else { "local" };
            let _ = writeln!(
                out,
                "{kind} {:#07x} {} {} bytes {scope}",
                s.addr, s.name, s.size
            );
        }
        out
    }
}
