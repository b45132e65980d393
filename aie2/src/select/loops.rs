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

/// Whether passes can overlap for all that a body does; locks change hands between passes, a walk keeps its
/// registers.
fn overlaps(body: &Block) -> bool {
    body.insts.iter().all(|i| {
        let apart = matches!(i.op, Op::Acquire { .. } | Op::Release { .. } | Op::Walk(_));
        !apart && i.op.blocks().all(overlaps)
    })
}

/// Passes from which on those of a loop overlap where a register counts them.
const MANY: u32 = 8;

/// A loop of the kernel.
struct Loop<'a> {
    count: Count,
    params: &'a [Value],
    init: &'a [Value],
    body: &'a Block,
    /// Whether there is another pass.
    again: Option<Value>,
    /// What the next pass begins with.
    next: &'a [Value],
    /// Which of the parameters passes change.
    carried: Vec<usize>,
}

impl Loop<'_> {
    /// Whether the processor counts its passes.
    fn is_hardware(&self) -> bool {
        let counted = self.again.is_none() && self.count != Count::Forever;
        !calls(self.body) && counted && !branches(self.body)
    }
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
        // What no pass changes is not carried.
        let mut carried = Vec::new();
        for (k, param) in params.iter().enumerate() {
            if next[k] == *param || matches!(self.at(init[k]), Ref::Walk(_)) {
                self.alias(*param, init[k]);
            } else {
                carried.push(k);
            }
        }
        let loop_ = Loop {
            count,
            params,
            init,
            body,
            again,
            next,
            carried,
        };
        let values = match count {
            Count::Value(n) if loop_.is_hardware() && overlaps(body) => {
                let (trips, few) = (self.scalar(n), i64::from(MANY) - 1);
                let few = self.shared_const(RegClass::R, few);
                let many = self.alu(op::LT, few, trips);
                let short = |lower: &mut Self| lower.passes(&loop_, 0);
                self.either(many, |lower| lower.passes(&loop_, MANY), Some(short))?
            }
            _ => self.passes(&loop_, 0)?,
        };
        if count == Count::Forever {
            return Ok(());
        }
        if calls(body) {
            self.forget();
        }
        for (k, value) in loop_.carried.iter().zip(values) {
            self.define(results[*k], value);
        }
        for (k, result) in results.iter().enumerate() {
            if !loop_.carried.contains(&k) {
                self.alias(*result, init[k]);
            }
        }
        Ok(())
    }

    /// Selects a loop that is known to make `least` passes, and returns the values it carries, as they are
    /// behind it.
    fn passes(&mut self, loop_: &Loop<'_>, least: u32) -> Result<Vec<ValueId>, CompileError> {
        let (count, hardware, calls) = (loop_.count, loop_.is_hardware(), calls(loop_.body));
        let init = loop_.carried.iter().map(|k| loop_.init[*k]);
        let entry: Vec<ValueId> = init.map(|value| self.own(value)).collect();
        let trips = match count {
            Count::Value(v) => Some(self.scalar(v)),
            _ => None,
        };
        let unguarded = self.control.clone();
        let guard = trips.filter(|_| least == 0).map(|trips| self.guard(trips));
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
            self.enter_loop(loop_.body);
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
        for (k, value) in loop_.carried.iter().zip(&inside) {
            self.define(loop_.params[*k], *value);
        }
        self.block(loop_.body)?;
        let next = loop_.carried.iter().map(|k| loop_.next[*k]);
        let exit_values: Vec<ValueId> = next.map(|value| self.own(value)).collect();
        let mut back: Vec<_> = exit_values.iter().copied().zip(inside).collect();
        let to_head = Label::Block(head);
        match counting {
            Some((_, inside)) => {
                let less = self.add_imm(inside, -1);
                back.push((less, inside));
                let args = vec![Arg::value(less), Arg::Label(to_head)];
                self.emit(VInst::new(op::JNZ, args));
            }
            None if let Some(again) = loop_.again => {
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
                    _ => Trip::AtLeast(least.max(1)),
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
            return Ok(Vec::new());
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
        Ok(merged)
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
