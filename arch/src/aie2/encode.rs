//! Slot words: instructions as bits and back.

use super::desc::{Binding, BitRun, Opcode};
use super::error::DecodeError;
use super::inst::{Inst, Operand};
use super::tables::Slot;

/// The slot word of an instruction. Ignored bits are 0.
pub fn encode_inst(inst: &Inst) -> u64 {
    let desc = inst.desc();
    let operands = inst.operands().iter().zip(desc.operands);
    operands.fold(desc.value, |word, (value, operand)| {
        let Binding::Field(runs) = operand.binding else {
            return word;
        };
        let field = match (value, operand.class.imm()) {
            (Operand::Reg(reg), _) => operand.class.encode(*reg),
            (Operand::Imm(value), Some(imm)) => imm.encode(*value),
            (Operand::Imm(_), None) => None,
        };
        // An Inst only holds operands that were checked or decoded.
        word | scatter(field.expect("operands of an Inst have an encoding"), runs)
    })
}

/// The instruction of a slot word: the one with most fixed bits whose register fields all decode.
/// Bits above the slot's width are ignored.
///
/// Some register fields have bits that decoding ignores. A reading that depends on that gives way to one
/// whose fields are what [`encode_inst`] writes: `vpack.d4.d8 wh0, x2` would otherwise read as
/// `vmov MCD, x2`.
///
/// # Errors
/// When no instruction of the slot has this word.
pub fn decode_inst(slot: Slot, word: u64) -> Result<Inst, DecodeError> {
    let word = word & ((1 << slot.bits()) - 1);
    let mut second_best = None;
    for op in slot.candidates(word) {
        match decode_as(*op, word) {
            Some((inst, true)) => return Ok(inst),
            Some((inst, false)) => second_best = second_best.or(Some(inst)),
            None => {}
        }
    }
    second_best.ok_or(DecodeError::UnknownInstruction { slot, word })
}

/// The word as an instruction of form `op`, and whether its register fields are what encoding writes.
fn decode_as(op: Opcode, word: u64) -> Option<(Inst, bool)> {
    let desc = op.desc();
    if word & desc.mask != desc.value {
        return None;
    }
    let (mut inst, mut exact) = (Inst::bare(op), true);
    for (k, operand) in desc.operands.iter().enumerate() {
        let Binding::Field(runs) = operand.binding else {
            continue;
        };
        let field = gather(word, runs);
        let value = match operand.class.imm() {
            Some(imm) => Operand::Imm(imm.decode(field)),
            None => {
                let reg = operand.class.decode(field)?;
                exact &= operand.class.encode(reg) == Some(field);
                Operand::Reg(reg)
            }
        };
        inst.set(k, value);
    }
    inst.follow();
    Some((inst, exact))
}

fn scatter(field: u32, runs: &[BitRun]) -> u64 {
    runs.iter().fold(0, |word, run| {
        let bits = u64::from(field) >> run.shift & ((1 << run.bits) - 1);
        word | bits << run.at
    })
}

fn gather(word: u64, runs: &[BitRun]) -> u32 {
    runs.iter().fold(0, |field, run| {
        let bits = word >> run.at & ((1 << run.bits) - 1);
        field | (bits << run.shift) as u32
    })
}
