//! A program in C, compiled by the system's compiler against the header, runs the sample overlay.

use std::path::{Path, PathBuf};
use std::process::Command;

use fake_driver::sample;

/// Where cargo builds the library: beside this test.
fn folder() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    test.parent().expect("a folder").to_path_buf()
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

#[test]
fn a_c_program_runs_an_overlay() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work = tempfile::tempdir().expect("a temporary folder");
    let (xclbin, insts) = (
        work.path().join("sample.xclbin"),
        work.path().join("insts.bin"),
    );
    std::fs::write(&xclbin, sample::xclbin().expect("it builds")).expect("written");
    std::fs::write(&insts, sample::stream().expect("it builds")).expect("written");
    let program = work.path().join("program");
    let libraries = folder();
    run(Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(here.join("include"))
        .arg(here.join("tests/program.c"))
        .arg("-o")
        .arg(&program)
        .arg("-L")
        .arg(&libraries)
        .arg("-lamanuensis_runtime")
        .arg(format!("-Wl,-rpath,{}", libraries.display())));
    let said = run(Command::new(&program).args([&xclbin, &insts]));
    assert!(said.contains("512 bytes came back on emulator"), "{said}");
}
