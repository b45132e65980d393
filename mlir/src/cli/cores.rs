//! `npuc-mlir cores`: the LLVM IR of every core program.

use std::path::{Path, PathBuf};

use inkwell::context::Context;
use npuc::cli::Failure;
use npuc::overlays;

use crate::llvm::core_modules;

/// Arguments of `npuc-mlir cores`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Overlay, or a design as text (.design) with the files of its kernels beside it
    #[arg(value_name = "OVERLAY")]
    overlay: String,
    /// Folder that `core_C_R.ll` of each core is written to
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Write what the older LLVM of Peano reads
    #[arg(long)]
    peano: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = Path::new(&args.overlay);
    let source = match path.extension().is_some_and(|e| e == "design") {
        true => {
            let read = overlays::user::load(path);
            read.map_err(|e| Failure::input(path, e))?.source
        }
        false => {
            let overlay = overlays::find(&args.overlay).map_err(Failure::work)?;
            overlay.source().map_err(Failure::work)?
        }
    };
    let context = Context::create();
    let cores = core_modules(&context, &source).map_err(Failure::work)?;
    std::fs::create_dir_all(&args.output)
        .map_err(|e| Failure::work(format!("cannot make {}: {e}", args.output.display())))?;
    for core in &cores {
        let path = args.output.join(format!("{}.ll", core.symbol()));
        super::put(Some(&path), &super::text(&core.llvm, args.peano))?;
    }
    Ok(())
}
