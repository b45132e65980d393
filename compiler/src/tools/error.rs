//! What can be wrong with tools of other projects.

use std::path::PathBuf;

use super::hints;

/// Why a step that another project's tool does was not done.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// Steps that do not go together.
    #[error("{choices}: {reason}\nhelp: {help}")]
    Mix {
        /// The choices.
        choices: &'static str,
        /// Why.
        reason: &'static str,
        /// What to choose instead.
        help: &'static str,
    },
    /// A tool is not there.
    #[error("{tool} is needed for {needed_for}, and is not there: {looked}\nhelp: {help}")]
    Missing {
        /// Tool.
        tool: &'static str,
        /// The choice that needs it.
        needed_for: String,
        /// Where it was looked for.
        looked: String,
        /// Where it comes from, and how to name its place.
        help: &'static str,
    },
    /// A tool of the right name that cannot do the work.
    #[error("{} is not what {needed_for} needs: {why}\nhelp: {help}", path.display())]
    Wrong {
        /// The tool.
        path: PathBuf,
        /// The choice that needs it.
        needed_for: String,
        /// What it is instead.
        why: String,
        /// Where the right one comes from.
        help: &'static str,
    },
    /// `toolchain.lock` is damaged.
    #[error(
        "toolchain.lock: {what}\nhelp: take the file of the release that this npuc is built from"
    )]
    Lock {
        /// What is wrong with it.
        what: String,
    },
    /// A tool ran and did not do its work.
    #[error("{}", .0.text())]
    Failed(Box<Failed>),
    /// A tool's output is not what it should be.
    #[error("{}", .0.text())]
    Output(Box<BadOutput>),
    /// A file or folder is not accessible.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Anything that this compiler itself finds wrong between two tools.
    #[error("{step}: {what}")]
    Between {
        /// Step.
        step: String,
        /// What is wrong, with help.
        what: String,
    },
}

impl ToolError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| ToolError::Io {
            action,
            path,
            source,
        }
    }
}

/// A tool that ran and did not do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What it was to do, with the part of the design.
    pub step: String,
    /// Tool.
    pub tool: &'static str,
    /// How it ended.
    pub end: String,
    /// Its own words, as many as are worth reading.
    pub words: String,
    /// The command, to repeat by hand.
    pub command: String,
    /// The same as a script.
    pub script: PathBuf,
}

impl Failed {
    fn text(&self) -> String {
        let Failed {
            step,
            tool,
            end,
            words,
            command,
            script,
        } = self;
        let mut text = format!("{step}: {tool} {end}\n");
        for line in words.lines() {
            text += &format!("  | {line}\n");
        }
        let hint = hints::hint(words).or_else(|| hints::of_end(end));
        let repeat = format!("{} repeats it", script.display());
        text + &format!(
            "command: {command}\nhelp: {}",
            match hint {
                Some(hint) => format!("{hint}; {repeat}"),
                None => repeat,
            }
        )
    }
}

/// An output of a tool that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadOutput {
    /// What the tool was to do, with the part of the design.
    pub step: String,
    /// Tool.
    pub tool: &'static str,
    /// File.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
    /// The command, to repeat by hand.
    pub command: String,
    /// The same as a script.
    pub script: PathBuf,
}

impl BadOutput {
    fn text(&self) -> String {
        let BadOutput {
            step,
            tool,
            file,
            what,
            command,
            script,
        } = self;
        let what = what.replace("\nhelp: ", "; ");
        format!(
            "{step}: {tool} wrote `{file}`, which is not usable: {what}\ncommand: {command}\nhelp: {} repeats it; compare with the built-in way, which needs no tool",
            script.display()
        )
    }
}
