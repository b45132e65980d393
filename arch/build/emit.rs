//! The model as Rust source. The types it names are in `src/aie2/`.

use std::fmt::Write;

use super::index;
use super::insts::{Binding, Inst, Operand, Piece};
use super::model::{Model, Named};
use super::regs::{Class, ClassKind};
use super::timing::Itinerary;

/// Marks "no register", "no code" and "no format" in tables; `src/aie2/tables.rs` knows it too.
const NONE: u16 = u16::MAX;

/// Appends formatted text to a string, which cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {
        $out.write_fmt(format_args!($($arg)*)).expect("a String takes any text")
    };
}

pub(crate) fn rust(model: &Model) -> String {
    let mut out = String::new();
    enums(&mut out, model);
    regs(&mut out, model);
    classes(&mut out, model);
    formats(&mut out, model);
    itineraries(&mut out, model);
    insts(&mut out, model);
    lookups(&mut out, model);
    out
}

fn enums(out: &mut String, model: &Model) {
    let slots: Vec<Named> = model
        .slots
        .iter()
        .map(|s| named(&s.name, &s.meaning))
        .collect();
    enumeration(out, "Slot", "A slot of a bundle.", &slots);
    let lists = [
        (
            "Resource",
            "A port or unit that instructions occupy.",
            &model.resources,
        ),
        (
            "Bypass",
            "A forwarding path that saves one cycle.",
            &model.bypasses,
        ),
    ];
    for (name, doc, list) in lists {
        enumeration(out, name, doc, list);
    }
    let mut files: Vec<Named> = Vec::new();
    for reg in &model.regs {
        if !files.iter().any(|f| f.name == reg.file) {
            files.push(named(&reg.file, &reg.meaning));
        }
    }
    for file in &mut files {
        match file.name.as_str() {
            "Cr" => file.meaning = "control registers".to_string(),
            "Sr" => file.meaning = "status registers".to_string(),
            "Special" => file.meaning = "loop, link, stack and other single registers".to_string(),
            _ => {}
        }
    }
    enumeration(out, "RegFile", "A register file.", &files);
    out.push_str("impl Flags {\n");
    for (k, flag) in model.flags.iter().enumerate() {
        let name = flag.name.to_uppercase();
        put!(
            out,
            "/// {}.\npub const {name}: Flags = Flags(1 << {k});\n",
            flag.meaning
        );
    }
    let names: Vec<&str> = model.flags.iter().map(|f| f.name.as_str()).collect();
    put!(
        out,
        "pub(crate) const NAMES: &'static [&'static str] = &{names:?};\n}}\n"
    );
}

fn named(name: &str, meaning: &str) -> Named {
    Named {
        name: name.to_string(),
        meaning: meaning.to_string(),
    }
}

/// `RS_WM` and `lda` as `RsWm` and `Lda`; a name in mixed case stays.
fn camel(name: &str) -> String {
    if name.contains(|c: char| c.is_lowercase()) && name.contains(|c: char| c.is_uppercase()) {
        return name.to_string();
    }
    name.split('_')
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_uppercase(), rest.to_lowercase()]
        })
        .collect()
}

fn enumeration(out: &mut String, name: &str, doc: &str, list: &[Named]) {
    put!(
        out,
        "/// {doc}\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n"
    );
    put!(out, "#[repr(u8)]\npub enum {name} {{\n");
    for entry in list {
        put!(out, "/// {}.\n{},\n", entry.meaning, camel(&entry.name));
    }
    put!(out, "}}\nimpl {name} {{\n/// Every variant in order.\n");
    put!(out, "pub const ALL: [{name}; {}] = [", list.len());
    for entry in list {
        put!(out, "{name}::{}, ", camel(&entry.name));
    }
    out.push_str("];\n/// The name in the data files.\npub const fn name(self) -> &'static str {\nmatch self {\n");
    for entry in list {
        put!(out, "{name}::{} => {:?},\n", camel(&entry.name), entry.name);
    }
    out.push_str("}\n}\n}\n");
}

