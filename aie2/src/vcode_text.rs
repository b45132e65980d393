//! Selected code as text: blocks with their ways out, instructions with values for registers.
//!
//! A value is its class and its number, `%r12`, with `.1` behind it where an operand begins at its
//! second unit, and `=r27` where it must be in that register.

use std::fmt;

use arch::aie2::Piece;

use super::mir::{BlockKind, ValueId};
use super::vcode::{Arg, RegClass, Trip, VBlock, VFunc, VInst};

impl fmt::Display for VFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}({}):", self.name, list(self, &self.params))?;
        for (k, block) in self.blocks.iter().enumerate() {
            writeln!(f, ".{k}:{}", head(self, block))?;
            for inst in &block.insts {
                writeln!(f, "  {}", text(self, inst))?;
            }
        }
        Ok(())
    }
}

/// What stands behind the number of a block.
fn head(func: &VFunc, block: &VBlock) -> String {
    let mut head = String::new();
    if block.kind == BlockKind::HardwareLoop {
        head += match block.trip {
            Some(Trip::Const(n)) => format!(" hardware loop {n}"),
            Some(Trip::AtLeast(n)) => format!(" hardware loop of {n} or more"),
            None => " hardware loop".to_owned(),
        }
        .as_str();
    }
    let ways = block.successors.iter().map(|edge| {
        let renames = edge.renames.iter();
        let renames: Vec<String> = renames
            .map(|(here, there)| format!("{} = {}", name(func, *there), name(func, *here)))
            .collect();
        match renames.is_empty() {
            true => format!(".{}", edge.to.0),
            false => format!(".{} ({})", edge.to.0, renames.join(", ")),
        }
    });
    let ways: Vec<String> = ways.collect();
    if !ways.is_empty() {
        head += &format!(" -> {}", ways.join(", "));
    }
    for (word, values) in [("passes", &block.call_args), ("takes", &block.call_results)] {
        if !values.is_empty() {
            head += &format!("; {word} {}", list(func, values));
        }
    }
    head
}

fn text(func: &VFunc, inst: &VInst) -> String {
    let pieces = inst.op().desc().pieces.iter().map(|piece| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Operand(k) => match inst.args.get(usize::from(*k)) {
            Some(Arg::Value { value, part: 0 }) => name(func, *value),
            Some(Arg::Value { value, part }) => format!("{}.{part}", name(func, *value)),
            Some(Arg::Reg(reg)) => reg.to_string(),
            Some(Arg::Imm(imm)) => format!("#{imm}"),
            Some(Arg::Label(label)) => label.to_string(),
            None => "?".to_owned(),
        },
    });
    let text: String = pieces.collect();
    // A pointer that moves is another value; the pattern names its register once.
    let moved = inst.operands().find(|(_, desc)| desc.name == "ptr_out");
    match moved {
        Some((Arg::Value { value, .. }, _)) => format!("{text} -> {}", name(func, *value)),
        _ => text,
    }
}

fn list(func: &VFunc, values: &[ValueId]) -> String {
    let names: Vec<String> = values.iter().map(|v| name(func, *v)).collect();
    names.join(", ")
}

fn name(func: &VFunc, value: ValueId) -> String {
    let info = &func.values[value.index()];
    let class = match info.class {
        RegClass::R => "r",
        RegClass::L => "l",
        RegClass::P => "p",
        RegClass::M => "m",
        RegClass::Dj => "dj",
        RegClass::S => "s",
        RegClass::W => "w",
        RegClass::X => "x",
        RegClass::Bm => "bm",
        RegClass::Cm => "cm",
    };
    match info.fixed {
        Some(reg) => format!("%{class}{}={reg}", value.0),
        None => format!("%{class}{}", value.0),
    }
}
