//! Why a build fails.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::overlays::user::UserError;

/// An error of the build driver.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An overlay does not build.
    #[error("overlay `{overlay}`: {message}")]
    Overlay {
        /// Overlay.
        overlay: String,
        /// What is wrong with it.
        message: String,
    },
    /// A design that is text, or a file of its kernels, is not what it should be.
    #[error(transparent)]
    User(#[from] UserError),
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
}

impl BuildError {
    pub(super) fn overlay(overlay: &str, error: impl Display) -> Self {
        BuildError::Overlay {
            overlay: overlay.to_owned(),
            message: error.to_string(),
        }
    }

    pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        BuildError::Io {
            action,
            path,
            source,
        }
    }
}
