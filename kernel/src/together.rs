//! Which operands of a function are accessed together, for those who place them: two accesses of one
//! cycle that meet in a memory bank wait for each other.
//!
//! Passes of a loop overlap, so that any access of its body may issue with any other. Of two operands that
//! a pass accesses `m` and `n` times, at most the lesser number can meet in it.

use std::collections::BTreeMap;

use super::ir::{Block, Count, Func, Module, Op, TableOp, Value};
use super::reach::{Reach, Root};
use super::types::Type;

/// What a call of a function accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operand<'a> {
    /// A parameter, by its position.
    Param(usize),
    /// Constant data.
    Data(&'a str),
}

/// Two operands with the cycles of a call in which accesses to both may meet, the lesser operand first.
pub type Together<'a> = BTreeMap<[Operand<'a>; 2], u64>;

/// Passes that a loop is taken to have where its count is not a constant.
const PASSES: u64 = 8;
/// Bytes of an access.
const ACCESS: u64 = 32;

/// Which operands of a function of the module a call accesses together; nothing where there is no such
/// function.
pub fn together<'a>(module: &'a Module, func: &str) -> Together<'a> {
    let mut found = Together::new();
    if let Some(func) = module.func(func) {
        let operands: Vec<_> = (0..func.params.len())
            .map(Operand::Param)
            .map(Some)
            .collect();
        let depth = module.funcs.len();
        Walk { module, depth }.function(func, &operands, 1, &mut found);
    }
    found
}

/// Accesses of one pass through a block, by operand.
type Accesses<'a> = BTreeMap<Operand<'a>, u64>;

struct Walk<'a> {
    module: &'a Module,
    /// Calls in a chain at most.
    depth: usize,
}

impl<'a> Walk<'a> {
    /// Adds what `times` calls of a function access together; `operands` are what its parameters are.
    fn function(
        &self,
        func: &'a Func,
        operands: &[Option<Operand<'a>>],
        times: u64,
        found: &mut Together<'a>,
    ) {
        let reach = Reach::of(func);
        let mut tables = Vec::new();
        func.body.for_each_inst(&mut |inst| {
            if let Op::Table(TableOp::Bases { ab, cd }) = &inst.op {
                tables.extend([ab.as_str(), cd.as_str()]);
            }
        });
        let walk = Inside {
            walk: self,
            func,
            reach,
            operands,
            tables,
        };
        walk.block(&func.body, times, found);
    }
}

/// A function, as one of its calls has it.
struct Inside<'w, 'a> {
    walk: &'w Walk<'a>,
    func: &'a Func,
    reach: Reach<'a>,
    operands: &'w [Option<Operand<'a>>],
    /// Tables that it looks up in.
    tables: Vec<&'a str>,
}

impl<'a> Inside<'_, 'a> {
    fn operand(&self, pointer: Value) -> Option<Operand<'a>> {
        match self.reach.root(pointer)? {
            Root::Param(k) => self.operands.get(k).copied().flatten(),
            Root::Data(name) => Some(Operand::Data(name)),
            Root::Address => None,
        }
    }

    /// A block that is run so many times, with the blocks in it.
    fn block(&self, block: &'a Block, times: u64, found: &mut Together<'a>) {
        let mut accesses = Accesses::new();
        self.straight(block, times, &mut accesses, found);
        let all: Vec<(Operand, u64)> = accesses.into_iter().collect();
        for (k, (b, n)) in all.iter().enumerate() {
            for (a, m) in &all[..k] {
                let cycles = found.entry([*a, *b]).or_default();
                *cycles = cycles.saturating_add(times.saturating_mul(*m.min(n)));
            }
        }
    }

    /// Counts the accesses of a pass, those of both sides of a choice included, and goes on into loops and
    /// calls.
    fn straight(
        &self,
        block: &'a Block,
        times: u64,
        accesses: &mut Accesses<'a>,
        found: &mut Together<'a>,
    ) {
        let mut add = |operand: Option<Operand<'a>>, ty: Type| {
            if let Some(operand) = operand {
                let count = u64::from(ty.bytes()).div_ceil(ACCESS);
                *accesses.entry(operand).or_default() += count;
            }
        };
        let mut inner = Vec::new();
        for inst in &block.insts {
            match &inst.op {
                Op::Load { ty, ptr, .. } => add(self.operand(*ptr), *ty),
                Op::Store { value, ptr, .. } => add(self.operand(*ptr), self.func.ty(*value)),
                Op::LoadNarrow { ptr, .. } | Op::StoreNarrow { ptr, .. } => {
                    add(self.operand(*ptr), Type::I32);
                }
                Op::Table(TableOp::Lookup { ty, .. }) => {
                    for table in &self.tables {
                        add(Some(Operand::Data(table)), *ty);
                    }
                }
                Op::Loop { count, body, .. } => {
                    let passes = match count {
                        Count::Const(passes) => u64::from(*passes),
                        _ => PASSES,
                    };
                    self.block(body, times.saturating_mul(passes), found);
                }
                Op::If {
                    then, otherwise, ..
                } => inner.extend([then, otherwise]),
                Op::Call { func, args, .. } => self.call(func, args, times, found),
                _ => {}
            }
        }
        for block in inner {
            self.straight(block, times, accesses, found);
        }
    }

    fn call(&self, func: &str, args: &[Value], times: u64, found: &mut Together<'a>) {
        let Some(depth) = self.walk.depth.checked_sub(1) else {
            return;
        };
        if let Some(callee) = self.walk.module.func(func) {
            let pointer = |arg: &Value| match self.func.ty(*arg) {
                Type::Ptr => self.operand(*arg),
                _ => None,
            };
            let operands: Vec<_> = args.iter().map(pointer).collect();
            let walk = Walk {
                depth,
                ..*self.walk
            };
            walk.function(callee, &operands, times, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::load;

    #[test]
    fn operands_meet_as_often_as_loops_run() {
        let text = "const @t: i32[8] = 1, 2, 3, 4, 5, 6, 7, 8
kernel @inner(%from: ptr, %to: ptr) {
  %a, %b = loop 6 (%p = %from, %q = %to) {
    %v, %next = load.post i32x16 %p, 64
    %then = store.post %v, %q, 64
    yield %next, %then
  }
}
kernel @outer(%n: i32, %x: ptr, %y: ptr) {
  %t = addr @t
  %u = load i32x8 %t, 0
  store %u, %y, 0
  loop 3 {
    call @inner(%y, %x)
    yield
  }
  loop %n {
    %w = load i32 %x, 0
    store %w, %y, 64
    yield
  }
}";
        let module = load(text).unwrap_or_else(|e| panic!("{e}"));
        let (x, y, t) = (Operand::Param(1), Operand::Param(2), Operand::Data("t"));
        // 512 bits are two accesses, three calls with six passes each; a loop whose count is not known.
        let expected = [([x, y], 3 * 6 * 2 + PASSES), ([y, t], 1)];
        assert_eq!(together(&module, "outer"), Together::from(expected));
        assert_eq!(together(&module, "missing"), Together::new());
    }
}
