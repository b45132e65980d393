//! Kernel IR on the interpreter and, compiled, on the emulated core, which must do the same to every byte
//! unless the interpreter ends in an error. Lines that begin with `;>` say what to do, one after
//! the other:
//!
//! - `map`, `lock` and `call` are described in [`directives`](super::directives).
//! - `budget STEPS`, before the first `call`; 10000 if left out.
//! - `show NAME TYPE` writes the buffer, sixteen values a line, equal lines once.

use npuc::kernel::interp::{End, Interpreter, Memory};
use npuc::kernel::ir::Module;
use npuc::kernel::read::load;
use npuc::kernel::types::Elem;

use super::directives::{Counters, arguments, elem, map};
use super::{Note, run_folder};
use crate::machine;

#[test]
fn run() {
    run_folder("run", |text| {
        let module = load(text).map_err(|e| e.to_string())?;
        let mut interpreter = None;
        let (mut memory, mut locks, mut budget) = (Memory::new(), Counters::default(), 10_000);
        let mut notes = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let Some(directive) = line.strip_prefix(";>") else {
                continue;
            };
            let number = index + 1;
            let mut words = directive.split_whitespace();
            let found: Result<Option<String>, String> = match words.next() {
                Some("map") => map(&mut memory, words).map(|()| None),
                Some("lock") => locks.set(words).map(|()| None),
                Some("budget") => match words.next().map(str::parse) {
                    Some(Ok(steps)) => {
                        budget = steps;
                        Ok(None)
                    }
                    _ => Err("budget takes a number".into()),
                },
                Some("call") => {
                    let interpreter = interpreter.get_or_insert_with(|| {
                        let memory = std::mem::take(&mut memory);
                        Interpreter::new(&module, memory, std::mem::take(&mut locks), budget)
                    });
                    call(&module, interpreter, directive).map(Some)
                }
                Some("show") => match &interpreter {
                    Some(interpreter) => show(&interpreter.memory, words).map(Some),
                    None => Err("show before any call".into()),
                },
                _ => Err("unknown directive".into()),
            };
            match found {
                Ok(output) => notes.extend(output.map(|text| Note::output(number, text))),
                Err(error) => return Err(format!("`{line}`: {error}")),
            }
        }
        Ok(notes)
    });
}

fn decode(elem: Elem, bytes: &[u8]) -> String {
    let mut word = [0; 4];
    match elem {
        Elem::Bf16 => word[2..].copy_from_slice(bytes),
        _ => word[..bytes.len()].copy_from_slice(bytes),
    }
    let value = i32::from_le_bytes(word);
    match elem {
        Elem::I8 => (value as i8).to_string(),
        Elem::I16 => (value as i16).to_string(),
        Elem::I32 => value.to_string(),
        Elem::Bf16 | Elem::F32 => f32::from_le_bytes(word).to_string(),
    }
}

fn call(
    module: &Module,
    interpreter: &mut Interpreter<'_, Counters>,
    call: &str,
) -> Result<String, String> {
    let (name, values) = arguments(&interpreter.memory, call)?;
    let (memory, locks) = (interpreter.memory.clone(), interpreter.locks.0.clone());
    let outcome = match interpreter.run(name, &values) {
        Err(trap) => return Ok(format!("trap: {trap}")),
        Ok(outcome) => outcome,
    };
    let ran = machine::run(module, name, &values, &memory, locks);
    let ran = ran.map_err(|failure| failure.to_string())?;
    if ran.end != outcome.end {
        return Err(format!("the compiled program ends with {:?}", ran.end));
    }
    for (region, bytes) in interpreter.memory.regions().iter().zip(ran.regions) {
        if let Some(at) = (0..bytes.len()).find(|at| region.bytes()[*at] != bytes[*at]) {
            return Err(format!(
                "the compiled program leaves {:#04x} in byte {at} of {}, the interpreter {:#04x}",
                bytes[at],
                region.name(),
                region.bytes()[at]
            ));
        }
    }
    let steps = outcome.steps;
    Ok(match outcome.end {
        End::Returned => format!("returned, steps: {steps}"),
        End::Waiting { lock, value } => {
            format!("waits for {value} of lock {}, steps: {steps}", lock.0)
        }
    })
}

fn show<'a>(memory: &Memory, mut words: impl Iterator<Item = &'a str>) -> Result<String, String> {
    let region = words.next().and_then(|name| memory.region(name));
    let region = region.ok_or("show takes the name of a buffer")?;
    let elem = elem(words.next())?;
    let values = region.bytes().chunks_exact(elem.bytes() as usize);
    let values: Vec<String> = values.map(|bytes| decode(elem, bytes)).collect();
    let mut lines: Vec<(String, usize)> = Vec::new();
    for line in values.chunks(16).map(|line| line.join(" ")) {
        match lines.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => lines.push((line, 1)),
        }
    }
    let lines = lines.into_iter().map(|(line, times)| match times {
        1 => line,
        _ => format!("{line} ({times} times)"),
    });
    let lines: Vec<String> = lines.collect();
    Ok(lines.join("\n"))
}
