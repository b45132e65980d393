//! `npuc check`: whether a design keeps every limit, and where the tiles are that it leaves open.

use std::path::PathBuf;

use super::{Failure, print, read};
use crate::array::design::{Design, Spot};
use crate::array::place::place;
use crate::array::verify::verify;
use crate::kernel::counted;
use crate::overlays;

/// Arguments of `npuc check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Design as text, or name of an overlay
    design: String,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = PathBuf::from(&args.design);
    let design = if path.is_file() {
        let text = String::from_utf8(read(&path)?).map_err(|e| Failure::input(&path, e))?;
        let design = text.parse::<Design<Spot>>();
        let design = design.map_err(|e| Failure::input(&path, e))?;
        let placement = place(design).map_err(Failure::work)?;
        for (open, tile) in &placement.tiles {
            print(&format!("{open} is {tile}\n"))?;
        }
        placement.design
    } else {
        let overlay = overlays::find(&args.design).map_err(Failure::work)?;
        (overlay.source)().map_err(Failure::work)?.design
    };
    let verified = verify(design).map_err(Failure::work)?;
    let design = verified.design();
    print(&format!(
        "design {}: {}, {}, {}; no limit is broken\n",
        design.name,
        counted(design.fifos.len(), "fifo"),
        counted(design.workers.len(), "worker"),
        counted(design.sequences.len(), "sequence")
    ))
}
