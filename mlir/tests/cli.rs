//! The program `npuc-mlir design`.

use std::path::Path;
use std::process::{Command, Output};

use npuc_mlir::aie::{context, parse};

fn design(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_npuc-mlir"))
        .arg("design")
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn an_overlay_is_printed_in_both_forms() {
    for (arguments, sign) in [
        (&["passthrough"][..], "\"aie.objectfifo\""),
        (&["passthrough", "--physical"], "\"aie.dma_bd\""),
    ] {
        let output = design(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let module = text(&output.stdout);
        assert!(module.contains(sign), "{module}");
        parse(&context(), &module).unwrap();
    }
}

#[test]
fn a_design_that_is_text_is_written_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("loudest.mlir");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../aie-src/loudest.design");
    let output = design(&[root.to_str().unwrap(), "-o", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let module = std::fs::read_to_string(out).unwrap();
    assert!(module.contains("link_with"), "{module}");
    parse(&context(), &module).unwrap();
}

#[test]
fn what_is_no_design_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.design");
    std::fs::write(&file, "design a {\n  fifo").unwrap();
    let output = design(&[file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert_eq!(design(&[file.to_str().unwrap()]).status.code(), Some(3));
    let output = design(&["pasthrough"]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.contains("did you mean `passthrough`?"), "{message}");
}
