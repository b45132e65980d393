//! `npuc-mlir kernel`: the LLVM IR of a kernel.

use std::path::{Path, PathBuf};

use inkwell::context::Context;
use npuc::cli::Failure;
use npuc::kernel::read::load;
use npuc::kernels::cases;

use crate::llvm::{Space, translate};

/// Arguments of `npuc-mlir kernel`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Kernel of the library, or a file of kernel IR (.kir)
    #[arg(value_name = "KERNEL")]
    kernel: String,
    /// Shape of the kernel, as `cargo xtask bench kernels` shows it [default: its first]
    shape: Option<String>,
    /// Write what the older LLVM of Peano reads
    #[arg(long)]
    peano: bool,
    /// File to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = Path::new(&args.kernel);
    let (name, module) = if path.extension().is_some_and(|e| e == "kir") {
        let text = npuc::cli::read(path)?;
        let text = String::from_utf8(text).map_err(|e| Failure::input(path, e))?;
        let module = load(&text).map_err(|e| Failure::input(path, e))?;
        let name = path.file_stem().unwrap_or_default();
        (name.to_string_lossy().into_owned(), module)
    } else {
        let case = cases::find(&args.kernel, args.shape.as_deref()).map_err(Failure::work)?;
        let module = case.module().map_err(Failure::work)?;
        (case.kernel.to_owned(), module)
    };
    let context = Context::create();
    let llvm =
        translate(&context, &name, &module, &Space::Constants, &[]).map_err(Failure::work)?;
    super::put(args.output.as_deref(), &super::text(&llvm, args.peano))
}
