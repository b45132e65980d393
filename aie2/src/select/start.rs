//! The start-up code: what the core runs from address 0.

use arch::aie2::{op, reg};

use super::consts::set_reg;
use crate::frame::Frame;
use crate::mir::{BlockId, Edge, Label};
use crate::vcode::{Arg, VBlock, VFunc, VInst};

/// Where the stack begins: the bottom of the core's own memory; it grows upward.
const STACK_START: i64 = 0x7_0000;

/// `__start`: sets the stack pointer, calls the entry function; should that return, tells the array
/// that the core is done and stays where it is.
pub fn start(entry: &str) -> VFunc {
    let to = |k| Edge {
        to: BlockId(k),
        renames: Vec::new(),
    };
    let mut blocks = vec![VBlock::new(0), VBlock::new(0), VBlock::new(0)];
    blocks[0].insts.push(set_reg(reg::SP, STACK_START));
    let callee = Arg::Label(Label::Func(entry.to_owned()));
    blocks[0].insts.push(VInst::new(op::JL, vec![callee]));
    blocks[0].successors.push(to(1));
    blocks[1].insts.push(VInst::new(op::DONE, Vec::new()));
    blocks[1].successors.push(to(2));
    let here = Arg::Label(Label::Block(BlockId(2)));
    blocks[2].insts.push(VInst::new(op::J_jump_imm, vec![here]));
    blocks[2].successors.push(to(2));
    VFunc {
        name: "__start".to_owned(),
        params: Vec::new(),
        blocks,
        values: Vec::new(),
        reserved: Vec::new(),
        returns: false,
        frame: Frame::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_pointer_can_be_set() {
        assert!(!start("main").blocks[0].insts[0].forms.is_empty());
    }
}
