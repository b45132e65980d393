//! DMA channels of the ends: the lowest free one of the direction, in the order of the fifos. At a shim,
//! packets share one.

use std::collections::BTreeMap;

use arch::array::Direction;
use arch::{Tile, TileKind};

use super::ends::{End, Role};
use crate::design::Design;

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
pub fn assign(design: &Design, ends: &[End]) -> Vec<Option<u8>> {
    let mut next: BTreeMap<(Tile, bool), u8> = BTreeMap::new();
    let mut shared: BTreeMap<(Tile, bool), u8> = BTreeMap::new();
    ends.iter()
        .map(|end| {
            let sends = direction(end)? == Direction::Mm2s;
            let key = (end.tile, sends);
            let packet = design.fifos[end.fifo].packet;
            let shares = end.tile.kind() == TileKind::Shim
                && packet.is_some_and(|packet| sends || packet.keep_header);
            if shares && let Some(channel) = shared.get(&key) {
                return Some(*channel);
            }
            let slot = next.entry(key).or_default();
            let channel = *slot;
            *slot = slot.saturating_add(1);
            if shares {
                shared.insert(key, channel);
            }
            Some(channel)
        })
        .collect()
}
