//! One random program, run by the interpreter and compiled on the emulated core.

use npuc::aie2::CompileError;
use npuc::machine::{self, Failure};

use super::compare::{Agreement, compare};

/// Makes a program of the choices and runs it on memory that follows from `seed`; it may need more
/// registers than there are.
///
/// # Errors
/// The program and what differs, or what keeps it from running.
pub(super) fn agree(choices: &[u8], seed: u32, scalar: i32) -> Result<Agreement, String> {
    compare(
        choices,
        seed,
        scalar,
        |module, args, memory, world| match machine::run(
            module,
            "main",
            args,
            memory,
            world.clone(),
        ) {
            Ok(ran) => Ok(Ok((ran.end, ran.regions, ran.world))),
            Err(Failure::Compile(
                reason @ (CompileError::Pressure { .. } | CompileError::AcrossCall { .. }),
            )) => Ok(Err(reason.to_string())),
            Err(e) => Err(e.to_string()),
        },
    )
}
