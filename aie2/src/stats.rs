//! How well hardware loops use the core: multiply-accumulates and cycles of a pass, and the fewest
//! cycles that the pass's instructions could take.

use std::collections::HashMap;

use arch::aie2::{Dir, Flags, Slot};
use arch::num::{MacConf, MacMode};

use super::mir::{BlockKind, MBlock, MFunc, MInst, MOperand, Program, ValueId};

/// A hardware loop of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopStats {
    /// Function it stands in.
    pub func: String,
    /// Block of the function.
    pub block: usize,
    /// Cycles of a pass, as scheduled.
    pub cycles: u32,
    /// Multiply-accumulates of a pass.
    pub macs: u32,
    /// Fewest cycles of a pass: the busiest unit issues one instruction each cycle.
    pub bound: u32,
    /// The busiest unit.
    pub binds: &'static str,
}

/// The hardware loops of `program`, in the order of their addresses.
pub fn loops(program: &Program) -> Vec<LoopStats> {
    program.funcs.iter().flat_map(func_loops).collect()
}

fn func_loops(func: &MFunc) -> Vec<LoopStats> {
    let constants = constants(func);
    let blocks = func.blocks.iter().enumerate();
    let hardware = blocks.filter(|(_, b)| b.kind == BlockKind::HardwareLoop);
    hardware
        .map(|(block, b)| {
            let (bound, binds) = bound(b);
            LoopStats {
                func: func.name.clone(),
                block,
                cycles: b.cycles.len() as u32,
                macs: b.insts.iter().map(|i| macs(i, &constants)).sum(),
                bound,
                binds,
            }
        })
        .collect()
}

/// The busiest unit and how many instructions of the pass need it. The two load units take each
/// other's work; so do the units for scalars, moves and pointers, which bind through the bundle only.
fn bound(block: &MBlock) -> (u32, &'static str) {
    let count = |of: &dyn Fn(&MInst) -> bool| block.insts.iter().filter(|i| of(i)).count() as u32;
    let units = [
        (count(&|i| i.op.slot() == Slot::Vec), "vector unit"),
        (count(&|i| i.op.is_load()).div_ceil(2), "load units"),
        (count(&|i| i.op.is_store()), "store unit"),
        (
            count(&|i| matches!(i.op.slot(), Slot::Mv | Slot::Lng)),
            "move unit",
        ),
        (
            count(&|i| matches!(i.op.slot(), Slot::Alu | Slot::Lng)),
            "scalar unit",
        ),
    ];
    // Of equals the first counts: the unit that does the work.
    let busiest = units.into_iter().rev().max_by_key(|(n, _)| *n);
    busiest.unwrap_or((0, "nothing"))
}

/// Values that an instruction with an immediate makes.
fn constants(func: &MFunc) -> HashMap<ValueId, i64> {
    let insts = func
        .blocks
        .iter()
        .flat_map(|b| &b.insts)
        .filter(|i| i.op.flags().contains(Flags::MOVE_IMM));
    let constant =
        |inst: &MInst| {
            let value = inst.operands.iter().zip(inst.op.desc().operands).find_map(
                |(o, desc)| match o {
                    MOperand::Reg { value: Some(v), .. } if desc.dir == Dir::Out => Some(*v),
                    _ => None,
                },
            )?;
            let number = inst.operands.iter().find_map(|o| match o {
                MOperand::Imm(n) => Some(*n),
                _ => None,
            })?;
            Some((value, number))
        };
    insts.filter_map(constant).collect()
}

/// Multiply-accumulates of an instruction: its configuration word says which mode it runs in.
fn macs(inst: &MInst, constants: &HashMap<ValueId, i64>) -> u32 {
    let product = ["mac", "msc", "mul"]
        .iter()
        .any(|m| inst.op.desc().mnemonic.contains(m));
    if inst.op.slot() != Slot::Vec || !product {
        return 0;
    }
    let Some(MOperand::Reg {
        value: Some(conf), ..
    }) = inst.operands.last()
    else {
        return 0;
    };
    let word = constants
        .get(conf)
        .map(|word| MacConf::decode(*word as u32));
    let mode = word.and_then(|conf| MacMode::of(conf).ok());
    mode.map_or(0, |mode| mode.macs() as u32)
}
