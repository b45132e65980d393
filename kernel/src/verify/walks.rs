//! Rules of walks: each lives in registers that every use moves on, so that its states follow one
//! another in a line.

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_WALK_TUPLES, Report, Rule};
use crate::ir::{Block, Inst, Op, Value};
use crate::print;
use crate::types::Type;

pub(super) fn check(report: &mut Report<'_>) {
    let func = report.func;
    let mut check = Check {
        report,
        used: BTreeSet::new(),
        origins: BTreeMap::new(),
        tuples: 0,
        calls: Vec::new(),
        place: 0,
    };
    check.block(&func.body, &[], 0);
    if check.tuples > MAX_WALK_TUPLES {
        let (found, limit) = (check.tuples, MAX_WALK_TUPLES);
        check.report.head(Rule::WalkTuples { found, limit });
    }
    if check.tuples > 0 {
        for (place, text) in std::mem::take(&mut check.calls) {
            check.report.push(Some(place), text, Rule::WalkCall);
        }
    }
}

struct Check<'r, 'a> {
    report: &'r mut Report<'a>,
    used: BTreeSet<Value>,
    /// For the walks of the blocks around this place: how deep in loops they are, and the first of the
    /// states there that they follow.
    origins: BTreeMap<Value, (usize, Value)>,
    tuples: usize,
    /// Calls, with their place.
    calls: Vec<(usize, String)>,
    place: usize,
}

impl Check<'_, '_> {
    fn is_walk(&self, value: Value) -> bool {
        let ty = self.report.func.types.get(value.index());
        matches!(ty, Some(Type::Walk { .. }))
    }

    fn name(&self, value: Value) -> String {
        self.report.names.of(value)
    }

    fn error(&mut self, (place, inst): (usize, &Inst), rule: Rule) {
        let text = print::line(&self.report.names, inst);
        self.report.push(Some(place), text, rule);
    }

    /// Checks a block; `carried` are the parameters of the loop whose body it is.
    fn block(&mut self, block: &Block, carried: &[Value], depth: usize) {
        let outer = self.origins.clone();
        for param in carried {
            if self.is_walk(*param) {
                self.origins.insert(*param, (depth, *param));
            }
        }
        for inst in &block.insts {
            let at = (self.place, inst);
            self.place += 1;
            self.uses(at, depth);
            match &inst.op {
                Op::Walk(dims) => self.tuples += usize::from(dims.dims()) - 1,
                Op::Call { .. } => {
                    let text = print::line(&self.report.names, inst);
                    self.calls.push((at.0, text));
                }
                Op::Yield(values) => self.yielded(at, values, carried),
                _ => {}
            }
            let params: &[Value] = match &inst.op {
                Op::Loop { params, .. } => params,
                _ => &[],
            };
            for block in inst.op.blocks() {
                self.block(block, params, depth + 1);
            }
            self.results(inst, depth);
        }
        self.origins = outer;
    }

    fn uses(&mut self, at: (usize, &Inst), depth: usize) {
        let mut walks = Vec::new();
        at.1.op.for_each_operand(|v| walks.push(v));
        walks.retain(|v| self.is_walk(*v));
        for walk in walks {
            let value = self.name(walk);
            if !self.used.insert(walk) {
                self.error(at, Rule::WalkUsedTwice { value });
            } else if self.origins.get(&walk).is_some_and(|(d, _)| *d != depth) {
                self.error(at, Rule::WalkNotCarried { value });
            }
        }
    }

    /// The states that an instruction makes follow those that it uses.
    fn results(&mut self, inst: &Inst, depth: usize) {
        let mut operands = Vec::new();
        match &inst.op {
            Op::Loop { init, .. } => operands.clone_from(init),
            op => op.for_each_operand(|v| operands.push(v)),
        }
        operands.retain(|v| self.is_walk(*v));
        let results = inst.results.iter().filter(|v| self.is_walk(**v));
        let results: Vec<Value> = results.copied().collect();
        for (k, result) in results.into_iter().enumerate() {
            let before = operands.get(k).and_then(|v| self.origins.get(v));
            let origin = before.map_or(result, |(_, origin)| *origin);
            self.origins.insert(result, (depth, origin));
        }
    }

    fn yielded(&mut self, at: (usize, &Inst), values: &[Value], carried: &[Value]) {
        // The condition of a loop with one comes first.
        let values = &values[values.len().saturating_sub(carried.len())..];
        for (value, param) in values.iter().zip(carried) {
            if !self.is_walk(*param) {
                continue;
            }
            let origin = self.origins.get(value).map(|(_, origin)| *origin);
            if origin.is_some_and(|origin| origin != *param) {
                let (value, expected) = (self.name(*value), self.name(*param));
                self.error(at, Rule::WalkYield { value, expected });
            }
        }
    }
}
