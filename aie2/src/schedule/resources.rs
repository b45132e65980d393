//! Slots, ports and memory banks per cycle.
//!
//! Two accesses to one bank in one cycle are allowed, but hold the core up for a cycle. Which bank an
//! access meets is not known here; an object is taken to lie in one bank, and different objects in
//! different ones, which is how designs place buffers.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use arch::aie2::{Itinerary, Opcode, Resource, Slot, UseKind};

use super::timing::{itinerary, stages};
use crate::select::STACK_OBJECT;
use crate::vcode::{VFunc, VInst};

/// Number of resources.
const RESOURCES: usize = Resource::ALL.len();

/// The first stage in which any instruction uses a resource.
pub fn first_use(resource: Resource) -> u8 {
    static FIRST: LazyLock<[u8; RESOURCES]> = LazyLock::new(|| {
        let mut first = [u8::MAX; RESOURCES];
        for stage in Itinerary::all().iter().flat_map(|i| i.stages) {
            let entry = &mut first[stage.resource as usize];
            *entry = (*entry).min(stage.first);
        }
        first
    });
    FIRST[resource as usize]
}

/// A form of an instruction as tables see it.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Form.
    pub op: Opcode,
    /// Its use of ports.
    pub itinerary: &'static Itinerary,
    /// The bank that it accesses, if that is told apart from others.
    pub bank: Option<NonZeroU32>,
    /// The ports that it uses, a bit each.
    ports: u64,
}

impl Form {
    /// The forms of an instruction.
    pub fn all(func: &VFunc, inst: &VInst) -> Vec<Form> {
        let object = inst.memory.and_then(|m| m.object);
        // What a function keeps on its stack lies side by side.
        let bank = object.map(|o| {
            if o > STACK_OBJECT - STACK_SLOTS {
                STACK_OBJECT
            } else {
                o
            }
        });
        let forms = inst.forms.iter().map(|op| {
            let itinerary = itinerary(func, inst, *op);
            Form {
                op: *op,
                itinerary,
                bank: bank.and_then(NonZeroU32::new),
                ports: stages(itinerary).fold(0, |ports, s| ports | 1 << s.resource as u32),
            }
        });
        forms.collect()
    }

    /// Cycles from issue to its accesses to a bank.
    fn accesses(&self) -> impl Iterator<Item = (usize, NonZeroU32)> {
        let cycles = self.itinerary.memory_cycles.iter();
        let bank = self.bank;
        cycles.filter_map(move |c| Some((usize::from(*c), bank?)))
    }
}

/// More objects than any frame has.
const STACK_SLOTS: u32 = 1 << 16;
/// Accesses that can meet in one cycle: two loads and a store.
const ACCESSES: usize = 3;

/// What is taken in one cycle.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    slots: u8,
    banks: [Option<NonZeroU32>; ACCESSES],
    required: [u8; RESOURCES],
    reserved: [u8; RESOURCES],
}

/// A reservation table; with a period, cycles that are a multiple of it apart share one row.
#[derive(Clone, Debug)]
pub struct Table {
    cycles: Vec<Cycle>,
    period: Option<usize>,
}

fn slot_bit(slot: Slot) -> u8 {
    1 << slot as u8
}

/// Slots that an instruction of a slot leaves no room for, its own included.
fn excluded(slot: Slot) -> u8 {
    let own = slot_bit(slot);
    match slot {
        Slot::Lng => own | slot_bit(Slot::Alu) | slot_bit(Slot::Mv),
        Slot::Alu | Slot::Mv => own | slot_bit(Slot::Lng),
        _ => own,
    }
}

const FREE: Cycle = Cycle {
    slots: 0,
    banks: [None; ACCESSES],
    required: [0; RESOURCES],
    reserved: [0; RESOURCES],
};

/// Whether two instructions that issue every `period` cycles, at these cycles first, need the same slot
/// or port at the same time.
pub fn collide(period: usize, a: (Form, usize), b: (Form, usize)) -> bool {
    if a.1 % period == b.1 % period && excluded(a.0.op.slot()) & slot_bit(b.0.op.slot()) != 0 {
        return true;
    }
    let shared = a.0.ports & b.0.ports != 0;
    shared
        && stages(a.0.itinerary).any(|x| {
            let mut same = stages(b.0.itinerary);
            same.any(|y| {
                let first = |at: usize, stage: u8| at + usize::from(stage);
                let (m, n) = (first(a.1, x.first), first(b.1, y.first));
                // Cycles from the beginning of one use to that of the other, forwards and backwards.
                let ahead = (n + period - m % period) % period;
                let behind = (period - ahead) % period;
                let meet = ahead < usize::from(x.cycles) || behind < usize::from(y.cycles);
                x.resource == y.resource && x.kind.conflicts(y.kind) && meet
            })
        })
}

