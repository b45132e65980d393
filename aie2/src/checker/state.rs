//! What all registers hold at a point of a function, and what the pipeline will still read and write.

use std::collections::{BTreeMap, HashMap, HashSet};

use arch::aie2::{Bypass, Reg, reg};

use super::cell::{By, Cell, Mark, Name, Names};
use super::units::{Unit, is_callee_saved, special, units};
use crate::mir::{MFunc, ValueId};

/// A read under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// Cycles from now.
    pub(super) at: u8,
    pub(super) unit: Unit,
    pub(super) wanted: Name,
    pub(super) bypass: Option<Bypass>,
    /// Register and stage as the instruction has them.
    pub(super) reg: Reg,
    pub(super) stage: u8,
    /// Position of the bundle and of the instruction in it.
    pub(super) bundle: usize,
    pub(super) op: usize,
}

/// A read under way that an earlier block issued. It was proved there; nothing may land before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guard {
    pub(super) at: u8,
    pub(super) unit: Unit,
    pub(super) bypass: Option<Bypass>,
    /// Address of the bundle.
    pub(super) reader: u32,
}

/// Bytes of a saved register.
const SAVED_BYTES: i64 = 4;

/// The state of a function's run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) cells: Vec<Cell>,
    pub(super) reads: Vec<Read>,
    pub(super) guards: Vec<Guard>,
    /// Places on the stack that hold what a unit held when the function was entered, by their distance
    /// from where the stack pointer stood then.
    pub(super) saved: BTreeMap<i64, Unit>,
}

/// Names that change on an edge.
pub(super) struct Renames {
    to: HashMap<ValueId, Vec<ValueId>>,
    taken: HashSet<ValueId>,
}

impl Renames {
    pub(super) fn new(renames: &[(ValueId, ValueId)]) -> Renames {
        let mut to: HashMap<ValueId, Vec<ValueId>> = HashMap::new();
        for (here, there) in renames {
            to.entry(*here).or_default().push(*there);
        }
        Renames {
            to,
            taken: renames.iter().map(|r| r.1).collect(),
        }
    }

    /// A name listed goes by its new ones; a name that another value takes is given up.
    fn apply(&self, names: &mut Names) {
        let renamed = names.drain(..).flat_map(|name| match name {
            Name::Value(value, part) => match self.to.get(&value) {
                Some(list) => list.iter().map(|v| Name::Value(*v, part)).collect(),
                None if self.taken.contains(&value) => Vec::new(),
                None => vec![name],
            },
            other => vec![other],
        });
        let mut renamed: Names = renamed.collect();
        renamed.sort_unstable();
        renamed.dedup();
        *names = renamed;
    }
}

impl State {
    /// Where a function is entered.
    pub(super) fn at_entry(func: &MFunc) -> State {
        let cell = || Cell::holding(vec![Name::Kept], By::Nobody);
        let mut cells: Vec<Cell> = (0..Reg::UNITS).map(|_| cell()).collect();
        for unit in special() {
            cells[usize::from(unit)]
                .names
                .push(Name::InOrder(Mark::Before));
        }
        for unit in reg::SP.units() {
            cells[usize::from(*unit)].names.push(Name::Stack(0));
        }
        for (reg, value) in &func.params {
            for (part, unit) in units(*reg) {
                cells[usize::from(*unit)]
                    .names
                    .push(Name::Value(*value, *part));
            }
        }
        cells.iter_mut().for_each(|c| c.names.sort_unstable());
        State {
            cells,
            reads: Vec::new(),
            guards: Vec::new(),
            saved: BTreeMap::new(),
        }
    }

    pub(super) fn cell(&self, unit: Unit) -> &Cell {
        &self.cells[usize::from(unit)]
    }

    /// Values are written anew: what was known by these names is so no longer.
    pub(super) fn forget(&mut self, forgotten: &[Name]) {
        for cell in &mut self.cells {
            cell.change(&|names: &mut Names| names.retain(|n| !forgotten.contains(n)));
        }
    }

