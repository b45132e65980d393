//! Designs as text, with the files of their kernels beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Source;
use array::design::{Design, Kernel, Spot};
use array::place::{PlaceError, place};
use kernel::ir::Module;
use kernel::read;

/// A design that was read, with its kernels.
#[derive(Clone, Debug)]
pub struct UserDesign {
    /// The design, and the kernels that are kernel IR.
    pub source: Source,
    /// C++ files, name and content, for Peano; their kernels are in no module.
    pub cpp: Vec<(String, String)>,
}

/// Why a design is not read.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// A file is not accessible.
    #[error("{}: {source}{}", path.display(), named_by(.kernel))]
    Io {
        /// File.
        path: PathBuf,
        /// The kernel that is said to be in it.
        kernel: Option<String>,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}:{message}", path.display())]
    Text {
        /// File.
        path: PathBuf,
        /// What is wrong, beginning with the place.
        message: String,
    },
    /// Tiles that the design leaves open are not found.
    #[error("{}: {source}", path.display())]
    Place {
        /// Design.
        path: PathBuf,
        /// Why not.
        source: Box<PlaceError>,
    },
    /// A kernel that no file is named for.
    #[error(
        "{}: kernel `{kernel}` has no file\nhelp: write `from \"FILE\"` behind its parameters, with kernel IR (FILE.kir) or C++ (FILE.cc)",
        path.display()
    )]
    NoFile {
        /// Design.
        path: PathBuf,
        /// Kernel.
        kernel: String,
    },
    /// A kernel that is not in the file that is named for it.
    #[error(
        "{}: there is no kernel `{kernel}`\nhelp: {}",
        path.display(),
        match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the file has {known}"),
        }
    )]
    NotInFile {
        /// File of kernel IR.
        path: PathBuf,
        /// Kernel.
        kernel: String,
        /// Kernels that are there.
        known: String,
        /// The one that is nearest.
        nearest: Option<String>,
    },
    /// Two files have a function of the same name.
    #[error(
        "{}: `{name}` is in another file of this design too\nhelp: rename one of them",
        path.display()
    )]
    Twice {
        /// File of kernel IR.
        path: PathBuf,
        /// Function or constant data.
        name: String,
    },
}

fn named_by(kernel: &Option<String>) -> String {
    match kernel {
        Some(kernel) => format!(
            "\nhelp: the design says that kernel `{kernel}` is in this file, beside the design's"
        ),
        None => String::new(),
    }
}

/// Reads a design and the files of its kernels, and chooses the tiles that it leaves open. Whether it keeps the limits is left to the verifier.
///
/// # Errors
/// [`UserError`] with the file and the place in it.
pub fn load(path: &Path) -> Result<UserDesign, UserError> {
    let text = |path: &Path, kernel: Option<&Kernel>| {
        std::fs::read_to_string(path).map_err(|source| UserError::Io {
            path: path.to_owned(),
            kernel: kernel.map(|kernel| kernel.name.clone()),
            source,
        })
    };
    let open = text(path, None)?.parse::<Design<Spot>>();
    let open = open.map_err(|e| UserError::Text {
        path: path.to_owned(),
        message: e.to_string(),
    })?;
    let placed = place(open).map_err(|source| UserError::Place {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let design = placed.design;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut cpp: BTreeMap<String, String> = BTreeMap::new();
    let mut modules: BTreeMap<PathBuf, Module> = BTreeMap::new();
    for kernel in &design.kernels {
        let Some(file) = &kernel.file else {
            return Err(UserError::NoFile {
                path: path.to_owned(),
                kernel: kernel.name.clone(),
            });
        };
        let path = folder.join(file);
        if kernel.cpp().is_some() {
            if !cpp.contains_key(file) {
                cpp.insert(file.clone(), text(&path, Some(kernel))?);
            }
            continue;
        }
        if !modules.contains_key(&path) {
            let read = read::load(&text(&path, Some(kernel))?);
            let module = read.map_err(|e| UserError::Text {
                path: path.clone(),
                message: e.to_string(),
            })?;
            modules.insert(path.clone(), module.into_inner());
        }
        let funcs = modules.get(&path).map_or(&[][..], |module| &module.funcs);
        let names = || funcs.iter().map(|func| func.name.as_str());
        if !names().any(|name| name == kernel.name) {
            return Err(UserError::NotInFile {
                path,
                kernel: kernel.name.clone(),
                known: names().collect::<Vec<_>>().join(", "),
                nearest: crate::nearest(&kernel.name, names()),
            });
        }
    }
    let mut kernels = Module::default();
    for (path, module) in modules {
        let taken = |kernels: &Module, name: &str| {
            let data = kernels.data.iter().map(|data| data.name.as_str());
            let funcs = kernels.funcs.iter().map(|func| func.name.as_str());
            data.chain(funcs).any(|have| have == name)
        };
        let data = module.data.iter().map(|data| &data.name);
        let mut names = data.chain(module.funcs.iter().map(|func| &func.name));
        if let Some(name) = names.find(|name| taken(&kernels, name)).cloned() {
            return Err(UserError::Twice { path, name });
        }
        kernels.data.extend(module.data);
        kernels.funcs.extend(module.funcs);
    }
    Ok(UserDesign {
        source: Source { design, kernels }.with_meetings(),
        cpp: cpp.into_iter().collect(),
    })
}
