//! One random program, run by the interpreter and by something else.

use npuc::kernel::interp::{Arg, End, Interpreter, Locks, Memory};
use npuc::kernel::ir::{CoreLock, Module};
use npuc::kernel::verify::{Verified, verify};

use super::generate::{BUFFER, Choices, module};

/// Instructions that a program executes at most.
const BUDGET: u64 = 100_000;

/// One lock, which programs release before they acquire it.
struct Counted(i32);

impl Locks for Counted {
    fn acquire(&mut self, _: &mut Memory, _: CoreLock, value: u8) -> bool {
        self.0 -= i32::from(value);
        self.0 >= 0
    }

    fn release(&mut self, _: &mut Memory, _: CoreLock, value: u8) {
        self.0 += i32::from(value);
    }
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

/// How a run of a program ended and the regions of its memory; or why it cannot be run, where that is no
/// fault.
pub(super) type Left = Result<(End, Vec<Vec<u8>>), String>;

/// Makes a program of the choices and runs its function `main` on memory that follows from `seed`, by the
/// interpreter and by `execute`, which is given the same arguments and memory.
///
/// # Errors
/// The program and what differs, or what keeps it from running.
pub(super) fn compare(
    choices: &[u8],
    seed: u32,
    scalar: i32,
    execute: impl FnOnce(&Verified<Module>, &[Arg], &Memory) -> Result<Left, String>,
) -> Result<Agreement, String> {
    let module = verify(module(&mut Choices::new(choices))).map_err(|e| e.to_string())?;
    let wrong = |what: String| format!("{}{what}", *module);
    let memory = memory(seed);
    let args = [Arg::Ptr(0x71000), Arg::Ptr(0x50000), Arg::I32(scalar)];
    let mut interpreter = Interpreter::new(&module, memory.clone(), Counted(0), BUDGET);
    let outcome = interpreter.run("main", &args);
    let outcome = outcome.map_err(|trap| wrong(trap.to_string()))?;
    let (end, regions) = match execute(&module, &args, &memory).map_err(wrong)? {
        Ok(left) => left,
        Err(reason) => return Ok(Agreement::Refused(reason)),
    };
    if end != outcome.end {
        return Err(wrong(format!("ends with {end:?}")));
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