fn regs(out: &mut String, model: &Model) {
    put!(
        out,
        "pub(crate) static REGS: [RegDesc; {}] = [\n",
        model.regs.len()
    );
    for (k, reg) in model.regs.iter().enumerate() {
        put!(
            out,
            "RegDesc {{ name: {:?}, text: {:?}, ",
            reg.name,
            reg.text
        );
        put!(
            out,
            "file: RegFile::{}, index: {}, bits: {}, ",
            reg.file,
            reg.index,
            reg.bits
        );
        out.push_str("parts: &[");
        for (role, part) in &reg.parts {
            put!(out, "(Part::{}, Reg({part})), ", camel(role));
        }
        put!(out, "], units: &{:?}, supers: &[", reg.units);
        for (other, big) in model.regs.iter().enumerate() {
            if other != k && reg.units.iter().all(|u| big.units.contains(u)) {
                put!(out, "Reg({other}), ");
            }
        }
        out.push_str("] },\n");
    }
    let units = model
        .regs
        .iter()
        .flat_map(|r| &r.units)
        .max()
        .map_or(0, |u| u + 1);
    put!(out, "];\npub(crate) const UNITS: usize = {units};\n");
    out.push_str("/// Every register by its name in upper case.\npub mod reg {\nuse super::Reg;\n");
    for (k, reg) in model.regs.iter().enumerate() {
        let name = reg.name.to_uppercase();
        put!(
            out,
            "/// `{}`: {}, {} bits.\n",
            reg.text,
            reg.meaning,
            reg.bits
        );
        put!(out, "pub const {name}: Reg = Reg({k});\n");
    }
    out.push_str("}\n");
}

fn classes(out: &mut String, model: &Model) {
    let count = model.regs.len();
    for (k, class) in model.classes.iter().enumerate() {
        let ClassKind::Field { encode, decode, .. } = &class.kind else {
            continue;
        };
        if class.tables != k {
            continue;
        }
        let mut codes = vec![NONE; count];
        for (reg, code) in encode {
            codes[*reg] = *code as u16;
        }
        let decode: Vec<u16> = decode
            .iter()
            .map(|r| r.map_or(NONE, |r| r as u16))
            .collect();
        put!(out, "static ENCODE_{k}: [u16; {count}] = {codes:?};\n");
        put!(
            out,
            "static DECODE_{k}: [u16; {}] = {decode:?};\n",
            decode.len()
        );
        let members: Vec<usize> = encode.iter().map(|(reg, _)| *reg).collect();
        put!(
            out,
            "static MEMBERS_{k}: [Reg; {}] = [{}];\n",
            members.len(),
            reg_list(&members)
        );
    }
    put!(
        out,
        "pub(crate) static CLASSES: [ClassDesc; {}] = [\n",
        model.classes.len()
    );
    for class in &model.classes {
        put!(
            out,
            "ClassDesc {{ name: {:?}, kind: {} }},\n",
            class.name,
            class_kind(class)
        );
    }
    out.push_str("];\n/// Every operand class.\n#[allow(non_upper_case_globals)]\npub mod class {\nuse super::Class;\n");
    for (k, class) in model.classes.iter().enumerate() {
        let doc = match &class.kind {
            ClassKind::Field { bits, encode, .. } => {
                format!("{} registers in a field of {bits} bits", encode.len())
            }
            ClassKind::Set(members) => format!("{} registers, no field", members.len()),
            ClassKind::Imm { bits, scale, kind } => {
                format!("{kind} immediate of {bits} bits, a multiple of {scale}")
            }
        };
        put!(
            out,
            "/// {doc}.\npub const {}: Class = Class({k});\n",
            class.name
        );
    }
    out.push_str("}\n");
}

fn class_kind(class: &Class) -> String {
    match &class.kind {
        ClassKind::Field { bits, .. } => {
            let k = class.tables;
            format!(
                "ClassKind::Field {{ bits: {bits}, encode: &ENCODE_{k}, decode: &DECODE_{k}, \
                 members: &MEMBERS_{k} }}"
            )
        }
        ClassKind::Set(members) => format!("ClassKind::Set(&[{}])", reg_list(members)),
        ClassKind::Imm { bits, scale, kind } => {
            let kind = camel(kind);
            format!(
                "ClassKind::Imm(ImmDesc {{ bits: {bits}, scale: {scale}, sign: Sign::{kind} }})"
            )
        }
    }
}

fn reg_list(regs: &[usize]) -> String {
    let list: Vec<String> = regs.iter().map(|r| format!("Reg({r})")).collect();
    list.join(", ")
}

