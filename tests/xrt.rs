//! XRT's own reader, as a program in C++ against Debian's `libxrt-dev`, on our xclbins.
//!
//! Debian 12 carries XRT 2.13, which is older than AIE_PARTITION (section 32): it does not see that
//! section, and sees the others.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

use formats::xclbin::{Contents, Xclbin};
use npuc::overlays::matmul_i8_4x4;

use crate::overlays::Files;

const HEADER: &str = "/usr/include/xrt/experimental/xrt_xclbin.h";

/// Whether the test can run. Without XRT it says so; in CI, which installs it, it fails.
fn xrt_is_there() -> bool {
    let there = Path::new(HEADER).is_file();
    if !there {
        println!("left out: XRT's headers are not there (packages libxrt-dev, uuid-dev, g++)");
        assert!(
            std::env::var_os("CI").is_none(),
            "{HEADER} is not there, and CI is set"
        );
    }
    there
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What the reader should see, told by our own.
fn expected(contents: &Contents) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for kernel in &contents.kernels {
        let _ = writeln!(out, "kernel {}", kernel.name);
        for a in &kernel.args {
            let _ = writeln!(
                out,
                "arg {} {} {}, {} bytes at {}",
                a.id, a.name, a.type_name, a.size, a.offset
            );
        }
        for ip in &contents.ips {
            let _ = writeln!(out, "unit {}", ip.name);
        }
    }
    for c in &contents.connections {
        let (ip, memory) = (&contents.ips[c.ip as usize], c.memory as usize);
        let tag = &contents.memories[memory].tag;
        let _ = writeln!(out, "{} arg {} in {tag}", ip.name, c.arg);
    }
    for memory in &contents.memories {
        let _ = writeln!(
            out,
            "memory {}, {} KiB at {}",
            memory.tag, memory.size_kib, memory.base_address
        );
    }
    out
}

#[test]
fn xrt_reads_our_xclbins() {
    if !xrt_is_there() {
        return;
    }
    let work = tempfile::tempdir().expect("a temporary folder");
    let reader = work.path().join("reader");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("xrt/reader.cpp");
    let compiled = Command::new("g++")
        .args(["-std=c++17", "-Wall", "-Wextra", "-I/usr/include/xrt", "-o"])
        .args([&reader, &source])
        .arg("-lxrt_coreutil")
        .output()
        .expect("g++ starts");
    assert!(compiled.status.success(), "{}", text(&compiled));
    for name in ["passthrough", matmul_i8_4x4::NAME] {
        let files = Files::of(name);
        let bytes = files.get(&format!("{name}.xclbin"));
        let path = work.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let read = Command::new(&reader).arg(&path).output().expect("starts");
        assert!(read.status.success(), "{name}: {}", text(&read));
        let contents = Contents::of(&Xclbin::parse(bytes).expect("ours")).expect("ours");
        assert_eq!(contents.kernels.len(), 1);
        let sections = [2, 6, 7, 8, 26, 27].map(|kind| format!("section {kind} read\n"));
        // A newer XRT reads the last one as well.
        let said = text(&read).replace("section 32 not read\n", "section 32 read\n");
        let wanted = expected(&contents) + &sections.concat() + "section 32 read\n";
        assert_eq!(said, wanted, "{name}");
    }
    let cut = work.path().join("cut");
    std::fs::write(&cut, b"xclbin").expect("written");
    let refused = Command::new(&reader).arg(&cut).output().expect("starts");
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
}
