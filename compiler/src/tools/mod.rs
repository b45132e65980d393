//! Tools of other projects, called as processes: who does which step of a build, where the tools are,
//! and what becomes of their complaints.
//!
//! A [`Toolchain`] is a resolved choice with the tools that it needs; a [`Workshop`] is the folder in
//! which they work for one design. npuc itself links none of them.
//!
//! - [`choice`]: who does which step.
//! - [`find`]: where tools are; [`version`]: what they are, and which are known to be good;
//!   [`mod@survey`]: what there is on a machine.
//! - [`process`]: one run with a time limit; [`workshop`]: the folder, scripts, times.
//! - [`npuc_mlir`]: designs and kernels as MLIR-AIE and LLVM IR; [`peano`]: core programs, with
//!   [`ldscript`] and [`older_llvm`].
//! - [`aie_opt`], [`aiecc`]: the array; [`physical`]: what they decided.
//! - [`bootgen`], [`xclbinutil`]: packing.
//! - [`error`]: what can be wrong; `hints`: what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use rayon::prelude::*;

pub mod aie_opt;
pub mod aiecc;
pub mod bootgen;
pub mod choice;
pub mod error;
pub mod find;
mod hints;
pub mod ldscript;
pub mod npuc_mlir;
pub mod older_llvm;
pub mod peano;
pub mod physical;
pub mod process;
pub mod survey;
pub mod version;
pub mod workshop;
pub mod xclbinutil;

pub use choice::Choices;
pub use error::ToolError;
pub use find::{Flags, Places, Tool};
pub use workshop::{StepTime, Workshop};

use choice::{Array, Cores};
use version::{Identity, Known};

/// Time that a tool has, unless the command line says otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(600);

/// A tool that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub tool: Tool,
    /// The program.
    pub path: PathBuf,
    /// What it says of its version.
    pub version: Option<String>,
    /// SHA-256 of the program.
    pub digest: String,
}

/// Choices, and the tools that they need.
#[derive(Clone, Debug, Default)]
pub struct Toolchain {
    choices: Choices,
    found: Vec<Found>,
    limit: Duration,
}

impl Toolchain {
    /// No tools: everything is done by this compiler.
    pub fn builtin() -> Self {
        Toolchain::default()
    }

    /// The tools that `choices` need, each of which may take `limit` for one command.
    ///
    /// # Errors
    /// [`ToolError`] when choices do not go together, a tool is not there, or is another one of the
    /// same name.
    pub fn find(choices: Choices, places: &Places, limit: Duration) -> Result<Self, ToolError> {
        let choices = choices.resolve()?;
        let tools = choices.tools();
        let found = tools.par_iter().map(|&tool| {
            let needed_for = needed_for(tool, choices);
            let path = places.find(tool, &needed_for)?;
            let identity = version::identify(tool, &path)?;
            if tool == Tool::Llc {
                check_is_peano(&path, &identity, &needed_for)?;
            }
            Ok(Found {
                tool,
                path,
                version: identity.version,
                digest: identity.digest,
            })
        });
        // The first that is missing in the order of work is told, whichever was looked for first.
        let found: Vec<Result<Found, ToolError>> = found.collect();
        let found = found.into_iter().collect::<Result<_, ToolError>>()?;
        Ok(Toolchain::new(choices, found, limit))
    }

    /// Tools that were found otherwise, for resolved choices.
    pub fn new(choices: Choices, found: Vec<Found>, limit: Duration) -> Self {
        Toolchain {
            choices,
            found,
            limit,
        }
    }

    /// Who does which step.
    pub fn choices(&self) -> Choices {
        self.choices
    }

    /// The tools, in the order of their work.
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// Time that a tool has for one command.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// A tool that the choices need.
    ///
    /// # Errors
    /// [`ToolError::Missing`] for any other.
    pub fn program(&self, tool: Tool) -> Result<&Found, ToolError> {
        let found = self.found.iter().find(|found| found.tool == tool);
        found.ok_or_else(|| ToolError::Missing {
            tool: tool.name(),
            needed_for: self.choices.to_string(),
            looked: "these choices do not look for it".to_owned(),
            help: tool.suite().help(),
        })
    }

    /// Everything about the tools that a build's output follows from; empty without tools.
    pub fn identity(&self) -> String {
        if self.found.is_empty() {
            return String::new();
        }
        let tools = self.found.iter().map(|found| {
            let version = found.version.as_deref().unwrap_or("unknown");
            let (name, path) = (found.tool.name(), found.path.display());
            format!("\n{name} {version} {} {path}", found.digest)
        });
        self.choices.to_string() + &tools.collect::<String>()
    }

    /// A warning for every tool that is not of a version known to be good.
    ///
    /// # Errors
    /// [`ToolError::Lock`] when the list of those is damaged.
    pub fn warnings(&self) -> Result<Vec<String>, ToolError> {
        let known: Vec<Known> = version::known()?;
        let warn = |found: &Found| version::warning(found.tool, found.version.as_deref(), &known);
        Ok(self.found.iter().filter_map(warn).collect())
    }
}

/// The choice that needs a tool, as the command line says it.
fn needed_for(tool: Tool, choices: Choices) -> String {
    let choice = match tool {
        Tool::Opt | Tool::Llc | Tool::Clang | Tool::Lld => "--cores peano",
        Tool::AieOpt | Tool::AieTranslate => "--array aie-opt",
        Tool::Aiecc => "--array aiecc",
        Tool::Bootgen => "--pdi bootgen",
        Tool::Xclbinutil => "--xclbin xclbinutil",
        Tool::NpucMlir => match (choices.array, choices.cores) {
            (Array::AieOpt, _) => "--array aie-opt",
            (Array::Aiecc, _) => "--array aiecc",
            (_, Cores::Peano) => "--cores peano",
            _ => "no choice",
        },
    };
    format!("`{choice}`")
}

/// Refuses an `llc` that has no AIE2, such as a system's own.
fn check_is_peano(
    path: &std::path::Path,
    identity: &Identity,
    needed_for: &str,
) -> Result<(), ToolError> {
    if identity.knows_aie2() {
        return Ok(());
    }
    let version = identity.version.as_deref();
    Err(ToolError::Wrong {
        path: path.to_owned(),
        needed_for: needed_for.to_owned(),
        why: match version {
            Some(version) => format!("LLVM {version} without the target aie2, which Peano has"),
            None => "it does not list the target aie2, which Peano has".to_owned(),
        },
        help: Tool::Llc.suite().help(),
    })
}