fn formats(out: &mut String, model: &Model) {
    put!(
        out,
        "pub(crate) static SLOTS: [SlotDesc; {}] = [\n",
        model.slots.len()
    );
    for (k, slot) in model.slots.iter().enumerate() {
        let nop = model.insts.iter().position(|i| i.name == slot.nop);
        let nop = nop.expect("the reader found the nop of every slot");
        let index = index::of_slot(model, k);
        put!(out, "SlotDesc {{ bits: {}, nop: Opcode({nop}), ", slot.bits);
        put!(out, "key: &{:?}, lists: &[", index.positions);
        for list in index.lists {
            let list: Vec<String> = list.iter().map(|k| format!("Opcode({k})")).collect();
            put!(out, "&[{}], ", list.join(", "));
        }
        out.push_str("] },\n");
    }
    put!(
        out,
        "];\npub(crate) static LENGTHS: [u8; 16] = {:?};\n",
        model.lengths
    );
    put!(
        out,
        "pub(crate) static FORMATS: [Format; {}] = [\n",
        model.formats.len()
    );
    for format in &model.formats {
        put!(
            out,
            "Format {{ name: {:?}, bytes: {}, ",
            format.name,
            format.bits / 8
        );
        put!(
            out,
            "mask: {:#x}, value: {:#x}, ",
            format.mask,
            format.value
        );
        let set: u32 = format.fields.iter().map(|(slot, _)| 1 << slot).sum();
        put!(out, "slots: SlotSet({set}), fields: &[");
        for (slot, at) in &format.fields {
            put!(out, "(Slot::{}, {at}), ", camel(&model.slots[*slot].name));
        }
        out.push_str("] },\n");
    }
    let set_of = |k: &usize| -> usize {
        let fields = model.formats[*k].fields.iter();
        fields.map(|(slot, _)| 1 << slot).sum()
    };
    let smallest = |set: usize| {
        let holding = (0..model.formats.len()).filter(|k| set & !set_of(k) == 0);
        let best = holding.min_by_key(|k| (model.formats[*k].bits, set_of(k).count_ones()));
        best.map_or(NONE, |k| k as u16)
    };
    let smallest: Vec<u16> = (0..256).map(smallest).collect();
    put!(
        out,
        "];\npub(crate) static SMALLEST: [u16; 256] = {smallest:?};\n"
    );
}

fn itineraries(out: &mut String, model: &Model) {
    let count = model.itineraries.len();
    put!(
        out,
        "pub(crate) static ITINERARIES: [Itinerary; {count}] = [\n"
    );
    for itinerary in &model.itineraries {
        itinerary_row(out, model, itinerary);
    }
    let implicit = model
        .insts
        .iter()
        .flat_map(|i| i.defs.iter().chain(&i.uses));
    let implicit = implicit.map(|(_, stage)| *stage);
    let depth = model
        .itineraries
        .iter()
        .flat_map(last_stages)
        .chain(implicit)
        .max();
    out.push_str("];\n/// The last stage in which any instruction does anything.\n");
    put!(
        out,
        "pub const PIPELINE_DEPTH: u8 = {};\n",
        depth.unwrap_or(1)
    );
}

fn last_stages(itinerary: &Itinerary) -> impl Iterator<Item = u8> {
    let operands = itinerary.operands.iter().map(|(stage, _)| *stage);
    let uses = itinerary.uses.iter().map(|u| u.first + u.cycles - 1);
    operands.chain(itinerary.memory.iter().copied()).chain(uses)
}

fn itinerary_row(out: &mut String, model: &Model, itinerary: &Itinerary) {
    let cycles: Vec<u8> = itinerary.operands.iter().map(|(stage, _)| *stage).collect();
    put!(
        out,
        "Itinerary {{ name: {:?}, operand_cycles: &{cycles:?}, ",
        itinerary.name
    );
    out.push_str("bypass: &[");
    for (_, bypass) in &itinerary.operands {
        match bypass {
            Some(k) => put!(out, "Some(Bypass::{}), ", camel(&model.bypasses[*k].name)),
            None => out.push_str("None, "),
        }
    }
    put!(out, "], memory_cycles: &{:?}, stages: &[", itinerary.memory);
    for u in &itinerary.uses {
        put!(out, "Stage {{ first: {}, cycles: {}, ", u.first, u.cycles);
        put!(
            out,
            "resource: Resource::{}, ",
            camel(&model.resources[u.resource].name)
        );
        put!(
            out,
            "kind: UseKind::{} }}, ",
            if u.reserved { "Reserved" } else { "Required" }
        );
    }
    out.push_str("], variants: &[");
    for variant in &itinerary.variants {
        out.push_str("Variant { when: &[");
        for (operand, class) in &variant.when {
            put!(out, "({operand}, Class({class})), ");
        }
        put!(out, "], itinerary: ItineraryId({}) }}, ", variant.itinerary);
    }
    out.push_str("] },\n");
}

