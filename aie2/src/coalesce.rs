//! Which values share a register: those that instructions tie and those that edges rename.
//!
//! At first each of them gets a copy: before a tied operand, at the end of a block for what an edge
//! renames, and where a block begins for what comes in. Those copies can share a register with what
//! they are tied to whatever else is alive. Then each copy goes away whose two sides can share a
//! register as well, those in the deepest loops first. What is left are webs: sets of values of one
//! register each.

use std::collections::{HashMap, HashSet};

use arch::aie2::{Dir, Reg};

use super::liveness::{BitSet, Liveness, step_back};
use super::mir::ValueId;
use super::select;
use super::vcode::{Arg, VFunc, VInst};

/// Values by the register that they share.
#[derive(Clone, Debug)]
pub struct Webs {
    web: Vec<u32>,
    /// The values of each web.
    pub members: Vec<Vec<ValueId>>,
    /// The register that a web must have.
    pub fixed: Vec<Option<Reg>>,
    /// Whether a web lives around one instruction only: it cannot live shorter.
    pub brief: Vec<bool>,
}

impl Webs {
    /// The web of a value.
    pub fn of(&self, value: ValueId) -> usize {
        self.web[value.index()] as usize
    }

    /// Puts a new value, the next of its function, into a web.
    pub fn add(&mut self, value: ValueId, web: usize) {
        debug_assert_eq!(value.index(), self.web.len());
        self.web.push(web as u32);
        self.members[web].push(value);
    }

    /// Puts a value, the next of its function, into a web of its own.
    pub fn alone(&mut self, value: ValueId, fixed: Option<Reg>, brief: bool) {
        self.members.push(Vec::new());
        self.fixed.push(fixed);
        self.brief.push(brief);
        self.add(value, self.members.len() - 1);
    }

    /// Number of webs.
    pub fn count(&self) -> usize {
        self.members.len()
    }
}

/// A copy made here: from, to, and the depth of its block.
#[derive(Clone, Copy)]
struct Copy {
    from: ValueId,
    to: ValueId,
    depth: u32,
}

/// Finds the webs; copies are left where values that must share a register are alive at once.
pub fn coalesce(func: &mut VFunc) -> Webs {
    let mut copies = Vec::new();
    let mut together = Vec::new();
    split_ties(func, &mut copies, &mut together);
    split_edges(func, &mut copies, &mut together);
    let origin: HashMap<ValueId, ValueId> = copies.iter().map(|c| (c.to, c.from)).collect();
    let conflicts = conflicts(func, &origin);
    let mut sets = Sets::new(func);
    for (a, b) in together {
        // Nothing else is alive in between, so this succeeds.
        let united = sets.unite(a, b, &conflicts);
        debug_assert!(
            united,
            "{a:?} and {b:?} of `{}` are alive at once",
            func.name
        );
    }
    copies.sort_by_key(|c| std::cmp::Reverse(c.depth));
    let mut gone: HashMap<ValueId, ValueId> = HashMap::new();
    for copy in copies {
        if sets.unite(copy.from, copy.to, &conflicts) {
            gone.insert(copy.to, copy.from);
        }
    }
    remove(func, &gone);
    sets.webs()
}

/// Per value: those alive at the same time.
type Conflicts = Vec<HashSet<u32>>;

fn copy_insts(func: &VFunc, to: ValueId, from: ValueId) -> Vec<VInst> {
    select::copies(func.class(from), to, (from, 0))
}

/// Gives every operand that an instruction overwrites a copy of its own.
fn split_ties(func: &mut VFunc, copies: &mut Vec<Copy>, together: &mut Vec<(ValueId, ValueId)>) {
    for b in 0..func.blocks.len() {
        let depth = func.blocks[b].depth;
        let old = std::mem::take(&mut func.blocks[b].insts);
        let mut insts = Vec::with_capacity(old.len());
        for mut inst in old {
            let ties: Vec<_> = inst.tied().collect();
            for (written, read) in ties {
                let (Arg::Value { value: to, .. }, Arg::Value { value: from, .. }) =
                    (inst.args[written].clone(), inst.args[read].clone())
                else {
                    continue;
                };
                let copy = func.value(func.class(from));
                insts.extend(copy_insts(func, copy, from));
                inst.args[read] = Arg::value(copy);
                copies.push(Copy {
                    from,
                    to: copy,
                    depth,
                });
                together.push((copy, to));
            }
            insts.push(inst);
        }
        func.blocks[b].insts = insts;
    }
}

