//! A program as text: cycles down, slots across.

use std::fmt::{self, Write};

use arch::aie2::{Piece, Slot};

use super::mir::{BlockKind, Label, MBlock, MFunc, MInst, MOperand, Program};

/// Slots in the order of the columns.
const COLUMNS: [Slot; 7] = [
    Slot::Lda,
    Slot::Ldb,
    Slot::St,
    Slot::Alu,
    Slot::Mv,
    Slot::Lng,
    Slot::Vec,
];

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, func) in self.funcs.iter().enumerate() {
            if k > 0 {
                writeln!(f)?;
            }
            write!(f, "{func}")?;
        }
        Ok(())
    }
}

impl fmt::Display for MFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.name)?;
        for (k, block) in self.blocks.iter().enumerate() {
            write!(f, ".{k}:")?;
            if block.kind == BlockKind::HardwareLoop {
                write!(f, " hardware loop of {} cycles", block.cycles.len())?;
            }
            if !block.successors.is_empty() {
                let to: Vec<String> = block
                    .successors
                    .iter()
                    .map(|e| format!(".{}", e.to.0))
                    .collect();
                write!(f, " -> {}", to.join(", "))?;
            }
            writeln!(f)?;
            write_table(f, block)?;
        }
        Ok(())
    }
}

fn write_table(f: &mut fmt::Formatter<'_>, block: &MBlock) -> fmt::Result {
    let mut rows: Vec<[String; COLUMNS.len()]> = Vec::new();
    for cycle in &block.cycles {
        let mut row: [String; COLUMNS.len()] = Default::default();
        for inst in cycle.iter().filter_map(|k| block.insts.get(*k)) {
            let column = COLUMNS.iter().position(|s| *s == inst.op.slot());
            if let Some(column) = column {
                row[column] = inst.to_string();
            }
        }
        rows.push(row);
    }
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|c| rows.iter().map(|r| r[c].len()).max().unwrap_or(0))
        .collect();
    for (cycle, row) in rows.iter().enumerate() {
        let mut line = format!("{cycle:4} ");
        for (text, width) in row.iter().zip(&widths).filter(|(_, w)| **w > 0) {
            write!(line, "| {text:width$} ")?;
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

impl fmt::Display for MInst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.op.desc().pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Operand(k) => match self.operands.get(usize::from(*k)) {
                    Some(operand) => write!(f, "{operand}")?,
                    None => f.write_str("?")?,
                },
            }
        }
        Ok(())
    }
}

impl fmt::Display for MOperand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MOperand::Reg { reg, .. } => write!(f, "{reg}"),
            MOperand::Imm(imm) => write!(f, "#{imm}"),
            MOperand::Label(label) => write!(f, "{label}"),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Block(block) => write!(f, ".{}", block.0),
            Label::LastBundle(block) => write!(f, ".{}.last", block.0),
            Label::Func(name) => f.write_str(name),
        }
    }
}
