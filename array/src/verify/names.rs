//! Names: unique, well formed, and the nearest one to a name that does not exist.

use std::collections::BTreeSet;

use super::error::DesignError;
use crate::text::list;

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Checks that names are identifiers and that each occurs once.
pub(super) fn unique<'a>(
    singular: &'static str,
    plural: &'static str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), DesignError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !is_identifier(name) {
            return Err(DesignError::BadName {
                what: singular,
                name: name.to_string(),
            });
        }
        if !seen.insert(name) {
            return Err(DesignError::DuplicateName {
                what: plural,
                name: name.to_string(),
            });
        }
    }
    Ok(())
}

/// The error for a name that refers to nothing.
pub(super) fn unknown<'a>(
    user: impl Into<String>,
    what: &'static str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> DesignError {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = match kernel::nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known.is_empty() => format!("there is no {what} at all"),
        None => format!("there are {}", list(known)),
    };
    DesignError::UnknownName {
        user: user.into(),
        what,
        name: name.to_string(),
        hint,
    }
}
