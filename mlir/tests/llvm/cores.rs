//! Core programs of overlays, and the command that writes them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use inkwell::context::Context;
use npuc::kernels::cases::standard;
use npuc::overlays;
use npuc::tools::older_llvm::rewrite;
use npuc_mlir::llvm::{Space, core_modules, translate};

fn npuc_mlir(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_npuc-mlir"));
    command.args(args).env("NO_COLOR", "1").output().unwrap()
}

#[test]
fn a_core_program_waits_calls_and_releases() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let output = npuc_mlir(&["cores", "passthrough", "-o", path, "--peano"]);
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(folder.path().join("core_0_2.ll")).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn every_overlay_has_its_core_programs() {
    let context = Context::create();
    for overlay in overlays::standard().expect("described") {
        let source = overlay.source().unwrap();
        let workers: Vec<_> = source.design.workers.iter().map(|w| w.tile).collect();
        let cores = core_modules(&context, &source).unwrap();
        let mut tiles: Vec<_> = cores.iter().map(|core| core.tile).collect();
        tiles.sort();
        let mut expected = workers.clone();
        expected.sort();
        assert_eq!(tiles, expected, "{}", overlay.name);
        for core in cores {
            let entry = core.llvm.get_function(&core.symbol());
            assert!(entry.is_some_and(|f| f.count_basic_blocks() > 0));
        }
    }
}

#[test]
fn a_kernel_that_is_not_there_is_named() {
    let output = npuc_mlir(&["kernel", "sofmax"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r"
      × no kernel is called `sofmax`
      help: did you mean `softmax`?
    ");
}

#[test]
fn a_kernel_in_c_is_declared() {
    let design = Path::new(env!("CARGO_MANIFEST_DIR")).join("../aie-src/threshold.design");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let output = npuc_mlir(&["cores", design.to_str().unwrap(), "-o", path]);
    assert!(output.status.success(), "{output:?}");
    let files = std::fs::read_dir(folder.path()).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().filter(|line| line.contains("@threshold("));
        let kinds: Vec<&str> = lines
            .map(|l| l.trim_start().split(' ').next().unwrap())
            .collect();
        assert!(
            kinds.contains(&"declare") && kinds.contains(&"call"),
            "{text}"
        );
        assert!(!kinds.contains(&"define"), "{text}");
    }
}

/// LLVM's own program that reads LLVM IR, where the packages of LLVM have it.
fn opt() -> Option<PathBuf> {
    let prefix = std::env::var_os("LLVM_SYS_221_PREFIX")?;
    let opt = Path::new(&prefix).join("bin/opt");
    opt.exists().then_some(opt)
}

#[test]
fn the_text_for_peano_is_read_by_opt() {
    let Some(opt) = opt() else {
        println!("LLVM's opt is not installed: its reading of the text is left out");
        return;
    };
    // It only looks up the target, which LLVM 22 does not have.
    let folder = tempfile::tempdir().unwrap();
    let context = Context::create();
    for case in standard().unwrap() {
        let module = case.module().unwrap();
        let llvm = translate(&context, case.kernel, &module, &Space::Constants, &[]).unwrap();
        let path = folder.path().join("kernel.ll");
        std::fs::write(&path, rewrite(&llvm.print_to_string().to_string())).unwrap();
        let output = Command::new(&opt)
            .args(["-mtriple=x86_64", "-passes=verify", "-disable-output"])
            .arg(&path)
            .output()
            .unwrap();
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {says}", case.kernel);
    }
}