    /// A write that lands `at` cycles from now; gives back another one that lands with it, and a read
    /// that it comes before.
    pub(super) fn write(
        &mut self,
        unit: Unit,
        at: u8,
        names: Names,
        bypass: Option<Bypass>,
        by: u32,
    ) -> (Option<By>, Option<Guard>) {
        let late = |g: &&Guard| {
            let forwarded = g.at == at && bypass.is_some() && bypass == g.bypass;
            g.unit == unit && (g.at > at || forwarded)
        };
        let guard = self.guards.iter().find(late).copied();
        (
            self.cells[usize::from(unit)].write(at, names, bypass, by),
            guard,
        )
    }

    /// Hands out the reads of this cycle.
    pub(super) fn due(&mut self) -> Vec<Read> {
        let (due, later) = self.reads.drain(..).partition(|r| r.at == 0);
        self.reads = later;
        due
    }

    /// One cycle passes.
    pub(super) fn advance(&mut self) {
        self.cells.iter_mut().for_each(Cell::advance);
        self.reads.iter_mut().for_each(|r| r.at -= 1);
        self.guards.retain(|g| g.at > 0);
        self.guards.iter_mut().for_each(|g| g.at -= 1);
    }

    /// The state on the other side of an edge. `last` says which write of a register that goes by
    /// program order is the block's last one.
    pub(super) fn cross(
        &mut self,
        renames: &Renames,
        last: &HashMap<Unit, Mark>,
        address: impl Fn(&Read) -> u32,
    ) {
        for (unit, cell) in self.cells.iter_mut().enumerate() {
            let last = last.get(&(unit as Unit)).copied().unwrap_or(Mark::Before);
            cell.change(&|names: &mut Names| {
                renames.apply(names);
                names.retain_mut(|name| match name {
                    Name::InOrder(mark) => std::mem::replace(mark, Mark::Before) == last,
                    _ => true,
                });
            });
        }
        let guards = self.reads.drain(..).map(|r| Guard {
            at: r.at,
            unit: r.unit,
            bypass: r.bypass,
            reader: address(&r),
        });
        self.guards.extend(guards);
        self.guards
            .sort_unstable_by_key(|g| (g.unit, g.at, g.reader, g.bypass.map(|b| b as u8)));
        self.guards.dedup();
    }

    /// What is known behind a call: what callees keep, and that nothing else has been written in order
    /// but by the call.
    pub(super) fn return_from_call(&mut self, call: usize, by: u32) {
        for (unit, cell) in self.cells.iter_mut().enumerate() {
            if !is_callee_saved(unit as Unit) {
                *cell = Cell::holding(Vec::new(), By::Bundle(by));
            }
        }
        for unit in special().filter(|u| !is_callee_saved(*u)) {
            self.cells[usize::from(unit)]
                .names
                .push(Name::InOrder(Mark::Inst(call)));
        }
    }

    /// Something of so many bytes is stored on the stack: what `unit` held on entry, or anything else.
    pub(super) fn store_on_stack(&mut self, place: i64, bytes: i64, unit: Option<Unit>) {
        self.saved
            .retain(|at, _| *at + SAVED_BYTES <= place || place + bytes <= *at);
        if let Some(unit) = unit {
            self.saved.insert(place, unit);
        }
    }

    /// Keeps what `other` knows as well; whether that is less than before.
    pub(super) fn join(&mut self, other: &State) -> bool {
        let mut less = false;
        for (cell, other) in self.cells.iter_mut().zip(&other.cells) {
            less |= cell.join(other);
        }
        let saved = self.saved.len();
        self.saved
            .retain(|at, unit| other.saved.get(at) == Some(unit));
        less |= self.saved.len() < saved;
        for guard in &other.guards {
            if !self.guards.contains(guard) {
                self.guards.push(*guard);
                less = true;
            }
        }
        less
    }
}
