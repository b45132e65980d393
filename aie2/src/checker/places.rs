//! Where accesses to memory are, so far as the program says how far apart their pointers stand.
//!
//! A pointer stands so many bytes from a root: from address 0, from what a value was when the block
//! began, or from what an instruction of the block made. Where ways meet, pointers stay together that
//! stand equally far apart on all of them. On an edge the roots of one block are translated into those of
//! the next, so that an access of one pass of a loop is compared with those of the passes behind it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use arch::aie2::{Dir, Flags, OperandDesc, op};

use crate::mir::{Edge, MFunc, MInst, MOperand, ValueId};

/// What a pointer's place is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Root {
    /// Address 0.
    Zero,
    /// What the value was when the block began.
    Entry(ValueId),
    /// What this instruction of the block wrote as this operand.
    Made(usize, usize),
}

/// A number of bytes from a root.
pub(super) type Stand = (Root, i64);

/// Bytes that an access touches, at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The first byte, by every root that it is known from.
    at: Vec<Stand>,
    bytes: i64,
}

/// Addresses have 20 bits and data memory takes 18 of them: numbers that are less than this apart are as
/// far apart as the addresses that they stand for.
const NEAR: i64 = 1 << 19;

impl Place {
    /// Whether the two certainly have no byte in common.
    pub(super) fn is_apart(&self, other: &Place) -> bool {
        let apart = |(root, at): &Stand| {
            other.at.iter().filter(|o| o.0 == *root).any(|(_, then)| {
                let far = at + self.bytes <= *then || then + other.bytes <= *at;
                far && (at - then).abs() < NEAR
            })
        };
        self.at.iter().any(apart)
    }

    /// The same bytes of which nothing is known.
    pub(super) fn forgotten(&self) -> Place {
        Place {
            at: Vec::new(),
            bytes: self.bytes,
        }
    }
}

/// Where pointers stand; those that are missing have a root of their own.
type Stands = BTreeMap<ValueId, Stand>;

/// Where the accesses of a function are.
pub(super) struct Places {
    /// By block and instruction.
    at: Vec<Vec<Option<Place>>>,
    /// By block and edge: the roots of the next block that one of this block goes by, and the bytes to
    /// add.
    across: Vec<Vec<HashMap<Root, BTreeSet<Stand>>>>,
}

impl Places {
    /// Follows the pointers of a function.
    pub(super) fn of(func: &MFunc) -> Places {
        let walk = Walk {
            func,
            numbers: numbers(func),
            pointers: pointers(func),
        };
        let mut starts: Vec<Option<Stands>> = vec![None; func.blocks.len()];
        let mut work = VecDeque::new();
        if let Some(first) = starts.first_mut() {
            *first = Some(Stands::new());
            work.push_back(0);
        }
        while let Some(b) = work.pop_front() {
            let Some(start) = &starts[b] else { continue };
            let (end, _) = walk.block(b, start.clone());
            for edge in &func.blocks[b].successors {
                let arriving = named(walk.cross(&end, edge));
                let known = &mut starts[edge.to.index()];
                let joined = match known {
                    Some(known) => join(known, &arriving),
                    None => arriving,
                };
                if known.as_ref() != Some(&joined) {
                    *known = Some(joined);
                    work.push_back(edge.to.index());
                }
            }
        }
        let mut places = Places {
            at: Vec::new(),
            across: Vec::new(),
        };
        for (b, block) in func.blocks.iter().enumerate() {
            let (end, at) = walk.block(b, starts[b].clone().unwrap_or_default());
            places.at.push(at);
            let across = block.successors.iter().map(|edge| {
                let start = starts[edge.to.index()].as_ref();
                let mut to: HashMap<Root, BTreeSet<Stand>> = HashMap::new();
                for (value, (root, at)) in walk.cross(&end, edge) {
                    let there = start.and_then(|s| s.get(&value)).copied();
                    let (name, then) = there.unwrap_or((Root::Entry(value), 0));
                    to.entry(root).or_default().insert((name, then - at));
                }
                to
            });
            places.across.push(across.collect());
        }
        places
    }

    /// Where an instruction of a block accesses memory.
    pub(super) fn at(&self, block: usize, inst: usize) -> Option<&Place> {
        self.at[block][inst].as_ref()
    }

