//! Kernel IR: random programs that verify do the same compiled on an emulated core as interpreted.

#[path = "../../../compiler/tests/programs/agree.rs"]
mod agree;
#[path = "../../../compiler/tests/programs/compare.rs"]
mod compare;
#[path = "../../../compiler/tests/programs/generate/mod.rs"]
mod generate;

use compare::Agreement;

/// Runs the program of some choices with a scalar and memory that follows from a seed; why it was not
/// compiled, if it needs more registers than there are.
///
/// # Errors
/// The program, and what it does compiled that it does not interpreted.
pub fn agree(choices: &[u8], memory: u32, scalar: i32) -> Result<Option<String>, String> {
    match agree::agree(choices, memory, scalar)? {
        Agreement::Agreed => Ok(None),
        Agreement::Refused(reason) => Ok(Some(reason)),
    }
}

/// The first eight bytes are a seed of memory and a scalar, the others the choices of a program.
pub fn run(data: &[u8]) {
    let Some((head, choices)) = data.split_at_checked(8) else {
        return;
    };
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if let Err(difference) = agree(choices, word(0), word(4) as i32) {
        panic!("{difference}");
    }
}
