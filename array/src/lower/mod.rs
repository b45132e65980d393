//! Lowering: a verified design to what is written into the array.
//!
//! Passes, in order; each is a function of what the ones before it found:
//!
//! - [`ends`]: fifos to ends, shared memory or DMA, depths.
//! - [`stores`]: buffers and lock pairs of the ends; links share them.
//! - [`waits`]: who must get through before whose receivers have room.
//! - [`channels`]: DMA channels.
//! - [`locks`]: lock ids.
//! - [`addresses`]: addresses of buffers; [`apart`]: the same so that operands lie in different banks.
//! - [`chains`]: buffer descriptors.
//! - [`plan`]: the above together, made and judged by the verifier.
//! - [`flows`]: what the switches connect; [`route`] finds the ways.
//! - [`sequence`]: instruction streams.
//! - [`worker`]: core programs.

pub mod addresses;
pub mod apart;
pub mod chains;
pub mod channels;
pub mod ends;
pub mod flows;
pub mod locks;
pub mod plan;
pub mod sequence;
pub mod stores;
pub mod waits;

use arch::array::field::FieldError;
use arch::{Tile, TileKind};
use thiserror::Error;

use super::design::{Cascade, Design};
use super::lowered::{CascadeSettings, Lowered, ShimChannel};
use super::route::{self, RouteError};
use super::verify::Verified;
use super::worker::{self, CorePlan};

/// Why a verified design is not lowered.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum LowerError {
    /// The flows find no way through the switches.
    #[error("design `{design}`: {source}")]
    Route {
        /// Design.
        design: String,
        /// What is wrong.
        source: RouteError,
    },
    /// A value that its register does not hold.
    #[error("design `{design}`: {source}")]
    Field {
        /// Design.
        design: String,
        /// Which field.
        source: FieldError,
    },
}

fn shim_channels(verified: &Verified) -> Vec<ShimChannel> {
    let (design, plan) = (verified.design(), verified.plan());
    plan.ends
        .iter()
        .zip(&plan.channel_of)
        .filter(|(end, _)| end.tile.kind() == TileKind::Shim)
        .filter_map(|(end, channel)| {
            Some(ShimChannel {
                fifo: design.fifos[end.fifo].name.clone(),
                tile: end.tile,
                direction: channels::direction(end)?,
                channel: (*channel)?,
            })
        })
        .collect()
}

fn cores(verified: &Verified) -> Vec<CorePlan> {
    let (design, plan) = (verified.design(), verified.plan());
    design
        .workers
        .iter()
        .map(|w| CorePlan {
            tile: w.tile,
            stack_bytes: w.stack_bytes,
            data_base: plan.data_base(w.tile),
            body: worker::plan(w, &plan.bindings(design, w.tile)).unwrap_or_default(),
        })
        .collect()
}

/// Directions of the cores at cascades, in the order in which the cascades name them.
fn cascades(design: &Design) -> Vec<CascadeSettings> {
    let mut tiles: Vec<Tile> = Vec::new();
    for tile in design.cascades.iter().flat_map(|c| [c.from, c.to]) {
        if !tiles.contains(&tile) {
            tiles.push(tile);
        }
    }
    let level = |c: &Cascade| c.from.row == c.to.row;
    let settings = tiles.into_iter().map(|tile| CascadeSettings {
        tile,
        in_west: design.cascades.iter().any(|c| c.to == tile && level(c)),
        out_east: design.cascades.iter().any(|c| c.from == tile && level(c)),
    });
    settings.collect()
}

/// Lowers a design.
///
/// # Errors
/// [`LowerError::Route`] when its flows cannot be routed.
pub fn lower(verified: &Verified) -> Result<Lowered, LowerError> {
    let (design, plan) = (verified.design(), verified.plan());
    let flows = flows::build(design, &plan.ends, &plan.channel_of);
    let waits = waits::of_flows(design, &plan.rooms, &flows);
    let switches =
        route::route(design.columns, &flows, &waits).map_err(|source| LowerError::Route {
            design: design.name.clone(),
            source,
        })?;
    let sequences = design
        .sequences
        .iter()
        .map(|s| sequence::lower(design, plan, s))
        .collect::<Result<_, _>>()
        .map_err(|source| LowerError::Field {
            design: design.name.clone(),
            source,
        })?;
    Ok(Lowered {
        name: design.name.clone(),
        columns: design.columns,
        buffers: plan.placed_buffers(design),
        locks: plan.locks(),
        dmas: plan.dma_programs(design),
        shim_channels: shim_channels(verified),
        flows,
        switches,
        cascades: cascades(design),
        cores: cores(verified),
        sequences,
    })
}
