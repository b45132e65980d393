//! Instructions: `aie2.isa`.

use std::collections::{HashMap, HashSet};

use super::model::{Named, Slot};
use super::regs::{Class, ClassKind, Reg};
use super::rows::{Result, Row};
use super::timing::Itinerary;

pub(crate) struct Inst {
    pub(crate) name: String,
    pub(crate) slot: usize,
    pub(crate) mask: u64,
    pub(crate) value: u64,
    pub(crate) itinerary: usize,
    pub(crate) defs: Vec<(usize, u8)>,
    pub(crate) uses: Vec<(usize, u8)>,
    /// Positions in the list of flags.
    pub(crate) flags: Vec<usize>,
    /// Assembler pattern with operand names.
    pub(crate) asm: String,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) operands: Vec<Operand>,
}

pub(crate) enum Piece {
    Text(String),
    Operand(usize),
}

pub(crate) struct Operand {
    pub(crate) name: String,
    pub(crate) output: bool,
    pub(crate) class: usize,
    pub(crate) binding: Binding,
}

pub(crate) enum Binding {
    /// Runs of bits: position in the word, length, position in the field.
    Field(Vec<(u32, u32, u32)>),
    Fixed(usize),
    Tied(usize),
    Counter(usize),
    CounterHigh(usize),
}

pub(crate) fn read_insts(
    rows: &[Row],
    slots: &[Slot],
    regs: &[Reg],
    classes: &[Class],
    itineraries: &[Itinerary],
    flags: &[Named],
) -> Result<Vec<Inst>> {
    let mut insts = Vec::new();
    let mut names = HashSet::new();
    let mut slot = None;
    for row in rows {
        match row.kind.as_str() {
            "slot" => {
                let [name] = row.columns()?;
                slot = Some(row.find("slot", name, slots.iter().map(|s| s.name.as_str()))?);
            }
            "inst" => {
                let slot = slot.ok_or_else(|| row.error("a `slot` row must come before"))?;
                let [name, bits, itinerary, implicit, flag_names, text, operands] =
                    row.columns()?;
                if !names.insert(name.to_string()) {
                    return Err(row.error(format!("instruction `{name}` appears twice")));
                }
                if bits.len() != slots[slot].bits as usize {
                    let (have, want, slot) = (bits.len(), slots[slot].bits, &slots[slot].name);
                    return Err(row.error(format!("{have} bits, slot {slot} has {want}")));
                }
                let (mask, value, fields) = read_bits(row, bits)?;
                let (letters, operands) = read_operands(row, operands, classes, &fields)?;
                let (pieces, asm) = read_text(row, text, &letters, &operands)?;
                let (defs, uses) = read_implicit(row, implicit, regs)?;
                let itinerary = {
                    let names = itineraries.iter().map(|i| i.name.as_str());
                    row.find("itinerary", itinerary, names)?
                };
                if itineraries[itinerary].operands.len() < operands.len() {
                    return Err(row.error("the itinerary names fewer operands"));
                }
                insts.push(Inst {
                    name: name.to_string(),
                    slot,
                    mask,
                    value,
                    itinerary,
                    defs,
                    uses,
                    flags: flag_names
                        .split_whitespace()
                        .map(|f| row.find("flag", f, flags.iter().map(|n| n.name.as_str())))
                        .collect::<Result<_>>()?,
                    asm,
                    pieces,
                    operands,
                });
            }
            _ => {}
        }
    }
    Ok(insts)
}

type Fields = HashMap<char, Vec<u32>>;

/// Mask and value of the fixed bits, and the positions of each letter from its top bit down.
fn read_bits(row: &Row, bits: &str) -> Result<(u64, u64, Fields)> {
    let (mut mask, mut value, mut fields) = (0, 0, Fields::new());
    for (k, c) in bits.chars().rev().enumerate() {
        match c {
            '0' | '1' => {
                mask |= 1 << k;
                value |= u64::from(c == '1') << k;
            }
            // Ignored bits read as anything and are written as 0.
            '-' => {}
            'a'..='z' => fields.entry(c).or_default().insert(0, k as u32),
            _ => return Err(row.error(format!("`{c}` in the bit pattern"))),
        }
    }
    Ok((mask, value, fields))
}

fn runs(positions: &[u32]) -> Vec<(u32, u32, u32)> {
    let mut runs: Vec<(u32, u32, u32)> = Vec::new();
    for (k, position) in positions.iter().rev().enumerate() {
        match runs.last_mut() {
            Some((at, length, _)) if *at + *length == *position => *length += 1,
            _ => runs.push((*position, 1, k as u32)),
        }
    }
    runs
}

