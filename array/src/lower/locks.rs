//! Lock ids: the next free one of the tile, in the order in which stores are made.

use std::collections::BTreeMap;

use arch::Tile;

use super::stores::Store;

/// The two locks that guard (a part of) a store's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockPair {
    /// Counts free buffers.
    pub prod: u32,
    /// Counts filled buffers.
    pub cons: u32,
}

/// The lock pairs of each store. Ids beyond what a tile has are handed out as well; the verifier
/// refuses them.
pub fn assign(stores: &[Store]) -> Vec<Vec<LockPair>> {
    let mut next: BTreeMap<Tile, u32> = BTreeMap::new();
    stores
        .iter()
        .map(|store| {
            let id = next.entry(store.tile).or_default();
            (0..store.lock_pairs)
                .map(|_| {
                    let pair = LockPair {
                        prod: *id,
                        cons: *id + 1,
                    };
                    *id += 2;
                    pair
                })
                .collect()
        })
        .collect()
}