/// Copies what edges rename, where they leave and where they arrive.
fn split_edges(func: &mut VFunc, copies: &mut Vec<Copy>, together: &mut Vec<(ValueId, ValueId)>) {
    let mut arrivals: HashMap<(usize, ValueId), ValueId> = HashMap::new();
    for b in 0..func.blocks.len() {
        let depth = func.blocks[b].depth;
        let mut leavings: Vec<(ValueId, ValueId)> = Vec::new();
        for e in 0..func.blocks[b].successors.len() {
            let target = func.blocks[b].successors[e].to.index();
            for r in 0..func.blocks[b].successors[e].renames.len() {
                let (from, to) = func.blocks[b].successors[e].renames[r];
                let arrival = match arrivals.get(&(target, to)) {
                    Some(arrival) => *arrival,
                    None => {
                        let arrival = func.value(func.class(to));
                        arrivals.insert((target, to), arrival);
                        let insts = copy_insts(func, to, arrival);
                        func.blocks[target].insts.splice(0..0, insts);
                        copies.push(Copy {
                            from: arrival,
                            to,
                            depth: func.blocks[target].depth,
                        });
                        arrival
                    }
                };
                // Only one way is taken: a copy serves all of them, but one name on each.
                let taken = func.blocks[b].successors[e].renames[..r].iter();
                let taken: Vec<ValueId> = taken.map(|(from, _)| *from).collect();
                let known = leavings
                    .iter()
                    .find(|(f, l)| *f == from && !taken.contains(l));
                let leaving = match known {
                    Some((_, leaving)) => *leaving,
                    None => {
                        let leaving = func.value(func.class(from));
                        let insts = copy_insts(func, leaving, from);
                        let end = func.blocks[b].insts.len();
                        let at = end - usize::from(func.blocks[b].branch().is_some());
                        func.blocks[b].insts.splice(at..at, insts);
                        copies.push(Copy {
                            from,
                            to: leaving,
                            depth,
                        });
                        leavings.push((from, leaving));
                        leaving
                    }
                };
                func.blocks[b].successors[e].renames[r] = (leaving, arrival);
                together.push((leaving, arrival));
            }
        }
    }
}

/// Takes out the copies whose sides share a register and gives both sides one name.
fn remove(func: &mut VFunc, gone: &HashMap<ValueId, ValueId>) {
    let name = |value: ValueId| root(gone, value);
    for block in &mut func.blocks {
        block.insts.retain(|inst| {
            let written = match (inst.args.first(), inst.args.get(1)) {
                (Some(Arg::Value { value: to, .. }), Some(Arg::Value { value: from, .. })) => {
                    Some((*to, *from))
                }
                _ => None,
            };
            written.is_none_or(|(to, from)| gone.get(&to) != Some(&from))
        });
        for arg in block.insts.iter_mut().flat_map(|i| &mut i.args) {
            if let Arg::Value { value, .. } = arg {
                *value = name(*value);
            }
        }
        for arg in block.call_args.iter_mut().chain(&mut block.call_results) {
            *arg = name(*arg);
        }
        for edge in &mut block.successors {
            for (from, to) in &mut edge.renames {
                (*from, *to) = (name(*from), name(*to));
            }
            edge.renames.retain(|(from, to)| from != to);
        }
    }
}

/// Disjoint sets of values.
struct Sets {
    parent: Vec<u32>,
    members: Vec<Vec<u32>>,
    fixed: Vec<Option<Reg>>,
}

impl Sets {
    fn new(func: &VFunc) -> Self {
        let n = func.values.len() as u32;
        Sets {
            parent: (0..n).collect(),
            members: (0..n).map(|k| vec![k]).collect(),
            fixed: func.values.iter().map(|v| v.fixed).collect(),
        }
    }