fn read_operands(
    row: &Row,
    text: &str,
    classes: &[Class],
    fields: &Fields,
) -> Result<(HashMap<char, usize>, Vec<Operand>)> {
    let (outputs, inputs) = text.split_once("<-").unwrap_or((text, ""));
    let entries: Vec<(bool, &str)> = (outputs.split_whitespace().map(|t| (true, t)))
        .chain(inputs.split_whitespace().map(|t| (false, t)))
        .collect();
    let mut letters = HashMap::new();
    for (k, (_, entry)) in entries.iter().enumerate() {
        if let Some((letter, _)) = entry.split_once('=') {
            let mut chars = letter.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if letters.insert(c, k).is_none() => {}
                _ => return Err(row.error(format!("operand letter `{letter}`"))),
            }
        }
    }
    let mut operands = Vec::new();
    for (output, entry) in entries {
        let (letter, spec) = match entry.split_once('=') {
            Some((letter, spec)) => (letter.chars().next(), spec),
            None => (None, entry),
        };
        let (spec, tie) = match spec.strip_suffix(')').and_then(|s| s.split_once('(')) {
            Some((spec, tie)) => (spec, Some(tie)),
            None => (spec, None),
        };
        let (name, class) = spec
            .split_once(':')
            .ok_or_else(|| row.error(format!("operand `{entry}` is not name:class")))?;
        let class = row.find("class", class, classes.iter().map(|c| c.name.as_str()))?;
        let binding = if let Some(tie) = tie {
            let (letter, part) = tie.split_once('.').unwrap_or((tie, ""));
            let target = letter
                .chars()
                .next()
                .and_then(|c| letters.get(&c).copied())
                .ok_or_else(|| row.error(format!("`{tie}` names no operand letter")))?;
            match part {
                "" => Binding::Tied(target),
                "dc" => Binding::Counter(target),
                "dc_hi" => Binding::CounterHigh(target),
                _ => return Err(row.error(format!("`{part}` is neither dc nor dc_hi"))),
            }
        } else if let ClassKind::Set(members) = &classes[class].kind {
            match members.as_slice() {
                [reg] => Binding::Fixed(*reg),
                _ => return Err(row.error(format!("operand `{entry}` needs a field or a tie"))),
            }
        } else {
            let positions = letter
                .and_then(|c| fields.get(&c))
                .ok_or_else(|| row.error(format!("operand `{entry}` has no bits")))?;
            let (ClassKind::Field { bits, .. } | ClassKind::Imm { bits, .. }) =
                &classes[class].kind
            else {
                return Err(row.error(format!("operand `{entry}` has no field")));
            };
            if positions.len() != *bits as usize {
                let have = positions.len();
                return Err(row.error(format!("operand `{entry}`: {have} bits, needs {bits}")));
            }
            Binding::Field(runs(positions))
        };
        operands.push(Operand {
            name: name.to_string(),
            output,
            class,
            binding,
        });
    }
    for letter in fields.keys() {
        if !letters.contains_key(letter) {
            return Err(row.error(format!("bits `{letter}` belong to no operand")));
        }
    }
    Ok((letters, operands))
}

fn read_text(
    row: &Row,
    text: &str,
    letters: &HashMap<char, usize>,
    operands: &[Operand],
) -> Result<(Vec<Piece>, String)> {
    let (mut pieces, mut asm) = (Vec::new(), String::new());
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '$' {
            literal.push(c);
            asm.push(c);
            continue;
        }
        let operand = chars
            .next()
            .and_then(|c| letters.get(&c).copied())
            .ok_or_else(|| row.error(format!("`{text}` names an unknown operand letter")))?;
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Operand(operand));
        asm.push('$');
        asm.push_str(&operands[operand].name);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok((pieces, asm))
}

type Implicit = Vec<(usize, u8)>;

fn read_implicit(row: &Row, text: &str, regs: &[Reg]) -> Result<(Implicit, Implicit)> {
    let (mut defs, mut uses) = (Vec::new(), Vec::new());
    for entry in text.split_whitespace() {
        let bad = || row.error(format!("`{entry}` is neither w:register@stage nor r:..."));
        let (way, rest) = entry.split_once(':').ok_or_else(bad)?;
        let (reg, stage) = rest.split_once('@').ok_or_else(bad)?;
        let reg = row.find("register", reg, regs.iter().map(|r| r.name.as_str()))?;
        match way {
            "w" => defs.push((reg, row.number(stage)?)),
            "r" => uses.push((reg, row.number(stage)?)),
            _ => return Err(bad()),
        }
    }
    Ok((defs, uses))
}
