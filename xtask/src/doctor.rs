//! `cargo xtask doctor`: what `amanuensis doctor` finds, and the tools of other projects that npuc can
//! call.

use miette::{IntoDiagnostic, miette};
use npuc::tools::survey::{Standing, Surveyed, survey};
use npuc::tools::{Flags, Places};

/// Arguments of `cargo xtask doctor`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Passed on to `amanuensis doctor`, for instance --json, which leaves the second table out
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Prints both tables; neither's findings are an error.
pub(crate) fn run(args: &Args) -> miette::Result<()> {
    let sh = xshell::Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    let rest = &args.rest;
    let command = xshell::cmd!(
        sh,
        "cargo run --quiet --package amanuensis -- doctor {rest...}"
    );
    command.quiet().ignore_status().run().into_diagnostic()?;
    if !rest.is_empty() {
        return Ok(());
    }
    let tools = survey(&Places::of_process(Flags::default())).map_err(|e| miette!("{e}"))?;
    println!("\ntools that npuc can call (versions known to be good: toolchain.lock)");
    print!("{}", table(&tools));
    Ok(())
}

/// One line a tool, and below it how to mend it; as `amanuensis doctor` shows its findings.
fn table(tools: &[Surveyed]) -> String {
    let line = |row: &Surveyed| {
        let at = row.found.as_ref().map_or_else(String::new, |found| {
            let version = found.version.as_deref().unwrap_or("no version");
            format!("{version} ({})", found.path.display())
        });
        let (state, text, mend) = match &row.standing {
            Standing::Good { measured: true } => {
                ("ok", format!("{at}, the very build that is known"), None)
            }
            Standing::Good { measured: false } => ("ok", at, None),
            Standing::Other(warning) => ("other", format!("{at}: {warning}"), None),
            Standing::Wrong { what, mend } => ("problem", what.clone(), Some(mend.as_str())),
            Standing::Absent { mend } => ("-", "not found, and not needed".to_owned(), Some(*mend)),
        };
        let name = row.tool.name();
        let mend = mend.map_or_else(String::new, |mend| format!("{:<24}mend: {mend}\n", ""));
        format!("{name:<14} {state:<8} {text}\n{mend}")
    };
    tools.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use npuc::tools::{Found, Tool};

    #[test]
    fn every_standing_has_its_line() {
        let found = |tool: Tool, version: &str| Found {
            tool,
            path: "/usr/bin/tool".into(),
            version: Some(version.to_owned()),
            digest: String::new(),
        };
        let row = |tool, found, standing| Surveyed {
            tool,
            found,
            standing,
        };
        let tools = [
            row(
                Tool::Bootgen,
                Some(found(Tool::Bootgen, "2022.2")),
                Standing::Good { measured: true },
            ),
            row(
                Tool::Xclbinutil,
                Some(found(Tool::Xclbinutil, "2.1.0")),
                Standing::Other("xclbinutil is 2.1.0; known to be good is 2.26.0".to_owned()),
            ),
            row(
                Tool::AieOpt,
                None,
                Standing::Wrong {
                    what: "it is not there".to_owned(),
                    mend: "install it".to_owned(),
                },
            ),
            row(Tool::Llc, None, Standing::Absent { mend: "get Peano" }),
        ];
        assert_eq!(
            table(&tools),
            "bootgen        ok       2022.2 (/usr/bin/tool), the very build that is known\n\
             xclbinutil     other    2.1.0 (/usr/bin/tool): xclbinutil is 2.1.0; known to be good is 2.26.0\n\
             aie-opt        problem  it is not there\n\
             \x20                       mend: install it\n\
             llc            -        not found, and not needed\n\
             \x20                       mend: get Peano\n"
        );
    }
}
