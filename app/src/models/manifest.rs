//! What a fetched model consists of, and whether it still does.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ModelError;
use super::catalog::plain;
use crate::output::replace;

/// Name of the manifest in a model's folder.
pub const MANIFEST: &str = "amanuensis-model.json";

/// Where a model came from and what it consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Repository on the hub.
    pub repository: String,
    /// The commit.
    pub revision: String,
    /// Its files, in order of name.
    pub files: Vec<FileEntry>,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name in the folder.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// What verifying a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the manifest says.
    Whole,
    /// Not there.
    Missing,
    /// Another size, in bytes.
    Size(u64),
    /// Another content.
    Content,
}

impl Manifest {
    /// Reads the manifest of a model's folder; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read or is not a manifest.
    pub fn read(folder: &Path) -> Result<Option<Self>, ModelError> {
        let path = folder.join(MANIFEST);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ModelError::File { path, source }),
        };
        let manifest = serde_json::from_slice(&text)
            .map_err(|source| ModelError::Manifest { path, source })?;
        Ok(Some(manifest))
    }

    /// Writes it, replacing what is there.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let path = folder.join(MANIFEST);
        let failed = |reason: String| ModelError::File {
            path: path.clone(),
            source: std::io::Error::other(reason),
        };
        let text = serde_json::to_string_pretty(self).map_err(|e| failed(e.to_string()))?;
        replace(&path, (text + "\n").as_bytes()).map_err(|e| failed(e.to_string()))
    }

    /// Reads every file again and compares.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn verify(&self, folder: &Path) -> Result<Vec<(FileEntry, Verdict)>, ModelError> {
        self.files
            .iter()
            .map(|file| Ok((file.clone(), file.verify(folder)?)))
            .collect()
    }
}

impl FileEntry {
    fn verify(&self, folder: &Path) -> Result<Verdict, ModelError> {
        if !plain(&self.name) {
            return Ok(Verdict::Missing);
        }
        let path = folder.join(&self.name);
        let bytes = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            _ => return Ok(Verdict::Missing),
        };
        if bytes != self.bytes {
            return Ok(Verdict::Size(bytes));
        }
        let found = sha256_of(&path)?;
        Ok(if found == self.sha256 {
            Verdict::Whole
        } else {
            Verdict::Content
        })
    }
}

/// SHA-256 of a file.
pub(super) fn sha256_of(path: &Path) -> Result<String, ModelError> {
    let mut hash = Sha256::new();
    feed(path, |bytes| hash.update(bytes))?;
    Ok(hex(&hash.finalize()))
}

/// Hands a file over in pieces.
pub(super) fn feed(path: &Path, mut take: impl FnMut(&[u8])) -> Result<(), ModelError> {
    let failed = |source| ModelError::File {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match reader.read(&mut buffer).map_err(failed)? {
            0 => return Ok(()),
            count => take(&buffer[..count]),
        }
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
