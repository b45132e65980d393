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
        let otherwise = (!otherwise.is_idle()).then_some(otherwise);
        let arm = |block: &Block, lower: &mut Self| {
            lower.block(block)?;
            let values = block.yields().iter().map(|v| lower.own(*v));
            Ok(values.collect())
        };
        let other = otherwise.map(|block| |lower: &mut Self| arm(block, lower));
        let merged = self.either(cond, |lower| arm(then, lower), other)?;
        if calls(then) || otherwise.is_some_and(calls) {
            self.forget();
        }
        for (result, value) in results.iter().zip(merged) {
            self.define(*result, value);
        }
        Ok(())
    }

    /// Does one thing where `cond` is not zero and another, if anything, where it is; each returns values,
    /// which go on under the names that this returns.
    pub(super) fn either(
        &mut self,
        cond: ValueId,
        then: impl FnOnce(&mut Self) -> Result<Vec<ValueId>, CompileError>,
        otherwise: Option<impl FnOnce(&mut Self) -> Result<Vec<ValueId>, CompileError>>,
    ) -> Result<Vec<ValueId>, CompileError> {
        let before = self.known();
        let choice = self.current;
        // Labels of branches forward are filled in where their block begins.
        let later = || Arg::Label(Label::Block(choice));
        self.emit(VInst::new(op::JZ, vec![Arg::value(cond), later()]));
        self.next_block(BlockKind::Plain, Vec::new());
        let values = then(self)?;
        let yes = self.arm(values);
        let no = match otherwise {
            None => None,
            Some(otherwise) => {
                self.emit(VInst::new(op::J_jump_imm, vec![later()]));
                self.set_known(before.clone());
                let to = self.detached_block();
                self.branch_to(choice, to, Vec::new());
                let values = otherwise(self)?;
                Some(self.arm(values))
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
        self.control = yes.known.control;
        self.control
            .retain(|reg, value| other.control.get(reg) == Some(value));
        Ok(merged)
    }

    fn arm(&mut self, values: Vec<ValueId>) -> Arm {
        Arm {
            end: self.current,
            values,
            known: self.known(),
        }
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
