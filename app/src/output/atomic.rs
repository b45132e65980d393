//! Files that are either as before or whole.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why an output was not written. What was there before is unchanged.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The folder cannot be made.
    #[error("cannot make the folder {folder}: {source}\nhelp: choose another --output-dir", folder = folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Writing failed, for example on a full disk.
    #[error("cannot write {path}: {source}\nhelp: {}", help_for(source), path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The standard output is gone or full.
    #[error(
        "cannot write to the standard output: {source}\nhelp: {}",
        help_for(source)
    )]
    Stdout {
        /// What the system said.
        source: std::io::Error,
    },
}

fn help_for(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | FileTooLarge | QuotaExceeded => {
            "make room, or write elsewhere; what was there before is unchanged"
        }
        PermissionDenied => "check the permissions of the folder, or write elsewhere",
        _ => "check the path, or write elsewhere",
    }
}

/// Replaces the content of `path` at once: the new content goes to a temporary file in the same
/// folder, reaches the disk, and takes the name over. A path that is no regular file, such as a
/// device or a pipe, is written to as it is.
///
/// # Errors
/// The folder cannot be made, or writing fails; no temporary file stays behind.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), OutputError> {
    let failed = |source| OutputError::Write {
        path: path.to_owned(),
        source,
    };
    let existing = std::fs::metadata(path).ok();
    if existing.as_ref().is_some_and(|m| !m.is_file()) {
        return File::options()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.flush()))
            .map_err(failed);
    }
    // A symbolic link stays one: the file it leads to is replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(|source| OutputError::Folder {
        folder: folder.to_owned(),
        source,
    })?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".amanuensis-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    if let Some(existing) = existing {
        file.as_file()
            .set_permissions(existing.permissions())
            .map_err(failed)?;
    }
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|e| failed(e.error))?;
    Ok(())
}
