//! Which values share a register: those that instructions tie and those that edges rename.
//!
//! Values that must share a register must not be alive at once; where they are, a copy takes the
//! place of one of them. What is left are webs: sets of values of one register each.

use std::collections::HashSet;

use super::liveness::{BitSet, Liveness, step_back};
use super::mir::ValueId;
use super::select::copy_form;
use super::vcode::{Arg, VFunc, VInst};
use arch::aie2::{Dir, Reg};

/// Values by the register that they share.
#[derive(Clone, Debug)]
pub struct Webs {
    web: Vec<u32>,
    /// The values of each web.
    pub members: Vec<Vec<ValueId>>,
    /// The register that a web must have.
    pub fixed: Vec<Option<Reg>>,
}

impl Webs {
    /// The web of a value.
    pub fn of(&self, value: ValueId) -> usize {
        self.web[value.index()] as usize
    }

    /// Number of webs.
    pub fn count(&self) -> usize {
        self.members.len()
    }
}

/// Inserts copies where values that must share a register are alive at once, and finds the webs.
pub fn coalesce(func: &mut VFunc) -> Webs {
    loop {
        match unite(func) {
            Ok(webs) => return webs,
            Err(conflict) => resolve(func, conflict),
        }
    }
}

/// Two values that must share a register and cannot.
enum Conflict {
    /// Operand `read` of an instruction is overwritten while it is still wanted.
    Tied {
        block: usize,
        inst: usize,
        read: usize,
    },
    /// Rename `rename` of way `edge` out of a block.
    Edge {
        block: usize,
        edge: usize,
        rename: usize,
    },
}

/// Disjoint sets of values.
struct Sets {
    parent: Vec<u32>,
    members: Vec<Vec<u32>>,
    fixed: Vec<Option<Reg>>,
}

impl Sets {
    fn find(&self, mut k: u32) -> u32 {
        while self.parent[k as usize] != k {
            k = self.parent[k as usize];
        }
        k
    }

    /// Unites two sets unless something in one conflicts with something in the other.
    fn unite(&mut self, a: ValueId, b: ValueId, conflicts: &HashSet<(u32, u32)>) -> bool {
        let (a, b) = (self.find(a.0), self.find(b.0));
        if a == b {
            return true;
        }
        let (fa, fb) = (self.fixed[a as usize], self.fixed[b as usize]);
        if fa.is_some() && fb.is_some() && fa != fb {
            return false;
        }
        let clash = self.members[a as usize].iter().any(|x| {
            let others = &self.members[b as usize];
            others
                .iter()
                .any(|y| conflicts.contains(&(*x.min(y), *x.max(y))))
        });
        if clash {
            return false;
        }
        self.parent[b as usize] = a;
        self.fixed[a as usize] = fa.or(fb);
        let moved = std::mem::take(&mut self.members[b as usize]);
        self.members[a as usize].extend(moved);
        true
    }
}

fn unite(func: &VFunc) -> Result<Webs, Conflict> {
    let conflicts = conflicts(func);
    let n = func.values.len() as u32;
    let mut sets = Sets {
        parent: (0..n).collect(),
        members: (0..n).map(|k| vec![k]).collect(),
        fixed: func.values.iter().map(|v| v.fixed).collect(),
    };
    for (b, block) in func.blocks.iter().enumerate() {
        for (e, edge) in block.successors.iter().enumerate() {
            for (r, (from, to)) in edge.renames.iter().enumerate() {
                if !sets.unite(*from, *to, &conflicts) {
                    return Err(Conflict::Edge {
                        block: b,
                        edge: e,
                        rename: r,
                    });
                }
            }
        }
        for (i, inst) in block.insts.iter().enumerate() {
            for (written, read) in inst.tied() {
                let (Arg::Value { value: to, .. }, Arg::Value { value: from, .. }) =
                    (&inst.args[written], &inst.args[read])
                else {
                    continue;
                };
                if !sets.unite(*from, *to, &conflicts) {
                    return Err(Conflict::Tied {
                        block: b,
                        inst: i,
                        read,
                    });
                }
            }
        }
    }
    let mut webs = Webs {
        web: vec![0; n as usize],
        members: Vec::new(),
        fixed: Vec::new(),
    };
    for root in 0..n {
        if sets.find(root) == root {
            let members = std::mem::take(&mut sets.members[root as usize]);
            for value in &members {
                webs.web[*value as usize] = webs.members.len() as u32;
            }
            webs.members
                .push(members.into_iter().map(ValueId).collect());
            webs.fixed.push(sets.fixed[root as usize]);
        }
    }
    Ok(webs)
}

