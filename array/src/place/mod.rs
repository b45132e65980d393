//! Placement: tiles for what a design leaves open.
//!
//! What is looked for: short ways, columns that share the work, and no tile with more channels, memory or
//! cascades than it has. The [`search`] proposes; the verifier and the router judge each proposal, and
//! the first that both take is the placement. The same design is always placed alike.
//!
//! - [`problem`]: a design as numbers, and the price of a placement.
//! - [`search`]: placements of low price.

pub mod problem;
pub mod search;

use std::collections::{BTreeMap, BTreeSet};

use arch::{Tile, TileKind, geometry};
use thiserror::Error;

use self::problem::Problem;
use self::search::Search;
use super::design::{Design, OpenTile, Spot};
use super::lower::{LowerError, lower};
use super::text::list;
use super::verify::{DesignError, verify};

/// Proposals that are judged before giving up.
const PROPOSALS: usize = 12;

/// A design all of whose tiles are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The design.
    pub design: Design,
    /// Where the open tiles are now.
    pub tiles: BTreeMap<OpenTile, Tile>,
}

/// Why a design is not placed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PlaceError {
    /// More cores than the partition has.
    #[error(
        "design `{design}` has {open} open cores and {fixed} on tiles of their own; {columns} columns have {limit} cores\nhelp: let fewer cores do more, or use more columns"
    )]
    Cores {
        /// Design.
        design: String,
        /// Open cores.
        open: usize,
        /// Cores that the design places itself.
        fixed: usize,
        /// Columns of the partition.
        columns: u8,
        /// Cores of the partition.
        limit: usize,
    },
    /// More streams than the partition has channels for.
    #[error(
        "design `{design}` has {needed} fifos that {way} {what}; those of {columns} columns have {limit} channels for it\nhelp: {hint}"
    )]
    Channels {
        /// Design.
        design: String,
        /// Fifos.
        needed: usize,
        /// "begin at" or "end at".
        way: &'static str,
        /// Tiles, plural.
        what: &'static str,
        /// Columns of the partition.
        columns: u8,
        /// Channels of all these tiles together.
        limit: usize,
        /// What to do.
        hint: &'static str,
    },
    /// Tiles that the design places itself, or columns, that there are not.
    #[error(transparent)]
    Partition(#[from] DesignError),
    /// No tile is left for an open one.
    #[error("design `{design}`: no placement was found\nhelp: choose some of the tiles")]
    NoPlace {
        /// Design.
        design: String,
    },
    /// Something is wrong wherever the tiles are, or none of the best places does.
    #[error("{source}\nwhere {tiles}; no better placement was found")]
    Design {
        /// What is wrong with the best placement.
        source: Box<DesignError>,
        /// The best placement.
        tiles: String,
    },
    /// None of the best places has routes for all flows.
    #[error("{source}\nwhere {tiles}; no better placement was found")]
    Routes {
        /// What is wrong with the best placement.
        source: Box<LowerError>,
        /// The best placement.
        tiles: String,
    },
}

/// Fifo ends at tiles of a kind: those that begin there and those that end there.
fn ends(design: &Design<Spot>, kind: TileKind) -> (usize, usize) {
    let at = |spot: &Spot| problem::kind(spot) == kind;
    // Packets may share channels where they begin, and with their headers where they end.
    let fifos = design.fifos.iter();
    let begin = fifos.clone().filter(|f| f.packet.is_none());
    let begin = begin.filter(|f| at(&f.producer)).count();
    let end = fifos.filter(|f| !f.packet.is_some_and(|p| p.keep_header));
    let consumers = end.flat_map(|f| &f.consumers);
    (begin, consumers.filter(|c| at(&c.tile)).count())
}

