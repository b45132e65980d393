//! `cargo xtask test`: every test of the workspace.

use miette::{IntoDiagnostic, miette};
use xshell::{Shell, cmd};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Passed on to `cargo test`, for instance a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Runs `cargo test` over the workspace.
pub(crate) fn run(args: &Args) -> miette::Result<()> {
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    if std::env::var_os("AMANUENSIS_ASSETS").is_none() {
        println!("AMANUENSIS_ASSETS is not set: tests on real models and recordings are left out");
    }
    let rest = &args.rest;
    cmd!(sh, "cargo test --workspace {rest...}")
        .run()
        .map_err(|e| miette!("{e}"))
}
