//! From a core's program to the writes that put it into the array.
//!
//! Source: Xilinx/aie-rt `driver/src/core/xaie_elfloader.c`, `memory/xaie_mem.c`.

use std::borrow::Cow;

use arch::Tile;
use arch::array::memory::{CORE_WINDOWS, DATA_OFFSET, PROGRAM_OFFSET, core_neighbour};
use arch::limits::CORE_DATA_BYTES;

use super::{CoreElf, ElfError, Fill, Segment};
use crate::cdo::Command;

const WINDOW_NAMES: [&str; 4] = ["south", "west", "north", "own"];

impl CoreElf {
    /// The writes that load every segment for the core at `tile`, in order.
    ///
    /// Program is written in whole words, the last padded with zeros. Data is written in whole
    /// words where it covers them and by masks where it covers part of a word; it goes to the tile
    /// behind its window, so a segment may land in neighbours and is split where windows end. The
    /// core's reset and its DMA channels are the caller's.
    ///
    /// # Errors
    /// [`ElfError::Placement`] for a segment in no memory, [`ElfError::ProgramAlign`] for program
    /// that does not begin at a word, [`ElfError::NoNeighbour`] for data in the memory of a tile
    /// that is not there.
    pub fn load_commands(&self, tile: Tile) -> Result<Vec<Command>, ElfError> {
        let mut commands = Vec::new();
        for segment in &self.segments {
            segment.place()?;
            if segment.is_program() {
                load_program(&mut commands, tile, segment)?;
            } else {
                load_data(&mut commands, tile, segment)?;
            }
        }
        Ok(commands)
    }
}

impl Segment {
    fn contents(&self) -> Cow<'_, [u8]> {
        match &self.fill {
            Fill::Bytes(bytes) => Cow::Borrowed(bytes),
            Fill::Zeros(size) => Cow::Owned(vec![0; *size as usize]),
        }
    }
}

fn load_program(
    commands: &mut Vec<Command>,
    tile: Tile,
    segment: &Segment,
) -> Result<(), ElfError> {
    if segment.size() == 0 {
        return Ok(());
    }
    if !segment.addr.is_multiple_of(4) {
        return Err(ElfError::ProgramAlign { addr: segment.addr });
    }
    let data = segment
        .contents()
        .chunks(4)
        .map(|chunk| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_le_bytes(word)
        })
        .collect();
    commands.push(Command::DmaWrite {
        addr: tile.base() + PROGRAM_OFFSET + segment.addr,
        data,
    });
    Ok(())
}

fn load_data(commands: &mut Vec<Command>, tile: Tile, segment: &Segment) -> Result<(), ElfError> {
    let contents = segment.contents();
    let mut rest: &[u8] = &contents;
    let mut addr = segment.addr;
    while !rest.is_empty() {
        let offset = addr % CORE_DATA_BYTES;
        let (piece, after) = rest.split_at(rest.len().min((CORE_DATA_BYTES - offset) as usize));
        let window = (addr - CORE_WINDOWS[0]) / CORE_DATA_BYTES;
        let target = core_neighbour(tile, window as u8).ok_or(ElfError::NoNeighbour {
            addr,
            tile,
            window: WINDOW_NAMES[window as usize],
        })?;
        write_bytes(commands, target.base() + DATA_OFFSET + offset, piece);
        addr += piece.len() as u32;
        rest = after;
    }
    Ok(())
}

/// Writes bytes at any address: whole words as a block, parts of words by masks.
fn write_bytes(commands: &mut Vec<Command>, mut addr: u32, mut bytes: &[u8]) {
    if !addr.is_multiple_of(4) {
        let (head, rest) = bytes.split_at(bytes.len().min(4 - addr as usize % 4));
        commands.push(part_word(addr, head));
        addr += head.len() as u32;
        bytes = rest;
    }
    let (words, tail) = bytes.as_chunks::<4>();
    if !words.is_empty() {
        commands.push(Command::DmaWrite {
            addr,
            data: words.iter().map(|w| u32::from_le_bytes(*w)).collect(),
        });
        addr += words.as_flattened().len() as u32;
    }
    if !tail.is_empty() {
        commands.push(part_word(addr, tail));
    }
}

/// A masked write of the bytes from `addr` on, which lie inside one word.
fn part_word(addr: u32, bytes: &[u8]) -> Command {
    let (mut mask, mut value) = ([0; 4], [0; 4]);
    let from = addr as usize % 4;
    value[from..from + bytes.len()].copy_from_slice(bytes);
    mask[from..from + bytes.len()].fill(0xff);
    Command::MaskWrite {
        addr: addr & !3,
        mask: u32::from_le_bytes(mask),
        value: u32::from_le_bytes(value),
    }
}