    /// A place of a block as the block at the end of one of its edges calls it.
    pub(super) fn cross(&self, block: usize, edge: usize, place: &Place) -> Place {
        let across = &self.across[block][edge];
        let named = |(root, at): &Stand| {
            let names = across.get(root).into_iter().flatten();
            let names = names.map(|(name, more)| (*name, at + more));
            let same = (*root == Root::Zero).then_some((Root::Zero, *at));
            names.chain(same).collect::<Vec<_>>()
        };
        let mut at: Vec<Stand> = place.at.iter().flat_map(named).collect();
        at.sort_unstable();
        at.dedup();
        Place {
            at,
            bytes: place.bytes,
        }
    }
}

struct Walk<'a> {
    func: &'a MFunc,
    /// Values that only one number is ever written to.
    numbers: HashMap<ValueId, i64>,
    /// Values that are pointers, or become pointers.
    pointers: BTreeSet<ValueId>,
}

impl Walk<'_> {
    fn stand(&self, stands: &Stands, value: ValueId) -> Stand {
        let number = || self.numbers.get(&value).map(|at| (Root::Zero, *at));
        let known = stands.get(&value).copied();
        known.or_else(number).unwrap_or((Root::Entry(value), 0))
    }

    /// Where pointers stand at the end of a block, and where its accesses are.
    fn block(&self, block: usize, mut stands: Stands) -> (Stands, Vec<Option<Place>>) {
        let insts = self.func.blocks[block].insts.iter().enumerate();
        let at = insts.map(|(k, inst)| self.inst(k, inst, &mut stands));
        let at = at.collect();
        (stands, at)
    }

    fn inst(&self, k: usize, inst: &MInst, stands: &mut Stands) -> Option<Place> {
        let from = match inst.op {
            op::MOV_mv_scl => operands(inst).map(|o| o.0).nth(1),
            _ => operands(inst).find(|o| o.1.name == "ptr").map(|o| o.0),
        };
        let from = from.and_then(value_of);
        let from = from.filter(|v| self.pointers.contains(v));
        let stand = from.map(|value| {
            let stand = self.stand(stands, value);
            stands.insert(value, stand);
            stand
        });
        let mut amounts = operands(inst).filter(|o| matches!(o.1.name, "imm" | "mod" | "dj"));
        let added = match amounts.next().map(|o| o.0) {
            None => Some(0),
            Some(MOperand::Imm(imm)) => Some(*imm),
            Some(other) => value_of(other).and_then(|v| self.numbers.get(&v).copied()),
        };
        let mut moves = false;
        for (n, (operand, desc)) in operands(inst).enumerate() {
            let Some(value) = value_of(operand).filter(|_| desc.dir == Dir::Out) else {
                continue;
            };
            let moved = desc.name == "ptr_out";
            moves |= moved;
            let follows = moved || inst.op == op::MOV_mv_scl;
            let then = stand.zip(added).filter(|_| follows);
            let then = then.map(|((root, at), added)| (root, at + added));
            self.set(stands, value, then.unwrap_or((Root::Made(k, n), 0)));
        }
        for (n, (_, value, _)) in inst.implicit.iter().enumerate().filter(|(_, i)| i.2) {
            let made = Root::Made(k, inst.operands.len() + n);
            self.set(stands, *value, (made, 0));
        }
        inst.memory?;
        let (root, at) = stand?;
        let at = if moves { at } else { at + added? };
        let (at, bytes) = match inst.op.desc().mnemonic.starts_with('v') {
            true => (at, 32),
            // The word around it is read and written.
            false if inst.op.is_partial_word_store() => (at - 3, 7),
            false => (at, 4),
        };
        Some(Place {
            at: vec![(root, at)],
            bytes,
        })
    }

    fn set(&self, stands: &mut Stands, value: ValueId, stand: Stand) {
        if self.pointers.contains(&value) && !self.numbers.contains_key(&value) {
            stands.insert(value, stand);
        }
    }

    /// Where the pointers of the next block stand, by the roots of this one.
    fn cross(&self, end: &Stands, edge: &Edge) -> Stands {
        let mut arriving = end.clone();
        for (_, there) in &edge.renames {
            arriving.remove(there);
        }
        for (here, there) in &edge.renames {
            if self.pointers.contains(there) {
                let stand = self.stand(end, *here);
                arriving.insert(*there, stand);
            }
        }
        arriving
    }
}

fn operands(inst: &MInst) -> impl Iterator<Item = (&MOperand, &'static OperandDesc)> {
    inst.operands.iter().zip(inst.op.desc().operands)
}

fn value_of(operand: &MOperand) -> Option<ValueId> {
    match operand {
        MOperand::Reg { value, .. } => *value,
        _ => None,
    }
}

