//! `cargo xtask doctor`: what `amanuensis doctor` finds, and the tools of other projects that npuc can
//! call.

use miette::{IntoDiagnostic, miette};
use npuc::tools::survey::{Standing, Surveyed, survey};
use npuc::tools::{Flags, Places};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

/// Arguments of `cargo xtask doctor`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print JSON: the checks, all that was found of the machine, and the tools
    #[arg(long)]
    json: bool,
}

/// Prints both tables; neither's findings are an error.
pub(crate) fn run(args: &Args) -> miette::Result<()> {
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    let json = args.json.then_some("--json");
    let machine = cmd!(
        sh,
        "cargo run --quiet --package amanuensis -- doctor {json...}"
    );
    // A problem that it finds is its exit code.
    let machine = machine.quiet().ignore_status();
    let tools = || survey(&Places::of_process(Flags::default())).map_err(|e| miette!("{e}"));
    if args.json {
        let mut all: Value = serde_json::from_str(&machine.read().into_diagnostic()?)
            .map_err(|e| miette!("`amanuensis doctor --json` did not print JSON: {e}"))?;
        all["tools"] = tools()?.iter().map(as_json).collect();
        println!("{all:#}");
    } else {
        machine.run().into_diagnostic()?;
        println!("\ntools that npuc can call (versions known to be good: toolchain.lock)");
        print!("{}", tools()?.iter().map(as_text).collect::<String>());
    }
    Ok(())
}

/// How a tool stands: in a word, what there is to say of it, how to mend it.
fn standing(row: &Surveyed) -> (&'static str, Option<&str>, Option<&str>) {
    match &row.standing {
        Standing::Good { measured: true } => ("ok", Some("the very build that is known"), None),
        Standing::Good { measured: false } => ("ok", None, None),
        Standing::Other(warning) => ("other", Some(warning), None),
        Standing::Wrong { what, mend } => ("problem", Some(what), Some(mend)),
        Standing::Absent { mend } => ("-", Some("not found, and not needed"), Some(mend)),
    }
}

/// One line, and below it how to mend it; as `amanuensis doctor` shows its findings.
fn as_text(row: &Surveyed) -> String {
    let (state, said, mend) = standing(row);
    let found = row.found.as_ref().map(|found| {
        let version = found.version.as_deref().unwrap_or("no version");
        format!("{version} ({})", found.path.display())
    });
    let text: Vec<&str> = found.as_deref().into_iter().chain(said).collect();
    let mend = mend.map_or_else(String::new, |mend| format!("{:<24}mend: {mend}\n", ""));
    format!(
        "{:<14} {state:<8} {}\n{mend}",
        row.tool.name(),
        text.join(": ")
    )
}

/// The same for programs, with the digest of the tool.
fn as_json(row: &Surveyed) -> Value {
    let (state, said, mend) = standing(row);
    let found = row.found.as_ref();
    json!({
        "name": row.tool.name(),
        "state": state,
        "text": said,
        "mend": mend,
        "path": found.map(|f| f.path.display().to_string()),
        "version": found.and_then(|f| f.version.as_deref()),
        "sha256": found.map(|f| f.digest.as_str()),
    })
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
            tools.iter().map(as_text).collect::<String>(),
            "bootgen        ok       2022.2 (/usr/bin/tool): the very build that is known\n\
             xclbinutil     other    2.1.0 (/usr/bin/tool): xclbinutil is 2.1.0; known to be good is 2.26.0\n\
             aie-opt        problem  it is not there\n\
             \x20                       mend: install it\n\
             llc            -        not found, and not needed\n\
             \x20                       mend: get Peano\n"
        );
        assert_eq!(
            as_json(&tools[1]),
            json!({
                "name": "xclbinutil",
                "state": "other",
                "text": "xclbinutil is 2.1.0; known to be good is 2.26.0",
                "mend": null,
                "path": "/usr/bin/tool",
                "version": "2.1.0",
                "sha256": "",
            })
        );
        assert_eq!(as_json(&tools[3])["path"], Value::Null);
    }
}
