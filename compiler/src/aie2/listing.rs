//! Disassembly of a core's program, from its bytes alone.
//!
//! One line per bundle: address, cycle since the last label, operations. Functions, branch targets and
//! loop starts are labels; the bundle that a loop ends with is marked. Bytes that are no bundle are
//! shown as such, and reading goes on after them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use arch::aie2::{Bundle, Inst, Operand, decode_bundle, reg};
use formats::elf::{CoreElf, Fill, SymbolKind};

/// Bytes shown on a line of bytes that are no bundle.
const BYTES: usize = 2;

enum Line {
    Bundle(Bundle),
    Bytes(Vec<u8>),
}

/// Where loops and branches of the program lead.
#[derive(Default)]
struct Targets {
    /// Branch targets.
    branches: BTreeSet<u32>,
    /// Addresses written to LS.
    starts: BTreeSet<u32>,
    /// Addresses written to LE.
    ends: BTreeSet<u32>,
}

/// The text of a program that begins at address 0. `functions` are addresses and names of the
/// functions, where they are known.
pub fn listing(text: &[u8], functions: &[(u32, &str)]) -> String {
    let lines = decode(text);
    let targets = Targets::of(&lines);
    let functions: BTreeMap<u32, &str> = functions.iter().copied().collect();
    let mut out = String::new();
    let mut cycle = 0;
    for (address, line) in &lines {
        if let Some(name) = functions.get(address) {
            let _ = writeln!(out, "\n{name}:");
            cycle = 0;
        }
        if targets.branches.contains(address) && !functions.contains_key(address) {
            let _ = writeln!(out, ".L{address:04x}:");
            cycle = 0;
        }
        if targets.starts.contains(address) {
            let _ = writeln!(out, ".L{address:04x}: ; loop");
            cycle = 0;
        }
        let end = if targets.ends.contains(address) {
            "  ; end of loop"
        } else {
            ""
        };
        let _ = match line {
            Line::Bundle(bundle) => writeln!(out, "  {address:04x} {cycle:4}  {bundle}{end}"),
            Line::Bytes(bytes) => {
                let bytes: Vec<String> = bytes.iter().map(|b| format!("0x{b:02x}")).collect();
                writeln!(out, "  {address:04x}       .byte {}", bytes.join(", "))
            }
        };
        cycle += 1;
    }
    out
}

/// The text of the program in a core's ELF, with the names of its functions.
pub fn elf_listing(elf: &CoreElf) -> String {
    let mut text = Vec::new();
    for segment in elf.segments.iter().filter(|s| s.is_program()) {
        if let Fill::Bytes(bytes) = &segment.fill {
            let at = segment.addr as usize;
            text.resize(text.len().max(at + bytes.len()), 0);
            text[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
    let functions = elf
        .symbols
        .iter()
        .filter(|s| s.kind == SymbolKind::Function);
    let functions: Vec<(u32, &str)> = functions.map(|s| (s.addr, s.name.as_str())).collect();
    listing(&text, &functions)
}

fn decode(text: &[u8]) -> Vec<(u32, Line)> {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (line, size) = match decode_bundle(rest) {
            Ok((bundle, size)) => (Line::Bundle(bundle), size),
            Err(_) => {
                let bytes = &rest[..rest.len().min(BYTES)];
                (Line::Bytes(bytes.to_vec()), bytes.len())
            }
        };
        lines.push((at as u32, line));
        at += size;
    }
    lines
}

impl Targets {
    fn of(lines: &[(u32, Line)]) -> Self {
        let mut targets = Targets::default();
        let bundles = lines.iter().filter_map(|(_, line)| match line {
            Line::Bundle(bundle) => Some(bundle),
            Line::Bytes(_) => None,
        });
        for inst in bundles.flat_map(|b| b.insts()) {
            targets.add(inst);
        }
        targets
    }

    fn add(&mut self, inst: &Inst) {
        let immediate = inst.operands().iter().find_map(|o| match o {
            Operand::Imm(n) => u32::try_from(*n).ok(),
            Operand::Reg(_) => None,
        });
        let Some(address) = immediate else { return };
        if inst.op().is_branch() {
            self.branches.insert(address);
        }
        for operand in inst.operands() {
            match operand {
                Operand::Reg(reg::LS) => self.starts.insert(address),
                Operand::Reg(reg::LE) => self.ends.insert(address),
                _ => false,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use arch::aie2::parse_bundle;

    use super::*;

    fn assemble(bundles: &[&str]) -> Vec<u8> {
        let bytes = bundles.iter().flat_map(|text| {
            let bundle = parse_bundle(text, None).expect("a bundle");
            bundle.encode().to_vec()
        });
        bytes.collect()
    }

    #[test]
    fn labels_loops_and_functions() {
        let text = assemble(&[
            "movxm ls, #16 ; nopa",
            "movxm le, #24",
            "nop",
            "j #0",
            "nop",
        ]);
        let listing = listing(&text, &[(0, "main")]);
        insta::assert_snapshot!(listing, @r"
        main:
          0000    0  nopa ; movxm ls, #16
          000a    1  movxm le, #24
        .L0010: ; loop
          0010    0  nop
          0012    1  j #0
          0018    2  nop  ; end of loop
        ");
    }

    #[test]
    fn bytes_that_are_no_bundle_are_shown() {
        let mut text = vec![0xff; 3];
        text.extend(assemble(&["nop"]));
        let listing = listing(&text, &[]);
        assert!(listing.contains(".byte 0xff, 0xff"), "{listing}");
    }

    #[test]
    fn every_byte_is_shown_once() {
        let text: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let sizes = decode(&text).into_iter().map(|(_, line)| match line {
            Line::Bundle(bundle) => bundle.format().bytes(),
            Line::Bytes(bytes) => bytes.len(),
        });
        assert_eq!(sizes.sum::<usize>(), text.len());
    }
}
