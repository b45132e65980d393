//! Why kernel IR does not become LLVM IR, or does not run.

use inkwell::builder::BuilderError;
use npuc::kernel::types::Type;
use thiserror::Error;

/// Why kernel IR does not become LLVM IR, or does not run natively.
#[derive(Debug, Error)]
pub enum Error {
    /// A parameter or a result has a type that is not one LLVM value.
    #[error(
        "@{func}: {ty} cannot be a parameter or a result in LLVM IR\nhelp: pass scalars and pointers"
    )]
    Signature {
        /// Function.
        func: String,
        /// Type.
        ty: Type,
    },
    /// An operation has no intrinsic for its types.
    #[error("@{func}: `{op}` has no LLVM IR: {reason}\nhelp: {help}")]
    Unsupported {
        /// Function.
        func: String,
        /// The operation as the text form has it.
        op: String,
        /// What is missing.
        reason: String,
        /// What to do.
        help: &'static str,
    },
    /// A linker script has one place for all data.
    #[error(
        "constant data @{name} has to lie in bank {bank}, which LLVM IR cannot say\nhelp: let it lie anywhere, or compile it with npuc's own back end (`--cores builtin`)"
    )]
    Bank {
        /// Name of the data.
        name: String,
        /// Bank.
        bank: u8,
    },
    /// LLVM's builder was asked for what it cannot build.
    #[error(
        "LLVM cannot build an instruction: {0}\nhelp: this is a fault of npuc-mlir, please report it"
    )]
    Builder(#[from] BuilderError),
    /// LLVM's verifier refuses the module.
    #[error(
        "LLVM refuses module {module}: {says}\nhelp: this is a fault of npuc-mlir, please report it"
    )]
    Refused {
        /// Module.
        module: String,
        /// What the verifier says.
        says: String,
    },
    /// A design or its core programs break a rule of the compiler.
    #[error("{0}")]
    Design(String),
    /// Native execution cannot begin.
    #[error("native execution of @{func}: {reason}\nhelp: {help}")]
    Native {
        /// Function.
        func: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        help: &'static str,
    },
}
