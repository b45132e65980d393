//! Names of models and where they are.

/// A model known by a short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The short name.
    pub name: &'static str,
    /// The repository on the Hugging Face hub.
    pub repository: &'static str,
    /// Parameters in millions.
    pub megaparameters: u32,
}

/// OpenAI's checkpoints. Source of the sizes: openai/whisper README.md, "Available models and languages".
pub const KNOWN: [Known; 12] = [
    known("tiny", "openai/whisper-tiny", 39),
    known("tiny.en", "openai/whisper-tiny.en", 39),
    known("base", "openai/whisper-base", 74),
    known("base.en", "openai/whisper-base.en", 74),
    known("small", "openai/whisper-small", 244),
    known("small.en", "openai/whisper-small.en", 244),
    known("medium", "openai/whisper-medium", 769),
    known("medium.en", "openai/whisper-medium.en", 769),
    known("large", "openai/whisper-large", 1550),
    known("large-v2", "openai/whisper-large-v2", 1550),
    known("large-v3", "openai/whisper-large-v3", 1550),
    known("large-v3-turbo", "openai/whisper-large-v3-turbo", 809),
];

const fn known(name: &'static str, repository: &'static str, megaparameters: u32) -> Known {
    Known {
        name,
        repository,
        megaparameters,
    }
}

/// The repository of a name: a known short name, or `owner/name` as it is.
pub fn repository(name: &str) -> Option<&str> {
    if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
        return Some(known.repository);
    }
    let (owner, repository) = name.split_once('/')?;
    (plain(owner) && plain(repository)).then_some(name)
}

/// The folder a model lives in: its short name, or `owner--name`.
pub fn folder_name(name: &str) -> String {
    name.replace('/', "--")
}

/// Whether a text is a single harmless path component.
pub(super) fn plain(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_repositories() {
        assert_eq!(repository("tiny.en"), Some("openai/whisper-tiny.en"));
        assert_eq!(
            repository("distil-whisper/distil-small.en"),
            Some("distil-whisper/distil-small.en")
        );
        for wrong in ["huge", "", "/", "a/b/c", "../x", "a/..", "a/b?c", "a/ b"] {
            assert_eq!(repository(wrong), None, "{wrong:?}");
        }
    }
}
