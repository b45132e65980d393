//! Kernel IR on the interpreter and, compiled, on the emulated core, which must do the same to every byte
//! unless the interpreter ends in an error. Lines that begin with `;>` say what to do, one after
//! the other:
//!
//! - `map NAME ADDRESS TYPE VALUE ...` maps a buffer with values, `map NAME ADDRESS TYPE xCOUNT` one
//!   without. Types are `i8`, `i16`, `i32`, `bf16` and `f32`; a last `...` goes on with the values in
//!   turn up to the count after it: `1 2 ... 64`.
//! - `lock ID VALUE` sets a lock; all others are 0.
//! - `budget STEPS`, before the first `call`; 10000 if left out.
//! - `call @NAME(ARGUMENT, ...)`: arguments are integers, addresses in hexadecimal and names of buffers.
//! - `show NAME TYPE` writes the buffer, sixteen values a line, equal lines once.

use std::collections::BTreeMap;

use npuc::kernel::interp::{Arg, End, Interpreter, Locks, Memory};
use npuc::kernel::ir::{CoreLock, Module};
use npuc::kernel::read::load;
use npuc::kernel::types::Elem;

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
                Some("lock") => {
                    let numbers: Vec<u8> = words.filter_map(|w| w.parse().ok()).collect();
                    match numbers[..] {
                        [lock, value] => {
                            locks.0.insert(lock, value);
                            Ok(None)
                        }
                        _ => Err("lock takes a number and a value".into()),
                    }
                }
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

/// Locks that count; nobody but the program changes them.
#[derive(Clone, Default)]
struct Counters(BTreeMap<u8, u8>);

impl Locks for Counters {
    fn acquire(&mut self, _: &mut Memory, lock: CoreLock, value: u8) -> bool {
        let held = self.0.entry(lock.0).or_default();
        let enough = *held >= value;
        if enough {
            *held -= value;
        }
        enough
    }

    fn release(&mut self, _: &mut Memory, lock: CoreLock, value: u8) {
        *self.0.entry(lock.0).or_default() += value;
    }
}

fn integer(word: &str) -> Option<i64> {
    match word.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

fn elem(word: Option<&str>) -> Result<Elem, String> {
    let found = Elem::ALL.into_iter().find(|(_, name)| Some(*name) == word);
    found
        .map(|(elem, _)| elem)
        .ok_or(format!("unknown type {word:?}"))
}

fn map<'a>(memory: &mut Memory, mut words: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let name = words.next().ok_or("map takes a name")?;
    let base = words
        .next()
        .and_then(integer)
        .ok_or("map takes an address")? as u32;
    let elem = elem(words.next())?;
    let words: Vec<&str> = words.collect();
    if let [count] = words[..]
        && let Some(count) = count.strip_prefix('x')
    {
        let count: usize = count.parse().map_err(|_| "bad count")?;
        let bytes = count * elem.bytes() as usize;
        return memory.map(name, base, bytes).map_err(|e| e.to_string());
    }
    let (values, count) = match words[..] {
        [ref values @ .., "...", count] => (values, count.parse().map_err(|_| "bad count")?),
        ref values => (values, values.len()),
    };
    let mut bytes = Vec::new();
    for word in values.iter().cycle().take(count) {
        bytes.extend(encode(elem, word).ok_or(format!("`{word}` is no {elem}"))?);
    }
    memory
        .map_with(name, base, &bytes)
        .map_err(|e| e.to_string())
}

/// A value in memory; bf16 takes the upper half of the f32.
fn encode(elem: Elem, word: &str) -> Option<Vec<u8>> {
    Some(match elem {
        Elem::I8 | Elem::I16 | Elem::I32 => {
            let bytes = elem.bytes() as usize;
            integer(word)?.to_le_bytes()[..bytes].to_vec()
        }
        Elem::Bf16 => word.parse::<f32>().ok()?.to_le_bytes()[2..].to_vec(),
        Elem::F32 => word.parse::<f32>().ok()?.to_le_bytes().to_vec(),
    })
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
    let call = call.trim().strip_prefix("call @");
    let call = call.and_then(|call| call.strip_suffix(')')?.split_once('('));
    let (name, args) = call.ok_or("call looks like `call @f(src, 5)`")?;
    let mut values = Vec::new();
    for word in args
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        let region = interpreter.memory.region(word);
        values.push(match (region, integer(word)) {
            (Some(region), _) => Arg::Ptr(region.base()),
            (None, Some(addr)) if word.starts_with("0x") => Arg::Ptr(addr as u32),
            (None, Some(value)) => Arg::I32(value as i32),
            (None, None) => return Err(format!("`{word}` is no argument")),
        });
    }
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
