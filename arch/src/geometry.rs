//! Tiles of the npu1 partition and their addresses.
//!
//! Source: mlir-aie `lib/Dialect/AIE/IR/AIETargetModel.cpp` (device `npu1`), aie-rt
//! `driver/src/global/xaiemlgbl_reginit.c`.

use core::fmt;

/// Usable columns of the partition, each with a shim that reaches DDR.
pub const COLUMNS: u8 = 4;
/// Columns of the device. The westernmost has no shim that reaches DDR, so partitions with data
/// movement of their own begin at column 1.
pub const DEVICE_COLUMNS: u8 = 5;
/// Rows of the partition: shim, memory tile, four core tiles.
pub const ROWS: u8 = 6;
/// Row of the shim tiles.
pub const SHIM_ROW: u8 = 0;
/// Row of the memory tiles.
pub const MEM_ROW: u8 = 1;
/// First row of core tiles.
pub const FIRST_CORE_ROW: u8 = 2;
/// Core tiles in one column.
pub const CORE_ROWS: u8 = ROWS - FIRST_CORE_ROW;

const COL_SHIFT: u32 = 25;
const ROW_SHIFT: u32 = 20;
/// Bytes of address space that one tile owns.
pub const TILE_SPAN: u32 = 1 << ROW_SHIFT;

/// A tile by its column and row, both relative to the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Column, 0 is the west end of the partition.
    pub col: u8,
    /// Row, 0 is the shim.
    pub row: u8,
}

/// What a tile consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Interface to DDR: DMA channels and a stream switch.
    Shim,
    /// 512 KiB of memory with DMA channels, no core.
    Mem,
    /// AIE2 core with program and data memory.
    Core,
}

impl Tile {
    /// The tile at `col`, `row`; see [`Tile::exists`] for whether npu1 has it.
    pub const fn new(col: u8, row: u8) -> Self {
        Tile { col, row }
    }

    /// Whether npu1's partition has this tile.
    pub const fn exists(self) -> bool {
        self.col < COLUMNS && self.row < ROWS
    }

    /// The kind of tile in this row.
    pub const fn kind(self) -> TileKind {
        match self.row {
            SHIM_ROW => TileKind::Shim,
            MEM_ROW => TileKind::Mem,
            _ => TileKind::Core,
        }
    }

    /// Partition-relative byte address of the tile's first register: `col << 25 | row << 20`.
    pub const fn base(self) -> u32 {
        (self.col as u32) << COL_SHIFT | (self.row as u32) << ROW_SHIFT
    }

    /// Splits a partition-relative address into the tile and the offset inside it (20 bits).
    pub const fn from_addr(addr: u32) -> (Self, u32) {
        let tile = Tile {
            col: (addr >> COL_SHIFT) as u8,
            row: ((addr >> ROW_SHIFT) & 0x1f) as u8,
        };
        (tile, addr & (TILE_SPAN - 1))
    }

    /// Every tile of the partition, column by column, from the shim upwards.
    pub fn all() -> impl Iterator<Item = Tile> {
        (0..COLUMNS).flat_map(|col| (0..ROWS).map(move |row| Tile { col, row }))
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.col, self.row)
    }
}

impl fmt::Display for TileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TileKind::Shim => "shim tile",
            TileKind::Mem => "memory tile",
            TileKind::Core => "core tile",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_round_trip() {
        for tile in Tile::all() {
            assert_eq!(Tile::from_addr(tile.base() + 0x1d004), (tile, 0x1d004));
        }
        assert_eq!(Tile::new(1, 3).base(), 0x0230_0000);
    }

    #[test]
    fn kinds_follow_rows() {
        let kinds: Vec<_> = (0..ROWS).map(|row| Tile::new(0, row).kind()).collect();
        assert_eq!(kinds[0], TileKind::Shim);
        assert_eq!(kinds[1], TileKind::Mem);
        assert!(kinds[2..].iter().all(|k| *k == TileKind::Core));
        assert!(!Tile::new(4, 2).exists() && !Tile::new(0, 6).exists());
    }
}
