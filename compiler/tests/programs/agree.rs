//! One random program, run by the interpreter and compiled on the emulated core.

use npuc::aie2::CompileError;
use npuc::kernel::interp::{Arg, End, Memory, World};
use npuc::kernel::ir::Module;
use npuc::machine::{Failure, Machine, Ran};

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
        |module, args, memory, world| match run(module, args, memory, world) {
            Ok((machine, ran)) => {
                waits(&machine, &ran)?;
                Ok(Ok((ran.end, ran.regions, ran.world)))
            }
            Err(Failure::Compile(
                reason @ (CompileError::Pressure { .. } | CompileError::AcrossCall { .. }),
            )) => Ok(Err(reason.to_string())),
            Err(e) => Err(e.to_string()),
        },
    )
}

fn run(
    module: &Module,
    args: &[Arg],
    memory: &Memory,
    world: &World,
) -> Result<(Machine, Ran), Failure> {
    let machine = Machine::new(module, "main", args)?;
    machine.prove()?;
    let ran = machine.run(memory, world.clone())?;
    Ok((machine, ran))
}

/// The core waits as long for memory banks as the checker says, where that does not depend on the data.
fn waits(machine: &Machine, ran: &Ran) -> Result<(), String> {
    let cost = machine.bank_cost().map_err(|e| e.to_string())?;
    let exact = cost.uncounted.is_empty() && ran.end == End::Returned;
    match exact && cost.stalls != ran.bank_stalls {
        true => Err(format!(
            "waits {} cycles for banks, the checker says {}",
            ran.bank_stalls, cost.stalls
        )),
        false => Ok(()),
    }
}
