//! Checks of cascades.

use arch::{Tile, TileKind};

use super::error::DesignError;
use super::fifos::tile_is;
use crate::design::Design;

/// Checks that cascades go from core to neighbour, one into a core and one out of it.
pub(super) fn check(design: &Design) -> Result<(), DesignError> {
    let mut senders: Vec<Tile> = Vec::new();
    let mut receivers: Vec<Tile> = Vec::new();
    for cascade in &design.cascades {
        let (from, to) = (cascade.from, cascade.to);
        for tile in [from, to] {
            tile_is(
                design,
                &format!("cascade {from} -> {to}"),
                tile,
                TileKind::Core,
            )?;
        }
        let east = to.row == from.row && to.col == from.col + 1;
        let south = to.col == from.col && to.row + 1 == from.row;
        if !east && !south {
            return Err(DesignError::CascadeWay { from, to });
        }
        for (tile, seen, side) in [(from, &mut senders, "begin"), (to, &mut receivers, "end")] {
            if seen.contains(&tile) {
                return Err(DesignError::CascadeTwice { tile, side });
            }
            seen.push(tile);
        }
    }
    Ok(())
}
