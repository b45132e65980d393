//! What run files say of memory, locks and calls. The tests of the crate `mlir` read the same files.
//!
//! - `map NAME ADDRESS TYPE VALUE ...` maps a buffer with values, `map NAME ADDRESS TYPE xCOUNT` one
//!   without. Types are `i8`, `i16`, `i32`, `bf16` and `f32`; a last `...` goes on with the values in
//!   turn up to the count after it: `1 2 ... 64`.
//! - `lock ID VALUE` sets a lock; all others are 0.
//! - `stream VALUE ...` lets words come to the core's stream.
//! - `cascade TYPE VALUE ...` lets a word of 512 bits come by the cascade; its values recur until it is full.
//! - `call @NAME(ARGUMENT, ...)`: arguments are integers, addresses in hexadecimal and names of buffers.

use npuc::kernel::interp::{Arg, Memory, World};
use npuc::kernel::types::Elem;

/// `lock ID VALUE`.
pub(crate) fn lock<'a>(
    world: &mut World,
    words: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let numbers: Vec<u8> = words.filter_map(|w| w.parse().ok()).collect();
    match numbers[..] {
        [lock, value] => {
            world.locks.insert(lock, value);
            Ok(())
        }
        _ => Err("lock takes a number and a value".into()),
    }
}

/// `stream VALUE ...`.
pub(crate) fn stream<'a>(
    world: &mut World,
    words: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    for word in words {
        let word = integer(word).ok_or(format!("`{word}` is no integer"))?;
        world.ports.stream_in.push_back(word as u32);
    }
    Ok(())
}

/// `cascade TYPE VALUE ...`.
pub(crate) fn cascade<'a>(
    world: &mut World,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let elem = elem(words.next())?;
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend(encode(elem, word).ok_or(format!("`{word}` is no {elem}"))?);
    }
    if bytes.is_empty() || bytes.len() > 64 {
        return Err("cascade takes values of 64 bytes at most".into());
    }
    let mut whole = [0; 64];
    for (to, from) in whole.iter_mut().zip(bytes.iter().cycle()) {
        *to = *from;
    }
    world.ports.cascade_in.push_back(whole);
    Ok(())
}

fn integer(word: &str) -> Option<i64> {
    match word.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

/// An element type by its name.
pub(crate) fn elem(word: Option<&str>) -> Result<Elem, String> {
    let found = Elem::ALL.into_iter().find(|(_, name)| Some(*name) == word);
    found
        .map(|(elem, _)| elem)
        .ok_or(format!("unknown type {word:?}"))
}

/// `map NAME ADDRESS TYPE VALUE ...`.
pub(crate) fn map<'a>(
    memory: &mut Memory,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
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

/// `call @NAME(ARGUMENT, ...)`: the name and the arguments.
pub(crate) fn arguments<'a>(memory: &Memory, call: &'a str) -> Result<(&'a str, Vec<Arg>), String> {
    let call = call.trim().strip_prefix("call @");
    let call = call.and_then(|call| call.strip_suffix(')')?.split_once('('));
    let (name, args) = call.ok_or("call looks like `call @f(src, 5)`")?;
    let mut values = Vec::new();
    for word in args
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        values.push(match (memory.region(word), integer(word)) {
            (Some(region), _) => Arg::Ptr(region.base()),
            (None, Some(addr)) if word.starts_with("0x") => Arg::Ptr(addr as u32),
            (None, Some(value)) => Arg::I32(value as i32),
            (None, None) => return Err(format!("`{word}` is no argument")),
        });
    }
    Ok((name, values))
}
