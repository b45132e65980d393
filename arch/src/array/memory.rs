//! Data memories as their users address them.
//!
//! A core sees four windows of 64 KiB: south, west and north neighbour and, at the top, its own
//! memory. A memory tile's DMA sees three windows of 512 KiB: west, own, east.
//!
//! Source: mlir-aie `lib/Dialect/AIE/IR/AIETargetModel.cpp`.

use crate::limits::{CORE_DATA_BYTES, MEM_DATA_BYTES};
use crate::{Tile, TileKind};

/// Offset of the program memory in a core tile.
pub const PROGRAM_OFFSET: u32 = 0x20000;
/// Offset of the data memory in core and memory tiles.
pub const DATA_OFFSET: u32 = 0;

/// First byte of a core's windows: south, west, north, own.
pub const CORE_WINDOWS: [u32; 4] = [0x40000, 0x50000, 0x60000, 0x70000];
/// First byte of a core's own memory.
pub const CORE_OWN: u32 = CORE_WINDOWS[3];
/// First byte of a memory tile DMA's windows: west, own, east.
pub const MEM_WINDOWS: [u32; 3] = [0, MEM_DATA_BYTES, 2 * MEM_DATA_BYTES];
/// First byte of a memory tile's own memory in its DMA's window.
pub const MEM_OWN: u32 = MEM_WINDOWS[1];
/// Memory tile channels of either direction that reach the neighbours' memories and locks.
pub const MEM_NEIGHBOUR_CHANNELS: u8 = 4;

/// The core tile behind a core's window 0 south, 1 west, 2 north, 3 own; `None` when it is absent.
pub fn core_neighbour(core: Tile, window: u8) -> Option<Tile> {
    let Tile { col, row } = core;
    let tile = match window {
        0 => Tile::new(col, row.checked_sub(1)?),
        1 => Tile::new(col.checked_sub(1)?, row),
        2 => Tile::new(col, row + 1),
        3 => core,
        _ => return None,
    };
    (tile.exists() && tile.kind() == TileKind::Core).then_some(tile)
}

/// The memory tile behind a memory tile's window 0 west, 1 own, 2 east; `None` when it is absent.
pub fn mem_neighbour(user: Tile, window: u8) -> Option<Tile> {
    let Tile { col, row } = user;
    let tile = match window {
        0 => Tile::new(col.checked_sub(1)?, row),
        1 => user,
        2 => Tile::new(col + 1, row),
        _ => return None,
    };
    tile.exists().then_some(tile)
}

/// Address by which the core of `core` names byte `offset` of `tile`'s data memory; `None` when it
/// cannot reach it.
pub fn core_address(core: Tile, tile: Tile, offset: u32) -> Option<u32> {
    if offset >= CORE_DATA_BYTES {
        return None;
    }
    (0..4u8)
        .find(|window| core_neighbour(core, *window) == Some(tile))
        .map(|window| CORE_WINDOWS[window as usize] + offset)
}

/// Tile and byte offset that the core of `core` means by `addr`; `None` when there is no memory.
pub fn core_address_target(core: Tile, addr: u32) -> Option<(Tile, u32)> {
    let window = (addr / CORE_DATA_BYTES).checked_sub(CORE_WINDOWS[0] / CORE_DATA_BYTES)?;
    if window > 3 {
        return None;
    }
    core_neighbour(core, window as u8).map(|tile| (tile, addr % CORE_DATA_BYTES))
}

/// Byte address by which a DMA of memory tile `user` names byte `offset` of `tile`; `None` when it cannot
/// reach it. Divide by 4 for the descriptor's field.
pub fn mem_address(user: Tile, tile: Tile, offset: u32) -> Option<u32> {
    if offset >= MEM_DATA_BYTES {
        return None;
    }
    (0..3u8)
        .find(|window| mem_neighbour(user, *window) == Some(tile))
        .map(|window| MEM_WINDOWS[window as usize] + offset)
}

/// Tile and byte offset that a DMA of memory tile `user` means by byte address `addr`; `None` when there
/// is no memory.
pub fn mem_address_target(user: Tile, addr: u32) -> Option<(Tile, u32)> {
    let window = addr / MEM_DATA_BYTES;
    if window > 2 {
        return None;
    }
    mem_neighbour(user, window as u8).map(|tile| (tile, addr % MEM_DATA_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_windows() {
        let core = Tile::new(1, 2);
        assert_eq!(core_address(core, core, 0x400), Some(0x70400));
        assert_eq!(core_address(core, Tile::new(0, 2), 0), Some(0x50000));
        assert_eq!(core_address(core, Tile::new(1, 3), 4), Some(0x60004));
        assert_eq!(core_address(core, Tile::new(2, 2), 0), None);
        assert_eq!(core_address_target(core, 0x40000), None);
        assert_eq!(core_address_target(core, 0x3fffc), None);
        assert_eq!(core_address_target(core, 0x80000), None);
        assert_eq!(
            core_address_target(core, 0x6fffc),
            Some((Tile::new(1, 3), 0xfffc))
        );
        assert_eq!(core_address_target(Tile::new(0, 5), 0x60000), None);
    }

    #[test]
    fn memory_tile_windows() {
        let mem = Tile::new(0, 1);
        assert_eq!(mem_address(mem, mem, 0x20000).map(|a| a / 4), Some(0x28000));
        assert_eq!(mem_address_target(mem, 0), None);
        assert_eq!(
            mem_address_target(mem, 0x10_0010),
            Some((Tile::new(1, 1), 0x10))
        );
        assert_eq!(mem_address_target(mem, 0x18_0000), None);
    }
}
