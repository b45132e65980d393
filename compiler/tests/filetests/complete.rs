//! Every operation has a file that runs it, and every error of the verifier one that shows it.

use std::collections::BTreeSet;
use std::fs;

use npuc::kernel::read::{TextError, load, operations};

use super::{files, without_notes};

#[test]
fn every_operation_runs_in_some_file() {
    let mut words = BTreeSet::new();
    for file in files("run") {
        let text = fs::read_to_string(file).unwrap();
        for line in text.lines() {
            let code = line.split(';').next().unwrap_or_default();
            words.extend(code.split_whitespace().map(str::to_owned));
        }
    }
    let missing: Vec<String> = operations()
        .into_iter()
        .filter(|name| !words.contains(name))
        .collect();
    assert!(missing.is_empty(), "no file in run/ has {missing:?}");
}

/// Errors of functions that no text says: the reader does not make them. They have unit tests beside
/// the verifier.
const BY_HAND: [&str; 13] = [
    "DataBytes",
    "NoSuchValue",
    "DefinedTwice",
    "Undefined",
    "UsedBefore",
    "ResultCount",
    "ResultType",
    "LoopInit",
    "LoopType",
    "Nesting",
    "LaneOperands",
    "MaskWords",
    "NoUnsigned",
];

#[test]
fn every_error_of_the_verifier_stands_in_some_file() {
    let source = include_str!("../../../kernel/src/verify/error.rs");
    let rules = source.split_once("pub enum Rule {").unwrap().1;
    let rules = rules.split_once("\n}").unwrap().0;
    let variants = rules.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?;
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        let name = &name[..end.unwrap_or(name.len())];
        name.starts_with(|c: char| c.is_ascii_uppercase())
            .then(|| name.to_owned())
    });
    let mut missing: BTreeSet<String> = variants.collect();
    assert!(missing.len() > 40, "the variants are found: {missing:?}");
    for file in files("verify") {
        let text = without_notes(&fs::read_to_string(file).unwrap());
        if let Err(TextError::Verify(errors)) = load(&text) {
            for error in &errors.0 {
                let name = format!("{:?}", error.rule);
                missing.remove(name.split([' ', '{']).next().unwrap_or_default());
            }
        }
    }
    let expected: BTreeSet<String> = BY_HAND.into_iter().map(str::to_owned).collect();
    assert_eq!(missing, expected, "errors that no file in verify/ shows");
}
