//! Which units of which values are alive where, in program order.

use arch::aie2::Dir;

use super::vcode::{VFunc, VInst, class_units};

/// A set of small numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitSet(Vec<u64>);

impl BitSet {
    /// The empty set of numbers below `len`.
    pub fn new(len: usize) -> Self {
        BitSet(vec![0; len.div_ceil(64)])
    }

    /// Adds a number.
    pub fn insert(&mut self, k: usize) {
        self.0[k / 64] |= 1 << (k % 64);
    }

    /// Takes a number out.
    pub fn remove(&mut self, k: usize) {
        self.0[k / 64] &= !(1 << (k % 64));
    }

    /// Whether it holds a number.
    pub fn contains(&self, k: usize) -> bool {
        self.0[k / 64] >> (k % 64) & 1 == 1
    }

    /// Adds all of `other`; whether that changed anything.
    pub fn union(&mut self, other: &BitSet) -> bool {
        let mut changed = false;
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            changed |= *b & !*a != 0;
            *a |= b;
        }
        changed
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            (0..64)
                .filter(move |k| bits >> k & 1 == 1)
                .map(move |k| word * 64 + k)
        })
    }
}

/// Numbers every unit of every value.
#[derive(Clone, Debug)]
pub struct Units {
    first: Vec<u32>,
    value: Vec<u32>,
}

impl Units {
    /// Numbers the units of a function's values.
    pub fn of(func: &VFunc) -> Self {
        let mut units = Units {
            first: Vec::new(),
            value: Vec::new(),
        };
        for (k, info) in func.values.iter().enumerate() {
            units.first.push(units.value.len() as u32);
            units
                .value
                .extend((0..info.class.units()).map(|_| k as u32));
        }
        units
    }

    /// Number of units.
    pub fn count(&self) -> usize {
        self.value.len()
    }

    /// The value that a unit belongs to, and which of its units it is.
    pub fn value(&self, unit: usize) -> (usize, usize) {
        let value = self.value[unit] as usize;
        (value, unit - self.first[value] as usize)
    }

    /// All units of a value.
    pub fn all(&self, value: usize) -> std::ops::Range<usize> {
        let first = self.first[value] as usize;
        let end = self
            .first
            .get(value + 1)
            .map_or(self.count(), |f| *f as usize);
        first..end
    }

    /// The units that operand `k` of an instruction means; empty where it is no value.
    pub fn operand(&self, inst: &VInst, k: usize) -> std::ops::Range<usize> {
        let Some(super::vcode::Arg::Value { value, part }) = inst.args.get(k) else {
            return 0..0;
        };
        let all = self.all(value.index());
        let first = all.start + usize::from(*part);
        let width = class_units(inst.op().desc().operands[k].class);
        first..all.end.min(first + width)
    }
}

/// What is alive at the borders of blocks.
#[derive(Clone, Debug)]
pub struct Liveness {
    /// Units numbered.
    pub units: Units,
    /// Per block: alive where it begins, values that come in by edges included.
    pub live_in: Vec<BitSet>,
    /// Per block: alive where it ends, by their names in the block.
    pub live_out: Vec<BitSet>,
}

/// Takes the live set from after an instruction to before it.
pub fn step_back(units: &Units, inst: &VInst, live: &mut BitSet) {
    for dir in [Dir::Out, Dir::In] {
        for (_, _, desc, k) in inst.values().filter(|v| v.2.dir == dir) {
            for unit in units.operand(inst, k) {
                match desc.dir {
                    Dir::Out => live.remove(unit),
                    Dir::In => live.insert(unit),
                }
            }
        }
    }
}

impl Liveness {
    /// Computes what is alive.
    pub fn of(func: &VFunc) -> Self {
        let units = Units::of(func);
        let empty = BitSet::new(units.count());
        let mut live = Liveness {
            live_in: vec![empty.clone(); func.blocks.len()],
            live_out: vec![empty; func.blocks.len()],
            units,
        };
        let mut changed = true;
        while changed {
            changed = false;
            for (b, block) in func.blocks.iter().enumerate().rev() {
                let mut out = BitSet::new(live.units.count());
                for arg in &block.call_args {
                    live.units.all(arg.index()).for_each(|u| out.insert(u));
                }
                for edge in &block.successors {
                    let mut there = live.live_in[edge.to.index()].clone();
                    for result in &block.call_results {
                        live.units.all(result.index()).for_each(|u| there.remove(u));
                    }
                    let mut renamed = Vec::new();
                    for (here, to) in &edge.renames {
                        let pairs = live.units.all(here.index()).zip(live.units.all(to.index()));
                        for (from, to) in pairs {
                            if there.contains(to) {
                                renamed.push((from, to));
                            }
                        }
                    }
                    renamed.iter().for_each(|(_, to)| there.remove(*to));
                    renamed.iter().for_each(|(from, _)| there.insert(*from));
                    out.union(&there);
                }
                let mut set = out.clone();
                for inst in block.insts.iter().rev() {
                    step_back(&live.units, inst, &mut set);
                }
                changed |= live.live_out[b].union(&out);
                changed |= live.live_in[b].union(&set);
            }
        }
        live
    }
}
