//! The dialects against modules that aie-opt wrote.

use std::path::{Path, PathBuf};

use npuc_mlir::aie::{context, generic, parse};

/// Folder of the reference's modules, one folder a design.
pub(super) fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// Text of a file of a golden.
pub(super) fn golden(name: &str, file: &str) -> String {
    let path = goldens().join(name).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every file of the goldens, as `design/file`.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in std::fs::read_dir(goldens()).expect("there are goldens") {
        let folder = folder.expect("a folder is listed").path();
        let name = folder.file_name().expect("a folder has a name");
        for file in std::fs::read_dir(&folder).expect("a golden is a folder") {
            let file = file.expect("a file is listed").file_name();
            files.push((
                name.to_string_lossy().into_owned(),
                file.to_string_lossy().into_owned(),
            ));
        }
    }
    files.sort();
    files
}

#[test]
fn what_aie_opt_wrote_verifies_and_round_trips() {
    let context = context();
    let files = files();
    assert!(files.len() > 30, "{}", files.len());
    for (name, file) in files {
        let text = golden(&name, &file);
        let module = parse(&context, &text).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        let printed = generic(&module);
        let again = parse(&context, &printed).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        assert_eq!(generic(&again), printed, "{name}/{file}");
        let pretty = module.as_operation().to_string();
        let again = parse(&context, &pretty).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        assert_eq!(generic(&again), printed, "{name}/{file}");
    }
}

/// The generic form of a golden is what we print after reading its other form.
#[test]
fn both_forms_mean_the_same() {
    let context = context();
    let mut compared = 0;
    for (name, file) in files() {
        let Some(other) = file.strip_suffix(".generic.mlir") else {
            continue;
        };
        let pretty = parse(&context, &golden(&name, &format!("{other}.mlir"))).unwrap();
        let generic_form = parse(&context, &golden(&name, &file)).unwrap();
        assert_eq!(generic(&pretty), generic(&generic_form), "{name}/{file}");
        assert_eq!(
            generic(&generic_form).trim(),
            golden(&name, &file).trim(),
            "{name}/{file}"
        );
        compared += 1;
    }
    assert_eq!(compared, 6);
}
