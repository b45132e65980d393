//! Stack frames: what a function keeps in memory while it runs.

use arch::aie2::{op, reg};

use super::mir::MemAccess;
use super::select::STACK_OBJECT;
use super::vcode::{Arg, VFunc, VInst};

/// Bytes in which the stack pointer moves.
const FRAME_STEP: i64 = 32;

/// An access to the stack.
fn stack(write: bool) -> Option<MemAccess> {
    Some(MemAccess {
        object: Some(STACK_OBJECT),
        write,
    })
}

/// Saves the link register of a function that calls and returns. The stack grows upward.
pub(super) fn add_frame(func: &mut VFunc) {
    if !func.returns || !func.calls() {
        return;
    }
    let slot = vec![Arg::Reg(reg::LR), Arg::Imm(-FRAME_STEP)];
    let mut save = VInst::new(op::ST_dms_spill, slot.clone());
    save.memory = stack(true);
    let mut restore = VInst::new(op::LDA_dms_spill, slot);
    restore.memory = stack(false);
    let grow = |by: i64| {
        let mut inst = VInst::new(op::PADDA_sp_imm, vec![Arg::Imm(by)]);
        inst.forms.push(op::PADDB_sp_imm);
        inst
    };
    func.blocks[0].insts.splice(0..0, [grow(FRAME_STEP), save]);
    for block in &mut func.blocks {
        if block.branch().is_some_and(|i| i.op().is_return()) {
            let at = block.insts.len() - 1;
            block
                .insts
                .splice(at..at, [restore.clone(), grow(-FRAME_STEP)]);
        }
    }
}
