//! `npuc-mlir`, the part of this project that links LLVM: designs to MLIR-AIE, kernel IR to LLVM IR.

use arch::Tile;

use super::error::ToolError;
use super::find::Tool;
use super::workshop::{Call, Workshop};
use array::design::Design;
use kernel::ir::Module;

/// The design as text, which names the files of its kernels.
pub const DESIGN: &str = "input.design";
/// All kernels of the design that are kernel IR.
pub const KERNELS: &str = "kernels.kir";
/// The object that they become.
pub const KERNELS_OBJECT: &str = "kernels.o";
/// The design as MLIR-AIE.
pub const MLIR: &str = "design.mlir";

/// Puts design, kernels and C++ files (name and content) into the workshop, as the program reads them.
///
/// # Errors
/// [`ToolError::Io`] when they cannot be written.
pub fn put(
    shop: &Workshop,
    design: &Design,
    kernels: &Module,
    cpp: &[(String, String)],
) -> Result<(), ToolError> {
    for (file, content) in cpp {
        shop.put(file, content.as_bytes())?;
    }
    let mut design = design.clone();
    for kernel in &mut design.kernels {
        if kernel.cpp().is_none() {
            kernel.file = Some(KERNELS.to_owned());
        }
    }
    shop.put(DESIGN, design.to_string().as_bytes())?;
    shop.put(KERNELS, kernels.to_string().as_bytes())
}

fn call(shop: &Workshop, step: &str, args: &[&str], outputs: Vec<String>) -> Result<(), ToolError> {
    shop.run(&Call {
        tool: Tool::NpucMlir,
        step: step.to_owned(),
        script: format!("npuc-mlir_{}", args[0]),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        outputs,
    })
}

/// Writes the LLVM IR of every core's program, `core_C_R.ll`, with the kernels that it calls.
///
/// # Errors
/// [`ToolError`] when the program fails.
pub fn cores(shop: &Workshop, cores: &[Tile]) -> Result<(), ToolError> {
    let files = cores
        .iter()
        .map(|tile| format!("{}.ll", super::ldscript::entry(*tile)));
    let args = ["cores", DESIGN, "-o", ".", "--peano"];
    call(shop, "writing the cores as LLVM IR", &args, files.collect())
}

/// Writes the design as MLIR-AIE, [`MLIR`].
///
/// # Errors
/// [`ToolError`] when the program fails.
pub fn design(shop: &Workshop) -> Result<(), ToolError> {
    let args = ["design", DESIGN, "-o", MLIR];
    call(
        shop,
        "writing the design as MLIR-AIE",
        &args,
        vec![MLIR.to_owned()],
    )
}

/// Writes the LLVM IR of the kernels, `kernels.ll`.
///
/// # Errors
/// [`ToolError`] when the program fails.
pub fn kernels(shop: &Workshop) -> Result<(), ToolError> {
    let args = ["kernel", KERNELS, "--peano", "-o", "kernels.ll"];
    let step = "writing the kernels as LLVM IR";
    call(shop, step, &args, vec!["kernels.ll".to_owned()])
}
