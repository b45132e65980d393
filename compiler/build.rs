//! Digest of the sources that decide what the compiler writes, as `NPUC_SOURCE_DIGEST`.
//!
//! It is part of every cache key: a changed compiler never serves what an older one built.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

const SOURCES: &[&str] = &[
    "src",
    "../aie2/src",
    "../array/src",
    "../kernel/src",
    "../arch/build.rs",
    "../arch/data",
    "../arch/src",
    "../formats/src",
    "../Cargo.lock",
];

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
        collect(&root.join(source), &mut files);
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let Ok(bytes) = fs::read(&file) else { continue };
        let name = file
            .strip_prefix(&root)
            .unwrap_or(&file)
            .to_string_lossy()
            .into_owned();
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name.as_bytes());
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(&bytes);
    }
    let hex: String = digest
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    println!("cargo:rustc-env=NPUC_SOURCE_DIGEST={hex}");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), files);
        }
    } else {
        files.push(path.to_path_buf());
    }
}
