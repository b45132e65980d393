//! Versions of tools: what they say, their digests, and those that are known to be good.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::ToolError;
use super::find::Tool;
use super::process;

/// Time that a tool has to say its version.
const PATIENCE: Duration = Duration::from_secs(20);
/// The file of known-good versions, as of when this program was built.
const LOCK: &str = include_str!("../../../toolchain.lock");

/// What a tool is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it says of its version; `None` when it says nothing of the kind.
    pub version: Option<String>,
    /// SHA-256 of the program.
    pub digest: String,
    /// Everything that it said when it was asked.
    pub words: String,
}

impl Identity {
    /// Whether what the tool said lists the target aie2, which Peano has and other LLVMs do not.
    pub fn knows_aie2(&self) -> bool {
        let mut lines = self.words.lines();
        lines.any(|line| line.split_whitespace().next() == Some("aie2"))
    }
}

/// Asks a tool for its version and takes its digest.
///
/// # Errors
/// When it cannot be read or started.
pub fn identify(tool: Tool, program: &Path) -> Result<Identity, ToolError> {
    let bytes = std::fs::read(program).map_err(ToolError::io("read", program))?;
    let digest = Sha256::digest(bytes);
    let folder = tempfile::tempdir().map_err(ToolError::io("create a folder in", "/tmp"))?;
    let log = folder.path().join("log");
    // bootgen has no such option; it introduces itself whatever it is asked.
    let args: &[String] = match tool {
        Tool::Bootgen => &[],
        _ => &["--version".to_owned()],
    };
    process::run(program, args, folder.path(), &log, PATIENCE)
        .map_err(ToolError::io("start", program))?;
    let words = process::all_words(&log).unwrap_or_default();
    Ok(Identity {
        version: version(tool, &words),
        digest: digest.iter().map(|b| format!("{b:02x}")).collect(),
        words,
    })
}

/// The version in what a tool says of itself.
fn version(tool: Tool, words: &str) -> Option<String> {
    let behind = |mark: &str| {
        let at = words.find(mark)? + mark.len();
        let rest = words[at..].trim_start();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'));
        let number = &rest[..end.unwrap_or(rest.len())];
        (!number.is_empty()).then(|| number.to_owned())
    };
    let last_word = || {
        let line = words.lines().find(|line| line.starts_with(tool.name()))?;
        line.split_whitespace().skip(1).last().map(str::to_owned)
    };
    match tool {
        Tool::Opt | Tool::Llc => behind("LLVM version"),
        Tool::Clang => behind("clang version"),
        Tool::Lld => behind("LLD"),
        Tool::AieOpt | Tool::AieTranslate | Tool::Aiecc | Tool::NpucMlir => last_word(),
        Tool::Bootgen => behind("Bootgen v"),
        Tool::Xclbinutil => behind("XRT Build Version:"),
    }
}

/// A row of `toolchain.lock`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Tool.
    pub name: String,
    /// Its version, as it says it.
    pub version: String,
    /// Which build that is.
    pub build: String,
    /// SHA-256 of that build.
    pub sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    tool: Vec<Known>,
}

/// The known-good versions of every tool; of this project's own program, this version.
///
/// # Errors
/// [`ToolError::Lock`] when the file is damaged.
pub fn known() -> Result<Vec<Known>, ToolError> {
    let lock: Lock = toml::from_str(LOCK).map_err(|e| ToolError::Lock {
        what: e.to_string(),
    })?;
    let mut known = lock.tool;
    known.push(Known {
        name: Tool::NpucMlir.name().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: "of the same release as npuc".to_owned(),
        sha256: None,
    });
    Ok(known)
}

/// A warning about a tool that is not known to be good.
pub fn warning(tool: Tool, version: Option<&str>, known: &[Known]) -> Option<String> {
    let rows = || known.iter().filter(|row| row.name == tool.name());
    let good: Vec<String> = rows()
        .map(|row| format!("{} ({})", row.version, row.build))
        .collect();
    match version {
        Some(version) if rows().any(|row| row.version == version) => None,
        Some(version) => Some(format!(
            "{} is {version}; known to be good is {}",
            tool.name(),
            good.join(" or ")
        )),
        None => Some(format!(
            "{} does not say its version; known to be good is {}",
            tool.name(),
            good.join(" or ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_known_version() {
        let known = known().expect("the file is well formed");
        for tool in Tool::ALL {
            assert!(known.iter().any(|row| row.name == tool.name()), "{tool:?}");
        }
        for row in &known {
            assert!(
                Tool::ALL.iter().any(|tool| tool.name() == row.name),
                "{row:?}"
            );
            let digest = row.sha256.as_deref().unwrap_or_default();
            assert!(digest.is_empty() || digest.len() == 64, "{row:?}");
        }
    }

    #[test]
    fn versions_in_the_tools_own_words() {
        for (tool, words, wanted) in [
            (
                Tool::Bootgen,
                "\n\n****** Xilinx Bootgen v2022.2\n  **** Build date : Jan 12 2023-02:25:15\n",
                "2022.2",
            ),
            (
                Tool::Opt,
                "Debian LLVM version 22.1.8\n  Optimized build.\n",
                "22.1.8",
            ),
            (
                Tool::Llc,
                "LLVM (http://llvm.org/):\n  LLVM version 21.0.0git\n",
                "21.0.0",
            ),
            (
                Tool::Clang,
                "clang version 21.0.0 (https://github.com/Xilinx/llvm-aie cb664e8c)\n",
                "21.0.0",
            ),
            (
                Tool::Lld,
                "LLD 21.0.0 (compatible with GNU linkers)\n",
                "21.0.0",
            ),
            (
                Tool::Aiecc,
                "LLVM version 23.0.0git\naiecc (C++ version) 0a69477883ac\n",
                "0a69477883ac",
            ),
            (
                Tool::AieOpt,
                "LLVM version 23.0.0git\naie-opt 0a69477883ac\n",
                "0a69477883ac",
            ),
            (
                Tool::Xclbinutil,
                "       XRT Build Version: 2.26.0\n    Build Version Branch: x\n",
                "2.26.0",
            ),
            (Tool::NpucMlir, "npuc-mlir 0.1.0\n", "0.1.0"),
        ] {
            assert_eq!(version(tool, words).as_deref(), Some(wanted), "{tool:?}");
            assert_eq!(version(tool, "nothing of the kind"), None);
        }
    }

    #[test]
    fn another_version_is_a_warning_that_names_both() {
        let known = known().expect("well formed");
        assert_eq!(warning(Tool::Bootgen, Some("2022.2"), &known), None);
        let text = warning(Tool::Bootgen, Some("2019.1"), &known).expect("a warning");
        for part in ["bootgen is 2019.1", "2022.2 (Debian 12", "or 2023.2"] {
            assert!(text.contains(part), "{text}");
        }
        let text = warning(Tool::Xclbinutil, None, &known).expect("a warning");
        assert!(text.contains("does not say its version"), "{text}");
    }
}
