//! The overlays that are built, by name.
//!
//! - [`manifest`]: which there are, and with which parameters.
//! - [`gemm`], [`matmul_i8`], [`matmul_i8_4x4`], [`rows`], [`scale_i16`], `passthrough`: how they are made.
//! - [`trial`]: an overlay run on the emulator and held against what must come out.

use std::path::{Path, PathBuf};

use crate::kernels::KernelError;
use array::design::{Allocation, Design, Meets, Other};
use kernel::ir::Module;
use kernel::together::{Operand, together};

pub mod gemm;
pub mod manifest;
pub mod matmul_i8;
pub mod matmul_i8_4x4;
mod passthrough;
pub mod rows;
pub mod scale_i16;
pub mod trial;
pub mod user;

pub use manifest::{Family, Overlay, standard};

/// What an overlay is made from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Tiles, data movement, workers, sequences.
    pub design: Design,
    /// Functions that the workers call.
    pub kernels: Module,
}

impl Source {
    /// The same; a design that keeps operands apart is told which of them its kernels access together.
    pub fn with_meetings(mut self) -> Self {
        if self.design.memory == Allocation::InTurns {
            return self;
        }
        for kernel in &mut self.design.kernels {
            let found = together(&self.kernels, &kernel.name);
            let bank = |name: &str| self.kernels.data.iter().find(|d| d.name == name)?.bank;
            let meets = found.into_iter().filter_map(|(pair, cycles)| {
                let (param, other) = match pair {
                    [Operand::Param(a), Operand::Param(b)] => (a, Other::Param(b as u32)),
                    [Operand::Param(a), Operand::Data(name)] => (a, Other::Bank(bank(name)?)),
                    _ => return None,
                };
                let param = param as u32;
                Some(Meets {
                    param,
                    other,
                    cycles,
                })
            });
            let meets: Vec<Meets> = meets.collect();
            if !meets.is_empty() {
                kernel.meets = meets;
            }
        }
        self
    }
}

/// Why an overlay cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A parameter does not suit its kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A file of kernel IR is not accessible, or not what the overlay calls.
    #[error("{}: {message}", path.display())]
    File {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

impl SourceError {
    fn file(path: &Path, message: String) -> Self {
        let path = path.to_path_buf();
        SourceError::File { path, message }
    }
}

impl Overlay {
    /// Its design and kernels.
    ///
    /// # Errors
    /// [`SourceError`]: parameters that no kernel takes, files that are no kernels.
    pub fn source(&self) -> Result<Source, SourceError> {
        let source = match &self.family {
            Family::Passthrough => passthrough::source()?,
            Family::ScaleI16 => scale_i16::source()?,
            Family::MatmulI8 => matmul_i8::source()?,
            Family::MatmulI8Whole => matmul_i8_4x4::source()?,
            Family::Gemm(gemm) => gemm.source()?,
            Family::Rows(rows) => rows.source(&self.name)?,
            Family::Sum(sum) => sum.source(&self.name)?,
        };
        Ok(source.with_meetings())
    }
}

/// The overlay called `name` of the standard manifest.
///
/// # Errors
/// [`UnknownOverlay`], with the name that is nearest to it.
pub fn find(name: &str) -> Result<Overlay, UnknownOverlay> {
    find_in(&standard().unwrap_or_default(), name)
}

/// The overlay called `name` among some.
///
/// # Errors
/// [`UnknownOverlay`], with the name that is nearest to it.
pub fn find_in(overlays: &[Overlay], name: &str) -> Result<Overlay, UnknownOverlay> {
    let names = || overlays.iter().map(|o| o.name.as_str());
    let found = overlays.iter().find(|o| o.name == name);
    found.cloned().ok_or_else(|| UnknownOverlay {
        name: name.to_owned(),
        known: names().collect::<Vec<_>>().join(", "),
        nearest: crate::nearest(name, names()),
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
