//! How many words have to change.

use std::ops::AddAssign;

/// Substituted, missing and surplus words, of so many spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits {
    pub(super) edits: usize,
    pub(super) words: usize,
}

impl Edits {
    /// The fewest edits that make `heard` of `spoken` (Levenshtein, by words).
    pub(super) fn between(spoken: &str, heard: &str) -> Self {
        let spoken: Vec<&str> = spoken.split_whitespace().collect();
        let mut costs: Vec<usize> = (0..=spoken.len()).collect();
        for word in heard.split_whitespace() {
            let mut diagonal = costs[0];
            costs[0] += 1;
            for (i, other) in spoken.iter().enumerate() {
                let change = diagonal + usize::from(word != *other);
                diagonal = costs[i + 1];
                costs[i + 1] = change.min(diagonal + 1).min(costs[i] + 1);
            }
        }
        Edits {
            edits: costs[spoken.len()],
            words: spoken.len(),
        }
    }

    /// Edits for a hundred words.
    pub(super) fn percent(&self) -> f64 {
        100.0 * self.edits as f64 / self.words.max(1) as f64
    }
}

impl AddAssign for Edits {
    fn add_assign(&mut self, other: Edits) {
        self.edits += other.edits;
        self.words += other.words;
    }
}

#[cfg(test)]
mod tests {
    use super::Edits;

    #[test]
    fn words_are_changed_left_out_and_added() {
        let edits = |spoken, heard| Edits::between(spoken, heard).edits;
        assert_eq!(edits("a b c", "a b c"), 0);
        assert_eq!(edits("a b c", "a x c"), 1);
        assert_eq!(edits("a b c", "b c"), 1);
        assert_eq!(edits("a b c", "x a b c d"), 2);
        assert_eq!(edits("a b c", ""), 3);
        assert_eq!(edits("", "a b"), 2);
        assert_eq!(Edits::between("a b c d", "a b").percent(), 50.0);
    }
}
