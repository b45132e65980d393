//! Slots and ports per cycle.

use std::sync::LazyLock;

use arch::aie2::{Itinerary, Opcode, Resource, Slot, UseKind};

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

/// What is taken in one cycle.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    slots: u8,
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
    required: [0; RESOURCES],
    reserved: [0; RESOURCES],
};

/// Whether two instructions that issue every `period` cycles, at these cycles first, need the same slot
/// or port at the same time.
pub fn collide(
    period: usize,
    a: (Opcode, &Itinerary, usize),
    b: (Opcode, &Itinerary, usize),
) -> bool {
    if a.2 % period == b.2 % period && excluded(a.0.slot()) & slot_bit(b.0.slot()) != 0 {
        return true;
    }
    a.1.stages.iter().any(|x| {
        let mut same = b.1.stages.iter();
        same.any(|y| {
            let first = |at: usize, stage: u8| at + usize::from(stage);
            let (m, n) = (first(a.2, x.first), first(b.2, y.first));
            // Cycles from the beginning of one use to that of the other, forwards and backwards.
            let ahead = (n + period - m % period) % period;
            let behind = (period - ahead) % period;
            let meet = ahead < usize::from(x.cycles) || behind < usize::from(y.cycles);
            x.resource == y.resource && x.kind.conflicts(y.kind) && meet
        })
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

    /// Whether `op` can issue at `cycle`.
    pub fn fits(&self, op: Opcode, itinerary: &Itinerary, cycle: usize) -> bool {
        let at = |c: usize| self.cycles.get(self.row(c)).unwrap_or(&FREE);
        if at(cycle).slots & excluded(op.slot()) != 0 {
            return false;
        }
        let mut probe: Vec<(usize, usize, UseKind)> = Vec::new();
        for stage in itinerary.stages {
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

    /// Takes what `op` needs when it issues at `cycle`.
    pub fn take(&mut self, op: Opcode, itinerary: &Itinerary, cycle: usize) {
        self.change(op, itinerary, cycle, true);
    }

    /// Gives back what [`Table::take`] took.
    pub fn release(&mut self, op: Opcode, itinerary: &Itinerary, cycle: usize) {
        self.change(op, itinerary, cycle, false);
    }

    fn change(&mut self, op: Opcode, itinerary: &Itinerary, cycle: usize, take: bool) {
        let bit = slot_bit(op.slot());
        let row = self.entry(cycle);
        row.slots = if take {
            row.slots | bit
        } else {
            row.slots & !bit
        };
        for stage in itinerary.stages {
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
