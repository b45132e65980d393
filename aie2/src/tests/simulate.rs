//! Runs a scheduled function without arithmetic: registers hold the names of values, and every read
//! must find the value that it names, whatever is in the pipeline.

use std::collections::{BTreeMap, HashMap};

use arch::aie2::{Bypass, Dir, Itinerary, Resource, Slot, UseKind};

use crate::mir::{MFunc, MInst, MOperand, ValueId};

/// What a unit of a register holds: a value and which of its units.
type Held = (ValueId, usize);

#[derive(Clone, Copy)]
struct Pending {
    cycle: usize,
    unit: u16,
    held: Held,
    bypass: Option<Bypass>,
}

#[derive(Default)]
struct Machine {
    regs: HashMap<u16, Held>,
    reads: Vec<Pending>,
    writes: Vec<Pending>,
    ports: BTreeMap<(usize, usize), (u32, u32)>,
    now: usize,
}

fn itinerary(inst: &MInst) -> &'static Itinerary {
    inst.op
        .itinerary()
        .variant(|k, class| match inst.operands.get(k) {
            Some(MOperand::Reg { reg, .. }) => class.contains(*reg),
            _ => false,
        })
}

/// Follows the function through up to `blocks` blocks, taking each way out of a block in turn.
pub(super) fn simulate(func: &MFunc, blocks: usize) -> Result<(), String> {
    let mut defined: HashMap<ValueId, usize> = HashMap::new();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        for (operand, desc) in inst.operands.iter().zip(inst.op.desc().operands) {
            if let (
                MOperand::Reg {
                    reg,
                    value: Some(value),
                    part,
                },
                Dir::Out,
            ) = (operand, desc.dir)
            {
                let end = usize::from(*part) + reg.units().len();
                let units = defined.entry(*value).or_default();
                *units = (*units).max(end);
            }
        }
    }
    // What an edge renames is as large as it was.
    let mut changed = true;
    while changed {
        changed = false;
        for (from, to) in func
            .blocks
            .iter()
            .flat_map(|b| &b.successors)
            .flat_map(|e| &e.renames)
        {
            let size = defined.get(from).copied().unwrap_or(0);
            let known = defined.entry(*to).or_default();
            if *known < size {
                (*known, changed) = (size, true);
            }
        }
    }
    for (reg, value) in &func.params {
        defined.insert(*value, reg.units().len());
    }
    let mut machine = Machine::default();
    for (reg, value) in &func.params {
        for (part, unit) in reg.units().iter().enumerate() {
            machine.regs.insert(*unit, (*value, part));
        }
    }
    let mut visits = vec![0; func.blocks.len()];
    let mut at = 0;
    for _ in 0..blocks {
        let block = &func.blocks[at];
        for cycle in &block.cycles {
            let mut slots = Vec::new();
            for inst in cycle.iter().map(|k| &block.insts[*k]) {
                slots.push(inst.op.slot());
                machine.issue(inst, &defined)?;
            }
            let unique = slots
                .iter()
                .all(|s| slots.iter().filter(|t| *t == s).count() == 1);
            let long = slots.contains(&Slot::Lng);
            if !unique || (long && (slots.contains(&Slot::Alu) || slots.contains(&Slot::Mv))) {
                return Err(format!("slots {slots:?} in one cycle"));
            }
            machine.step()?;
        }
        let Some(edge) = block
            .successors
            .get(visits[at] % block.successors.len().max(1))
        else {
            break;
        };
        visits[at] += 1;
        let renames: HashMap<ValueId, ValueId> = edge.renames.iter().copied().collect();
        machine.rename(&renames);
        at = edge.to.index();
    }
    for _ in 0..20 {
        machine.step()?;
    }
    Ok(())
}

impl Machine {
    fn issue(&mut self, inst: &MInst, defined: &HashMap<ValueId, usize>) -> Result<(), String> {
        let itinerary = itinerary(inst);
        for (k, (operand, desc)) in inst
            .operands
            .iter()
            .zip(inst.op.desc().operands)
            .enumerate()
        {
            let MOperand::Reg {
                reg,
                value: Some(value),
                part,
            } = operand
            else {
                continue;
            };
            let access = itinerary.access(k).ok_or("an operand without a stage")?;
            for (offset, unit) in reg.units().iter().enumerate() {
                let held = (*value, usize::from(*part) + offset);
                let pending = Pending {
                    cycle: self.now + usize::from(access.stage) - 1,
                    unit: *unit,
                    held,
                    bypass: access.bypass,
                };
                let matters = defined.get(value).is_none_or(|units| held.1 < *units);
                match desc.dir {
                    Dir::Out => self.writes.push(pending),
                    Dir::In if matters => self.reads.push(pending),
                    Dir::In => {}
                }
            }
        }
        for stage in itinerary.stages {
            for c in 0..usize::from(stage.cycles) {
                let cycle = self.now + usize::from(stage.first) - 1 + c;
                let port = self
                    .ports
                    .entry((cycle, stage.resource as usize))
                    .or_default();
                let taken = match stage.kind {
                    UseKind::Required => port.0 + port.1 > 0,
                    UseKind::Reserved => port.0 > 0,
                };
                if taken {
                    let resource: Resource = stage.resource;
                    return Err(format!("{inst}: {resource:?} is taken in cycle {cycle}"));
                }
                match stage.kind {
                    UseKind::Required => port.0 += 1,
                    UseKind::Reserved => port.1 += 1,
                }
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        let now = self.now;
        let due: Vec<Pending> = self.reads.extract_if(.., |r| r.cycle == now).collect();
        let landing: Vec<Pending> = self.writes.extract_if(.., |w| w.cycle == now).collect();
        for read in due {
            let forwarded = landing
                .iter()
                .find(|w| w.unit == read.unit && w.bypass.is_some() && w.bypass == read.bypass);
            let found = match forwarded {
                Some(write) => Some(write.held),
                None => self.regs.get(&read.unit).copied(),
            };
            if found != Some(read.held) {
                return Err(format!(
                    "cycle {now}: unit {} holds {found:?} where {:?} is read",
                    read.unit, read.held
                ));
            }
        }
        for (k, write) in landing.iter().enumerate() {
            if landing[..k].iter().any(|w| w.unit == write.unit) {
                return Err(format!("cycle {now}: two writes to unit {}", write.unit));
            }
            self.regs.insert(write.unit, write.held);
        }
        self.now += 1;
        Ok(())
    }

    fn rename(&mut self, renames: &HashMap<ValueId, ValueId>) {
        let pending = self
            .reads
            .iter_mut()
            .chain(&mut self.writes)
            .map(|p| &mut p.held);
        for held in self.regs.values_mut().chain(pending) {
            if let Some(to) = renames.get(&held.0) {
                held.0 = *to;
            }
        }
    }
}
