//! Models on this machine and on the hub.
//!
//! A model is a folder in Hugging Face layout under the models folder, beside it a manifest with the
//! size and SHA-256 of each file, by which it is verified.

mod catalog;
mod hub;
mod manifest;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use catalog::{KNOWN, Known, folder_name, repository};
pub use hub::{Hub, Transfer};
pub use manifest::{FileEntry, MANIFEST, Manifest, Verdict};

use crate::exit::Exit;

/// Why a model cannot be had or used.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum ModelError {
    /// No such short name.
    #[error(
        "{name} is not the name of a known model\nhelp: see: amanuensis models list; or give OWNER/NAME of a repository on the hub"
    )]
    UnknownName { name: String },

    /// Not on this machine.
    #[error("there is no model {name} here: looked for that path and in {}\nhelp: {}", folder.display(), get_help(name))]
    NotHere { name: String, folder: PathBuf },

    /// No folder for models is known.
    #[error(
        "there is no folder for models: neither AMANUENSIS_MODELS nor XDG_DATA_HOME nor HOME is set\nhelp: name one with --models-dir"
    )]
    NoFolder,

    /// A file of the models folder cannot be read or written.
    #[error("{path}: {source}\nhelp: check its permissions and the room on its disk", path = path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },

    /// The manifest is not what `models get` writes.
    #[error("{path} is not a manifest: {source}\nhelp: remove it, or get the model again: amanuensis models get", path = path.display())]
    Manifest {
        path: PathBuf,
        source: serde_json::Error,
    },

    /// There is nothing to verify by.
    #[error("{path} has no {MANIFEST} to verify it by\nhelp: only models that amanuensis models get has fetched can be verified", path = path.display())]
    Unverifiable { path: PathBuf },

    /// Files differ from the manifest.
    #[error("{path}: {wrong} of {total} files are missing or damaged\nhelp: get it again; what is whole is kept: amanuensis models get", path = path.display())]
    Damaged {
        path: PathBuf,
        wrong: usize,
        total: usize,
    },

    /// The hub cannot be reached, or the connection broke too often.
    #[error(
        "{url}: {reason}\nhelp: check the network; what has arrived is kept, and the same command goes on from there"
    )]
    Network { url: String, reason: String },

    /// The hub answers with an error.
    #[error("{url}: the hub answers {status}\nhelp: {}", status_help(*status))]
    Status { url: String, status: u16 },

    /// The hub's answer is not understood.
    #[error(
        "{url}: the answer is not understood: {reason}\nhelp: check --endpoint; it must speak the API of the Hugging Face hub"
    )]
    Answer { url: String, reason: String },

    /// A repository without Whisper weights.
    #[error(
        "{repository} has no {missing}\nhelp: take a repository with a Whisper checkpoint in safetensors, such as openai/whisper-tiny.en"
    )]
    NotWhisper {
        repository: String,
        missing: &'static str,
    },

    /// A download differs from its checksum.
    #[error(
        "{file} does not match its checksum: expected {expected}, got {found}\nhelp: the download was damaged and is removed; try again"
    )]
    Checksum {
        file: String,
        expected: String,
        found: String,
    },

    /// Stopped by the user.
    #[error("interrupted\nhelp: the same command goes on where this one stopped")]
    Interrupted,
}

fn get_help(name: &str) -> String {
    if repository(name).is_some() {
        format!("get it first: amanuensis models get {name}")
    } else {
        "give a path, or a name from: amanuensis models list".to_owned()
    }
}

fn status_help(status: u16) -> &'static str {
    match status {
        401 | 403 => "the repository is not public, or does not exist",
        404 => "check the name and the revision",
        429 => "the hub asks for patience; try again in some minutes",
        _ => "try again later; what has arrived is kept",
    }
}

impl ModelError {
    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::UnknownName { .. } | Self::NoFolder => Exit::Usage,
            Self::NotHere { .. }
            | Self::Manifest { .. }
            | Self::Unverifiable { .. }
            | Self::Damaged { .. } => Exit::Model,
            Self::File { .. } => Exit::Output,
            Self::Network { .. }
            | Self::Status { .. }
            | Self::Answer { .. }
            | Self::NotWhisper { .. }
            | Self::Checksum { .. } => Exit::Network,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// The folder models are kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The folder given, or `$AMANUENSIS_MODELS`, `$XDG_DATA_HOME/amanuensis/models`,
    /// `~/.local/share/amanuensis/models`, whichever is set first.
    ///
    /// # Errors
    /// None of them is set.
    pub fn locate(given: Option<&Path>) -> Result<Self, ModelError> {
        Self::locate_with(given, |name| std::env::var_os(name).map(PathBuf::from))
    }

    fn locate_with(
        given: Option<&Path>,
        variable: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<Self, ModelError> {
        let set = |name: &str| variable(name).filter(|path| !path.as_os_str().is_empty());
        let folder = given
            .map(Path::to_owned)
            .or_else(|| set("AMANUENSIS_MODELS"))
            .or_else(|| Some(set("XDG_DATA_HOME")?.join("amanuensis/models")))
            .or_else(|| Some(set("HOME")?.join(".local/share/amanuensis/models")))
            .ok_or(ModelError::NoFolder)?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a model, there or not.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.folder.join(folder_name(name))
    }

    /// A model by path, or by name in this folder.
    ///
    /// # Errors
    /// It is in neither place.
    pub fn find(&self, name: &str) -> Result<PathBuf, ModelError> {
        let path = PathBuf::from(name);
        if path.exists() {
            return Ok(path);
        }
        let kept = self.path_of(name);
        if !name.is_empty() && kept.exists() {
            return Ok(kept);
        }
        Err(ModelError::NotHere {
            name: name.to_owned(),
            folder: self.folder.clone(),
        })
    }

    /// Names of the models here, in order.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn list(&self) -> Result<Vec<String>, ModelError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(ModelError::File {
                    path: self.folder.clone(),
                    source,
                });
            }
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok())
            .filter(|entry| entry.path().join("config.json").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(given: Option<&str>, set: &[(&str, &str)]) -> Result<PathBuf, ModelError> {
        let variable = |name: &str| {
            let found = set.iter().find(|(key, _)| *key == name)?;
            Some(PathBuf::from(found.1))
        };
        Store::locate_with(given.map(Path::new), variable).map(|store| store.folder)
    }

    #[test]
    fn the_nearest_setting_counts() {
        let all = [
            ("AMANUENSIS_MODELS", "/m"),
            ("XDG_DATA_HOME", "/x"),
            ("HOME", "/h"),
        ];
        let folder = |given, set| locate(given, set).ok();
        assert_eq!(folder(Some("/g"), &all), Some("/g".into()));
        assert_eq!(folder(None, &all), Some("/m".into()));
        assert_eq!(folder(None, &all[1..]), Some("/x/amanuensis/models".into()));
        assert_eq!(
            folder(None, &[("XDG_DATA_HOME", ""), ("HOME", "/h")]),
            Some("/h/.local/share/amanuensis/models".into())
        );
        assert!(matches!(locate(None, &[]), Err(ModelError::NoFolder)));
    }
}
