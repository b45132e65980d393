//! What there is of tools on a machine, for a table.

use rayon::prelude::*;

use super::error::ToolError;
use super::find::{Places, Tool};
use super::version::{self, Identity, Known};
use super::{Found, check_is_peano};

/// How a tool stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Of a version that is known to be good; with the digest of the build that was measured, if one was.
    Good {
        /// Whether it is that very build.
        measured: bool,
    },
    /// Usable, but not known to be good; why.
    Other(String),
    /// Not usable; why, and how to mend it.
    Wrong {
        /// Why.
        what: String,
        /// How to mend it.
        mend: String,
    },
    /// Not there, and not needed by the built-in way; how to get it.
    Absent {
        /// How to get it.
        mend: &'static str,
    },
}

/// A tool on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Which.
    pub tool: Tool,
    /// The program, if there is one.
    pub found: Option<Found>,
    /// How it stands.
    pub standing: Standing,
}

/// Looks at every tool, each of which is asked for its version.
///
/// # Errors
/// [`ToolError::Lock`] when the list of known-good versions is damaged.
pub fn survey(places: &Places) -> Result<Vec<Surveyed>, ToolError> {
    let known = version::known()?;
    let tools = Tool::ALL.par_iter();
    Ok(tools.map(|&tool| look(tool, places, &known)).collect())
}

fn look(tool: Tool, places: &Places, known: &[Known]) -> Surveyed {
    let wanted = "the open toolchain";
    // A place that is named and does not hold the tool is wrong; nowhere is only absent.
    let path = match places.find(tool, wanted) {
        Ok(path) => path,
        Err(error) => {
            let named = places.names(tool.suite());
            let mend = tool.suite().help();
            let standing = match named {
                true => wrong(&error),
                false => Standing::Absent { mend },
            };
            return Surveyed {
                tool,
                found: None,
                standing,
            };
        }
    };
    let identity = version::identify(tool, &path);
    let fits = identity.and_then(|identity| {
        if tool == Tool::Llc {
            check_is_peano(&path, &identity, wanted)?;
        }
        Ok(identity)
    });
    match fits {
        Err(error) => Surveyed {
            tool,
            found: None,
            standing: wrong(&error),
        },
        Ok(identity) => {
            let standing = judge(tool, &identity, known);
            let Identity {
                version, digest, ..
            } = identity;
            let found = Some(Found {
                tool,
                path,
                version,
                digest,
            });
            Surveyed {
                tool,
                found,
                standing,
            }
        }
    }
}

fn wrong(error: &ToolError) -> Standing {
    let text = error.to_string();
    let (what, mend) = text.split_once("\nhelp: ").unwrap_or((&text, ""));
    Standing::Wrong {
        what: what.to_owned(),
        mend: mend.to_owned(),
    }
}

fn judge(tool: Tool, identity: &Identity, known: &[Known]) -> Standing {
    match version::warning(tool, identity.version.as_deref(), known) {
        Some(warning) => Standing::Other(warning),
        None => {
            let measured = |row: &Known| row.sha256.as_ref() == Some(&identity.digest);
            Standing::Good {
                measured: known.iter().any(measured),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn tool(folder: &Path, name: &str, words: &str) {
        fs::create_dir_all(folder).expect("a folder");
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\necho '{words}'\n")).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
    }

    #[test]
    fn good_other_wrong_and_absent() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        tool(&at("path"), "bootgen", "****** Xilinx Bootgen v2023.2");
        tool(&at("path"), "llc", "LLVM version 22.1.8");
        tool(&at("xrt/bin"), "xclbinutil", "XRT Build Version: 2.1.0");
        let places = Places {
            environment: vec![
                ("XILINX_XRT", at("xrt").into()),
                ("MLIR_AIE_INSTALL_DIR", at("gone").into()),
            ],
            path: vec![at("path")],
            ..Places::default()
        };
        let survey = survey(&places).expect("the list is well formed");
        let of = |tool: Tool| {
            let row = survey
                .iter()
                .find(|row| row.tool == tool)
                .expect("every tool");
            (row.found.is_some(), row.standing.clone())
        };
        assert_eq!(
            of(Tool::Bootgen),
            (true, Standing::Good { measured: false })
        );
        let (found, standing) = of(Tool::Xclbinutil);
        let Standing::Other(warning) = standing else {
            panic!("{standing:?}");
        };
        assert!(found && warning.starts_with("xclbinutil is 2.1.0; known to be good is 2.26.0"));
        let (found, standing) = of(Tool::AieOpt);
        let Standing::Wrong { what, mend } = standing else {
            panic!("{standing:?}");
        };
        assert!(
            !found && what.contains("MLIR_AIE_INSTALL_DIR leads to"),
            "{what}"
        );
        assert!(mend.starts_with("install mlir-aie"), "{mend}");
        let absent = Standing::Absent {
            mend: Tool::Opt.suite().help(),
        };
        assert_eq!(of(Tool::Opt), (false, absent.clone()));
        // A system's own llc is not Peano's, and not in the way.
        assert_eq!(of(Tool::Llc), (false, absent));
    }
}
