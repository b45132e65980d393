//! `npuc check`: whether a design keeps every limit, and where the tiles are that it leaves open.

use super::{Failure, placed_design, print};
use array::verify::verify;
use kernel::counted;

/// Arguments of `npuc check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Design as text, or name of an overlay
    design: String,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let placement = placed_design(&args.design)?;
    for (open, tile) in &placement.tiles {
        print(&format!("{open} is {tile}\n"))?;
    }
    let verified = verify(placement.design).map_err(Failure::work)?;
    let design = verified.design();
    print(&format!(
        "design {}: {}, {}, {}; no limit is broken\n",
        design.name,
        counted(design.fifos.len(), "fifo"),
        counted(design.workers.len(), "worker"),
        counted(design.sequences.len(), "sequence")
    ))
}
