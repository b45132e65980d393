//! `--pdi bootgen` and `--xclbin xclbinutil`.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use npuc::tools::bootgen;

use super::stand_in::{Answer, Expect};
use super::{Bench, on_path, str};

const BOOTGEN: &str = "\n\n****** Xilinx Bootgen v2023.2\n  **** Build date : Oct 10 2023-10:00:00";
const XCLBINUTIL: &str = "       XRT Build Version: 2.26.0\n       Build Version Branch: master";

/// A bench with `passthrough` built by npuc alone in `out`, whose files the stand-ins then answer
/// with, and the output away again.
fn bench() -> (Bench, impl Fn(&str) -> Vec<u8>) {
    let bench = Bench::new();
    bench.build(&["passthrough"]).worked();
    std::fs::rename(bench.path("out"), bench.path("builtin")).expect("it moves");
    let folder = bench.path("builtin/passthrough");
    let read = move |file: &str| std::fs::read(folder.join(file)).expect("built");
    (bench, read)
}

fn cdos(read: &impl Fn(&str) -> Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let files = ["elfs", "init", "enable"].map(|part| format!("cdo_{part}.bin"));
    files.map(|file| (file.clone(), read(&file))).to_vec()
}

fn bootgen_call(read: &impl Fn(&str) -> Vec<u8>) -> Expect {
    let mut inputs = cdos(read);
    let names: Vec<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
    let bif = bootgen::bif(&names).into_bytes();
    inputs.push(("design.bif".to_owned(), bif));
    Expect {
        args: "-arch versal -image design.bif -o passthrough.pdi -w".to_owned(),
        inputs,
        outputs: vec![("passthrough.pdi".to_owned(), read("passthrough.pdi"))],
    }
}

fn with_bootgen(answer: Answer) -> (Bench, String) {
    let (bench, read) = bench();
    let call = bootgen_call(&read);
    let suite = bench.stand_in("xilinx", "bootgen", BOOTGEN, &[call], answer);
    let program = str(&suite.join("bin/bootgen")).to_owned();
    (bench, program)
}

#[test]
fn bootgen_of_this_system_makes_the_bytes_that_npuc_makes() {
    if !on_path("bootgen", "xilinx-bootgen") {
        return;
    }
    let (bench, builtin) = bench();
    let built = bench.build(&["passthrough", "--pdi", "bootgen"]).worked();
    for text in [
        "packing the PDI",
        "bootgen 20",
        "the bytes that npuc writes",
    ] {
        assert!(built.out.contains(text), "`{text}`: {}", built.out);
    }
    for file in ["passthrough.pdi", "passthrough.xclbin"] {
        assert!(
            bench.read(&format!("passthrough/{file}")) == builtin(file),
            "{file}"
        );
    }
    assert_eq!(bench.built(), ["passthrough"]);
    let report = String::from_utf8(bench.read("passthrough/report.json")).expect("UTF-8");
    assert!(report.contains("\"name\": \"bootgen\""), "{report}");

    // The script beside the output does the same again.
    let pdi = bench.out("passthrough/passthrough.pdi");
    std::fs::remove_file(&pdi).expect("it was there");
    let script = bench.out("passthrough/bootgen.sh");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let status = Command::new(&script).output().expect("it starts").status;
    assert!(status.success());
    assert!(bench.read("passthrough/passthrough.pdi") == builtin("passthrough.pdi"));
}

#[test]
fn a_stand_in_for_bootgen_gets_exactly_what_the_reference_gives_it() {
    let (bench, program) = with_bootgen(Answer::Works);
    let args = ["passthrough", "--pdi", "bootgen", "--bootgen", &program];
    let built = bench.build(&args).worked();
    assert!(built.err.is_empty(), "{}", built.err);
    assert!(built.out.contains("bootgen 2023.2"), "{}", built.out);
    let again = bench.build(&args).worked();
    assert!(again.out.contains("cached"), "{}", again.out);
    // Another bootgen is another build.
    let mut script = std::fs::read(&program).expect("written");
    script.extend(b"# another\n");
    std::fs::write(&program, script).expect("written");
    let again = bench.build(&args).worked();
    assert!(again.out.contains("built"), "{}", again.out);
}

#[test]
fn what_bootgen_says_is_told_with_the_command_and_a_hint() {
    let words = "[ERROR]  : Checksum mismatch in the CDO header";
    let (bench, program) = with_bootgen(Answer::Fails(words));
    let args = ["passthrough", "--pdi", "bootgen", "--bootgen", &program];
    let script = bench.out("passthrough.failed/bootgen.sh");
    let failed = bench.build(&args).failed(&[
        "overlay `passthrough`: packing the PDI: bootgen ended with code 1",
        words,
        "&& ",
        "-arch versal -image design.bif -o passthrough.pdi -w",
        "a file was damaged on its way",
        "bootgen.sh repeats it",
    ]);
    assert!(failed.out.is_empty(), "{}", failed.out);
    assert_eq!(bench.built(), ["passthrough.failed"]);
    let half = bench.out("passthrough.failed/passthrough.pdi");
    assert!(!half.exists(), "what it half wrote is gone");
    let repeated = Command::new(&script).output().expect("it starts");
    assert_eq!(repeated.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&repeated.stderr).contains(words));

    // A build that works takes the remains away.
    bench.build(&["passthrough"]).worked();
    assert_eq!(bench.built(), ["passthrough"]);
}