/// Stands by the roots of the block that begins: the first of those that stand together is their root.
fn named(stands: Stands) -> Stands {
    let mut names: BTreeMap<Root, Stand> = BTreeMap::from([(Root::Zero, (Root::Zero, 0))]);
    let mut named = Stands::new();
    for (value, (root, at)) in stands {
        let (name, begin) = *names.entry(root).or_insert((Root::Entry(value), at));
        named.insert(value, (name, at - begin));
    }
    named
}

/// What holds on two ways.
fn join(known: &Stands, arriving: &Stands) -> Stands {
    let mut names: BTreeMap<(Root, Root, i64), (ValueId, i64)> = BTreeMap::new();
    let mut joined = Stands::new();
    let values: BTreeSet<ValueId> = known.keys().chain(arriving.keys()).copied().collect();
    for value in values {
        let of = |stands: &Stands| stands.get(&value).copied();
        let (own, other) = (of(known), of(arriving));
        let alone = (Root::Entry(value), 0);
        let ((root, at), (other, then)) = (own.unwrap_or(alone), other.unwrap_or(alone));
        if (root, at) == (Root::Zero, then) && other == Root::Zero {
            joined.insert(value, (Root::Zero, at));
            continue;
        }
        let (name, begin) = *names.entry((root, other, at - then)).or_insert((value, at));
        joined.insert(value, (Root::Entry(name), at - begin));
    }
    joined
}

/// Values that only one number is ever written to.
fn numbers(func: &MFunc) -> HashMap<ValueId, i64> {
    let mut numbers: HashMap<ValueId, Option<i64>> = HashMap::new();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        let constant = match (
            inst.op.flags().contains(Flags::MOVE_IMM),
            &inst.operands[..],
        ) {
            (true, [_, MOperand::Imm(imm)]) => Some(*imm),
            _ => None,
        };
        let written = operands(inst).filter(|o| o.1.dir == Dir::Out);
        let written = written.filter_map(|o| value_of(o.0));
        let implied = inst.implicit.iter().filter(|i| i.2).map(|i| i.1);
        for value in written.chain(implied) {
            let known = numbers.entry(value).or_insert(constant);
            *known = known.filter(|k| Some(*k) == constant);
        }
    }
    for (_, value) in &func.params {
        numbers.insert(*value, None);
    }
    // A value that edges rename is what those it comes from are, if they are all the same.
    let mut sources: BTreeMap<ValueId, Vec<ValueId>> = BTreeMap::new();
    let edges = func.blocks.iter().flat_map(|b| &b.successors);
    for (here, there) in edges.flat_map(|e| &e.renames) {
        sources.entry(*there).or_default().push(*here);
    }
    let mut named: HashMap<ValueId, i64> = HashMap::new();
    let number = |named: &HashMap<ValueId, i64>, value: &ValueId| match sources.contains_key(value)
    {
        true => named.get(value).copied(),
        false => numbers.get(value).copied().flatten(),
    };
    let mut before = usize::MAX;
    while before != named.len() {
        before = named.len();
        for (value, from) in sources.iter().filter(|s| !numbers.contains_key(s.0)) {
            let first = number(&named, &from[0]);
            let same = from.iter().all(|f| number(&named, f) == first);
            if let Some(first) = first.filter(|_| same) {
                named.insert(*value, first);
            }
        }
    }
    let written = numbers.iter().filter(|(v, _)| !sources.contains_key(v));
    let sure = written.filter_map(|(v, n)| Some((*v, (*n)?)));
    sure.chain(named.iter().map(|(v, n)| (*v, *n))).collect()
}

/// Values that accesses take as pointers, and what those come from.
fn pointers(func: &MFunc) -> BTreeSet<ValueId> {
    let insts = || func.blocks.iter().flat_map(|b| &b.insts);
    let named = insts().flat_map(operands);
    let named = named.filter(|o| matches!(o.1.name, "ptr" | "ptr_out"));
    let mut pointers: BTreeSet<ValueId> = named.filter_map(|o| value_of(o.0)).collect();
    let edges = func.blocks.iter().flat_map(|b| &b.successors);
    let renamed = edges.flat_map(|e| e.renames.iter().copied());
    let copies = insts().filter(|i| i.op == op::MOV_mv_scl);
    let copied = copies.filter_map(|i| match &i.operands[..] {
        [to, from] => Some((value_of(from)?, value_of(to)?)),
        _ => None,
    });
    let ways: Vec<(ValueId, ValueId)> = renamed.chain(copied).collect();
    let mut before = 0;
    while before < pointers.len() {
        before = pointers.len();
        for (from, to) in &ways {
            if pointers.contains(to) {
                pointers.insert(*from);
            }
        }
    }
    pointers
}
