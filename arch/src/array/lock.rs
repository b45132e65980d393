//! Locks: counting semaphores of 0..63.
//!
//! An acquire of -N waits until the lock is N or more and subtracts N; an acquire of N >= 0 waits
//! until it is exactly N and leaves it so. A release of N adds N.
//!
//! Cores and memory tile DMAs name locks by an id that covers their neighbours too:
//!
//! | user | ids | lock of |
//! |---|---|---|
//! | core | 0..15, 16..31, 32..47, 48..63 | south, west, north, own tile |
//! | memory tile BD | 0..63, 64..127, 128..191 | west, own, east tile |
//! | core or shim BD | 0..15 | own tile |
//!
//! Source: mlir-aie `lib/Dialect/AIE/IR/AIETargetModel.cpp`,
//! `lib/Dialect/AIE/Transforms/AIELocalizeLocks.cpp`; aie-rt `driver/src/global/xaiemlgbl_reginit.c`;
//! AMD UG1583 "Locks" (`acquire_equal` does not modify the lock).

use super::memory::{core_neighbour, mem_neighbour};
use crate::{Tile, TileKind};

/// Offset of the value register of lock 0.
pub const fn value_base(kind: TileKind) -> u32 {
    match kind {
        TileKind::Core => 0x1f000,
        TileKind::Mem => 0xc0000,
        TileKind::Shim => 0x14000,
    }
}

/// Bytes from one lock value register to the next.
pub const VALUE_STRIDE: u32 = 16;

/// Offset of the value register of lock `id`; writing it sets the lock.
pub const fn value_offset(kind: TileKind, id: u8) -> u32 {
    value_base(kind) + VALUE_STRIDE * id as u32
}

/// Which lock's value register is at `offset`, if any.
pub fn value_register(kind: TileKind, offset: u32) -> Option<u8> {
    let at = offset.checked_sub(value_base(kind))?;
    let id = at / VALUE_STRIDE;
    (at % VALUE_STRIDE == 0 && id < u32::from(kind.locks())).then_some(id as u8)
}

/// Offset of the request window; a read of
/// `window + 0x400*id + (0x200 if acquire) + 4*(value & 0x7f)` performs the request.
pub const fn request_base(kind: TileKind) -> u32 {
    match kind {
        TileKind::Mem => 0xd0000,
        TileKind::Core | TileKind::Shim => 0x40000,
    }
}

/// Bits of a lock value register.
pub const VALUE_MASK: u32 = 0x3f;

/// Id by which the core of `core` names lock `id` of `tile`; `None` when it cannot reach it.
pub fn core_lock_id(core: Tile, tile: Tile, id: u8) -> Option<u8> {
    if id >= TileKind::Core.locks() {
        return None;
    }
    (0..4u8)
        .find(|window| core_neighbour(core, *window) == Some(tile))
        .map(|window| window * TileKind::Core.locks() + id)
}

/// Tile and lock that the core of `core` means by `operand`; `None` when there is none.
pub fn core_lock_target(core: Tile, operand: u8) -> Option<(Tile, u8)> {
    let locks = TileKind::Core.locks();
    core_neighbour(core, operand / locks).map(|tile| (tile, operand % locks))
}

/// Id by which a descriptor of memory tile `user` names lock `id` of memory tile `tile`; `None` when it
/// cannot reach it. Only channels 0..3 reach the neighbours.
pub fn mem_lock_id(user: Tile, tile: Tile, id: u8) -> Option<u8> {
    if id >= TileKind::Mem.locks() {
        return None;
    }
    (0..3u8)
        .find(|window| mem_neighbour(user, *window) == Some(tile))
        .map(|window| window * TileKind::Mem.locks() + id)
}

/// Tile and lock that a descriptor of memory tile `user` means by `field`; `None` when there is none.
pub fn mem_lock_target(user: Tile, field: u8) -> Option<(Tile, u8)> {
    let locks = TileKind::Mem.locks();
    mem_neighbour(user, field / locks).map(|tile| (tile, field % locks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_registers() {
        assert_eq!(value_offset(TileKind::Core, 1), 0x1f010);
        assert_eq!(value_register(TileKind::Mem, 0xc03f0), Some(63));
        assert_eq!(value_register(TileKind::Mem, 0xc0400), None);
        assert_eq!(value_register(TileKind::Shim, 0x14008), None);
    }

    #[test]
    fn core_windows() {
        let core = Tile::new(1, 3);
        assert_eq!(core_lock_id(core, core, 2), Some(50));
        assert_eq!(core_lock_id(core, Tile::new(0, 3), 2), Some(18));
        assert_eq!(core_lock_id(core, Tile::new(1, 4), 15), Some(47));
        assert_eq!(core_lock_id(core, Tile::new(2, 3), 0), None);
        assert_eq!(core_lock_id(Tile::new(1, 2), Tile::new(1, 1), 0), None);
        for operand in 0..64 {
            let (tile, id) = core_lock_target(core, operand).unwrap();
            assert_eq!(core_lock_id(core, tile, id), Some(operand));
        }
        assert_eq!(core_lock_target(core, 64), None);
        assert_eq!(core_lock_target(Tile::new(0, 2), 16), None);
    }

    #[test]
    fn memory_tile_windows() {
        let mem = Tile::new(1, 1);
        assert_eq!(mem_lock_id(mem, mem, 0), Some(64));
        assert_eq!(mem_lock_id(mem, Tile::new(0, 1), 63), Some(63));
        assert_eq!(mem_lock_target(mem, 130), Some((Tile::new(2, 1), 2)));
        assert_eq!(mem_lock_target(mem, 192), None);
        assert_eq!(mem_lock_target(Tile::new(3, 1), 130), None);
    }
}
