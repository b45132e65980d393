//! Program bytes as text: addresses, functions, labels, loops and cycles, from nothing but the bytes.
//!
//! ```text
//! main:
//! 0000    0     4  mova r1, #8
//! 0004    1     6  movxm ls, #48                  // .l0030
//! .l0030:
//! 0030    0 /  16  vlda wl0, [p0], #32 ; vmac cm0, cm0, x0, x2, r0
//! 0040    1 \  16  nop
//! ```
//!
//! The columns are the address, the cycle since the last label, branch or loop, the extent of a hardware
//! loop, the bytes of the bundle, and its instructions without the nops that fill it. Bytes that are no
//! bundle are printed as `.byte`, two at a time, until one begins again.

use std::collections::BTreeMap;
use std::fmt::Write;

use arch::aie2::rules::DELAY_SLOTS;
use arch::aie2::{Bundle, Dir, Inst, Reg, decode_bundle, reg};
use formats::elf::{CoreElf, Fill, Symbol};

/// The program segments of an ELF as text.
pub fn listing_of_elf(elf: &CoreElf) -> String {
    let mut text = String::new();
    for segment in elf.segments.iter().filter(|s| s.is_program()) {
        if let Fill::Bytes(bytes) = &segment.fill {
            text.push_str(&listing(bytes, segment.addr, &elf.symbols));
        }
    }
    text
}

/// Program bytes that stand at `start` as text.
pub fn listing(bytes: &[u8], start: u32, symbols: &[Symbol]) -> String {
    let rows = decode(bytes, start);
    let end = start.saturating_add(bytes.len().try_into().unwrap_or(u32::MAX));
    let marks = Marks::of(&rows, start..end, symbols);
    let mut text = String::new();
    let mut cycle = 0u32;
    // Bundles until a branch takes effect.
    let mut branch: Option<usize> = None;
    for row in &rows {
        for name in marks.names.get(&row.address).into_iter().flatten() {
            let _ = writeln!(text, "{name}:");
            cycle = 0;
        }
        let Some(bundle) = &row.bundle else {
            let bytes: Vec<_> = row.bytes.iter().map(|b| format!("{b:#04x}")).collect();
            let _ = writeln!(
                text,
                "{:04x}              .byte {}",
                row.address,
                bytes.join(", ")
            );
            (cycle, branch) = (0, None);
            continue;
        };
        let size = row.bytes.len();
        let line = format!(
            "{:04x} {cycle:4} {} {size:3}  ",
            row.address,
            marks.extent(row.address)
        );
        text.push_str(&line);
        text.push_str(&in_short(bundle));
        let targets = bundle.insts().iter().filter_map(target);
        let targets: Vec<_> = targets.filter_map(|t| marks.name(t)).collect();
        if !targets.is_empty() {
            let _ = write!(text, "  // {}", targets.join(", "));
        }
        text.push('\n');
        cycle = if marks.ends_loop(row.address) {
            0
        } else {
            cycle + 1
        };
        if bundle.insts().iter().any(|i| i.op().has_delay_slots()) {
            branch = Some(DELAY_SLOTS);
        } else if let Some(left) = branch.as_mut() {
            *left -= 1;
            if *left == 0 {
                (cycle, branch) = (0, None);
            }
        }
    }
    text
}

/// A bundle's instructions without its nops; `nop` if there is nothing else.
pub fn in_short(bundle: &Bundle) -> String {
    let busy = bundle.insts().iter().filter(|i| !i.op().is_nop());
    let text: Vec<_> = busy.map(Inst::to_string).collect();
    if text.is_empty() {
        "nop".to_string()
    } else {
        text.join(" ; ")
    }
}

struct Row<'a> {
    address: u32,
    bytes: &'a [u8],
    bundle: Option<Bundle>,
}

fn decode(bytes: &[u8], start: u32) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let (mut rest, mut address) = (bytes, start);
    while !rest.is_empty() {
        let (bundle, size) = match decode_bundle(rest) {
            Ok((bundle, size)) => (Some(bundle), size),
            Err(_) => (None, rest.len().min(2)),
        };
        let (bytes, tail) = rest.split_at(size);
        rows.push(Row {
            address,
            bytes,
            bundle,
        });
        rest = tail;
        address = address.saturating_add(size as u32);
    }
    rows
}

/// The address that an instruction branches to or writes to a loop register.
fn target(inst: &Inst) -> Option<u32> {
    let (address, loop_register) = (loop_address(inst), inst.op().is_branch());
    let branch = || {
        inst.operands()
            .iter()
            .find_map(|o| o.imm())
            .filter(|_| loop_register)
    };
    u32::try_from(address.map(|(_, a)| a).or_else(branch)?).ok()
}

/// The loop register, LS or LE, and the address that an instruction writes to it.
fn loop_address(inst: &Inst) -> Option<(Reg, i64)> {
    let outs = inst.desc().operands.iter().zip(inst.operands());
    let written = outs
        .filter(|(d, _)| d.dir == Dir::Out)
        .find_map(|(_, o)| o.reg());
    let written = written.filter(|r| [reg::LS, reg::LE].contains(r))?;
    Some((written, inst.operands().iter().find_map(|o| o.imm())?))
}

/// What is known of addresses.
struct Marks {
    names: BTreeMap<u32, Vec<String>>,
    /// First and last bundles of hardware loops.
    loops: Vec<(u32, u32)>,
}

impl Marks {
    fn of(rows: &[Row<'_>], range: std::ops::Range<u32>, symbols: &[Symbol]) -> Marks {
        let mut names: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for symbol in symbols.iter().filter(|s| range.contains(&s.addr)) {
            names
                .entry(symbol.addr)
                .or_default()
                .push(symbol.name.clone());
        }
        let mut loops = Vec::new();
        let (mut first, mut last) = (None, None);
        for inst in rows.iter().flat_map(|r| &r.bundle).flat_map(Bundle::insts) {
            let Some(target) = target(inst) else { continue };
            match loop_address(inst) {
                Some((reg::LS, _)) => first = Some(target),
                Some(_) => last = Some(target),
                None => {}
            }
            if let (Some(start), Some(end)) = (first, last)
                && start <= end
            {
                loops.push((start, end));
                (first, last) = (None, None);
            }
            let ends_loop = matches!(loop_address(inst), Some((reg::LE, _)));
            if !ends_loop && range.contains(&target) {
                let here = names.entry(target).or_default();
                if here.is_empty() {
                    here.push(format!(".l{target:04x}"));
                }
            }
        }
        Marks { names, loops }
    }

    fn name(&self, address: u32) -> Option<&str> {
        Some(self.names.get(&address)?.first()?)
    }

    fn ends_loop(&self, address: u32) -> bool {
        self.loops.iter().any(|(_, last)| *last == address)
    }

    fn extent(&self, address: u32) -> char {
        let inside = self
            .loops
            .iter()
            .find(|(a, b)| (*a..=*b).contains(&address));
        match inside {
            None => ' ',
            Some((a, b)) if a == b => '*',
            Some((a, _)) if *a == address => '/',
            Some((_, b)) if *b == address => '\\',
            Some(_) => '|',
        }
    }
}
