//! What the program says that instructions read and write: values, and where it names none, order.

use std::collections::{HashMap, HashSet};

use arch::aie2::{Bypass, Dir, Inst, Operand, Reg, RegAccess, RegFile, reg};

use super::cell::{Mark, Name, Names};
use super::code::{Code, Op};
use super::state::Read;
use super::units::{Unit, is_special, special, units};
use crate::mir::{MFunc, MInst, MOperand, ValueId};

/// A write of an instruction.
pub(super) struct Write {
    pub(super) unit: Unit,
    pub(super) reg: Reg,
    /// Cycles from issue to landing.
    pub(super) at: u8,
    pub(super) names: Names,
    pub(super) bypass: Option<Bypass>,
}

/// The values of a function, and the order of writes in its blocks.
pub(super) struct Meaning {
    /// The parts that values have: those that something writes.
    parts: HashSet<(ValueId, u8)>,
    /// For each block and instruction the last writes before it, of registers that go by order.
    before: Vec<Vec<HashMap<Unit, Mark>>>,
    /// The same for the ends of blocks.
    pub(super) last: Vec<HashMap<Unit, Mark>>,
    /// What the function must hand back, by the names that it goes by.
    kept: HashMap<Unit, Names>,
}

impl Meaning {
    pub(super) fn of(code: &Code<'_>, f: usize) -> Meaning {
        let func = &code.program.funcs[f];
        let mut before = Vec::with_capacity(func.blocks.len());
        let mut last = Vec::with_capacity(func.blocks.len());
        for (b, block) in func.blocks.iter().enumerate() {
            let mut ops: Vec<Option<&Op>> = vec![None; block.insts.len()];
            for k in code.blocks[f][b].clone() {
                for op in &code.bundles[k].ops {
                    ops[op.source] = Some(op);
                }
            }
            let mut now = HashMap::new();
            let mut marks = Vec::with_capacity(ops.len());
            for (k, op) in ops.iter().enumerate() {
                marks.push(now.clone());
                let Some(op) = op else { continue };
                let written = op
                    .inst
                    .defs()
                    .flat_map(|d| units(d.reg))
                    .map(|(_, unit)| *unit);
                now.extend(
                    written
                        .filter(|u| is_special(*u))
                        .map(|u| (u, Mark::Inst(k))),
                );
                if op.inst.op().is_call() {
                    let lost = special().filter(|u| !reg::SP.units().contains(u));
                    now.extend(lost.map(|u| (u, Mark::Inst(k))));
                }
            }
            before.push(marks);
            last.push(now);
        }
        let mut kept: HashMap<Unit, Names> = HashMap::new();
        for (reg, value) in &func.params {
            for (part, unit) in units(*reg) {
                kept.entry(*unit)
                    .or_default()
                    .push(Name::Value(*value, *part));
            }
        }
        Meaning {
            parts: parts(func),
            before,
            last,
            kept,
        }
    }

    /// Whether one of `names` says that `unit` is as the function was entered with.
    pub(super) fn is_kept(&self, unit: Unit, names: &Names) -> bool {
        let by_value = self.kept.get(&unit);
        names.iter().any(|name| {
            matches!(name, Name::Kept | Name::Stack(0))
                || by_value.is_some_and(|k| k.contains(name))
        })
    }

    /// The parts of `value` in `reg`, which begins at `part`; those that nothing writes are left out,
    /// unless that is all of them.
    pub(super) fn value_in(&self, reg: Reg, value: ValueId, part: u8) -> Vec<(Unit, Name)> {
        let all = units(reg)
            .iter()
            .map(|(k, unit)| (*unit, (value, part + k)));
        let some: Vec<_> = all
            .clone()
            .filter(|(_, p)| self.parts.contains(p))
            .collect();
        let wanted = if some.is_empty() {
            all.take(1).collect()
        } else {
            some
        };
        wanted
            .into_iter()
            .map(|(unit, (value, part))| (unit, Name::Value(value, part)))
            .collect()
    }

    /// What an instruction reads.
    pub(super) fn reads(
        &self,
        block: usize,
        at: (usize, usize),
        op: &Op,
        source: &MInst,
    ) -> Vec<Read> {
        let mut reads = Vec::new();
        let before = &self.before[block][op.source];
        let mark = |unit: &Unit| before.get(unit).copied().unwrap_or(Mark::Before);
        for used in op.inst.uses() {
            let in_order = units(used.reg).iter().filter(|(_, u)| is_special(*u));
            let in_order = in_order.map(|(_, u)| (*u, Name::InOrder(mark(u))));
            let wanted: Vec<(Unit, Name)> = match named(&used, source, false) {
                Some((value, part)) => self.value_in(used.reg, value, part),
                None if op.inst.op().is_return() => units(used.reg)
                    .iter()
                    .map(|(_, unit)| (*unit, Name::Kept))
                    .collect(),
                None => in_order.collect(),
            };
            reads.extend(wanted.into_iter().map(|(unit, wanted)| Read {
                at: used.access.stage - 1,
                unit,
                wanted,
                bypass: used.access.bypass,
                reg: used.reg,
                stage: used.access.stage,
                bundle: at.0,
                op: at.1,
            }));
        }
        reads
    }

