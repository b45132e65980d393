//! Where tools of other projects are: by flag, by environment, on PATH.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::ToolError;
use super::version;

/// A tool of another project, or the program that links LLVM for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// LLVM's optimizer, of Peano.
    Opt,
    /// LLVM's code generator, of Peano.
    Llc,
    /// The C++ compiler, of Peano; it also starts the linker.
    Clang,
    /// The linker, of Peano.
    Lld,
    /// Passes over MLIR-AIE.
    AieOpt,
    /// MLIR-AIE to LLVM IR, CDO, linker scripts, instruction streams.
    AieTranslate,
    /// The driver of mlir-aie, in C++.
    Aiecc,
    /// CDO to PDI.
    Bootgen,
    /// PDI to XCLBIN.
    Xclbinutil,
    /// Designs to MLIR-AIE and kernel IR to LLVM IR; a part of this project that links LLVM.
    NpucMlir,
}

/// What tools come together in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// llvm-aie.
    Peano,
    /// mlir-aie.
    MlirAie,
    /// bootgen by itself.
    Bootgen,
    /// XRT.
    Xrt,
    /// This project.
    Own,
}

impl Tool {
    /// Every tool, in the order of tables.
    pub const ALL: [Tool; 10] = [
        Tool::NpucMlir,
        Tool::Opt,
        Tool::Llc,
        Tool::Clang,
        Tool::Lld,
        Tool::AieOpt,
        Tool::AieTranslate,
        Tool::Aiecc,
        Tool::Bootgen,
        Tool::Xclbinutil,
    ];

    /// Name of the program.
    pub const fn name(self) -> &'static str {
        match self {
            Tool::Opt => "opt",
            Tool::Llc => "llc",
            Tool::Clang => "clang",
            Tool::Lld => "ld.lld",
            Tool::AieOpt => "aie-opt",
            Tool::AieTranslate => "aie-translate",
            Tool::Aiecc => "aiecc",
            Tool::Bootgen => "bootgen",
            Tool::Xclbinutil => "xclbinutil",
            Tool::NpucMlir => "npuc-mlir",
        }
    }

    /// What it comes in.
    pub const fn suite(self) -> Suite {
        match self {
            Tool::Opt | Tool::Llc | Tool::Clang | Tool::Lld => Suite::Peano,
            Tool::AieOpt | Tool::AieTranslate | Tool::Aiecc => Suite::MlirAie,
            Tool::Bootgen => Suite::Bootgen,
            Tool::Xclbinutil => Suite::Xrt,
            Tool::NpucMlir => Suite::Own,
        }
    }
}

impl Suite {
    /// Variable of the environment that names its folder, or the program itself.
    pub const fn variable(self) -> Option<&'static str> {
        match self {
            Suite::Peano => Some("PEANO_INSTALL_DIR"),
            Suite::MlirAie => Some("MLIR_AIE_INSTALL_DIR"),
            Suite::Xrt => Some("XILINX_XRT"),
            Suite::Own => Some("NPUC_MLIR"),
            Suite::Bootgen => None,
        }
    }

    /// Flag of the command line that does.
    pub const fn flag(self) -> &'static str {
        match self {
            Suite::Peano => "--peano",
            Suite::MlirAie => "--mlir-aie",
            Suite::Xrt => "--xrt",
            Suite::Own => "--npuc-mlir",
            Suite::Bootgen => "--bootgen",
        }
    }

    /// Whether flag and variable name the program and not the folder that has it in `bin`.
    const fn is_one_program(self) -> bool {
        matches!(self, Suite::Own | Suite::Bootgen)
    }

    /// Where it comes from, and how to say where it is.
    pub const fn help(self) -> &'static str {
        match self {
            Suite::Peano => {
                "install Peano (the llvm-aie wheel of github.com/Xilinx/llvm-aie, nightly) and give its folder with --peano or PEANO_INSTALL_DIR; `--cores builtin` needs no tool"
            }
            Suite::MlirAie => {
                "install mlir-aie (the mlir_aie wheel of github.com/Xilinx/mlir-aie) and give its folder with --mlir-aie or MLIR_AIE_INSTALL_DIR; `--array builtin` needs no tool"
            }
            Suite::Bootgen => {
                "install bootgen (Debian: xilinx-bootgen) or give it with --bootgen; `--pdi builtin` needs no tool"
            }
            Suite::Xrt => {
                "install XRT and give its folder with --xrt or XILINX_XRT; `--xclbin builtin` needs no tool"
            }
            Suite::Own => {
                "build it with `cargo build --release -p npuc-mlir`, which needs LLVM 22, and give it with --npuc-mlir or NPUC_MLIR"
            }
        }
    }
}

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// What flags say.
    pub flags: Flags,
    /// What the environment says.
    pub environment: Vec<(&'static str, OsString)>,
    /// Folders of PATH.
    pub path: Vec<PathBuf>,
    /// Folder of the running program.
    pub beside: Option<PathBuf>,
}

