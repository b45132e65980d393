//! Where control goes, by the bytes: straight runs of bundles and the ways between them.

use arch::aie2::rules::{DELAY_SLOTS, TARGET_ALIGN};
use arch::aie2::{Operand, op};

use super::code::Code;
use super::error::{CheckError, Fault};
use super::labels;
use crate::mir::{BlockId, BlockKind, Label, MInst};

/// Bundles that run one after the other: a block, or a piece of it where it calls, or where layout put
/// bundles behind its branch.
pub(super) struct Strand {
    pub(super) func: usize,
    pub(super) block: usize,
    /// Positions in [`Code::bundles`].
    pub(super) bundles: std::ops::Range<usize>,
    pub(super) exit: Exit,
}

/// What comes after a strand.
pub(super) enum Exit {
    /// Other strands of the function.
    Ways(Vec<Way>),
    /// A function with its position in the program, and then the strand.
    Call {
        callee: usize,
        branch: usize,
        after: usize,
    },
    /// The caller; `branch` is the bundle with the return.
    Return { branch: usize },
    /// Nothing: the core is done.
    Stop,
}

/// A way to another strand.
pub(super) struct Way {
    pub(super) to: usize,
    /// The edge of the block, by its position in its successors; `None` inside a block.
    pub(super) edge: Option<usize>,
    /// Whether a branch leads there.
    pub(super) jump: bool,
}

/// The strands of a program.
pub(super) struct Flow {
    pub(super) strands: Vec<Strand>,
    /// The first strand of each block of each function.
    pub(super) first: Vec<Vec<usize>>,
}

/// Bundles that still run after `done`, until the core has stopped.
const DONE_BUNDLES: usize = 5;

impl Flow {
    /// Finds the strands and checks branches: delay slots, targets, alignment, and that they lead where
    /// the program says.
    pub(super) fn read(code: &Code<'_>) -> Result<Flow, Vec<CheckError>> {
        let mut flow = Flow {
            strands: Vec::new(),
            first: Vec::new(),
        };
        let mut errors = Vec::new();
        for (f, func) in code.program.funcs.iter().enumerate() {
            let mut first = Vec::with_capacity(func.blocks.len());
            for b in 0..func.blocks.len() {
                first.push(flow.strands.len());
                let mut split = Split {
                    code,
                    f,
                    b,
                    flow: &mut flow,
                    errors: &mut errors,
                };
                split.run();
            }
            flow.first.push(first);
            if let Some(start) = code
                .func_start(f)
                .filter(|s| !s.is_multiple_of(TARGET_ALIGN))
            {
                let fault = Fault::Alignment {
                    what: "the function at",
                    address: start,
                };
                errors.push(code.block_error(f, 0, fault));
            }
        }
        // Until here ways name blocks.
        for strand in &mut flow.strands {
            if let Exit::Ways(ways) = &mut strand.exit {
                for way in ways.iter_mut().filter(|w| w.edge.is_some()) {
                    way.to = flow.first[strand.func][way.to];
                }
            }
        }
        if errors.is_empty() {
            Ok(flow)
        } else {
            Err(errors)
        }
    }
}

struct Split<'a, 'c> {
    code: &'a Code<'c>,
    f: usize,
    b: usize,
    flow: &'a mut Flow,
    errors: &'a mut Vec<CheckError>,
}

