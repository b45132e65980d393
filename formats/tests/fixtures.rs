//! Where the reference outputs are: a few small ones beside the tests, all of them in the folder
//! that `AMANUENSIS_GOLDENS` names.
//!
//! A golden is a folder with what the reference tools (mlir-aie, bootgen v2023.2, xclbinutil
//! 2.26) made of one design: `cdo_init.bin`, `cdo_enable.bin`, sometimes `cdo_elfs.bin`,
//! `design.pdi`, `insts.bin` and `design.xclbin`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// One design's reference outputs.
pub(crate) struct Golden {
    pub(crate) name: String,
    dir: PathBuf,
}

impl Golden {
    /// A file of the golden that must be there.
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        self.optional(name)
            .unwrap_or_else(|| panic!("golden {} has no {name}", self.name))
    }

    /// A file that only some goldens have.
    pub(crate) fn optional(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.dir.join(name)).ok()
    }
}

/// The goldens kept beside the tests and those of `AMANUENSIS_GOLDENS`.
pub(crate) fn goldens() -> Vec<Golden> {
    let mut all = golden_dirs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"));
    assert!(all.len() >= 4, "the fixtures in tests/data are missing");
    match std::env::var_os("AMANUENSIS_GOLDENS") {
        Some(dir) => {
            let more = golden_dirs(Path::new(&dir));
            assert!(!more.is_empty(), "AMANUENSIS_GOLDENS has no goldens");
            all.extend(more);
        }
        None => println!(
            "left out: the goldens other than tests/data (set AMANUENSIS_GOLDENS to their folder)"
        ),
    }
    all
}

/// All files beside the tests, of every format.
pub(crate) fn fixtures() -> &'static [Vec<u8>] {
    static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let dirs = golden_dirs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"));
        let mut paths: Vec<PathBuf> = dirs
            .iter()
            .flat_map(|golden| std::fs::read_dir(&golden.dir).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths.iter().map(|p| std::fs::read(p).unwrap()).collect()
    });
    &FILES
}

fn golden_dirs(dir: &Path) -> Vec<Golden> {
    let mut found: Vec<Golden> = std::fs::read_dir(dir)
        .unwrap_or_else(|e| panic!("cannot list {}: {e}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("design.pdi").is_file())
        .map(|dir| Golden {
            name: dir.file_name().unwrap().to_string_lossy().into_owned(),
            dir,
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}