fn insts(out: &mut String, model: &Model) {
    put!(
        out,
        "pub(crate) static INSTS: [InstDesc; {}] = [\n",
        model.insts.len()
    );
    for (k, inst) in model.insts.iter().enumerate() {
        inst_row(out, model, k, inst);
    }
    let most = model
        .insts
        .iter()
        .map(|i| i.operands.len())
        .max()
        .unwrap_or(0);
    out.push_str("];\n/// The most operands that an instruction form has.\n");
    put!(out, "pub const MAX_OPERANDS: usize = {most};\n");
    out.push_str("/// Every instruction form by its name.\n#[allow(non_upper_case_globals)]\n");
    out.push_str("pub mod op {\nuse super::Opcode;\n");
    for (k, inst) in model.insts.iter().enumerate() {
        let slot = &model.slots[inst.slot].name;
        put!(out, "/// `{}`, slot {slot}.\n", inst.asm);
        put!(out, "pub const {}: Opcode = Opcode({k});\n", inst.name);
    }
    out.push_str("}\n");
}

fn inst_row(out: &mut String, model: &Model, k: usize, inst: &Inst) {
    let mnemonic = inst.asm.split(' ').next().unwrap_or_default();
    let flags: u32 = inst.flags.iter().map(|f| 1 << f).sum();
    put!(
        out,
        "InstDesc {{ opcode: Opcode({k}), name: {:?}, mnemonic: {mnemonic:?}, ",
        inst.name
    );
    put!(
        out,
        "asm: {:?}, slot: Slot::{}, ",
        inst.asm,
        camel(&model.slots[inst.slot].name)
    );
    put!(out, "mask: {:#x}, value: {:#x}, ", inst.mask, inst.value);
    put!(
        out,
        "flags: Flags({flags}), itinerary: ItineraryId({}), ",
        inst.itinerary
    );
    for (name, list) in [("implicit_defs", &inst.defs), ("implicit_uses", &inst.uses)] {
        put!(out, "{name}: &[");
        for (reg, stage) in list {
            put!(out, "Implicit {{ reg: Reg({reg}), stage: {stage} }}, ");
        }
        out.push_str("], ");
    }
    out.push_str("pieces: &[");
    for piece in &inst.pieces {
        match piece {
            Piece::Text(text) => put!(out, "Piece::Text({text:?}), "),
            Piece::Operand(k) => put!(out, "Piece::Operand({k}), "),
        }
    }
    out.push_str("], operands: &[");
    for operand in &inst.operands {
        operand_row(out, operand);
    }
    out.push_str("] },\n");
}

fn operand_row(out: &mut String, operand: &Operand) {
    let dir = if operand.output { "Out" } else { "In" };
    put!(
        out,
        "OperandDesc {{ name: {:?}, dir: Dir::{dir}, ",
        operand.name
    );
    put!(out, "class: Class({}), binding: Binding::", operand.class);
    match &operand.binding {
        Binding::Field(runs) => {
            out.push_str("Field(&[");
            for (at, bits, shift) in runs {
                put!(out, "BitRun {{ at: {at}, bits: {bits}, shift: {shift} }}, ");
            }
            out.push_str("])");
        }
        Binding::Fixed(reg) => put!(out, "Fixed(Reg({reg}))"),
        Binding::Tied(k) => put!(out, "Tied({k})"),
        Binding::Counter(k) => put!(out, "Counter({k})"),
        Binding::CounterHigh(k) => put!(out, "CounterHigh({k})"),
    }
    out.push_str(" }, ");
}

/// Names in order with what they stand for, for binary search.
fn lookups(out: &mut String, model: &Model) {
    let opcode = |k: &usize| format!("Opcode({k})");
    let names = model.insts.iter().map(|i| i.name.as_str());
    lookup(out, "OPCODES_BY_NAME", "Opcode", names, opcode);
    let mnemonics = model
        .insts
        .iter()
        .map(|i| i.asm.split(' ').next().unwrap_or_default());
    lookup(out, "OPCODES_BY_MNEMONIC", "Opcode", mnemonics, opcode);
    let reg = |k: &usize| format!("Reg({k})");
    lookup(
        out,
        "REGS_BY_NAME",
        "Reg",
        model.regs.iter().map(|r| r.name.as_str()),
        reg,
    );
    lookup(
        out,
        "REGS_BY_TEXT",
        "Reg",
        model.regs.iter().map(|r| r.text.as_str()),
        reg,
    );
}

fn lookup<'a>(
    out: &mut String,
    table: &str,
    kind: &str,
    names: impl Iterator<Item = &'a str>,
    value: impl Fn(&usize) -> String,
) {
    let mut map = std::collections::BTreeMap::<&str, Vec<usize>>::new();
    for (k, name) in names.enumerate() {
        map.entry(name).or_default().push(k);
    }
    put!(
        out,
        "pub(crate) static {table}: [(&str, &[{kind}]); {}] = [\n",
        map.len()
    );
    for (name, list) in map {
        let list: Vec<String> = list.iter().map(&value).collect();
        put!(out, "({name:?}, &[{}]),\n", list.join(", "));
    }
    out.push_str("];\n");
}
