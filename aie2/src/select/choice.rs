//! Choices between two blocks.

use arch::aie2::op;

use super::loops::calls;
use super::lower::{Lower, Saved};
use crate::error::CompileError;
use crate::mir::{BlockId, BlockKind, Edge, Label, ValueId};
use crate::vcode::{Arg, VBlock, VInst};
use kernel::ir::{Block, Value};

/// A block of a choice, selected.
struct Arm {
    /// Its last machine block.
    end: BlockId,
    /// What it yields.
    values: Vec<ValueId>,
    /// What was known where it ended.
    known: Saved,
}

impl Lower<'_> {
    pub(super) fn lower_if(
        &mut self,
        results: &[Value],
        cond: Value,
        then: &Block,
        otherwise: &Block,
    ) -> Result<(), CompileError> {
        if let Some(cond) = self.known_const(cond) {
            let block = if cond != 0 { then } else { otherwise };
            self.block(block)?;
            for (result, value) in results.iter().zip(block.yields()) {
                self.alias(*result, *value);
            }
            return Ok(());
        }
        let cond = self.scalar(cond);
        let before = self.known();
        let choice = self.current;
        // Labels of branches forward are filled in where their block begins.
        let later = || Arg::Label(Label::Block(choice));
        self.emit(VInst::new(op::JZ, vec![Arg::value(cond), later()]));
        self.next_block(BlockKind::Plain, Vec::new());
        let yes = self.arm(then)?;
        let no = match otherwise.is_idle() {
            true => None,
            false => {
                self.emit(VInst::new(op::J_jump_imm, vec![later()]));
                self.set_known(before.clone());
                let to = self.detached_block();
                self.branch_to(choice, to, Vec::new());
                Some(self.arm(otherwise)?)
            }
        };
        let last = no.as_ref().unwrap_or(&yes);
        let merged: Vec<ValueId> = last.values.iter().map(|v| self.same(*v)).collect();
        let renames = |arm: &Arm| arm.values.iter().copied().zip(merged.clone()).collect();
        let merge = self.next_block(BlockKind::Plain, renames(last));
        match &no {
            Some(_) => self.branch_to(yes.end, merge, renames(&yes)),
            None => self.branch_to(choice, merge, Vec::new()),
        }
        let other = no.map_or_else(|| before.clone(), |no| no.known);
        self.set_known(before);
        if calls(then) || calls(otherwise) {
            self.forget();
        } else {
            self.control = yes.known.control;
            self.control
                .retain(|reg, value| other.control.get(reg) == Some(value));
        }
        for (result, value) in results.iter().zip(merged) {
            self.define(*result, value);
        }
        Ok(())
    }

    fn arm(&mut self, block: &Block) -> Result<Arm, CompileError> {
        self.block(block)?;
        let values = block.yields().iter().map(|v| self.own(*v)).collect();
        Ok(Arm {
            end: self.current,
            values,
            known: self.known(),
        })
    }

    /// Begins a block that the one before does not fall through to.
    fn detached_block(&mut self) -> BlockId {
        let block = BlockId(self.out.blocks.len() as u32);
        self.out.blocks.push(VBlock::new(self.loops.len() as u32));
        self.current = block;
        block
    }

    /// Adds the way of the branch at the end of a block.
    fn branch_to(&mut self, from: BlockId, to: BlockId, renames: Vec<(ValueId, ValueId)>) {
        let block = &mut self.out.blocks[from.index()];
        block.successors.push(Edge { to, renames });
        if let Some(label) = block.insts.last_mut().and_then(|i| i.args.last_mut()) {
            *label = Arg::Label(Label::Block(to));
        }
    }
}
