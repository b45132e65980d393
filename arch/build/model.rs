//! What the data files say, checked, with names resolved to positions.

use super::Sources;
use super::insts::{Inst, read_insts};
use super::regs::{Class, Reg, read_classes, read_regs};
use super::rows::{self, Result, Row};
use super::timing::{Itinerary, read_itineraries};

/// A name with the sentence that explains it: variants of the generated enums.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) meaning: String,
}

pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) bits: u32,
    /// Name of the instruction that fills the slot.
    pub(crate) nop: String,
    pub(crate) meaning: String,
}

pub(crate) struct Format {
    pub(crate) name: String,
    pub(crate) bits: u32,
    pub(crate) mask: u128,
    pub(crate) value: u128,
    /// Slot and the position of its lowest bit, from the top down.
    pub(crate) fields: Vec<(usize, u32)>,
}

pub(crate) struct Model {
    pub(crate) regs: Vec<Reg>,
    pub(crate) classes: Vec<Class>,
    pub(crate) slots: Vec<Slot>,
    /// Bytes of a bundle by the low four bits of its first byte.
    pub(crate) lengths: [u32; 16],
    pub(crate) formats: Vec<Format>,
    pub(crate) bypasses: Vec<Named>,
    pub(crate) resources: Vec<Named>,
    pub(crate) itineraries: Vec<Itinerary>,
    pub(crate) flags: Vec<Named>,
    pub(crate) insts: Vec<Inst>,
}

impl Model {
    pub(crate) fn read(sources: &Sources) -> Result<Model> {
        let regs_rows = rows::read("aie2.regs", &sources.regs);
        let format_rows = rows::read("aie2.formats", &sources.formats);
        let timing_rows = rows::read("aie2.timing", &sources.timing);
        let isa_rows = rows::read("aie2.isa", &sources.isa);

        known_kinds(&regs_rows, &["reg", "class", "set", "imm"])?;
        known_kinds(&format_rows, &["slot", "length", "format"])?;
        known_kinds(&timing_rows, &["bypass", "resource", "itin", "variant"])?;
        known_kinds(&isa_rows, &["flag", "slot", "inst"])?;

        let regs = read_regs(&regs_rows)?;
        let classes = read_classes(&regs_rows, &regs)?;
        let slots = read_slots(&format_rows)?;
        let bypasses = read_named(&timing_rows, "bypass")?;
        let resources = read_named(&timing_rows, "resource")?;
        let itineraries = read_itineraries(&timing_rows, &bypasses, &resources, &classes)?;
        let flags = read_named(&isa_rows, "flag")?;
        let insts = read_insts(&isa_rows, &slots, &regs, &classes, &itineraries, &flags)?;
        for slot in &slots {
            if !insts.iter().any(|inst| inst.name == slot.nop) {
                let message = format!("nop `{}` of slot {} is no instruction", slot.nop, slot.name);
                return Err(format!("arch/data/aie2.formats: {message}"));
            }
        }
        Ok(Model {
            lengths: read_lengths(&format_rows)?,
            formats: read_formats(&format_rows, &slots)?,
            regs,
            classes,
            slots,
            bypasses,
            resources,
            itineraries,
            flags,
            insts,
        })
    }
}

/// The rows of one kind.
pub(crate) fn of_kind<'a>(rows: &'a [Row], kind: &'a str) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| row.kind == kind)
}

/// Refuses a name that an earlier row has.
pub(crate) fn unique<'a>(
    row: &Row,
    what: &str,
    name: &str,
    mut earlier: impl Iterator<Item = &'a str>,
) -> Result<()> {
    match earlier.any(|n| n == name) {
        true => Err(row.error(format!("{what} `{name}` appears twice"))),
        false => Ok(()),
    }
}

fn known_kinds(rows: &[Row], kinds: &[&str]) -> Result<()> {
    for row in rows {
        if !kinds.contains(&row.kind.as_str()) {
            let list = kinds.join(", ");
            return Err(row.error(format!("row kind `{}` is none of {list}", row.kind)));
        }
    }
    Ok(())
}

fn read_named(rows: &[Row], kind: &str) -> Result<Vec<Named>> {
    let mut list: Vec<Named> = Vec::new();
    for row in of_kind(rows, kind) {
        let [name, meaning] = row.columns()?;
        unique(row, kind, name, list.iter().map(|n| n.name.as_str()))?;
        list.push(Named {
            name: name.to_string(),
            meaning: meaning.to_string(),
        });
    }
    Ok(list)
}

fn read_slots(rows: &[Row]) -> Result<Vec<Slot>> {
    let mut slots: Vec<Slot> = Vec::new();
    for row in of_kind(rows, "slot") {
        let [name, bits, nop, meaning] = row.columns()?;
        unique(row, "slot", name, slots.iter().map(|s| s.name.as_str()))?;
        slots.push(Slot {
            name: name.to_string(),
            bits: row.number(bits)?,
            nop: nop.to_string(),
            meaning: meaning.to_string(),
        });
        if slots.len() > 8 {
            return Err(row.error("at most eight slots fit the slot set"));
        }
    }
    Ok(slots)
}

fn read_lengths(rows: &[Row]) -> Result<[u32; 16]> {
    let mut lengths = [128 / 8; 16];
    for row in of_kind(rows, "length") {
        let [low4, bits] = row.columns()?;
        let low4 = u8::from_str_radix(low4, 2)
            .ok()
            .filter(|v| v % 2 == 1 && *v < 16)
            .ok_or_else(|| row.error(format!("`{low4}` is no odd number of four bits")))?;
        lengths[usize::from(low4)] = row.number::<u32>(bits)? / 8;
    }
    Ok(lengths)
}

fn read_formats(rows: &[Row], slots: &[Slot]) -> Result<Vec<Format>> {
    let mut formats: Vec<Format> = Vec::new();
    for row in of_kind(rows, "format") {
        let [name, bits, layout] = row.columns()?;
        unique(row, "format", name, formats.iter().map(|f| f.name.as_str()))?;
        let bits: u32 = row.number(bits)?;
        let (mut mask, mut value, mut fields) = (0u128, 0u128, Vec::new());
        let mut at = bits;
        for part in layout.split_whitespace() {
            if part.bytes().all(|b| b == b'0' || b == b'1') {
                for bit in part.bytes() {
                    at = at
                        .checked_sub(1)
                        .ok_or_else(|| row.error(format!("layout exceeds {bits} bits")))?;
                    mask |= 1 << at;
                    value |= u128::from(bit - b'0') << at;
                }
            } else {
                let slot = row.find("slot", part, slots.iter().map(|s| s.name.as_str()))?;
                at = at
                    .checked_sub(slots[slot].bits)
                    .ok_or_else(|| row.error(format!("layout exceeds {bits} bits")))?;
                fields.push((slot, at));
            }
        }
        if at != 0 {
            return Err(row.error(format!("layout leaves {at} of {bits} bits open")));
        }
        formats.push(Format {
            name: name.to_string(),
            bits,
            mask,
            value,
            fields,
        });
    }
    Ok(formats)
}