/// Places that flags name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Folder of Peano.
    pub peano: Option<PathBuf>,
    /// Folder of mlir-aie.
    pub mlir_aie: Option<PathBuf>,
    /// Folder of XRT.
    pub xrt: Option<PathBuf>,
    /// bootgen itself.
    pub bootgen: Option<PathBuf>,
    /// npuc-mlir itself.
    pub npuc_mlir: Option<PathBuf>,
}

impl Flags {
    fn of(&self, suite: Suite) -> Option<&PathBuf> {
        match suite {
            Suite::Peano => self.peano.as_ref(),
            Suite::MlirAie => self.mlir_aie.as_ref(),
            Suite::Xrt => self.xrt.as_ref(),
            Suite::Bootgen => self.bootgen.as_ref(),
            Suite::Own => self.npuc_mlir.as_ref(),
        }
    }
}

impl Places {
    /// The places of this process, `flags` first.
    pub fn of_process(flags: Flags) -> Self {
        let suites = [Suite::Peano, Suite::MlirAie, Suite::Xrt, Suite::Own];
        let variables = suites.into_iter().filter_map(Suite::variable);
        let environment = variables.filter_map(|name| {
            let value = std::env::var_os(name)?;
            (!value.is_empty()).then_some((name, value))
        });
        let search = std::env::var_os("PATH").unwrap_or_default();
        let running = std::env::current_exe().ok();
        Places {
            flags,
            environment: environment.collect(),
            path: std::env::split_paths(&search).collect(),
            beside: running.and_then(|exe| Some(exe.parent()?.to_owned())),
        }
    }

    fn variable(&self, suite: Suite) -> Option<(&'static str, PathBuf)> {
        let wanted = suite.variable()?;
        let found = self.environment.iter().find(|(name, _)| *name == wanted);
        found.map(|(name, value)| (*name, PathBuf::from(value)))
    }

    /// Whether a flag or a variable says where a suite is.
    pub fn names(&self, suite: Suite) -> bool {
        self.flags.of(suite).is_some() || self.variable(suite).is_some()
    }

    /// The program of a tool, as an absolute path.
    ///
    /// A flag or a variable that names a place without the tool is an error, and nothing else is
    /// looked at.
    ///
    /// # Errors
    /// [`ToolError::Missing`] with where it was looked for.
    pub fn find(&self, tool: Tool, needed_for: &str) -> Result<PathBuf, ToolError> {
        let suite = tool.suite();
        let named = match (self.flags.of(suite), self.variable(suite)) {
            (Some(place), _) => Some((suite.flag(), place.clone())),
            (None, Some(variable)) => Some(variable),
            (None, None) => None,
        };
        let missing = |looked: String| ToolError::Missing {
            tool: tool.name(),
            needed_for: needed_for.to_owned(),
            looked,
            help: suite.help(),
        };
        if let Some((by, place)) = named {
            let program = match suite.is_one_program() {
                true => place,
                false => place.join("bin").join(tool.name()),
            };
            return match program.is_file() {
                true => absolute(&program),
                false => Err(missing(format!(
                    "{by} leads to {}, which is no file",
                    program.display()
                ))),
            };
        }
        let mut folders: Vec<PathBuf> = Vec::new();
        if tool == Tool::NpucMlir {
            folders.extend(self.beside.clone());
        }
        // mlir-aie brings a bootgen along.
        if tool == Tool::Bootgen {
            let mlir_aie = self.flags.mlir_aie.clone();
            let mlir_aie = mlir_aie.or_else(|| Some(self.variable(Suite::MlirAie)?.1));
            folders.extend(mlir_aie.map(|folder| folder.join("bin")));
        }
        folders.extend(self.path.clone());
        // A system's own LLVM and clang are not Peano's.
        if suite == Suite::Peano {
            folders.retain(|folder| is_peano(folder));
        }
        let mut programs = folders.iter().map(|folder| folder.join(tool.name()));
        match programs.find(|program| program.is_file()) {
            Some(program) => absolute(&program),
            None => Err(missing(format!(
                "no {}{}, and not on PATH",
                suite.flag(),
                suite
                    .variable()
                    .map_or_else(String::new, |name| format!(", no {name}"))
            ))),
        }
    }
}