impl<'c> Split<'_, 'c> {
    fn push(&mut self, bundles: std::ops::Range<usize>, exit: Exit) {
        self.flow.strands.push(Strand {
            func: self.f,
            block: self.b,
            bundles,
            exit,
        });
    }

    fn run(&mut self) {
        let code = self.code;
        let range = code.blocks[self.f][self.b].clone();
        let mut start = range.start;
        let mut at = range.start;
        while at < range.end {
            let branch = code.bundles[at]
                .ops
                .iter()
                .find(|op| op.inst.op().is_branch());
            let Some(branch) = branch else {
                at += 1;
                continue;
            };
            let source = code.source(at, branch);
            let end = at + 1 + DELAY_SLOTS;
            for k in at + 1..end {
                let slot = k - at;
                let bundle = code.bundles.get(k).filter(|_| k < range.end);
                let Some(bundle) = bundle.filter(|b| b.cycle.is_some()) else {
                    self.errors
                        .push(code.error(at, Fault::DelaySlots(slot - 1)));
                    return;
                };
                if bundle.ops.iter().any(|op| op.inst.op().is_branch()) {
                    let branch = code.bundles[at].address;
                    self.errors
                        .push(code.error(k, Fault::BranchInDelaySlot { slot, branch }));
                    return;
                }
            }
            if source.op.is_call() {
                let Some(callee) = self.callee(at, source) else {
                    return;
                };
                self.aligned(at, "the return to", end);
                let after = self.flow.strands.len() + 1;
                self.push(
                    start..end,
                    Exit::Call {
                        callee,
                        branch: at,
                        after,
                    },
                );
                (start, at) = (end, end);
                continue;
            }
            let behind = (end..range.end)
                .filter(|k| code.bundles[*k].cycle.is_some())
                .count();
            if behind > 0 {
                self.errors
                    .push(code.error(at, Fault::BehindBranch(behind)));
                return;
            }
            self.branch(at, source, start..end, end..range.end);
            return;
        }
        let block = &code.program.funcs[self.f].blocks[self.b];
        if block.successors.is_empty() && self.is_done(start..range.end) {
            self.push(start..range.end, Exit::Stop);
            return;
        }
        let mut wanted = vec![self.b + 1];
        if block.kind == BlockKind::HardwareLoop {
            wanted.push(self.b);
        }
        let exit = self.ways(&wanted, &[]);
        self.push(start..range.end, exit);
    }

    fn is_done(&self, bundles: std::ops::Range<usize>) -> bool {
        let last = bundles.end.saturating_sub(DONE_BUNDLES);
        let mut early = self.code.bundles[bundles.start..last.max(bundles.start)].iter();
        early.any(|b| b.ops.iter().any(|op| op.inst.op() == op::DONE))
    }

    /// A branch that is no call: `run` ends with its delay slots, `behind` holds what layout put there.
    fn branch(
        &mut self,
        at: usize,
        source: &MInst,
        run: std::ops::Range<usize>,
        behind: std::ops::Range<usize>,
    ) {
        let code = self.code;
        let block = &code.program.funcs[self.f].blocks[self.b];
        if source.op.is_return() {
            if !block.successors.is_empty() {
                self.ways(&[], &[]);
            }
            self.push(run, Exit::Return { branch: at });
            return;
        }
        let inst = &code.bundles[at]
            .ops
            .iter()
            .find(|op| op.inst.op() == source.op);
        let address = inst.and_then(|op| {
            let desc = source.op.desc();
            let k = desc.operands.iter().position(|o| o.class.imm().is_some())?;
            op.inst.operands().get(k).copied().and_then(Operand::imm)
        });
        let targets = match address {
            Some(address) => {
                let blocks = 0..block_count(code, self.f);
                let mut here = blocks.filter(|b| i64::from(code.start(self.f, *b)) == address);
                let named = |b: &usize| block.successors.iter().any(|e| e.to.0 as usize == *b);
                let Some(target) = here.clone().find(named).or(here.next()) else {
                    self.errors.push(code.error(at, Fault::Target(address)));
                    return;
                };
                vec![target]
            }
            None => match self.labels(at, source) {
                Some(labels) => {
                    let ids = labels.iter().filter_map(|l| match l {
                        Label::Block(BlockId(id)) => Some(*id as usize),
                        _ => None,
                    });
                    ids.collect()
                }
                None => return,
            },
        };
        for target in &targets {
            let address = code.start(self.f, *target);
            if !address.is_multiple_of(TARGET_ALIGN) {
                let fault = Fault::Alignment {
                    what: "the branch target",
                    address,
                };
                self.errors.push(code.error(at, fault));
            }
        }
        let next = if source.op.is_conditional() {
            vec![self.b + 1]
        } else {
            Vec::new()
        };
        let Exit::Ways(mut ways) = self.ways(&next, &targets) else {
            return;
        };
        if behind.is_empty() {
            self.push(run, Exit::Ways(ways));
            return;
        }
        // What layout put behind the delay slots runs where the branch is not taken.
        let (jumps, rest) = ways.drain(..).partition(|w| w.jump);
        let mut here: Vec<Way> = jumps;
        here.push(Way {
            to: self.flow.strands.len() + 1,
            edge: None,
            jump: false,
        });
        self.push(run, Exit::Ways(here));
        self.push(behind, Exit::Ways(rest));
    }

    /// The ways of the block: to run on or back to `next`, by branch to `targets`. They are the block's
    /// successors, no more and no fewer.
    fn ways(&mut self, next: &[usize], targets: &[usize]) -> Exit {
        let code = self.code;
        let edges = &code.program.funcs[self.f].blocks[self.b].successors;
        let mut wanted: Vec<usize> = edges.iter().map(|e| e.to.0 as usize).collect();
        let mut found: Vec<usize> = next.iter().chain(targets).copied().collect();
        let count = block_count(code, self.f);
        let mut ways = Vec::new();
        for (to, jump) in next
            .iter()
            .map(|b| (b, false))
            .chain(targets.iter().map(|b| (b, true)))
        {
            if let Some(edge) = wanted.iter().position(|w| w == to).filter(|_| *to < count) {
                ways.push(Way {
                    to: *to,
                    edge: Some(edge),
                    jump,
                });
            }
        }
        for list in [&mut wanted, &mut found] {
            list.sort_unstable();
            list.dedup();
        }
        if wanted != found || found.iter().any(|b| *b >= count) {
            let words = |list: &[usize]| {
                let each = list.iter().map(|b| match *b {
                    b if b >= count => "the end of the function".to_string(),
                    b => format!("block {b}"),
                });
                let text = each.collect::<Vec<_>>().join(" and ");
                if text.is_empty() {
                    "no block".to_string()
                } else {
                    text
                }
            };
            let fault = Fault::Successors {
                found: words(&found),
                wanted: words(&wanted),
            };
            self.errors.push(code.block_error(self.f, self.b, fault));
        }
        Exit::Ways(ways)
    }

    fn callee(&mut self, at: usize, source: &MInst) -> Option<usize> {
        let code = self.code;
        let op = code.bundles[at]
            .ops
            .iter()
            .find(|op| op.inst.op() == source.op)?;
        let address = op.inst.operands().iter().find_map(|o| o.imm());
        let funcs = 0..code.program.funcs.len();
        let Some(address) = address else {
            let labels = self.labels(at, source)?;
            let Label::Func(name) = labels.first()? else {
                return None;
            };
            return funcs
                .into_iter()
                .find(|f| code.program.funcs[*f].name == *name);
        };
        let mut funcs = funcs.filter(|f| code.func_start(*f).map(i64::from) == Some(address));
        let found = funcs.next();
        if found.is_none() {
            self.errors.push(code.error(at, Fault::Target(address)));
        }
        found
    }

    /// The labels that an indirect branch can go to.
    fn labels(&mut self, at: usize, source: &MInst) -> Option<Vec<&'c Label>> {
        let code = self.code;
        let labels = labels::of_branch(&code.program.funcs[self.f], source);
        if labels.is_none() {
            let what = "branches to a register that is not known to hold a label";
            let fault = Fault::Described(format!("`{}` {what}", source.op));
            self.errors.push(code.error(at, fault));
        }
        labels
    }

    fn aligned(&mut self, at: usize, what: &'static str, bundle: usize) {
        let code = self.code;
        let last = &code.bundles[at + DELAY_SLOTS];
        let address = code
            .bundles
            .get(bundle)
            .map_or(last.address + last.size, |b| b.address);
        if !address.is_multiple_of(TARGET_ALIGN) {
            self.errors
                .push(code.error(at, Fault::Alignment { what, address }));
        }
    }
}

fn block_count(code: &Code<'_>, func: usize) -> usize {
    code.blocks[func].len()
}
