//! The name that a misspelt one most likely stands for.

/// The candidate nearest to `name`, if it is near enough to be worth proposing; of equals the first.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let distances = candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(name, c), c));
    let best = distances.min_by_key(|(distance, _)| *distance)?;
    (best.0 <= limit).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn proposes_only_what_is_near() {
        assert_eq!(nearest("laod", ["store", "load"]), Some("load"));
        assert_eq!(nearest("srx", ["srs", "ups"]), Some("srs"));
        assert_eq!(nearest("frobnicate", ["store", "load"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
