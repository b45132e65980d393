//! Slots, ports and memory banks per cycle.
//!
//! Two accesses to one bank in one cycle are allowed, but hold the core up for a cycle. Which bank an
//! access meets is not known here; an object is taken to lie in one bank, and different objects in
//! different ones, which is how designs place buffers.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use arch::aie2::{Itinerary, Resource, Slot, UseKind};

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

/// Ports and units that are busy in one cycle, a bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Ports {
    required: u32,
    reserved: u32,
}

impl Ports {
    fn add(&mut self, resource: Resource, kind: UseKind) {
        let bit = 1 << resource as u32;
        match kind {
            UseKind::Required => self.required |= bit,
            UseKind::Reserved => self.reserved |= bit,
        }
    }

    /// Whether two uses exclude each other, as [`UseKind::conflicts`] says.
    fn conflict(self, other: Ports) -> bool {
        let either = other.required | other.reserved;
        self.required & either | self.reserved & other.required != 0
    }
}

/// A form of an instruction as tables see it.
#[derive(Clone, Debug)]
pub struct Form {
    /// The bank that it accesses, if that is told apart from others.
    pub bank: Option<NonZeroU32>,
    slot: Slot,
    /// Cycles from issue to its accesses to memory.
    accesses: &'static [u8],
    /// What it uses, by cycles from issue.
    ports: Vec<(usize, Ports)>,
    /// Cycles from issue until it uses nothing any more.
    busy: usize,
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
            let ports = ports(itinerary);
            Form {
                bank: bank.and_then(NonZeroU32::new),
                slot: op.slot(),
                accesses: itinerary.memory_cycles,
                busy: ports.iter().map(|(after, _)| after + 1).max().unwrap_or(0),
                ports,
            }
        });
        forms.collect()
    }

    /// Cycles from issue to its accesses to a bank.
    fn accesses(&self) -> impl Iterator<Item = (usize, NonZeroU32)> {
        let bank = self.bank;
        let cycles = self.accesses.iter();
        cycles.filter_map(move |c| Some((usize::from(*c), bank?)))
    }

    /// Whether it is in its own way when it issues every `period` cycles.
    fn meets_itself(&self, period: usize) -> bool {
        let mut late = self.ports.iter().filter(|(after, _)| *after >= period);
        late.any(|(m, late)| {
            let mut others = self.ports.iter().filter(|(n, _)| m != n);
            others.any(|(n, other)| m % period == n % period && late.conflict(*other))
        })
    }
}

/// What an instruction uses, by cycles from issue.
fn ports(itinerary: &'static Itinerary) -> Vec<(usize, Ports)> {
    let mut uses: Vec<(usize, Ports)> = Vec::new();
    for stage in stages(itinerary) {
        for cycle in stage.busy() {
            let after = usize::from(cycle) - 1;
            let known = uses.iter().position(|u| u.0 == after);
            let k = known.unwrap_or_else(|| {
                uses.push((after, Ports::default()));
                uses.len() - 1
            });
            uses[k].1.add(stage.resource, stage.kind);
        }
    }
    uses
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
    ports: Ports,
    /// How often each port is reserved.
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
    ports: Ports {
        required: 0,
        reserved: 0,
    },
    reserved: [0; RESOURCES],
};

/// Whether two instructions that issue every `period` cycles, at these cycles of it, need the same slot
/// or port at the same time.
pub fn collide(period: usize, a: (&Form, usize), b: (&Form, usize)) -> bool {
    if a.1 == b.1 && excluded(a.0.slot) & slot_bit(b.0.slot) != 0 {
        return true;
    }
    let ahead = (b.1 + period - a.1) % period;
    let apart = a.0.busy <= ahead && b.0.busy <= period - ahead;
    !apart
        && a.0.ports.iter().any(|(m, own)| {
            let mut others = b.0.ports.iter();
            others.any(|(n, other)| own.conflict(*other) && m % period == (ahead + n) % period)
        })
}

/// Whether two instructions that issue every `period` cycles access one bank in the same cycle.
pub fn meet(period: usize, a: (&Form, usize), b: (&Form, usize)) -> bool {
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
        match self.period {
            Some(period) if cycle >= period => cycle % period,
            _ => cycle,
        }
    }

    fn at(&self, cycle: usize) -> &Cycle {
        self.cycles.get(self.row(cycle)).unwrap_or(&FREE)
    }

    /// Whether no other access meets the bank of `form`, issued at `cycle`, when it does.
    pub fn quiet(&self, form: &Form, cycle: usize) -> bool {
        let mut accesses = form.accesses();
        accesses.all(|(after, bank)| !self.at(cycle + after).banks.contains(&Some(bank)))
    }

    /// Whether `form` can issue at `cycle`.
    pub fn fits(&self, form: &Form, cycle: usize) -> bool {
        let mut ports = form.ports.iter();
        self.at(cycle).slots & excluded(form.slot) == 0
            && ports.all(|(after, ports)| !self.at(cycle + after).ports.conflict(*ports))
            && !self.period.is_some_and(|period| form.meets_itself(period))
    }

    /// Takes what `form` needs when it issues at `cycle`.
    pub fn take(&mut self, form: &Form, cycle: usize) {
        self.change(form, cycle, true);
    }

    /// Gives back what [`Table::take`] took.
    pub fn release(&mut self, form: &Form, cycle: usize) {
        self.change(form, cycle, false);
    }

    fn change(&mut self, form: &Form, cycle: usize, take: bool) {
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
        let slots = &mut self.entry(cycle).slots;
        let bit = slot_bit(form.slot);
        *slots = if take { *slots | bit } else { *slots & !bit };
        for (after, uses) in &form.ports {
            let row = self.entry(cycle + after);
            for (port, count) in row.reserved.iter_mut().enumerate() {
                if uses.reserved >> port & 1 == 1 {
                    *count = if take { *count + 1 } else { *count - 1 };
                    row.ports.reserved &= !(1 << port);
                    row.ports.reserved |= u32::from(*count > 0) << port;
                }
            }
            row.ports.required = match take {
                true => row.ports.required | uses.required,
                false => row.ports.required & !uses.required,
            };
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
