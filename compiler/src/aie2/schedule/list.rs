//! List scheduling: cycle by cycle, the instruction with the longest way to the end first.

use std::collections::HashMap;

use arch::aie2::Dir;

use super::Schedule;
use super::ddg::Graph;
use super::resources::Table;
use super::timing::itinerary;
use crate::aie2::coalesce::Webs;
use crate::aie2::liveness::{BitSet, Units};
use crate::aie2::vcode::{Arg, RegClass, VFunc, VInst};

/// Bundles after a branch that still execute.
pub const DELAY_SLOTS: u32 = 5;

/// How hard the scheduler holds values back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// Only latency counts.
    None,
    /// Vector and accumulator units in use stay below what there is where that is possible.
    Pressure,
    /// Instructions issue in program order.
    InOrder,
}

/// Units of vector and accumulator registers.
const VECTOR_UNITS: i32 = 24;
const ACC_UNITS: i32 = 36;

/// Counts units of wide registers in use.
struct Pressure<'a> {
    webs: &'a Webs,
    units: &'a Units,
    /// Reads of a unit's web that have not issued.
    pending: HashMap<(usize, usize), u32>,
    live: [i32; 2],
    /// Webs alive after the block.
    stays: HashMap<(usize, usize), bool>,
}

fn file(class: RegClass) -> Option<usize> {
    match class {
        RegClass::W | RegClass::X => Some(0),
        RegClass::Bm | RegClass::Cm => Some(1),
        _ => None,
    }
}

/// Schedules a block.
pub fn schedule_block(
    func: &VFunc,
    webs: &Webs,
    units: &Units,
    block: usize,
    live_out: &BitSet,
    limits: Limits,
) -> Schedule {
    let insts = &func.blocks[block].insts;
    let graph = Graph::new(func, webs, units, insts);
    let heights = graph.heights();
    let branch = insts.last().filter(|i| i.op().has_delay_slots());
    let plain = insts.len() - usize::from(branch.is_some());
    let mut table = Table::new();
    let mut cycle: Vec<Option<u32>> = vec![None; insts.len()];
    let mut form = vec![0; insts.len()];
    let mut waiting: Vec<usize> = graph.into.iter().map(Vec::len).collect();
    let mut ready: Vec<i32> = graph.earliest.clone();
    let mut pressure = Pressure::new(func, webs, units, &insts[..plain], live_out);
    let mut left = plain;
    let mut now = 0u32;
    let mut idle = 0;
    while left > 0 {
        let mut candidates: Vec<usize> = (0..plain)
            .filter(|k| cycle[*k].is_none() && waiting[*k] == 0 && ready[*k] <= now as i32)
            .collect();
        match limits {
            Limits::InOrder => {
                let next = (0..plain).find(|k| cycle[*k].is_none());
                candidates.retain(|k| Some(*k) == next);
            }
            _ => candidates.sort_by_key(|k| (-heights[*k], *k)),
        }
        // With everything blocked by pressure, the first in program order goes on.
        let forced = idle > 16;
        if forced {
            candidates.sort_unstable();
        }
        let pick = candidates.into_iter().find_map(|k| {
            if limits == Limits::Pressure && !forced && !pressure.allows(func, &insts[k]) {
                return None;
            }
            let forms = insts[k].forms.iter().enumerate();
            let mut fitting = forms
                .filter(|(_, f)| table.fits(**f, itinerary(func, &insts[k], **f), now as usize));
            fitting.next().map(|(f, _)| (k, f))
        });
        let Some((k, f)) = pick else {
            now += 1;
            idle += 1;
            continue;
        };
        idle = 0;
        let op = insts[k].forms[f];
        table.take(op, itinerary(func, &insts[k], op), now as usize);
        cycle[k] = Some(now);
        form[k] = f;
        left -= 1;
        pressure.issue(func, &insts[k]);
        for dep in graph.out[k].iter().map(|d| &graph.deps[*d]) {
            waiting[dep.to] -= 1;
            ready[dep.to] = ready[dep.to].max(now as i32 + dep.latency);
        }
    }
    let settled = (0..plain)
        .map(|k| cycle[k].unwrap_or(0) as i32 + graph.settled[k])
        .max();
    let mut length = settled.unwrap_or(0).max(1) as u32;
    if let Some(inst) = branch {
        length = length.max((ready[plain].max(0) as u32) + DELAY_SLOTS + 1);
        let at = |length: u32| (length - DELAY_SLOTS - 1) as usize;
        while !table.fits(inst.op(), itinerary(func, inst, inst.op()), at(length)) {
            length += 1;
        }
        cycle[plain] = Some(at(length) as u32);
    }
    Schedule {
        cycle: cycle.into_iter().map(|c| c.unwrap_or(0)).collect(),
        form,
        length,
    }
}

impl<'a> Pressure<'a> {
    fn new(
        func: &VFunc,
        webs: &'a Webs,
        units: &'a Units,
        insts: &[VInst],
        live_out: &BitSet,
    ) -> Self {
        let mut pressure = Pressure {
            webs,
            units,
            pending: HashMap::new(),
            live: [0; 2],
            stays: HashMap::new(),
        };
        for unit in live_out.iter() {
            let key = pressure.key(unit);
            pressure.stays.insert(key, true);
        }
        let mut written: HashMap<(usize, usize), bool> = HashMap::new();
        for inst in insts {
            for (.., desc, k) in inst.values() {
                for unit in units.operand(inst, k) {
                    let key = pressure.key(unit);
                    if desc.dir == Dir::Out {
                        written.insert(key, true);
                        continue;
                    }
                    *pressure.pending.entry(key).or_default() += 1;
                    let (value, _) = units.value(unit);
                    if let Some(file) = file(func.values[value].class)
                        && written.insert(key, true).is_none()
                    {
                        pressure.live[file] += 1;
                    }
                }
            }
        }
        pressure
    }

    fn key(&self, unit: usize) -> (usize, usize) {
        let (value, part) = self.units.value(unit);
        let web = self.webs.of(crate::aie2::mir::ValueId(value as u32));
        (web, part)
    }

    /// Change of the units in use per file when an instruction issues.
    fn change(&self, func: &VFunc, inst: &VInst) -> [i32; 2] {
        let mut change = [0; 2];
        for (value, _, desc, k) in inst.values() {
            let Some(file) = file(func.class(value)) else {
                continue;
            };
            for unit in self.units.operand(inst, k) {
                let key = self.key(unit);
                match desc.dir {
                    Dir::Out => change[file] += 1,
                    Dir::In => {
                        let last = self.pending.get(&key).copied() == Some(1);
                        if last && !self.stays.contains_key(&key) {
                            change[file] -= 1;
                        }
                    }
                }
            }
        }
        change
    }

    fn allows(&self, func: &VFunc, inst: &VInst) -> bool {
        let change = self.change(func, inst);
        let limits = [VECTOR_UNITS, ACC_UNITS];
        (0..2).all(|f| change[f] <= 0 || self.live[f] + change[f] <= limits[f])
    }

    fn issue(&mut self, func: &VFunc, inst: &VInst) {
        let change = self.change(func, inst);
        for (live, change) in self.live.iter_mut().zip(change) {
            *live += change;
        }
        for (.., desc, k) in inst.values() {
            if desc.dir == Dir::In && matches!(inst.args[k], Arg::Value { .. }) {
                for unit in self.units.operand(inst, k) {
                    let key = self.key(unit);
                    if let Some(pending) = self.pending.get_mut(&key) {
                        *pending -= 1;
                    }
                }
            }
        }
    }
}
