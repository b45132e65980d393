//! What pointers reach: which operand or constant each was made from.

use super::ir::{Block, Func, Inst, Op, Value};
use super::types::Type;

/// What a pointer was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root<'a> {
    /// A parameter, by its position.
    Param(usize),
    /// A constant address.
    Address,
    /// Constant data, by its name.
    Data(&'a str),
}

/// The roots of a function's pointers.
#[derive(Clone, Debug)]
pub struct Reach<'a> {
    /// By value.
    roots: Vec<Option<Root<'a>>>,
}

impl<'a> Reach<'a> {
    /// Follows the pointers of a function.
    pub fn of(func: &'a Func) -> Self {
        let mut reach = Reach {
            roots: vec![None; func.types.len()],
        };
        for (k, param) in func.params.iter().enumerate() {
            if func.ty(param.value) == Type::Ptr {
                reach.roots[param.value.index()] = Some(Root::Param(k));
            }
        }
        // A pointer carried by a loop reaches what it reaches on entry unless a pass turns it to
        // something else, which the second walk finds out.
        reach.trace(&func.body);
        reach.trace(&func.body);
        reach
    }

    /// What a pointer was made from; `None` where it may be one of several things.
    pub fn root(&self, pointer: Value) -> Option<Root<'a>> {
        self.roots[pointer.index()]
    }

    fn trace(&mut self, block: &'a Block) {
        for Inst { results, op } in &block.insts {
            match op {
                Op::Data(name) => self.roots[results[0].index()] = Some(Root::Data(name)),
                Op::Addr(_) => self.roots[results[0].index()] = Some(Root::Address),
                Op::PtrAdd { ptr, .. } | Op::PtrAddVar { ptr, .. } => {
                    self.roots[results[0].index()] = self.root(*ptr);
                }
                Op::Load { ptr, .. } | Op::LoadNarrow { ptr, .. } if results.len() > 1 => {
                    self.roots[results[1].index()] = self.root(*ptr);
                }
                Op::Store { ptr, .. } | Op::StoreNarrow { ptr, .. } if !results.is_empty() => {
                    self.roots[results[0].index()] = self.root(*ptr);
                }
                Op::Loop {
                    params, init, body, ..
                } => self.trace_loop(results, params, init, body),
                Op::If {
                    then, otherwise, ..
                } => {
                    self.trace(then);
                    self.trace(otherwise);
                    let both = then.yields().iter().zip(otherwise.yields());
                    for (result, (a, b)) in results.iter().zip(both) {
                        let same = self.root(*a) == self.root(*b);
                        self.roots[result.index()] = self.root(*a).filter(|_| same);
                    }
                }
                _ => {}
            }
        }
    }

    fn trace_loop(&mut self, results: &[Value], params: &[Value], init: &[Value], body: &'a Block) {
        for (param, init) in params.iter().zip(init) {
            self.roots[param.index()] = self.root(*init);
        }
        self.trace(body);
        // The condition of a loop with one comes first.
        let next = body.yields();
        let next = &next[next.len().saturating_sub(params.len())..];
        for (param, next) in params.iter().zip(next) {
            if self.root(*next) != self.root(*param) {
                self.roots[param.index()] = None;
            }
        }
        self.trace(body);
        for (result, param) in results.iter().zip(params) {
            self.roots[result.index()] = self.root(*param);
        }
    }
}