/// Whether two instructions that issue every `period` cycles access one bank in the same cycle.
pub fn meet(period: usize, a: (Form, usize), b: (Form, usize)) -> bool {
    a.0.accesses().any(|(m, bank)| {
        let mut others = b.0.accesses();
        others.any(|(n, other)| bank == other && (a.1 + m) % period == (b.1 + n) % period)
    })
}

impl Table {
    /// An empty table that grows.
    pub fn new() -> Self {
        Table {
            cycles: Vec::new(),
            period: None,
        }
    }

    /// An empty table of `period` cycles that repeat.
    pub fn modulo(period: usize) -> Self {
        Table {
            cycles: vec![FREE; period],
            period: Some(period),
        }
    }

    fn row(&self, cycle: usize) -> usize {
        self.period.map_or(cycle, |p| cycle % p)
    }

    /// Whether no other access meets the bank of `form`, issued at `cycle`, when it does.
    pub fn quiet(&self, form: Form, cycle: usize) -> bool {
        form.accesses().all(|(after, bank)| {
            let row = self.cycles.get(self.row(cycle + after)).unwrap_or(&FREE);
            !row.banks.contains(&Some(bank))
        })
    }

    /// Whether `form` can issue at `cycle`.
    pub fn fits(&self, form: Form, cycle: usize) -> bool {
        let Form { op, itinerary, .. } = form;
        let at = |c: usize| self.cycles.get(self.row(c)).unwrap_or(&FREE);
        if at(cycle).slots & excluded(op.slot()) != 0 {
            return false;
        }
        let mut probe: Vec<(usize, usize, UseKind)> = Vec::new();
        for stage in stages(itinerary) {
            let r = stage.resource as usize;
            let first = cycle + usize::from(stage.first) - 1;
            for c in first..first + usize::from(stage.cycles) {
                let row = at(c);
                let taken = match stage.kind {
                    UseKind::Required => row.required[r] + row.reserved[r] > 0,
                    UseKind::Reserved => row.required[r] > 0,
                };
                if taken {
                    return false;
                }
                if self.period.is_none() {
                    continue;
                }
                // An instruction meets itself where the table is shorter than its use of a port.
                let own = probe.iter().any(|(row, port, kind)| {
                    *row == self.row(c) && *port == r && kind.conflicts(stage.kind)
                });
                if own {
                    return false;
                }
                probe.push((self.row(c), r, stage.kind));
            }
        }
        true
    }

    /// Takes what `form` needs when it issues at `cycle`.
    pub fn take(&mut self, form: Form, cycle: usize) {
        self.change(form, cycle, true);
    }

    /// Gives back what [`Table::take`] took.
    pub fn release(&mut self, form: Form, cycle: usize) {
        self.change(form, cycle, false);
    }

    fn change(&mut self, form: Form, cycle: usize, take: bool) {
        let Form { op, itinerary, .. } = form;
        for (after, bank) in form.accesses() {
            let banks = &mut self.entry(cycle + after).banks;
            let (from, to) = if take {
                (None, Some(bank))
            } else {
                (Some(bank), None)
            };
            if let Some(entry) = banks.iter_mut().find(|b| **b == from) {
                *entry = to;
            }
        }
        let bit = slot_bit(op.slot());
        let row = self.entry(cycle);
        row.slots = if take {
            row.slots | bit
        } else {
            row.slots & !bit
        };
        for stage in stages(itinerary) {
            let r = stage.resource as usize;
            let first = cycle + usize::from(stage.first) - 1;
            for c in first..first + usize::from(stage.cycles) {
                let row = self.entry(c);
                let count = match stage.kind {
                    UseKind::Required => &mut row.required[r],
                    UseKind::Reserved => &mut row.reserved[r],
                };
                *count = if take { *count + 1 } else { *count - 1 };
            }
        }
    }

    fn entry(&mut self, cycle: usize) -> &mut Cycle {
        let row = self.row(cycle);
        if row >= self.cycles.len() {
            self.cycles.resize(row + 1, FREE);
        }
        &mut self.cycles[row]
    }
}

impl Default for Table {
    fn default() -> Self {
        Table::new()
    }
}
