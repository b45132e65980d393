//! The manifest: which overlays are built, and with which parameters.
//!
//! A TOML file with a table `[[overlay]]` for each: `name`, `about` in one line, and `design`, one of
//!
//! - `"passthrough"`, `"scale_i16"`, `"matmul_i8"`, `"matmul_i8_4x4"`: without parameters;
//! - `gemm = { product, tile, shapes }`: [`Gemm`], `product` one of `"int8"` and `"bf16"`, tile and shapes
//!   `[m, k, n]`;
//! - `rows = { kernel, columns, at_once, rows }`: [`Rows`], a kernel of every row; `kernel` is `"exp"`,
//!   `"gelu"`, `"silu"`, `"softmax"`, `scale_i16 = { factor, shift }`, or
//!   `file = { path, elem }`: kernel IR as text, at a path from the manifest;
//! - `sum = { addend, columns, rows }`: [`Sum`].

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::gemm::Gemm;
use super::rows::{RowKernel, Rows, Sum};

/// The manifest at the root of the sources, which is built where no other is named.
const STANDARD: &str = include_str!("../../../kernels.toml");

/// What an overlay is made by.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Bytes through one core and back.
    Passthrough,
    /// Samples times a factor on one core of each column.
    ScaleI16,
    /// An int8 product on one core of each column.
    MatmulI8,
    /// An int8 product on sixteen cores, 32-bit results.
    #[serde(rename = "matmul_i8_4x4")]
    MatmulI8Whole,
    /// A product on sixteen cores.
    Gemm(Gemm),
    /// A kernel of every row, on sixteen cores.
    Rows(Rows),
    /// The sum of all rows, on sixteen cores.
    Sum(Sum),
}

/// An overlay of a manifest.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Name: the argument of `build-kernels`, and the folder of the output.
    pub name: String,
    /// What it does, in one line.
    pub about: String,
    /// What it is made by.
    #[serde(rename = "design")]
    pub family: Family,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(default)]
    overlay: Vec<Overlay>,
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not TOML of this form.
    #[error("{0}")]
    Text(String),
    /// It names nothing to build.
    #[error("no overlay is there\nhelp: begin one with [[overlay]]")]
    Empty,
    /// A name is no folder's name.
    #[error("overlay name `{0}`\nhelp: use letters, digits and underscores, at most 64")]
    Name(String),
    /// A name is there twice.
    #[error("overlay `{0}` is there twice\nhelp: rename one of them")]
    Twice(String),
}

/// The overlays of the standard manifest.
///
/// # Errors
/// None but a fault of that file.
pub fn standard() -> Result<Vec<Overlay>, ManifestError> {
    parse(STANDARD, Path::new("."))
}

/// The overlays of a manifest; paths in it begin at `folder`.
///
/// # Errors
/// [`ManifestError`], with the line where it is about one.
pub fn parse(text: &str, folder: &Path) -> Result<Vec<Overlay>, ManifestError> {
    let manifest: Manifest =
        toml::from_str(text).map_err(|e| ManifestError::Text(e.to_string().trim_end().into()))?;
    let mut overlays = manifest.overlay;
    let mut names = BTreeSet::new();
    for overlay in &mut overlays {
        let name = &overlay.name;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(ManifestError::Name(name.clone()));
        }
        if !names.insert(name.clone()) {
            return Err(ManifestError::Twice(name.clone()));
        }
        match &mut overlay.family {
            Family::Gemm(gemm) => gemm.name = name.clone(),
            Family::Rows(Rows {
                kernel: RowKernel::File { path, .. },
                ..
            }) => *path = folder.join(&*path),
            _ => (),
        }
    }
    match overlays.is_empty() {
        true => Err(ManifestError::Empty),
        false => Ok(overlays),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(text: &str) -> String {
        let refused = parse(text, Path::new("here"));
        refused.expect_err("refused").to_string()
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let overlay = |name: &str, design: &str| {
            format!("[[overlay]]\nname = \"{name}\"\nabout = \"a\"\ndesign{design}\n")
        };
        let good = overlay("a", " = \"passthrough\"");
        insta::assert_snapshot!(
            [
                refuse(""),
                refuse("overlay = 3"),
                refuse(&overlay("a/b", " = \"passthrough\"")),
                refuse(&format!("{good}{good}")),
                refuse(&overlay("a", " = \"pasthrough\"")),
                refuse(&overlay(
                    "a",
                    ".gemm = { product = \"int8\", tile = [64, 64], shapes = [] }"
                )),
                refuse(&overlay(
                    "a",
                    ".rows = { kernel = \"softmax\", columns = -1, rows = [32] }"
                )),
                refuse(&overlay(
                    "a",
                    ".rows = { kernel = \"softmax\", columns = 32, rowz = [32] }"
                )),
            ]
            .join("\n\n")
        );
    }

    #[test]
    fn paths_begin_where_the_manifest_is() {
        let text = "[[overlay]]\nname = \"a\"\nabout = \"b\"\n\
                    design.rows = { kernel.file = { path = \"k.kir\", elem = \"bf16\" }, columns = 32, rows = [16] }";
        let overlays = parse(text, Path::new("here")).expect("parses");
        let Family::Rows(rows) = &overlays[0].family else {
            panic!("{overlays:?}")
        };
        let RowKernel::File { path, .. } = &rows.kernel else {
            panic!("{rows:?}")
        };
        assert_eq!(path, Path::new("here/k.kir"));
    }
}