/// What no placement can change.
fn counts(design: &Design<Spot>, open: &BTreeSet<OpenTile>) -> Result<(), PlaceError> {
    let columns = usize::from(design.columns);
    let fixed: BTreeSet<Tile> = design.places().filter_map(Spot::tile).collect();
    let fixed = fixed.iter().filter(|t| t.kind() == TileKind::Core).count();
    let cores = open.iter().filter(|t| t.kind == TileKind::Core).count();
    let limit = columns * usize::from(geometry::CORE_ROWS);
    if cores > 0 && cores + fixed > limit {
        return Err(PlaceError::Cores {
            design: design.name.clone(),
            open: cores,
            fixed,
            columns: design.columns,
            limit,
        });
    }
    for (kind, what, hint) in [
        (
            TileKind::Shim,
            "shims",
            "send several as one fifo and distribute or join it in a memory tile",
        ),
        (
            TileKind::Mem,
            "memory tiles",
            "let some fifos go from core to core, or broadcast one to several",
        ),
    ] {
        let limit = columns * usize::from(kind.dma_channels());
        let (begin, end) = ends(design, kind);
        for (needed, way) in [(begin, "begin at"), (end, "end at")] {
            if needed > limit {
                return Err(PlaceError::Channels {
                    design: design.name.clone(),
                    needed,
                    way,
                    what,
                    columns: design.columns,
                    limit,
                    hint,
                });
            }
        }
    }
    Ok(())
}

/// Whether the columns and the tiles that the design places itself exist.
fn partition(design: &Design<Spot>) -> Result<(), DesignError> {
    let columns = geometry::COLUMNS;
    if design.columns == 0 || design.columns > columns {
        return Err(DesignError::Columns {
            design: design.name.clone(),
            columns: design.columns,
            limit: columns,
        });
    }
    let outside = |t: &Tile| !t.exists() || t.col >= design.columns;
    match design.places().filter_map(Spot::tile).find(outside) {
        Some(tile) => Err(DesignError::TileOutside {
            user: format!("a part of design `{}`", design.name),
            tile,
            last_col: design.columns - 1,
            last_row: geometry::ROWS - 1,
        }),
        None => Ok(()),
    }
}

/// Why a proposal is not taken.
enum Refusal {
    Design(DesignError),
    Routes(LowerError),
}

fn judge(design: &Design) -> Result<(), Refusal> {
    let verified = verify(design.clone()).map_err(Refusal::Design)?;
    lower(&verified).map(|_| ()).map_err(Refusal::Routes)
}

/// What is wrong with the best placement: the first that is refused.
fn refused(
    design: &Design<Spot>,
    first: Option<(Refusal, BTreeMap<OpenTile, Tile>)>,
) -> PlaceError {
    let Some((refusal, tiles)) = first else {
        return PlaceError::NoPlace {
            design: design.name.clone(),
        };
    };
    let tiles = list(tiles.iter().map(|(open, tile)| format!("{open} is {tile}")));
    match refusal {
        Refusal::Design(source) => PlaceError::Design {
            source: Box::new(source),
            tiles,
        },
        Refusal::Routes(source) => PlaceError::Routes {
            source: Box::new(source),
            tiles,
        },
    }
}

/// Chooses a tile for everything that a design leaves open.
///
/// A design that leaves nothing open comes back as it is, not verified.
///
/// # Errors
/// [`PlaceError`]: there are more cores or streams than the partition has, or no placement was found that
/// the verifier and the router take; then it says what is wrong with the best one.
pub fn place(design: Design<Spot>) -> Result<Placement, PlaceError> {
    let open: BTreeSet<OpenTile> = design
        .places()
        .filter_map(Spot::open_tile)
        .cloned()
        .collect();
    let placed = |tiles: &BTreeMap<OpenTile, Tile>| {
        design.clone().moved(|spot| match spot {
            Spot::At(tile) => Some(tile),
            Spot::Open(open) => tiles.get(&open).copied(),
        })
    };
    if open.is_empty()
        && let tiles = BTreeMap::new()
        && let Some(design) = placed(&tiles)
    {
        return Ok(Placement { design, tiles });
    }
    partition(&design)?;
    counts(&design, &open)?;
    let problem = Problem::new(&design, &open);
    let mut first = None;
    for tiles in Search::new(&problem).take(PROPOSALS) {
        let tiles: BTreeMap<OpenTile, Tile> = open.iter().cloned().zip(tiles).collect();
        let Some(design) = placed(&tiles) else {
            continue;
        };
        match judge(&design) {
            Ok(()) => return Ok(Placement { design, tiles }),
            Err(refusal) => first = first.or(Some((refusal, tiles))),
        }
    }
    Err(refused(&design, first))
}
