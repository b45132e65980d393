//! Makes the dialects `aie` and `aiex`: `mlir-tblgen` turns `dialect/*.td` into C++, which is compiled
//! together with `dialect/dialect.cpp`.

use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// Where LLVM 22 is; the same variable that mlir-sys reads.
const PREFIX: &str = "MLIR_SYS_220_PREFIX";

/// What is made of which file: output, input, arguments of `mlir-tblgen`.
const GENERATED: [(&str, &str, &[&str]); 14] = [
    ("enums.h.inc", "aie", &["--gen-enum-decls"]),
    ("enums.cpp.inc", "aie", &["--gen-enum-defs"]),
    ("attributes.h.inc", "aie", &["--gen-attrdef-decls"]),
    ("attributes.cpp.inc", "aie", &["--gen-attrdef-defs"]),
    ("types.h.inc", "aie", &["--gen-typedef-decls"]),
    ("types.cpp.inc", "aie", &["--gen-typedef-defs"]),
    (
        "aie_dialect.h.inc",
        "aie",
        &["--gen-dialect-decls", "--dialect=aie"],
    ),
    (
        "aie_dialect.cpp.inc",
        "aie",
        &["--gen-dialect-defs", "--dialect=aie"],
    ),
    (
        "aiex_dialect.h.inc",
        "aiex",
        &["--gen-dialect-decls", "--dialect=aiex"],
    ),
    (
        "aiex_dialect.cpp.inc",
        "aiex",
        &["--gen-dialect-defs", "--dialect=aiex"],
    ),
    (
        "aie_ops.h.inc",
        "aie",
        &["--gen-op-decls", r"--op-include-regex=^aie\."],
    ),
    (
        "aie_ops.cpp.inc",
        "aie",
        &["--gen-op-defs", r"--op-include-regex=^aie\."],
    ),
    (
        "aiex_ops.h.inc",
        "aiex",
        &["--gen-op-decls", r"--op-include-regex=^aiex\."],
    ),
    (
        "aiex_ops.cpp.inc",
        "aiex",
        &["--gen-op-defs", r"--op-include-regex=^aiex\."],
    ),
];

fn main() {
    println!("cargo:rerun-if-changed=dialect");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={PREFIX}");
    if let Err(message) = run() {
        eprintln!("{message}");
        exit(1);
    }
}

fn run() -> Result<(), String> {
    let prefix = variable(PREFIX)
        .map_err(|e| format!("{e}\nhelp: set it to where LLVM 22 is, such as /usr/lib/llvm-22"))?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    let include = Path::new(&prefix).join("include");
    for (output, input, arguments) in GENERATED {
        generate(&prefix, &include, &out.join(output), input, arguments)?;
    }
    cc::Build::new()
        .cpp(true)
        .file("dialect/dialect.cpp")
        .include(&include)
        .include(&out)
        .include("dialect")
        .std("c++17")
        .flag("-fno-exceptions")
        // MLIR's own headers are not free of warnings.
        .warnings(false)
        // Optimising it takes longer than it ever runs.
        .opt_level(0)
        .debug(false)
        .try_compile("npuc_dialect")
        .map_err(|e| format!("the dialects do not compile: {e}"))
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("the variable {name} is not set"))
}

fn generate(
    prefix: &str,
    include: &Path,
    output: &Path,
    input: &str,
    arguments: &[&str],
) -> Result<(), String> {
    let tool = Path::new(prefix).join("bin/mlir-tblgen");
    let status = Command::new(&tool)
        .arg(format!("dialect/{input}.td"))
        .args(arguments)
        .arg("-I")
        .arg("dialect")
        .arg("-I")
        .arg(include)
        .arg("-o")
        .arg(output)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!(
            "{} of dialect/{input}.td: {status}",
            tool.display()
        )),
        Err(e) => Err(format!(
            "cannot run {}: {e}\nhelp: install Debian's package mlir-22-tools, or run `cargo xtask setup`",
            tool.display()
        )),
    }
}
