//! Assembler text: printing and reading.
//!
//! A bundle is its instructions, separated by ` ; `, in the order of its format. Registers are spelled
//! as [`Reg`](super::Reg) prints them, immediates as `#` and a number.

use core::cmp::Reverse;
use core::fmt;

use super::bundle::{Bundle, Format};
use super::desc::{InstDesc, Opcode, Piece};
use super::error::{EncodeError, ParseError};
use super::inst::{Inst, Operand};
use super::register::Reg;
use super::tables::{MAX_OPERANDS, OPCODES_BY_MNEMONIC};

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.desc().pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Operand(k) => write!(f, "{}", self.operands()[usize::from(*k)])?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, inst) in self.insts().iter().enumerate() {
            write!(f, "{}{inst}", if k == 0 { "" } else { " ; " })?;
        }
        Ok(())
    }
}

/// Reads one instruction. Where several slots have it, the first form of the table is taken.
///
/// # Errors
/// When no form fits the text.
pub fn parse_inst(text: &str) -> Result<Inst, ParseError> {
    readings(text).map(|list| list[0])
}

/// Reads a bundle: instructions separated by `;`. It gets `format`, or else the smallest format there
/// is for any choice of slots that the text leaves open.
///
/// # Errors
/// When an instruction has no form or they do not fit into one bundle.
pub fn parse_bundle(text: &str, format: Option<&'static Format>) -> Result<Bundle, ParseError> {
    let parts = text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let choices: Vec<Vec<Inst>> = parts.map(readings).collect::<Result<_, _>>()?;
    if choices.is_empty() {
        return Err(ParseError::Empty);
    }
    if choices.len() > MAX_SLOTS {
        // More instructions than slots: the first choices show which slot is taken twice.
        let insts: Vec<Inst> = choices.iter().map(|list| list[0]).collect();
        return in_bundle(text, Bundle::new(&insts, format));
    }
    let mut best: Option<Result<Bundle, EncodeError>> = None;
    try_all(&choices, &mut Vec::new(), &mut |insts| {
        let found = Bundle::new(insts, format);
        let size = |result: &Result<Bundle, _>| result.as_ref().map_or(usize::MAX, Bundle::bytes);
        if best.as_ref().is_none_or(|best| size(&found) < size(best)) {
            best = Some(found);
        }
    });
    match best {
        Some(result) => in_bundle(text, result),
        None => Err(ParseError::Empty),
    }
}

/// No format has more slots than this.
const MAX_SLOTS: usize = 8;

fn in_bundle(text: &str, result: Result<Bundle, EncodeError>) -> Result<Bundle, ParseError> {
    result.map_err(|why| ParseError::Bundle {
        text: text.trim().to_string(),
        why,
    })
}

/// Calls `visit` with every way to take one instruction from each list.
fn try_all(choices: &[Vec<Inst>], taken: &mut Vec<Inst>, visit: &mut impl FnMut(&[Inst])) {
    let Some((first, rest)) = choices.split_first() else {
        return visit(taken);
    };
    for inst in first {
        taken.push(*inst);
        try_all(rest, taken, visit);
        taken.pop();
    }
}

/// Every instruction that `text` can mean; at least one.
fn readings(text: &str) -> Result<Vec<Inst>, ParseError> {
    let text = text.trim();
    let mnemonic = text.split_whitespace().next().ok_or(ParseError::Empty)?;
    let forms = Opcode::from_mnemonic(mnemonic);
    let Some(first) = forms.first() else {
        return Err(ParseError::UnknownMnemonic {
            word: mnemonic.to_string(),
            nearest: nearest(mnemonic),
        });
    };
    let mut list = Vec::new();
    let mut errors = Vec::new();
    for op in forms {
        match read_as(op.desc(), text) {
            None => {}
            Some(Ok(inst)) => list.push(inst),
            Some(Err(why)) => errors.push(why),
        }
    }
    if !list.is_empty() {
        return Ok(list);
    }
    let text = text.to_string();
    Err(match errors.into_iter().max_by_key(progress) {
        Some(why) => ParseError::Operands { text, why },
        None => ParseError::NoForm {
            text,
            nearest: first.desc().asm,
        },
    })
}

/// How near a refused form is to what was meant: the right kind of operand and the later one count.
fn progress(error: &EncodeError) -> (u8, usize) {
    match error {
        EncodeError::Tied { operand, .. } => (3, *operand),
        EncodeError::Immediate { operand, .. } => (2, *operand),
        EncodeError::NotInClass { operand, .. } => (1, *operand),
        EncodeError::NotARegister { operand, .. } | EncodeError::NotAnImmediate { operand, .. } => {
            (0, *operand)
        }
        _ => (0, 0),
    }
}

/// The first word of an instruction that shares most of its beginning with `word`.
fn nearest(word: &str) -> Option<&'static str> {
    let common = |name: &str| {
        name.bytes()
            .zip(word.bytes())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let key = |name: &str| (common(name), Reverse(name.len().abs_diff(word.len())));
    let names = OPCODES_BY_MNEMONIC.iter().map(|(name, _)| *name);
    names
        .max_by_key(|name| key(name))
        .filter(|name| common(name) >= 2)
}

/// Matches `text` with the form's pattern; `None` if its shape differs.
fn read_as(desc: &'static InstDesc, text: &str) -> Option<Result<Inst, EncodeError>> {
    let mut values = [None; MAX_OPERANDS];
    let mut rest = text;
    for piece in desc.pieces {
        match piece {
            Piece::Text(literal) => rest = match_literal(rest, literal)?,
            Piece::Operand(k) => {
                rest = rest.trim_start();
                let end = rest.find([',', '[', ']', ' ', '\t']).unwrap_or(rest.len());
                let (word, tail) = rest.split_at(end);
                let k = usize::from(*k);
                values[k] = Some(read_operand(desc, k, word)?);
                rest = tail;
            }
        }
    }
    rest.trim()
        .is_empty()
        .then(|| Inst::complete(desc.opcode, values))
}

/// Matches a literal; white space before a character of it is free.
fn match_literal<'a>(text: &'a str, literal: &str) -> Option<&'a str> {
    let mut rest = text;
    for word in literal.split_inclusive([',', '[', ']', ' ']) {
        let word = word.trim();
        rest = rest.trim_start();
        for c in word.chars() {
            rest = rest.strip_prefix(c).or_else(|| {
                matches!(c, ',' | '[' | ']').then(|| rest.trim_start().strip_prefix(c))?
            })?;
        }
    }
    Some(rest)
}

fn read_operand(desc: &InstDesc, k: usize, word: &str) -> Option<Operand> {
    if let Some(number) = word.strip_prefix('#') {
        return read_number(number).map(Operand::Imm);
    }
    let class = desc.operands[k].class;
    let regs = Reg::from_text(word);
    let fitting = regs.iter().find(|reg| class.contains(**reg));
    fitting.or(regs.first()).copied().map(Operand::Reg)
}

fn read_number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { -value } else { value })
}
