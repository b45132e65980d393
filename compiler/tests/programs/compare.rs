//! One random program, run by the interpreter and by something else.

use npuc::kernel::interp::{Arg, End, Interpreter, Memory, World};
use npuc::kernel::ir::Module;
use npuc::kernel::verify::{Verified, verify};

use super::generate::{BUFFER, Choices, module};

/// Instructions that a program executes at most.
const BUDGET: u64 = 100_000;

/// Words that come to each port: more than a program takes.
const WORDS: u32 = 4096;

/// No locks, and words at the ports that follow from `seed`.
fn world(seed: u32) -> World {
    let number = |at: u32| seed.wrapping_add(at).wrapping_mul(0x9e37_79b9) >> 11;
    let mut world = World::default();
    for word in 0..WORDS {
        let bytes = std::array::from_fn(|byte| number(64 * word + byte as u32) as u8);
        world.ports.cascade_in.push_back(bytes);
        world.ports.stream_in.push_back(number(word));
    }
    world
}

fn memory(seed: u32) -> Memory {
    let mut state = seed | 1;
    let mut bytes = || -> Vec<u8> {
        let byte = |_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        };
        (0..BUFFER).map(byte).collect()
    };
    let mut memory = Memory::new();
    let mapped = memory
        .map_with("a", 0x71000, &bytes())
        .and_then(|()| memory.map_with("b", 0x50000, &bytes()));
    mapped.expect("two buffers apart");
    memory
}

/// How a program ended that was not wrong.
pub(super) enum Agreement {
    /// Every byte is the same.
    Agreed,
    /// It cannot be run, for a reason that is no fault.
    Refused(String),
}

/// How a run of a program ended, the regions of its memory and what is around it; or why it cannot be run,
/// where that is no fault.
pub(super) type Left = Result<(End, Vec<Vec<u8>>, World), String>;

/// Makes a program of the choices and runs its function `main` on memory that follows from `seed`, by the
/// interpreter and by `execute`, which is given the same arguments, memory and surroundings.
///
/// # Errors
/// The program and what differs, or what keeps it from running.
pub(super) fn compare(
    choices: &[u8],
    seed: u32,
    scalar: i32,
    execute: impl FnOnce(&Verified<Module>, &[Arg], &Memory, &World) -> Result<Left, String>,
) -> Result<Agreement, String> {
    let module = verify(module(&mut Choices::new(choices))).map_err(|e| e.to_string())?;
    let wrong = |what: String| format!("{}{what}", *module);
    let (memory, world) = (memory(seed), world(seed));
    let args = [Arg::Ptr(0x71000), Arg::Ptr(0x50000), Arg::I32(scalar)];
    let mut interpreter = Interpreter::new(&module, memory.clone(), world.clone(), BUDGET);
    let outcome = interpreter.run("main", &args);
    let outcome = outcome.map_err(|trap| wrong(trap.to_string()))?;
    let (end, regions, after) = match execute(&module, &args, &memory, &world).map_err(wrong)? {
        Ok(left) => left,
        Err(reason) => return Ok(Agreement::Refused(reason)),
    };
    if end != outcome.end {
        return Err(wrong(format!("ends with {end:?}")));
    }
    if after != interpreter.locks {
        return Err(wrong("leaves other locks or ports".to_owned()));
    }
    for (region, bytes) in interpreter.memory.regions().iter().zip(&regions) {
        if let Some(at) = (0..bytes.len()).find(|at| region.bytes()[*at] != bytes[*at]) {
            let (name, here, there) = (region.name(), region.bytes()[at], bytes[at]);
            return Err(wrong(format!(
                "byte {at} of {name} is {here:#04x} for the interpreter and {there:#04x} otherwise"
            )));
        }
    }
    Ok(Agreement::Agreed)
}