/// Whether the code generator in a folder has the target aie2.
fn is_peano(folder: &Path) -> bool {
    let llc = folder.join(Tool::Llc.name());
    llc.is_file() && version::identify(Tool::Llc, &llc).is_ok_and(|llc| llc.knows_aie2())
}

fn absolute(program: &Path) -> Result<PathBuf, ToolError> {
    std::path::absolute(program).map_err(ToolError::io("look at", program))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn install(folder: &Path, name: &str) -> PathBuf {
        fs::create_dir_all(folder).expect("a folder");
        let path = folder.join(name);
        fs::write(&path, "").expect("a file");
        path
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_that_before_path() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        let [flag, variable, path] = ["flag", "variable", "path"].map(|name| {
            let folder = if name == "path" {
                at(name)
            } else {
                at(name).join("bin")
            };
            install(&folder, "xclbinutil")
        });
        let mut places = Places {
            flags: Flags {
                xrt: Some(at("flag")),
                ..Flags::default()
            },
            environment: vec![("XILINX_XRT", at("variable").into())],
            path: vec![at("empty"), at("path")],
            beside: None,
        };
        let find = |places: &Places| places.find(Tool::Xclbinutil, "a test").expect("found");
        assert_eq!(find(&places), flag);
        places.flags = Flags::default();
        assert_eq!(find(&places), variable);
        places.environment.clear();
        assert_eq!(find(&places), path);
        places.path.clear();
        let error = places
            .find(Tool::Xclbinutil, "a test")
            .expect_err("nowhere");
        assert_eq!(
            error.to_string(),
            "xclbinutil is needed for a test, and is not there: no --xrt, no XILINX_XRT, and not on PATH\n\
             help: install XRT and give its folder with --xrt or XILINX_XRT; `--xclbin builtin` needs no tool"
        );
    }

    #[test]
    fn a_named_place_without_the_tool_is_an_error_although_path_has_one() {
        let root = tempfile::tempdir().expect("a folder");
        install(&root.path().join("path"), "aie-opt");
        let places = Places {
            environment: vec![("MLIR_AIE_INSTALL_DIR", root.path().join("gone").into())],
            path: vec![root.path().join("path")],
            ..Places::default()
        };
        let error = places.find(Tool::AieOpt, "a test").expect_err("not there");
        let text = error.to_string();
        assert!(text.contains("MLIR_AIE_INSTALL_DIR leads to"), "{text}");
        assert!(
            text.contains("gone/bin/aie-opt, which is no file"),
            "{text}"
        );
    }

    #[test]
    fn npuc_mlir_is_looked_for_beside_npuc_and_bootgen_in_mlir_aie() {
        let root = tempfile::tempdir().expect("a folder");
        let own = install(&root.path().join("own"), "npuc-mlir");
        let bootgen = install(&root.path().join("aie/bin"), "bootgen");
        let places = Places {
            environment: vec![("MLIR_AIE_INSTALL_DIR", root.path().join("aie").into())],
            beside: Some(root.path().join("own")),
            ..Places::default()
        };
        assert_eq!(places.find(Tool::NpucMlir, "a test").expect("found"), own);
        assert_eq!(
            places.find(Tool::Bootgen, "a test").expect("found"),
            bootgen
        );
    }
}