    /// What an instruction writes. `stack` is where the stack pointer stands.
    pub(super) fn writes(&self, op: &Op, source: &MInst, stack: Option<i64>) -> Vec<Write> {
        let mut writes = Vec::new();
        let immediate = op.inst.operands().iter().find_map(|o| Operand::imm(*o));
        for def in op.inst.defs() {
            let value = named(&def, source, true);
            for (k, unit) in units(def.reg) {
                let mut names: Names = Vec::new();
                names.extend(value.map(|(value, part)| Name::Value(value, part + k)));
                if is_special(*unit) {
                    names.push(Name::InOrder(Mark::Inst(op.source)));
                }
                names.extend(match def.reg {
                    reg::SP if is_pointer_move(&op.inst) => {
                        stack.zip(immediate).map(|(at, by)| Name::Stack(at + by))
                    }
                    reg::LS | reg::LE => immediate.map(Name::Address),
                    reg::LC => Some(Name::Armed),
                    _ => None,
                });
                names.sort_unstable();
                let (at, bypass) = (def.access.stage - 1, def.access.bypass);
                writes.push(Write {
                    unit: *unit,
                    reg: def.reg,
                    at,
                    names,
                    bypass,
                });
            }
        }
        writes
    }
}

fn is_pointer_move(inst: &Inst) -> bool {
    inst.desc().implicit_defs.iter().any(|d| d.reg == reg::SP)
}

/// The offset from the stack pointer at which the instruction accesses memory.
pub(super) fn stack_offset(inst: &Inst) -> Option<i64> {
    let by_stack = inst.desc().implicit_uses.iter().any(|u| u.reg == reg::SP);
    let offset = inst.operands().iter().find_map(|o| Operand::imm(*o));
    offset.filter(|_| by_stack && inst.op().is_memory())
}

/// Bytes that an access relative to the stack pointer touches, at most.
pub(super) fn stack_bytes(inst: &Inst) -> i64 {
    let mask = |o: &Operand| o.reg().is_some_and(|r| r.file() == RegFile::Q);
    match inst.desc().mnemonic.starts_with('v') {
        true => 32,
        false if inst.operands().iter().any(mask) => 16,
        false => 4,
    }
}

/// The value that the program names for an access, and where the register begins in it.
fn named(access: &RegAccess, source: &MInst, write: bool) -> Option<(ValueId, u8)> {
    if let Some(k) = access.operand {
        return match source.operands.get(usize::from(k)) {
            Some(MOperand::Reg { value, part, .. }) => value.map(|v| (v, *part)),
            _ => None,
        };
    }
    if source.op.is_call() || source.op.is_return() {
        return None;
    }
    let mut implicit = source.implicit.iter();
    let found = implicit.find(|(reg, _, written)| *reg == access.reg && *written == write);
    found.map(|(_, value, _)| (*value, 0))
}

/// What the description of an instruction has that its form has not, in words.
pub(super) fn misdescribed(inst: &Inst, source: &MInst) -> Option<String> {
    let name = source.op.name();
    if source.memory.is_some() && !source.op.is_memory() {
        return Some(format!(
            "`{name}` does not access memory, the program says it does"
        ));
    }
    if let Some(memory) = source.memory.filter(|m| m.write != source.op.is_store()) {
        let says = if memory.write { "writes" } else { "only reads" };
        return Some(format!(
            "the program says that `{name}` {says} memory, its form does not"
        ));
    }
    if source.op.is_call() || source.op.is_return() {
        return None;
    }
    let stranger = source.implicit.iter().find(|(reg, _, write)| {
        let implied = |a: RegAccess| a.operand.is_none() && a.reg == *reg;
        !if *write {
            inst.defs().any(implied)
        } else {
            inst.uses().any(implied)
        }
    });
    stranger.map(|(reg, ..)| format!("`{name}` does not imply {reg}, the program says it does"))
}

/// The parts of values that something writes: instructions, callers, and values that go by another
/// name.
fn parts(func: &MFunc) -> HashSet<(ValueId, u8)> {
    let mut parts = HashSet::new();
    let mut add = |reg: Reg, value: ValueId, part: u8| {
        parts.extend(units(reg).iter().map(|(k, _)| (value, part + k)));
    };
    for (reg, value) in &func.params {
        add(*reg, *value, 0);
    }
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        for (desc, operand) in inst.op.desc().operands.iter().zip(&inst.operands) {
            if let MOperand::Reg {
                reg,
                value: Some(value),
                part,
            } = operand
                && desc.dir == Dir::Out
            {
                add(*reg, *value, *part);
            }
        }
        for (reg, value, _) in inst.implicit.iter().filter(|i| i.2) {
            add(*reg, *value, 0);
        }
    }
    let edges = || {
        func.blocks
            .iter()
            .flat_map(|b| &b.successors)
            .flat_map(|e| &e.renames)
    };
    let mut size = 0;
    while size < parts.len() {
        size = parts.len();
        for (here, there) in edges() {
            let both: Vec<u8> = (0..MAX_PARTS)
                .filter(|p| parts.contains(&(*here, *p)))
                .collect();
            parts.extend(both.into_iter().map(|p| (*there, p)));
        }
    }
    parts
}

/// No register has more units than the 3-D address tuple.
const MAX_PARTS: u8 = 8;