#[test]
fn a_bootgen_that_hangs_is_stopped_and_named() {
    let (bench, program) = with_bootgen(Answer::Hangs);
    let args = ["passthrough", "--pdi", "bootgen", "--bootgen", &program];
    let args = [&args[..], &["--tool-timeout", "1"]].concat();
    bench.build(&args).failed(&[
        "packing the PDI: bootgen was stopped: it did not end within its time limit of 1 s",
        "--tool-timeout SECONDS",
    ]);
    assert!(!bench.out("passthrough.failed/passthrough.pdi").exists());
}

#[test]
fn answers_of_bootgen_that_cannot_be_used() {
    let (bench, program) = with_bootgen(Answer::Garbage);
    let args = ["passthrough", "--pdi", "bootgen", "--bootgen", &program];
    bench.build(&args).failed(&[
        "packing the PDI: bootgen wrote `passthrough.pdi`, which is not usable",
        "bootgen.sh repeats it",
    ]);
    let (bench, program) = with_bootgen(Answer::Nothing);
    let args = ["passthrough", "--pdi", "bootgen", "--bootgen", &program];
    bench
        .build(&args)
        .failed(&["all is well, but the file is not there or empty"]);
    let (bench, program) = with_bootgen(Answer::Crashes);
    let args = ["passthrough", "--pdi", "bootgen", "--bootgen", &program];
    bench
        .build(&args)
        .failed(&["bootgen was ended by signal 11", "the tool crashed"]);
    assert_eq!(bench.built(), ["passthrough.failed"]);
}

#[test]
fn a_tool_that_is_not_there_and_one_of_another_version() {
    let (bench, read) = bench();
    let nowhere = bench.path("nowhere/bootgen");
    let args = [
        "passthrough",
        "--pdi",
        "bootgen",
        "--bootgen",
        str(&nowhere),
    ];
    bench.build(&args).failed(&[
        "bootgen is needed for `--pdi bootgen`, and is not there: --bootgen leads to",
        "which is no file",
        "help: install bootgen (Debian: xilinx-bootgen)",
    ]);
    assert_eq!(bench.built(), [""; 0]);
    let old = "****** Xilinx Bootgen v2019.1";
    let suite = bench.stand_in(
        "xilinx",
        "bootgen",
        old,
        &[bootgen_call(&read)],
        Answer::Works,
    );
    let program = suite.join("bin/bootgen");
    let args = [
        "passthrough",
        "--pdi",
        "bootgen",
        "--bootgen",
        str(&program),
    ];
    let built = bench.build(&args).worked();
    for text in [
        "warning: bootgen is 2019.1; known to be good is 2022.2",
        "or 2023.2",
    ] {
        assert!(built.err.contains(text), "{}", built.err);
    }
}

fn xclbinutil_call(read: &impl Fn(&str) -> Vec<u8>, pdi: Vec<u8>) -> Expect {
    let contents = npuc::package::spec(4, pdi.clone())
        .contents()
        .expect("sound");
    let descriptions = npuc::tools::xclbinutil::descriptions(&contents, &["passthrough.pdi"]);
    let mut inputs: Vec<(String, Vec<u8>)> = descriptions
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .to_vec();
    inputs.push(("passthrough.pdi".to_owned(), pdi));
    Expect {
        args:
            "--add-replace-section MEM_TOPOLOGY:JSON:mem_topology.json --add-kernel kernels.json \
               --add-replace-section AIE_PARTITION:JSON:aie_partition.json --force --output \
               passthrough.xclbin"
                .to_owned(),
        inputs,
        outputs: vec![("passthrough.xclbin".to_owned(), read("passthrough.xclbin"))],
    }
}

#[test]
fn a_stand_in_for_xclbinutil_gets_exactly_what_the_reference_gives_it() {
    let (bench, read) = bench();
    let call = xclbinutil_call(&read, read("passthrough.pdi"));
    let xrt = bench.stand_in("xrt", "xclbinutil", XCLBINUTIL, &[call], Answer::Works);
    let args = ["passthrough", "--xclbin", "xclbinutil", "--xrt", str(&xrt)];
    let built = bench.build(&args).worked();
    assert!(built.err.is_empty(), "{}", built.err);
    assert!(built.out.contains("xclbinutil 2.26.0"), "{}", built.out);
    assert!(bench.read("passthrough/passthrough.xclbin") == read("passthrough.xclbin"));
}

#[test]
fn answers_of_xclbinutil_that_cannot_be_used() {
    let (bench, read) = bench();
    let call = xclbinutil_call(&read, read("passthrough.pdi"));
    let build = |answer, call: &Expect, says: &[&str]| {
        let call = std::slice::from_ref(call);
        let xrt = bench.stand_in("xrt", "xclbinutil", XCLBINUTIL, call, answer);
        let args = ["passthrough", "--xclbin", "xclbinutil", "--xrt", str(&xrt)];
        bench.build(&args).failed(says);
        assert_eq!(bench.built(), ["passthrough.failed"]);
    };
    let unusable = "packing the XCLBIN: xclbinutil wrote `passthrough.xclbin`, which is not usable";
    build(Answer::Garbage, &call, &[unusable]);
    let words = "ERROR: Section AIE_PARTITION does not support the JSON format";
    build(
        Answer::Fails(words),
        &call,
        &[words, "xclbinutil ended with code 1"],
    );
    // One that packs what lay around instead of what it was given.
    let mut other = read("passthrough.xclbin");
    let pdi = read("passthrough.pdi");
    let place = other
        .windows(64)
        .position(|w| w == &pdi[..64])
        .expect("inside");
    other[place + pdi.len() - 1] ^= 1;
    let mut swapped = call.clone();
    swapped.outputs[0].1 = other;
    build(
        Answer::Works,
        &swapped,
        &[unusable, "does not hold the PDI that was given"],
    );
}
