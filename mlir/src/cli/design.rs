//! `npuc-mlir design`: a design as MLIR-AIE.

use std::path::PathBuf;

use npuc::array::lower::lower;
use npuc::array::verify::verify;
use npuc::cli::{Failure, placed_design, print, write};

use crate::{aie, design};

/// Arguments of `npuc-mlir design`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Design as text, or name of an overlay
    design: String,
    /// Print what lowering and routing make of it, in place of its ObjectFIFOs
    #[arg(long)]
    physical: bool,
    /// Where to write it, instead of to standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let placement = placed_design(&args.design)?;
    let verified = verify(placement.design).map_err(Failure::work)?;
    let context = aie::context();
    let module = if args.physical {
        let lowered = lower(&verified).map_err(Failure::work)?;
        design::physical(&context, &verified, &lowered)
    } else {
        design::logical(&context, &verified)
    };
    let module = module.map_err(Failure::work)?;
    let text = aie::generic(&module);
    match &args.out {
        Some(out) => write(out, text.as_bytes()),
        None => print(&text),
    }
}