    fn find(&self, mut k: u32) -> u32 {
        while self.parent[k as usize] != k {
            k = self.parent[k as usize];
        }
        k
    }

    /// The root of a value; later searches from it are short.
    fn settle(&mut self, k: u32) -> u32 {
        let root = self.find(k);
        let mut at = k;
        while at != root {
            at = std::mem::replace(&mut self.parent[at as usize], root);
        }
        root
    }

    /// Unites two sets unless something in one conflicts with something in the other.
    fn unite(&mut self, a: ValueId, b: ValueId, conflicts: &Conflicts) -> bool {
        let (a, b) = (self.settle(a.0), self.settle(b.0));
        if a == b {
            return true;
        }
        let (fa, fb) = (self.fixed[a as usize], self.fixed[b as usize]);
        if fa.is_some() && fb.is_some() && fa != fb {
            return false;
        }
        let (few, other) = match self.members[a as usize].len() < self.members[b as usize].len() {
            true => (a, b),
            false => (b, a),
        };
        let mut theirs = self.members[few as usize]
            .iter()
            .flat_map(|x| &conflicts[*x as usize]);
        let clash = theirs.any(|y| self.find(*y) == other);
        if clash {
            return false;
        }
        self.parent[b as usize] = a;
        self.fixed[a as usize] = fa.or(fb);
        let moved = std::mem::take(&mut self.members[b as usize]);
        self.members[a as usize].extend(moved);
        true
    }

    fn webs(mut self) -> Webs {
        let n = self.parent.len() as u32;
        let mut webs = Webs {
            web: vec![0; n as usize],
            members: Vec::new(),
            fixed: Vec::new(),
            brief: Vec::new(),
        };
        for root in 0..n {
            if self.find(root) == root {
                let members = std::mem::take(&mut self.members[root as usize]);
                for value in &members {
                    webs.web[*value as usize] = webs.members.len() as u32;
                }
                webs.members
                    .push(members.into_iter().map(ValueId).collect());
                webs.fixed.push(self.fixed[root as usize]);
                webs.brief.push(false);
            }
        }
        webs
    }
}

/// Follows a value to the end of a chain.
fn root(chain: &HashMap<ValueId, ValueId>, mut value: ValueId) -> ValueId {
    while let Some(next) = chain.get(&value) {
        value = *next;
    }
    value
}

/// Values alive at once. Copies made here of one value hold the same, so that they may be alive in one
/// register.
fn conflicts(func: &VFunc, origin: &HashMap<ValueId, ValueId>) -> Conflicts {
    let live = Liveness::of(func);
    let mut conflicts: Conflicts = vec![HashSet::new(); func.values.len()];
    let roots: Vec<ValueId> = (0..func.values.len() as u32)
        .map(|k| root(origin, ValueId(k)))
        .collect();
    let mut clash = |value: usize, live_units: &BitSet| {
        for unit in live_units.iter() {
            let other = live.units.value(unit).0;
            if roots[other] != roots[value] {
                conflicts[value].insert(other as u32);
                conflicts[other].insert(value as u32);
            }
        }
    };
    for (b, block) in func.blocks.iter().enumerate() {
        let mut set = live.live_out[b].clone();
        for inst in block.insts.iter().rev() {
            let outs: Vec<_> = inst.values().filter(|v| v.2.dir == Dir::Out).collect();
            // Results of one instruction are written side by side.
            for (.., k) in &outs {
                live.units.operand(inst, *k).for_each(|u| set.insert(u));
            }
            for (value, ..) in &outs {
                clash(value.index(), &set);
            }
            step_back(&live.units, inst, &mut set);
        }
    }
    // What comes in by an edge is defined where the block begins.
    let mut entering: Vec<(usize, ValueId)> = func.params.iter().map(|p| (0, *p)).collect();
    for block in &func.blocks {
        for edge in &block.successors {
            let to = edge.to.index();
            entering.extend(edge.renames.iter().map(|(_, there)| (to, *there)));
            entering.extend(block.call_results.iter().map(|value| (to, *value)));
        }
    }
    for (block, value) in entering {
        clash(value.index(), &live.live_in[block]);
    }
    conflicts
}
