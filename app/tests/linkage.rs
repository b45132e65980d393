//! What the command needs of the system it runs on.

use std::process::Command;

/// The C library and what belongs to it.
const SYSTEM: [&str; 8] = [
    "linux-vdso.so",
    "ld-linux-x86-64.so",
    "libc.so",
    "libm.so",
    "libdl.so",
    "libpthread.so",
    "librt.so",
    "libgcc_s.so",
];

#[test]
fn the_command_links_the_systems_c_libraries_only() {
    let ldd = Command::new("ldd")
        .arg(env!("CARGO_BIN_EXE_amanuensis"))
        .output();
    let output = ldd.expect("ldd is part of the C library");
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    assert!(output.status.success() && !text.is_empty());
    for line in text.lines() {
        let library = line.split_whitespace().next().unwrap_or_default();
        let name = library.rsplit('/').next().unwrap_or_default();
        let known = SYSTEM.iter().any(|system| name.starts_with(system));
        assert!(known, "{name} is not one of the system's C libraries");
    }
}
