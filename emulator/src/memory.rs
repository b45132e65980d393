//! The data memories of all tiles in one block of bytes.
//!
//! Memory tiles lie side by side, so that the window of a memory tile's DMA (west, own, east) is one
//! range; core tiles follow.

use arch::limits::{CORE_DATA_BYTES, MEM_DATA_BYTES};
use arch::{Tile, TileKind, geometry};

use crate::error::{TILES, tile_index};

/// Position of a byte in the block.
pub(crate) type Place = u32;

#[derive(Debug)]
pub(crate) struct Memory {
    bytes: Vec<u8>,
    base: [Place; TILES],
}

impl Memory {
    pub(crate) fn new() -> Self {
        let mut base = [Place::MAX; TILES];
        let mem_bytes = u32::from(geometry::COLUMNS) * MEM_DATA_BYTES;
        let mut next_core = mem_bytes;
        for tile in Tile::all() {
            match tile.kind() {
                TileKind::Mem => base[tile_index(tile)] = u32::from(tile.col) * MEM_DATA_BYTES,
                TileKind::Core => {
                    base[tile_index(tile)] = next_core;
                    next_core += CORE_DATA_BYTES;
                }
                TileKind::Shim => {}
            }
        }
        Memory {
            bytes: vec![0; next_core as usize],
            base,
        }
    }

    /// The core tiles' memories, in tile order.
    pub(crate) fn cores(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let first = geometry::COLUMNS as usize * MEM_DATA_BYTES as usize;
        self.bytes[first..].chunks_exact_mut(CORE_DATA_BYTES as usize)
    }

    /// Place of the first byte of a tile's data memory; a shim has none.
    pub(crate) fn base(&self, tile: Tile) -> Option<Place> {
        (tile.kind() != TileKind::Shim).then(|| self.base[tile_index(tile)])
    }

    /// Place of the first byte of a tile's data memory; meaningless for a shim, which has none.
    #[inline]
    pub(crate) fn first(&self, tile: Tile) -> Place {
        self.base[tile_index(tile)]
    }

    /// Bytes of a tile's memory, `None` outside.
    pub(crate) fn get(&self, tile: Tile, offset: u32, len: u32) -> Option<&[u8]> {
        let at = self.at(tile, offset, len)?;
        self.bytes.get(at..at + len as usize)
    }

    /// Bytes of a tile's memory, `None` outside.
    pub(crate) fn get_mut(&mut self, tile: Tile, offset: u32, len: u32) -> Option<&mut [u8]> {
        let at = self.at(tile, offset, len)?;
        self.bytes.get_mut(at..at + len as usize)
    }

    fn at(&self, tile: Tile, offset: u32, len: u32) -> Option<usize> {
        let end = offset.checked_add(len)?;
        (end <= tile.kind().data_bytes()).then_some(())?;
        Some((self.base(tile)? + offset) as usize)
    }

    /// The 32-bit word at a place that is known to be inside.
    pub(crate) fn word(&self, place: Place) -> u32 {
        let at = place as usize;
        match self.bytes.get(at..at + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    /// Writes a 32-bit word at a place that is known to be inside.
    pub(crate) fn set_word(&mut self, place: Place, value: u32) {
        let at = place as usize;
        if let Some(slot) = self.bytes.get_mut(at..at + 4) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Bytes from a place on, for a core's access, which lies inside one memory.
    #[inline]
    pub(crate) fn bytes(&self, place: Place, len: usize) -> &[u8] {
        &self.bytes[place as usize..place as usize + len]
    }

    /// Bytes from a place on, for a core's access, which lies inside one memory.
    #[inline]
    pub(crate) fn bytes_mut(&mut self, place: Place, len: usize) -> &mut [u8] {
        &mut self.bytes[place as usize..place as usize + len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_do_not_overlap() {
        let mut memory = Memory::new();
        let tiles: Vec<_> = Tile::all().filter(|t| t.kind() != TileKind::Shim).collect();
        for (i, tile) in tiles.iter().enumerate() {
            let len = tile.kind().data_bytes();
            memory.get_mut(*tile, 0, len).unwrap().fill(i as u8 + 1);
        }
        for (i, tile) in tiles.iter().enumerate() {
            let len = tile.kind().data_bytes();
            assert!(
                memory
                    .get(*tile, 0, len)
                    .unwrap()
                    .iter()
                    .all(|b| *b == i as u8 + 1)
            );
            assert!(memory.get(*tile, len - 3, 4).is_none());
        }
        assert!(memory.get(Tile::new(0, 0), 0, 1).is_none());
    }
}
