//! Kernels that users bring: the worked examples in `aie-src/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Bench, Outcome, on_path, str};

pub(super) fn example(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../aie-src");
    std::path::absolute(folder.join(file)).expect("a path")
}

/// Samples of both signs, extreme ones among them.
pub(super) fn samples(seed: u32) -> Vec<i16> {
    let mut state = seed;
    let mut samples: Vec<i16> = (0..4096)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 >> (state % 9)
        })
        .collect();
    samples[..4].copy_from_slice(&[i16::MIN, i16::MAX, 0, -1]);
    samples
}

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

/// Runs the built design `name` on the emulator and returns its last argument.
pub(super) fn run(bench: &Bench, name: &str, inputs: &[&[i16]]) -> Vec<i16> {
    let mut args: Vec<String> = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let path = bench.write(&format!("in{index}.bin"), &bytes(input));
        args.extend(["--arg".to_owned(), format!("in:{}", path.display())]);
    }
    let out = bench.path("result.bin");
    let size = 2 * inputs[0].len();
    args.extend(["--arg".to_owned(), format!("out:{}:{size}", out.display())]);
    let folder = bench.out(name);
    let output = Command::new(env!("CARGO_BIN_EXE_npuc"))
        .arg("run")
        .arg(folder.join(format!("{name}.xclbin")))
        .arg("--insts")
        .arg(folder.join("insts_main.bin"))
        .args(&args)
        .output()
        .expect("npuc starts");
    Outcome::of(&output).worked();
    let bytes = std::fs::read(out).expect("the run wrote it");
    let (words, _) = bytes.as_chunks::<2>();
    words.iter().map(|word| i16::from_le_bytes(*word)).collect()
}

pub(super) fn louder(left: &[i16], right: &[i16]) -> Vec<i16> {
    left.iter().zip(right).map(|(l, r)| *l.max(r)).collect()
}

#[test]
fn kernel_ir_text_from_the_design_to_the_result() {
    let bench = Bench::new();
    let design = example("loudest.design");
    bench.build(&[str(&design)]).worked();
    let (left, right) = (samples(1), samples(2));
    assert_eq!(
        run(&bench, "loudest", &[&left, &right]),
        louder(&left, &right)
    );
    let again = bench.build(&[str(&design)]).worked();
    assert!(again.out.contains("cached"), "{}", again.out);
}

#[test]
fn a_kernel_in_cpp_is_refused_without_peano() {
    let bench = Bench::new();
    let design = example("threshold.design");
    bench.build(&[str(&design)]).failed(&[
        "overlay `threshold`: kernel `threshold` is C++ (threshold.cc), which the built-in back end does not compile",
        "--cores peano compiles it where Peano is installed",
    ]);
    let gone = bench.path("gone");
    let npuc_mlir = bench.write("npuc-mlir", b"#!/bin/sh\necho npuc-mlir 0.1.0\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&npuc_mlir, mode).expect("ours");
    let args = [
        "--cores",
        "peano",
        "--peano",
        str(&gone),
        "--npuc-mlir",
        str(&npuc_mlir),
    ];
    bench
        .build(&[&[str(&design)], &args[..]].concat())
        .failed(&[
            "opt is needed for `--cores peano`, and is not there: --peano leads to",
            "help: install Peano",
        ]);
    assert_eq!(bench.built(), [""; 0]);
}

/// The kernel in C++ does what its comment says, on this machine's own processor.
#[test]
fn the_kernel_in_cpp_on_this_machine() {
    if !on_path("g++", "g++") {
        return;
    }
    let bench = Bench::new();
    let driver = "#include <cstdint>\n#include <cstdio>\n\
        extern \"C\" void threshold(const int16_t *, int16_t *, int32_t);\n\
        int16_t in[1024], out[1024];\n\
        int main() { if (fread(in, 2, 1024, stdin) != 1024) return 1;\n\
        threshold(in, out, 256); return fwrite(out, 2, 1024, stdout) != 1024; }\n";
    let driver = bench.write("driver.cc", driver.as_bytes());
    let program = bench.path("driver");
    let compiled = Command::new("g++")
        .args(["-std=c++20", "-Wall", "-Werror", "-o"])
        .args([&program, &driver, &example("threshold.cc")])
        .output()
        .expect("g++ starts");
    assert!(compiled.status.success(), "{compiled:?}");
    let input = &samples(3)[..1024];
    let file = bench.write("in.bin", &bytes(input));
    let ran = Command::new(program)
        .stdin(std::fs::File::open(file).expect("written"))
        .output()
        .expect("it starts");
    let keep = |s: &i16| if i32::from(*s).abs() > 256 { *s } else { 0 };
    assert_eq!(
        ran.stdout,
        bytes(&input.iter().map(keep).collect::<Vec<_>>())
    );
}

#[test]
fn files_of_a_design_that_are_not_what_they_should_be() {
    let bench = Bench::new();
    let good = std::fs::read_to_string(example("loudest.design")).expect("there");
    let kernel = std::fs::read_to_string(example("loudest.kir")).expect("there");
    let path = bench.path("loudest.design");
    let refuse = |design: &str, kernel: Option<&str>, says: &[&str]| {
        bench.write("loudest.design", design.as_bytes());
        let _ = std::fs::remove_file(bench.path("loudest.kir"));
        if let Some(kernel) = kernel {
            bench.write("loudest.kir", kernel.as_bytes());
        }
        let outcome = bench.build(&[str(&path)]);
        assert_eq!(outcome.code, Some(3), "{}", outcome.err);
        for text in says {
            assert!(
                outcome.err.contains(text),
                "`{text}` is missing: {}",
                outcome.err
            );
        }
    };
    refuse(
        &good,
        None,
        &[
            "loudest.kir: No such file",
            "kernel `loudest` is in this file",
        ],
    );
    let renamed = kernel.replace("@loudest", "@laudest");
    refuse(
        &good,
        Some(&renamed),
        &["there is no kernel `loudest`", "did you mean `laudest`?"],
    );
    refuse(
        &good,
        Some("kernel @loudest( {"),
        &["loudest.kir:1:18: found `{`"],
    );
    let bare = good.replace(" from \"loudest.kir\"", "");
    refuse(
        &bare,
        Some(&kernel),
        &["kernel `loudest` has no file", "write `from \"FILE\"`"],
    );
    let elsewhere = good.replace("\"loudest.kir\"", "\"../loudest.kir\"");
    refuse(
        &elsewhere,
        Some(&kernel),
        &["expected the name of a file beside this one"],
    );
    let missing = bench.path("nothing.design");
    let outcome = bench.build(&[str(&missing)]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.err);
    assert_eq!(bench.built(), [""; 0]);
}