/// Pairs of values alive at once, the smaller first.
fn conflicts(func: &VFunc) -> HashSet<(u32, u32)> {
    let live = Liveness::of(func);
    let mut pairs = HashSet::new();
    let mut clash = |value: usize, live_units: &BitSet| {
        for unit in live_units.iter() {
            let other = live.units.value(unit).0;
            if other != value {
                pairs.insert((value.min(other) as u32, value.max(other) as u32));
            }
        }
    };
    for (b, block) in func.blocks.iter().enumerate() {
        let mut set = live.live_out[b].clone();
        for inst in block.insts.iter().rev() {
            for (value, ..) in inst.values().filter(|v| v.2.dir == Dir::Out) {
                clash(value.index(), &set);
            }
            // Results of one instruction are written side by side.
            let outs: Vec<_> = inst.values().filter(|v| v.2.dir == Dir::Out).collect();
            let mut written = BitSet::new(live.units.count());
            for (.., k) in &outs {
                live.units.operand(inst, *k).for_each(|u| written.insert(u));
            }
            for (value, ..) in &outs {
                clash(value.index(), &written);
            }
            step_back(&live.units, inst, &mut set);
        }
    }
    // What comes in by an edge is defined where the block begins.
    let mut entering: Vec<(usize, ValueId)> = func.params.iter().map(|p| (0, *p)).collect();
    for edge in func.blocks.iter().flat_map(|b| &b.successors) {
        entering.extend(edge.renames.iter().map(|(_, to)| (edge.to.index(), *to)));
    }
    for (block, value) in entering {
        clash(value.index(), &live.live_in[block]);
    }
    pairs
}

fn resolve(func: &mut VFunc, conflict: Conflict) {
    match conflict {
        Conflict::Tied { block, inst, read } => {
            let Arg::Value { value, .. } = func.blocks[block].insts[inst].args[read] else {
                return;
            };
            let copy = insert_copy(func, block, inst, value);
            func.blocks[block].insts[inst + 1].args[read] = Arg::value(copy);
        }
        Conflict::Edge {
            block,
            edge,
            rename,
        } => {
            let (from, to) = func.blocks[block].successors[edge].renames[rename];
            let fresh =
                func.blocks[block].insts.iter().rev().any(|i| {
                    i.op() == copy_form(func.class(from)) && i.args[0] == Arg::value(from)
                });
            if !fresh {
                let end = func.blocks[block].insts.len();
                let at = end - usize::from(func.blocks[block].branch().is_some());
                let copy = insert_copy(func, block, at, from);
                func.blocks[block].successors[edge].renames[rename].0 = copy;
                return;
            }
            // The copy at the end meets the value that comes in, which is still wanted: the block
            // takes a value of its own and moves it aside at once.
            let target = func.blocks[block].successors[edge].to;
            let incoming = func.value(func.class(to));
            for edge in func.blocks.iter_mut().flat_map(|b| &mut b.successors) {
                if edge.to == target {
                    for rename in edge.renames.iter_mut().filter(|r| r.1 == to) {
                        rename.1 = incoming;
                    }
                }
            }
            let args = vec![Arg::value(to), Arg::value(incoming)];
            let copy = VInst::new(copy_form(func.class(to)), args);
            func.blocks[target.index()].insts.insert(0, copy);
        }
    }
}

fn insert_copy(func: &mut VFunc, block: usize, at: usize, value: ValueId) -> ValueId {
    let class = func.class(value);
    let copy = func.value(class);
    let args = vec![Arg::value(copy), Arg::value(value)];
    let inst = VInst::new(copy_form(class), args);
    func.blocks[block].insts.insert(at, inst);
    copy
}
