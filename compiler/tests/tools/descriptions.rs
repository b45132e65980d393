//! The files that describe a PDI and an XCLBIN to the tools, against those of mlir-aie.
//!
//! `goldens/` holds what mlir-aie 0a69477883ac (aiecc, npu1) writes for designs of four columns and of
//! one.

use std::path::PathBuf;

use npuc::package::spec;
use npuc::tools::{bootgen, xclbinutil};

fn golden(name: &str, file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tools/goldens");
    let path = folder.join(name).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The text with the digits of the UUID replaced: the reference's are random.
fn without_uuid(text: &str) -> String {
    let line = |line: &str| match line.split_once("\"uuid\": \"") {
        Some((before, _)) => format!("{before}\"uuid\""),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_description_for_bootgen() {
    let files = ["elfs", "init", "enable"].map(|part| format!("main_aie_cdo_{part}.bin"));
    let files = files.each_ref().map(String::as_str);
    assert_eq!(bootgen::bif(&files), golden("a_passthrough", "design.bif"));
}

#[test]
fn the_descriptions_for_xclbinutil() {
    for (columns, name) in [(4, "a_passthrough"), (1, "p_1col")] {
        let contents = spec(columns, vec![0; 16]).contents().expect("it is sound");
        for (file, text) in xclbinutil::descriptions(&contents, &["aie.pdi"]) {
            let theirs = golden(name, file);
            assert_eq!(without_uuid(&text), without_uuid(&theirs), "{name} {file}");
            assert!(text.ends_with("}\n") && theirs.ends_with("}\n"));
        }
        let uuid = xclbinutil::descriptions(&contents, &["aie.pdi"])[2]
            .1
            .clone();
        let (_, uuid) = uuid.split_once("\"uuid\": \"").expect("there is one");
        let uuid: Vec<usize> = uuid[..36].split('-').map(str::len).collect();
        assert_eq!(uuid, [8, 4, 4, 4, 12]);
    }
}
