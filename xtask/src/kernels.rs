//! `cargo xtask build-kernels`: all overlays, with progress and a table.

use npuc::cli::build;

/// Arguments of `cargo xtask build-kernels`.
pub(crate) type Args = build::Args;

/// Builds what `npuc build` builds, into the workspace's target folder.
pub(crate) fn run(args: &Args) -> miette::Result<()> {
    let mut args = args.clone();
    args.out = crate::root().join(args.out);
    build::run(&args).map_err(|failure| failure.report)
}
