//! The README's examples: each runs on freshly built overlays and succeeds.

use std::path::{Path, PathBuf};
use std::process::Command;

use npuc::build::{Options, Silent, build_all};
use npuc::overlays;
use npuc::tools::Toolchain;

/// Builds every overlay into `folder`.
fn build(folder: &Path) {
    let options = Options {
        out: folder.to_path_buf(),
        cache: folder.join(".cache"),
        toolchain: Toolchain::builtin(),
    };
    build_all(&overlays::standard().expect("described"), &options, &Silent)
        .expect("the overlays build");
}

/// The example's program, which cargo builds beside the tests.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("deps is inside the profile's folder");
    let path = profile.join("examples").join(name);
    assert!(
        path.is_file(),
        "{} is missing; `cargo test --workspace` builds it",
        path.display()
    );
    path
}

/// Runs the example with the overlays in `kernels` and returns what it prints.
fn run(name: &str, kernels: &Path) -> String {
    let mut command = Command::new(program(name));
    let output = command
        .env("AMANUENSIS_KERNELS", kernels)
        .output()
        .expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{name} failed:\n{out}{err}");
    out
}

#[test]
fn every_example_succeeds() {
    if std::env::var_os("AMANUENSIS_ASSETS").is_none() {
        println!("AMANUENSIS_ASSETS is not set: the examples run on made-up data");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    build(folder.path());
    for (name, promise) in [
        ("passthrough", "came back identical"),
        ("scale_i16", "equal to the reference"),
        ("matmul_i8", "equal to the interpreter"),
        ("load_xclbin", "0 -> 0, 1 -> 1"),
        ("own_kernel", "equal to plain Rust"),
        ("chain", "ten runs in one submission"),
    ] {
        let out = run(name, folder.path());
        assert!(
            out.contains(promise),
            "{name} does not say `{promise}`:\n{out}"
        );
        assert!(
            out.contains("device emulator"),
            "{name} does not name the device:\n{out}"
        );
        println!("{out}");
    }
}

#[test]
fn an_example_without_overlays_says_how_to_build_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(program("passthrough"));
    let output = command
        .env("AMANUENSIS_KERNELS", folder.path())
        .output()
        .expect("it starts");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("cargo xtask build-kernels"), "{text}");
}
