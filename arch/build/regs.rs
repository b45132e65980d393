//! Registers, operand classes and immediates: `aie2.regs`.

use super::model::{of_kind, unique};
use super::rows::{Result, Row, expand, substitute};

pub(crate) struct Reg {
    pub(crate) name: String,
    pub(crate) file: String,
    /// Number inside its file.
    pub(crate) index: u32,
    pub(crate) bits: u32,
    /// Role and register of each part.
    pub(crate) parts: Vec<(String, usize)>,
    /// Spelling in assembler.
    pub(crate) text: String,
    pub(crate) meaning: String,
    /// Numbers of the units it consists of, ascending.
    pub(crate) units: Vec<usize>,
}

pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) kind: ClassKind,
    /// Position in the list of the class whose tables this one shares (itself, if it is the first).
    pub(crate) tables: usize,
}

pub(crate) enum ClassKind {
    Field {
        bits: u32,
        /// Register and code, in the order of codes.
        encode: Vec<(usize, u32)>,
        /// Register of every code.
        decode: Vec<Option<usize>>,
    },
    Set(Vec<usize>),
    Imm {
        bits: u32,
        scale: u32,
        kind: String,
    },
}

const ROLES: [&str; 8] = ["lo", "hi", "mod", "size", "stride", "count", "mask", "vec"];

pub(crate) fn read_regs(rows: &[Row]) -> Result<Vec<Reg>> {
    let mut regs: Vec<Reg> = Vec::new();
    let mut parts_texts = Vec::new();
    for row in of_kind(rows, "reg") {
        let [names, file, bits, parts, text, meaning] = row.columns()?;
        for (name, number) in expand(row, names)? {
            unique(row, "register", &name, regs.iter().map(|r| r.name.as_str()))?;
            let in_file = regs.iter().filter(|r| r.file == file).count();
            let text = substitute(row, text, number)?;
            parts_texts.push((row, substitute(row, parts, number)?));
            regs.push(Reg {
                text: if text.is_empty() { name.clone() } else { text },
                name,
                file: file.to_string(),
                index: number.unwrap_or(in_file as u32),
                bits: row.number(bits)?,
                parts: Vec::new(),
                meaning: meaning.to_string(),
                units: Vec::new(),
            });
        }
    }
    for (k, (row, text)) in parts_texts.into_iter().enumerate() {
        for part in text.split_whitespace() {
            let (role, name) = part
                .split_once(':')
                .ok_or_else(|| row.error(format!("part `{part}` is not role:register")))?;
            row.find("role", role, ROLES.into_iter())?;
            let reg = row.find("register", name, regs.iter().map(|r| r.name.as_str()))?;
            regs[k].parts.push((role.to_string(), reg));
        }
    }
    let leaves = regs.iter_mut().filter(|reg| reg.parts.is_empty());
    for (unit, reg) in leaves.enumerate() {
        reg.units.push(unit);
    }
    for k in 0..regs.len() {
        regs[k].units = units_of(&regs, k, 0)?;
    }
    Ok(regs)
}

fn units_of(regs: &[Reg], k: usize, depth: usize) -> Result<Vec<usize>> {
    if depth > 8 {
        let name = &regs[k].name;
        return Err(format!(
            "arch/data/aie2.regs: the parts of `{name}` contain it"
        ));
    }
    let mut units = regs[k].units.clone();
    for (_, part) in &regs[k].parts {
        units.extend(units_of(regs, *part, depth + 1)?);
    }
    units.sort_unstable();
    units.dedup();
    Ok(units)
}

pub(crate) fn read_classes(rows: &[Row], regs: &[Reg]) -> Result<Vec<Class>> {
    let mut classes: Vec<Class> = Vec::new();
    for row in of_kind(rows, "class") {
        let [names, bits, codes] = row.columns()?;
        let bits: u32 = row.number(bits)?;
        if bits > 10 {
            return Err(row.error("a register field of more than 10 bits"));
        }
        let tables = classes.len();
        for name in names.split(',') {
            push(
                row,
                &mut classes,
                name,
                tables,
                read_codes(row, bits, codes, regs)?,
            )?;
        }
    }
    for row in of_kind(rows, "set") {
        let [name, members] = row.columns()?;
        let mut list = Vec::new();
        for names in members.split_whitespace() {
            for (reg, _) in expand(row, names)? {
                list.push(row.find("register", &reg, regs.iter().map(|r| r.name.as_str()))?);
            }
        }
        let tables = classes.len();
        push(row, &mut classes, name, tables, ClassKind::Set(list))?;
    }
    for row in of_kind(rows, "imm") {
        let [name, bits, scale, kind] = row.columns()?;
        row.find("kind", kind, ["signed", "unsigned", "negative"].into_iter())?;
        let kind = ClassKind::Imm {
            bits: row.number(bits)?,
            scale: row.number(scale)?,
            kind: kind.to_string(),
        };
        let tables = classes.len();
        push(row, &mut classes, name, tables, kind)?;
    }
    Ok(classes)
}

fn push(
    row: &Row,
    list: &mut Vec<Class>,
    name: &str,
    tables: usize,
    kind: ClassKind,
) -> Result<()> {
    unique(row, "class", name, list.iter().map(|c| c.name.as_str()))?;
    list.push(Class {
        name: name.to_string(),
        kind,
        tables,
    });
    Ok(())
}

fn read_codes(row: &Row, bits: u32, codes: &str, regs: &[Reg]) -> Result<ClassKind> {
    let mut encode = Vec::new();
    let mut decode: Vec<Option<usize>> = vec![None; 1 << bits];
    let mut claim = |code: u32, reg: usize| match decode.get_mut(code as usize) {
        None => Err(row.error(format!("code {code} does not fit {bits} bits"))),
        Some(Some(_)) => Err(row.error(format!("code {code} stands for two registers"))),
        Some(free) => {
            *free = Some(reg);
            Ok(())
        }
    };
    let find = |name: &str| row.find("register", name, regs.iter().map(|r| r.name.as_str()));
    for entry in codes.split_whitespace() {
        if let Some((name, code)) = entry.split_once('<') {
            claim(row.number(code)?, find(name)?)?;
            continue;
        }
        let (names, code) = entry
            .split_once('=')
            .ok_or_else(|| row.error(format!("`{entry}` is not registers=code")))?;
        let (code, ignored) = match code.split_once('~') {
            Some((code, mask)) => (code, row.hex(mask)?),
            None => (code, 0),
        };
        let (first, step) = code.split_once('+').unwrap_or((code, "0"));
        let (first, step): (u32, u32) = (row.number(first)?, row.number(step)?);
        for (k, (name, _)) in expand(row, names)?.iter().enumerate() {
            let (reg, code) = (find(name)?, first + step * k as u32);
            encode.push((reg, code));
            // Every pattern of the ignored bits stands for the same register.
            let mut pattern = ignored;
            loop {
                claim(code ^ pattern, reg)?;
                if pattern == 0 {
                    break;
                }
                pattern = (pattern - 1) & ignored;
            }
        }
    }
    encode.sort_by_key(|(_, code)| *code);
    Ok(ClassKind::Field {
        bits,
        encode,
        decode,
    })
}
