//! `cargo xtask setup`: what the machine needs besides Rust.

use miette::{IntoDiagnostic, miette};
use xshell::{Shell, cmd};

/// A Debian package, the program or file that shows that it is there, and what it is for.
struct Package {
    name: &'static str,
    /// A program on PATH, or the path of a file.
    shown_by: &'static str,
    purpose: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "cmake",
        shown_by: "cmake",
        purpose: "builds libopus for the command",
    },
    Package {
        name: "xilinx-bootgen",
        shown_by: "bootgen",
        purpose: "tests compare our PDI with what it writes",
    },
    Package {
        name: "g++",
        shown_by: "g++",
        purpose: "tests compile a program against XRT",
    },
    Package {
        name: "libxrt-dev",
        shown_by: "/usr/include/xrt/experimental/xrt_xclbin.h",
        purpose: "tests read our xclbins with XRT",
    },
    Package {
        name: "uuid-dev",
        shown_by: "/usr/include/uuid/uuid.h",
        purpose: "XRT's headers include it",
    },
    Package {
        name: "llvm-22-dev",
        shown_by: "/usr/lib/llvm-22/bin/llvm-config",
        purpose: "the crate mlir links LLVM",
    },
    Package {
        name: "libmlir-22-dev",
        shown_by: "/usr/lib/llvm-22/include/mlir-c/IR.h",
        purpose: "the crate mlir links MLIR",
    },
    Package {
        name: "mlir-22-tools",
        shown_by: "/usr/lib/llvm-22/bin/mlir-tblgen",
        purpose: "makes MLIR's dialects for the crate mlir",
    },
    Package {
        name: "libpolly-22-dev",
        shown_by: "/usr/lib/llvm-22/lib/libPolly.a",
        purpose: "LLVM's static libraries name it",
    },
    Package {
        name: "libclang1-22",
        shown_by: "/usr/lib/llvm-22/lib/libclang-22.so.1",
        purpose: "reads MLIR's headers",
    },
    Package {
        name: "libclang-common-22-dev",
        shown_by: "/usr/lib/llvm-22/lib/clang/22/include/stddef.h",
        purpose: "reads MLIR's headers",
    },
    Package {
        name: "zlib1g-dev",
        shown_by: "/usr/include/zlib.h",
        purpose: "LLVM links it",
    },
    Package {
        name: "libzstd-dev",
        shown_by: "/usr/include/zstd.h",
        purpose: "LLVM links it",
    },
];

impl Package {
    fn is_there(&self) -> bool {
        // A path stays what it is, whatever it is joined to.
        on_path(self.shown_by)
    }
}

/// Installs the packages that are missing.
pub(crate) fn run() -> miette::Result<()> {
    let sh = Shell::new().into_diagnostic()?;
    let missing: Vec<&Package> = PACKAGES.iter().filter(|p| !p.is_there()).collect();
    for p in PACKAGES {
        let state = if p.is_there() { "present" } else { "missing" };
        println!("{:<24} {state:<8} {}", p.name, p.purpose);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|p| p.name).collect();
    let by_hand = format!("apt-get update && apt-get install -y {}", names.join(" "));
    if !on_path("apt-get") {
        return Err(miette!(
            help =
                "install these packages' counterparts of your distribution, then run setup again",
            "no apt-get on this machine; missing: {}",
            names.join(" ")
        ));
    }
    let sudo: &[&str] = match (is_root(), on_path("sudo")) {
        (true, _) => &[],
        (false, true) => &["sudo"],
        (false, false) => {
            return Err(miette!(
                help = format!("as root: {by_hand}"),
                "installing {} needs root, and there is no sudo",
                names.join(" ")
            ));
        }
    };
    let apt = |args: &[&str]| -> miette::Result<()> {
        let mut line = sudo.to_vec();
        line.push("apt-get");
        line.extend_from_slice(args);
        let (program, args) = (line[0], &line[1..]);
        cmd!(sh, "{program} {args...}")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
            .map_err(|e| miette!(help = format!("by hand: {by_hand}"), "{e}"))
    };
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&names);
    apt(&install)
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Whether this process may install packages: the owner of our own `/proc` entry is our user.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}
