//! What can keep the back end from compiling a module.

use thiserror::Error;

/// Why a module does not compile.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CompileError {
    /// The entry function is missing.
    #[error(
        "the module has no function `{name}`\nhelp: the start-up code calls it; name the entry function in the options"
    )]
    NoEntry {
        /// Function wanted.
        name: String,
    },
    /// The entry function has parameters.
    #[error(
        "the entry function `{name}` has {params} parameters\nhelp: the start-up code passes none; name a function without parameters in the options"
    )]
    EntryParams {
        /// Function.
        name: String,
        /// Its parameters.
        params: usize,
    },
    /// An operation or a type that no instruction computes.
    #[error("function `{func}`: {what} has no instruction\nhelp: {help}")]
    Unsupported {
        /// Function.
        func: String,
        /// Operation and types.
        what: String,
        /// Way out.
        help: &'static str,
    },
    /// More arguments than argument registers.
    #[error(
        "function `{func}` has {count} {kind} arguments, but only {limit} are passed in registers\nhelp: pass a pointer to a block of parameters"
    )]
    TooManyArguments {
        /// Function.
        func: String,
        /// Kind of argument.
        kind: &'static str,
        /// Arguments of this kind.
        count: usize,
        /// Registers for them.
        limit: usize,
    },
    /// More values at a time than registers.
    #[error(
        "function `{func}`, {place}: {pressure} units of {kind} registers are needed at once, but there are {limit}\nhelp: keep fewer values alive in the loop: block it smaller, or load later"
    )]
    Pressure {
        /// Function.
        func: String,
        /// Loop or block.
        place: String,
        /// Kind of register.
        kind: String,
        /// Units alive at the worst point.
        pressure: usize,
        /// Units that there are.
        limit: usize,
    },
}
