//! Kernel IR on the interpreter and, compiled, on the emulated core, which must do the same to every byte
//! unless the interpreter ends in an error. Lines that begin with `;>` say what to do, one after
//! the other:
//!
//! - `map`, `lock`, `stream`, `cascade` and `call` are described in [`directives`](super::directives).
//! - `budget STEPS`, before the first `call`; 10000 if left out.
//! - `sent` writes what the calls since the last one sent: 16 words of the cascade on a line, words of the
//!   stream, the last of a transfer with a full stop.
//! - `show NAME TYPE` writes the buffer, sixteen values a line, equal lines once.

use npuc::kernel::interp::{End, Interpreter, Memory, World};
use npuc::kernel::ir::Module;
use npuc::kernel::read::load;
use npuc::kernel::types::Elem;

use super::directives::{arguments, cascade, elem, lock, map, stream};
use super::{Note, run_folder};
use crate::machine;

#[test]
fn run() {
    run_folder("run", |text| {
        let module = load(text).map_err(|e| e.to_string())?;
        let mut interpreter: Option<Interpreter<'_, World>> = None;
        let (mut memory, mut world, mut budget) = (Memory::new(), World::default(), 10_000);
        let mut notes = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let Some(directive) = line.strip_prefix(";>") else {
                continue;
            };
            let number = index + 1;
            let mut words = directive.split_whitespace();
            let found: Result<Option<String>, String> = match words.next() {
                Some("map") => map(&mut memory, words).map(|()| None),
                Some(name @ ("lock" | "stream" | "cascade")) => {
                    let around = match &mut interpreter {
                        Some(interpreter) => &mut interpreter.locks,
                        None => &mut world,
                    };
                    let set = match name {
                        "lock" => lock(around, words),
                        "stream" => stream(around, words),
                        _ => cascade(around, words),
                    };
                    set.map(|()| None)
                }
                Some("sent") => match &mut interpreter {
                    Some(interpreter) => sent(&mut interpreter.locks).map(Some),
                    None => Err("sent before any call".into()),
                },
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
                        Interpreter::new(&module, memory, std::mem::take(&mut world), budget)
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
    interpreter: &mut Interpreter<'_, World>,
    call: &str,
) -> Result<String, String> {
    let (name, values) = arguments(&interpreter.memory, call)?;
    let (memory, world) = (interpreter.memory.clone(), interpreter.locks.clone());
    let outcome = match interpreter.run(name, &values) {
        Err(trap) => return Ok(format!("trap: {trap}")),
        Ok(outcome) => outcome,
    };
    let ran = machine::run(module, name, &values, &memory, world);
    let ran = ran.map_err(|failure| failure.to_string())?;
    if ran.end != outcome.end {
        return Err(format!("the compiled program ends with {:?}", ran.end));
    }
    if ran.world != interpreter.locks {
        return Err(format!(
            "the compiled program leaves {:?}, the interpreter {:?}",
            ran.world, interpreter.locks
        ));
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
        End::Blocked { port } => format!("waits for {port}, steps: {steps}"),
        End::Waiting { lock, value } => {
            format!("waits for {value} of lock {}, steps: {steps}", lock.0)
        }
    })
}

fn sent(world: &mut World) -> Result<String, String> {
    let cascade = std::mem::take(&mut world.ports.cascade_out);
    let stream = std::mem::take(&mut world.ports.stream_out);
    let mut lines = Vec::new();
    for word in &cascade {
        let words = word.as_chunks::<4>().0.iter();
        let words: Vec<String> = words.map(|w| i32::from_le_bytes(*w).to_string()).collect();
        lines.push(format!("cascade {}", words.join(" ")));
    }
    let words = stream.iter().map(|(word, last)| {
        let end = if *last { "." } else { "" };
        format!(" {}{end}", *word as i32)
    });
    if !stream.is_empty() {
        lines.push(format!("stream{}", words.collect::<String>()));
    }
    match lines.is_empty() {
        true => Ok("nothing".into()),
        false => Ok(lines.join("\n")),
    }
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
