//! Builds with tools of other projects: with stand-ins that check what they are given and answer as
//! the real ones do, and with the real ones that Debian has.

mod array;
mod cores;
mod descriptions;
mod packing;
mod stand_in;
mod user;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with stand-ins, and one for the output.
struct Bench {
    folder: TempDir,
}

/// What a run of npuc came to.
struct Outcome {
    code: Option<i32>,
    out: String,
    /// Standard error, its lines joined: reports wrap.
    err: String,
}

impl Bench {
    fn new() -> Self {
        Bench {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn out(&self, name: &str) -> PathBuf {
        self.path("out").join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        let path = self.out(name);
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        let folder = path.parent().expect("it has one");
        std::fs::create_dir_all(folder).expect("the folder is made");
        std::fs::write(&path, content).expect("the file is written");
        path
    }

    /// `npuc build` with these arguments, into the folder `out`, no tool in sight but on PATH.
    fn build(&self, args: &[&str]) -> Outcome {
        Outcome::of(&self.command(args).output().expect("npuc starts"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_npuc"));
        command
            .arg("build")
            .args(args)
            .arg("--out")
            .arg(self.path("out"));
        for variable in [
            "PEANO_INSTALL_DIR",
            "MLIR_AIE_INSTALL_DIR",
            "XILINX_XRT",
            "NPUC_MLIR",
        ] {
            command.env_remove(variable);
        }
        command.env("NO_COLOR", "1");
        command
    }

    /// Names in the output folder, those of its own use left out.
    fn built(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("out")).into_iter().flatten();
        let names = entries.map(|e| {
            e.expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        });
        let mut names: Vec<String> = names.filter(|name| name != ".cache").collect();
        names.sort();
        names
    }
}

impl Outcome {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let err = text(&output.stderr);
        let words = err.split_whitespace().filter(|word| *word != "│");
        Outcome {
            code: output.status.code(),
            out: text(&output.stdout),
            err: words.collect::<Vec<_>>().join(" "),
        }
    }

    /// Asserts that it worked.
    fn worked(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self
    }

    /// Asserts that it failed and says all of these.
    fn failed(self, says: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{}", self.err);
        // Reports wrap behind hyphens and slashes as well.
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        for text in says {
            let there = squeezed(&self.err).contains(&squeezed(text));
            assert!(there, "`{text}` is missing: {}", self.err);
        }
        self
    }
}

fn str(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Whether a program is on PATH. Where it is not, the test says so and is left out; in CI, which
/// installs it, that is an error.
fn on_path(program: &str, package: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !there {
        println!("left out: {program} is not on PATH (package {package})");
        let in_ci = std::env::var_os("CI").is_some();
        assert!(!in_ci, "{program} is not on PATH, and CI is set");
    }
    there
}
