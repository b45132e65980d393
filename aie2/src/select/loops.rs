//! Loops.

use arch::aie2::{op, reg};

use super::consts::{Scope, set_label, set_reg};
use super::lower::{Lower, OpenLoop, Ref};
use crate::error::CompileError;
use crate::mir::{BlockId, BlockKind, Edge, Label, ValueId};
use crate::vcode::{Arg, RegClass, Trip, VInst};
use kernel::ir::{Block, Count, Op, Value};

/// Whether a block calls, inner blocks included.
pub(super) fn calls(block: &Block) -> bool {
    block.insts.iter().any(|i| match &i.op {
        Op::Call { .. } => true,
        op => op.blocks().any(calls),
    })
}

/// Whether a block branches; a single pass is no loop.
fn branches(block: &Block) -> bool {
    block.insts.iter().any(|i| match &i.op {
        Op::Loop { count, body, .. } => *count != Count::Const(1) || branches(body),
        Op::If { .. } => true,
        _ => false,
    })
}

impl Lower<'_> {
    pub(super) fn lower_loop(
        &mut self,
        results: &[Value],
        count: Count,
        params: &[Value],
        init: &[Value],
        body: &Block,
    ) -> Result<(), CompileError> {
        let (again, next) = match (count, body.yields()) {
            (Count::While, [again, next @ ..]) => (Some(*again), next),
            (_, next) => (None, next),
        };
        if count == Count::Const(1) {
            for (param, init) in params.iter().zip(init) {
                self.alias(*param, *init);
            }
            self.block(body)?;
            for (result, next) in results.iter().zip(next) {
                self.alias(*result, *next);
            }
            return Ok(());
        }
        let calls = calls(body);
        let counted = again.is_none() && count != Count::Forever;
        let hardware = !calls && counted && !branches(body);

        // What no pass changes is not carried.
        let mut carried = Vec::new();
        for (k, param) in params.iter().enumerate() {
            if next[k] == *param || matches!(self.at(init[k]), Ref::Walk(_)) {
                self.alias(*param, init[k]);
            } else {
                carried.push(k);
            }
        }
        let entry: Vec<ValueId> = carried.iter().map(|k| self.own(init[*k])).collect();
        let trips = match count {
            Count::Value(v) => Some(self.scalar(v)),
            _ => None,
        };
        let unguarded = self.control.clone();
        let guard = trips.map(|trips| self.guard(trips));
        let counter = match count {
            _ if hardware => {
                self.set_loop_registers(count, trips);
                None
            }
            Count::Const(n) => Some(self.own_const(RegClass::R, i64::from(n))),
            Count::Value(_) => trips,
            Count::While | Count::Forever => None,
        };
        if calls {
            self.control.clear();
        } else {
            self.enter_loop(body);
        }

        let before = self.current;
        self.loops.push(OpenLoop { before, calls });
        let inside: Vec<ValueId> = entry.iter().map(|v| self.same(*v)).collect();
        let counting = counter.map(|c| (c, self.out.value(RegClass::R)));
        let mut renames: Vec<_> = entry.iter().copied().zip(inside.iter().copied()).collect();
        renames.extend(counting);
        let kind = match hardware {
            true => BlockKind::HardwareLoop,
            false => BlockKind::Plain,
        };
        let head = self.next_block(kind, renames);
        if calls {
            self.scopes.push(Scope::at(head));
            self.hoists.clear();
        }
        for (k, value) in carried.iter().zip(&inside) {
            self.define(params[*k], *value);
        }
        self.block(body)?;
        let exit_values: Vec<ValueId> = carried.iter().map(|k| self.own(next[*k])).collect();
        let mut back: Vec<_> = exit_values.iter().copied().zip(inside).collect();
        let to_head = Label::Block(head);
        match counting {
            Some((_, inside)) => {
                let less = self.add_imm(inside, -1);
                back.push((less, inside));
                let args = vec![Arg::value(less), Arg::Label(to_head)];
                self.emit(VInst::new(op::JNZ, args));
            }
            None if let Some(again) = again => {
                let again = self.scalar(again);
                let args = vec![Arg::value(again), Arg::Label(to_head)];
                self.emit(VInst::new(op::JNZ, args));
            }
            None if count == Count::Forever => {
                self.emit(VInst::new(op::J_jump_imm, vec![Arg::Label(to_head)]));
            }
            None => {
                let trip = match count {
                    Count::Const(n) => Trip::Const(n),
                    _ => Trip::Value,
                };
                self.out.blocks[head.index()].trip = Some(trip);
            }
        }
        let back = Edge {
            to: head,
            renames: back,
        };
        self.out.blocks[self.current.index()].successors.push(back);
        self.loops.pop();
        let depth = self.loops.len();
        self.hoists.retain(|h| h.depth <= depth);
        if calls {
            self.scopes.pop();
        }
        if count == Count::Forever {
            return Ok(());
        }

        // Where the loop may run not at all, both ways meet in values of their own.
        let merged: Vec<ValueId> = match guard {
            Some(_) => exit_values.iter().map(|v| self.same(*v)).collect(),
            None => exit_values.clone(),
        };
        let mut renames: Vec<_> = exit_values.into_iter().zip(merged.clone()).collect();
        renames.retain(|(from, to)| from != to);
        let exit = self.next_block(BlockKind::Plain, renames);
        if let Some(guard) = guard {
            let skip = Edge {
                to: exit,
                renames: entry.into_iter().zip(merged.clone()).collect(),
            };
            let block = &mut self.out.blocks[guard.index()];
            block.successors.push(skip);
            if let Some(branch) = block.insts.last_mut() {
                branch.args[1] = Arg::Label(Label::Block(exit));
            }
            self.control
                .retain(|reg, value| unguarded.get(reg) == Some(value));
        }
        if calls {
            self.forget();
        }
        for (k, value) in carried.iter().zip(merged) {
            self.define(results[*k], value);
        }
        for (k, result) in results.iter().enumerate() {
            if !carried.contains(&k) {
                self.alias(*result, init[k]);
            }
        }
        Ok(())
    }

    /// Branches past the loop when it runs not at all; the target is filled in when it is known.
    fn guard(&mut self, trips: ValueId) -> BlockId {
        let zero = self.shared_const(RegClass::R, 0);
        let any = self.alu(op::LT, zero, trips);
        let guard = self.current;
        let args = vec![Arg::value(any), Arg::Label(Label::Block(guard))];
        self.emit(VInst::new(op::JZ, args));
        self.next_block(BlockKind::Plain, Vec::new());
        guard
    }

    fn set_loop_registers(&mut self, count: Count, trips: Option<ValueId>) {
        match (count, trips) {
            (Count::Const(n), _) => self.emit(set_reg(reg::LC, i64::from(n))),
            (_, Some(trips)) => {
                let args = vec![Arg::Reg(reg::LC), Arg::value(trips)];
                self.emit(VInst::new(op::MOV_mv_scl, args));
            }
            _ => {}
        }
        let body = BlockId(self.out.blocks.len() as u32);
        self.emit(set_label(reg::LS, Label::Block(body)));
        self.emit(set_label(reg::LE, Label::LastBundle(body)));
    }
}
