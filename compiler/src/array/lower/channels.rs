//! DMA channels of the ends: the lowest free one of the direction, in the order of the fifos.

use std::collections::BTreeMap;

use arch::Tile;
use arch::array::Direction;

use super::ends::{End, Role};

/// Direction in which an end's DMA moves data; a shared end has no DMA.
pub fn direction(end: &End) -> Option<Direction> {
    match end.role {
        Role::Producer => Some(Direction::Mm2s),
        Role::Consumer(_) => Some(Direction::S2mm),
        Role::Shared => None,
    }
}

/// The channel of each end, `None` for shared ends. Numbers beyond what a tile has are handed out
/// as well; the verifier refuses them.
pub fn assign(ends: &[End]) -> Vec<Option<u8>> {
    let mut next: BTreeMap<(Tile, bool), u8> = BTreeMap::new();
    ends.iter()
        .map(|end| {
            let sends = direction(end)? == Direction::Mm2s;
            let slot = next.entry((end.tile, sends)).or_default();
            let channel = *slot;
            *slot = slot.saturating_add(1);
            Some(channel)
        })
        .collect()
}
