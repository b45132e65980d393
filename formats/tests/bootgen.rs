//! Our PDIs are the bytes `bootgen` makes from the same CDO files. No field is excepted.

use std::path::Path;
use std::process::Command as Process;

use formats::cdo::{Cdo, Form};
use formats::pdi::Pdi;

use crate::fixtures::goldens;
use crate::random::Random;

const BIF: &str = "all:
{
  id_code = 0x14ca8093
  extended_id_code = 0x01
  image
  {
    name=aie_image, id=0x1c000000
    { type=cdo FILES }
  }
}
";

/// Whether the test can run. Without `bootgen` it says so; in CI, which installs it, it fails.
fn bootgen_is_there() -> bool {
    let there = Process::new("bootgen").arg("-help").output().is_ok();
    if !there {
        println!("left out: bootgen is not on PATH (package xilinx-bootgen)");
        assert!(
            std::env::var_os("CI").is_none(),
            "bootgen is not on PATH, and CI is set"
        );
    }
    there
}

/// What `bootgen` makes of the files.
fn bootgen(dir: &Path, files: &[Vec<u8>]) -> Vec<u8> {
    let mut list = Vec::new();
    for (index, bytes) in files.iter().enumerate() {
        let path = dir.join(format!("part{index}.bin"));
        std::fs::write(&path, bytes).unwrap();
        list.push(format!("file={}", path.display()));
    }
    let (bif, pdi) = (dir.join("design.bif"), dir.join("design.pdi"));
    std::fs::write(&bif, BIF.replace("FILES", &list.join(" "))).unwrap();
    let output = Process::new("bootgen")
        .args(["-arch", "versal", "-w", "-image"])
        .arg(&bif)
        .arg("-o")
        .arg(&pdi)
        .output()
        .unwrap();
    assert!(output.status.success(), "bootgen: {output:?}");
    std::fs::read(pdi).unwrap()
}

fn assert_same(name: &str, files: &[Vec<u8>]) {
    let dir = tempfile::tempdir().unwrap();
    let theirs = bootgen(dir.path(), files);
    let borrowed: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let ours = Pdi::build(&borrowed).unwrap().to_bytes();
    if let Some(at) = (0..ours.len().max(theirs.len())).find(|&i| ours.get(i) != theirs.get(i)) {
        panic!(
            "{name}: first difference at {at:#x} of {:#x} (bootgen {:#x}) bytes",
            ours.len(),
            theirs.len()
        );
    }
    assert!(Pdi::parse(&theirs).unwrap().to_bytes() == theirs);
}

#[test]
fn reference_designs() {
    if !bootgen_is_there() {
        return;
    }
    for golden in goldens() {
        let files: Vec<Vec<u8>> = ["cdo_elfs.bin", "cdo_init.bin", "cdo_enable.bin"]
            .iter()
            .filter_map(|f| golden.optional(f))
            .collect();
        assert_same(&golden.name, &files);
    }
}

#[test]
fn generated_files() {
    if !bootgen_is_there() {
        return;
    }
    for seed in 0..64 {
        let mut random = Random(seed);
        let files: Vec<Vec<u8>> = (0..1 + random.below(4))
            .map(|_| {
                let count = random.below(40);
                let cdo = Cdo::new((0..count).map(|_| random.command()).collect());
                match random.below(4) {
                    // bootgen refuses a file without commands; ours always begins with a NOP.
                    0 if count > 0 => cdo.encode(Form::Firmware),
                    _ => cdo.to_bytes(),
                }
            })
            .collect();
        assert_same(&format!("seed {seed}"), &files);
    }
}
