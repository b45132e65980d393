//! Whether a model is still what was fetched.

use amanuensis::models::{FileEntry, Manifest, ModelError, Store, Verdict};
use std::fs;

fn manifest() -> Manifest {
    let file = |name: &str, bytes, sha256: &str| FileEntry {
        name: name.to_owned(),
        bytes,
        sha256: sha256.to_owned(),
    };
    Manifest {
        repository: "owner/model".into(),
        revision: "abc".into(),
        files: vec![
            // SHA-256 of "abc": FIPS 180-2, appendix B.1.
            file(
                "config.json",
                3,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            file(
                "../outside",
                3,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ],
    }
}

#[test]
fn every_kind_of_damage_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("model");
    fs::create_dir(&inner).unwrap();
    fs::write(folder.path().join("outside"), "abc").unwrap();
    let verdict = || manifest().verify(&inner).unwrap()[0].1.clone();
    assert_eq!(verdict(), Verdict::Missing);
    fs::write(inner.join("config.json"), "abcd").unwrap();
    assert_eq!(verdict(), Verdict::Size(4));
    fs::write(inner.join("config.json"), "abd").unwrap();
    assert_eq!(verdict(), Verdict::Content);
    fs::write(inner.join("config.json"), "abc").unwrap();
    assert_eq!(verdict(), Verdict::Whole);
    assert_eq!(manifest().verify(&inner).unwrap()[1].1, Verdict::Missing);
}

#[test]
fn manifests_survive_writing_and_reading() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Manifest::read(folder.path()).unwrap(), None);
    manifest().write(folder.path()).unwrap();
    assert_eq!(Manifest::read(folder.path()).unwrap(), Some(manifest()));
    fs::write(folder.path().join("amanuensis-model.json"), "{").unwrap();
    assert!(matches!(
        Manifest::read(folder.path()),
        Err(ModelError::Manifest { .. })
    ));
}

#[test]
fn models_are_found_by_path_and_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::locate(Some(folder.path())).unwrap();
    assert_eq!(store.list().unwrap(), [] as [String; 0]);
    let model = folder.path().join("tiny.en");
    fs::create_dir(&model).unwrap();
    fs::write(model.join("config.json"), "{}").unwrap();
    fs::create_dir(folder.path().join("no-model")).unwrap();
    assert_eq!(store.list().unwrap(), ["tiny.en"]);
    assert_eq!(store.find("tiny.en").unwrap(), model);
    assert_eq!(store.find(model.to_str().unwrap()).unwrap(), model);
    let error = store.find("base").unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(folder.path().to_str().unwrap(), "FOLDER"));
}
