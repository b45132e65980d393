//! What can keep the back end from compiling a module.

use thiserror::Error;

use kernel::data::NoRoom;

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
        "function `{func}`, {place}: {kind} registers run out: {pressure} units are needed at once, of {limit}\nhelp: keep fewer values alive there: block the loop smaller, or load later"
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
    /// A vector that a loop without calls carries is alive across a call.
    #[error(
        "function `{func}`, {place}: a {kind} that a hardware loop uses is alive across a call, and a call keeps no such register\nhelp: store it before the call and load it behind"
    )]
    AcrossCall {
        /// Function.
        func: String,
        /// Loop or block.
        place: String,
        /// Kind of register.
        kind: String,
    },
    /// The instructions alone are larger than program memory.
    #[error(
        "the program takes at least {least} bytes, most of them in function `{func}`, but program memory has {}\nhelp: unroll less there, or give its work to another core",
        arch::limits::PROGRAM_BYTES
    )]
    TooLarge {
        /// Bytes of the instructions, without what else is in their bundles.
        least: u64,
        /// Largest function.
        func: String,
    },
    /// Data memory is too small for the constant data.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The stack is too small.
    #[error(
        "the calls of `{name}` take {bytes} bytes of stack, but there are {limit}\nhelp: give the worker a larger stack, or keep fewer values alive across calls"
    )]
    Stack {
        /// Entry function.
        name: String,
        /// Bytes of the deepest chain of calls.
        bytes: u32,
        /// Bytes that there are.
        limit: u32,
    },
}
