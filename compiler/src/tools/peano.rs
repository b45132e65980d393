//! Core programs by Peano: C++ and LLVM IR to objects, objects to a linked program.
//!
//! Command lines as mlir-aie `tools/aiecc/aiecc.cpp` has them; for C++ those of its examples
//! (`programming_examples/makefile-common`).

use arch::Tile;
use arch::limits::PROGRAM_BYTES;
use formats::elf::CoreElf;

use super::error::ToolError;
use super::find::Tool;
use super::ldscript;
use super::workshop::{Call, Workshop};

const TARGET: &str = "--target=aie2-none-unknown-elf";

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

/// The object of a C++ file.
pub fn object_of(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    format!("{stem}.o")
}

/// Compiles a C++ file of the workshop to the object [`object_of`] it.
///
/// # Errors
/// [`ToolError`] when clang fails.
pub fn cpp(shop: &Workshop, file: &str) -> Result<(), ToolError> {
    let object = object_of(file);
    let args = [
        "-O2",
        "-std=c++20",
        TARGET,
        "-DNDEBUG",
        "-c",
        file,
        "-o",
        &object,
    ];
    shop.run(&Call {
        tool: Tool::Clang,
        step: format!("kernel file {file}: compiling"),
        script: format!("clang_{}", object.trim_end_matches(".o")),
        args: words(&args),
        outputs: vec![object.clone()],
    })
}

/// Makes `STEM.ll` of the workshop an object, `STEM.o`. `of` says whose it is.
///
/// # Errors
/// [`ToolError`] when opt or llc fails.
pub fn object(shop: &Workshop, stem: &str, of: &str) -> Result<(), ToolError> {
    let [ir, optimised, object] = ["ll", "opt.ll", "o"].map(|ending| format!("{stem}.{ending}"));
    shop.run(&Call {
        tool: Tool::Opt,
        step: format!("{of}: optimising"),
        script: format!("opt_{stem}"),
        args: words(&[
            "--passes=default<O1>",
            "-inline-threshold=10",
            "-S",
            &ir,
            "-o",
            &optimised,
        ]),
        outputs: vec![optimised.clone()],
    })?;
    shop.run(&Call {
        tool: Tool::Llc,
        step: format!("{of}: generating code"),
        script: format!("llc_{stem}"),
        args: words(&[
            &optimised,
            "-O2",
            "--march=aie2",
            "--function-sections",
            "--filetype=obj",
            "-o",
            &object,
        ]),
        outputs: vec![object.clone()],
    })
}

/// Links the object `core_C_R.o` of the workshop by the script `core_C_R.ld.script`.
///
/// # Errors
/// [`ToolError`] when the linker fails, or the program does not fit the core.
pub fn link(shop: &Workshop, tile: Tile) -> Result<CoreElf, ToolError> {
    let core = ldscript::entry(tile);
    let elf = format!("{core}.elf");
    let linker = shop.toolchain().program(Tool::Lld)?.path.clone();
    let call = Call {
        tool: Tool::Clang,
        step: format!("core {tile}: linking"),
        script: format!("link_{core}"),
        args: words(&[
            "-O2",
            TARGET,
            &format!("-fuse-ld={}", linker.display()),
            &format!("{core}.o"),
            "-Wl,--gc-sections",
            "-Wl,--orphan-handling=error",
            &format!("-Wl,-T,{core}.ld.script"),
            "-o",
            &elf,
        ]),
        outputs: vec![elf.clone()],
    };
    shop.run(&call)?;
    let bytes = shop.get(&elf)?;
    CoreElf::parse(&bytes).map_err(|e| shop.unusable(&call, &elf, e))
}

/// Compiles and links the program of a core from `core_C_R.ll` and `core_C_R.ld.script`.
///
/// # Errors
/// [`ToolError`] when a tool fails, or the program does not fit the core.
pub fn program(shop: &Workshop, tile: Tile) -> Result<CoreElf, ToolError> {
    object(shop, &ldscript::entry(tile), &format!("core {tile}"))?;
    link(shop, tile)
}

/// Bytes of program memory that a program takes.
pub fn program_bytes(elf: &CoreElf) -> u32 {
    let program = elf.segments.iter().filter(|s| s.addr < PROGRAM_BYTES);
    let ends = program.map(|s| s.addr + s.size() as u32);
    ends.max().unwrap_or(0)
}
