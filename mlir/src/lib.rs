//! Designs as MLIR-AIE and kernel IR as LLVM IR, for the open toolchain.
//!
//! This is the only crate that links LLVM and MLIR. The compiler calls its program, `npuc-mlir`, as
//! it calls the external tools: as a process, so that `npuc` builds and runs where LLVM is missing.
//!
//! - [`aie`]: MLIR-AIE's dialects; modules parsed, verified, printed.
//! - [`design`]: designs as such modules.
//! - [`llvm`]: kernel IR and core programs as LLVM IR.
//! - [`cli`]: the command line.

pub mod aie;
pub mod cli;
pub mod design;
pub mod llvm;

#[cfg(test)]
mod tests {
    #[test]
    fn llvm_and_mlir_live_in_one_process() {
        let llvm = inkwell::context::Context::create();
        let module = llvm.create_module("core");
        assert!(module.verify().is_ok());
        let mlir = melior::Context::new();
        let module = melior::ir::Module::parse(&mlir, "module {}").expect("an empty module parses");
        assert!(melior::ir::operation::OperationLike::verify(
            &module.as_operation()
        ));
    }
}
