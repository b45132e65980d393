//! The known name that a mistyped one is nearest to.

/// The candidate most like `name`, if one is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(name, c), c))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c.to_owned())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_typing_errors_and_nothing_else() {
        let names = ["passthrough", "scale_i16", "matmul_i8"];
        assert_eq!(nearest("matmul", names).as_deref(), Some("matmul_i8"));
        assert_eq!(nearest("pasthrough", names).as_deref(), Some("passthrough"));
        assert_eq!(nearest("xyz", names), None);
    }
}
