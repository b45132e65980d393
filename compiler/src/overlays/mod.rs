//! The overlays that `build-kernels` builds, by name.

use crate::array::design::Design;
use crate::kernel::ir::Module;
use crate::kernels::KernelError;

pub mod gemm;
pub mod matmul_i8;
pub mod matmul_i8_4x4;
mod passthrough;
pub mod rows;
pub mod scale_i16;
pub mod user;

/// An overlay: a name, and how its design and kernels come about.
#[derive(Clone, Copy, Debug)]
pub struct Overlay {
    /// Name: the argument of `build-kernels`, and the folder of the output.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Describes it.
    pub source: fn() -> Result<Source, KernelError>,
}

/// What an overlay is made from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Tiles, data movement, workers, sequences.
    pub design: Design,
    /// Functions that the workers call.
    pub kernels: Module,
}

/// Every overlay, in the order of the report.
pub const ALL: &[Overlay] = &[
    passthrough::OVERLAY,
    scale_i16::OVERLAY,
    matmul_i8::OVERLAY,
    matmul_i8_4x4::OVERLAY,
    gemm::OVERLAYS[0],
    gemm::OVERLAYS[1],
    gemm::OVERLAYS[2],
    gemm::OVERLAYS[3],
    rows::OVERLAYS[0],
    rows::OVERLAYS[1],
];

/// The overlay called `name`.
///
/// # Errors
/// [`UnknownOverlay`], with the name that is nearest to it.
pub fn find(name: &str) -> Result<Overlay, UnknownOverlay> {
    ALL.iter()
        .find(|o| o.name == name)
        .copied()
        .ok_or_else(|| UnknownOverlay {
            name: name.to_owned(),
            known: ALL.iter().map(|o| o.name).collect::<Vec<_>>().join(", "),
            nearest: crate::nearest(name, ALL.iter().map(|o| o.name)),
        })
}

/// No overlay has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown overlay `{name}`\nhelp: {}", help(.known, .nearest.as_deref()))]
pub struct UnknownOverlay {
    /// Name asked for.
    pub name: String,
    /// Names that exist.
    pub known: String,
    /// The one that is nearest, where one is near.
    pub nearest: Option<String>,
}

fn help(known: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`? There are {known}"),
        None => format!("there are {known}"),
    }
}
