//! How many units of wide and scalar registers are in use while a block is scheduled.

use std::collections::{BTreeMap, HashMap, HashSet};

use arch::aie2::Dir;

use super::modulo::Plan;
use super::timing::{Place, touches};

use crate::coalesce::Webs;
use crate::liveness::{BitSet, Units};
use crate::vcode::{Arg, RegClass, VFunc, VInst};

/// Units of vector, accumulator and scalar registers that a block may use: of the last, those that calls
/// leave alone and masks want stay free.
const UNITS: [i32; FILES] = [24, 36, 20];
const FILES: usize = 3;
/// Files of vectors and accumulators, which come first.
const WIDE_FILES: usize = 2;

/// Whether the wide registers that a loop's body needs at once, a pass of which begins every `plan.ii` cycles, are
/// no more than there are.
///
/// Registers that are enough in number may still not be the right ones, which only colouring finds out.
pub(super) fn holds(
    func: &VFunc,
    webs: &Webs,
    units: &Units,
    insts: &[VInst],
    plan: &Plan,
) -> bool {
    let ii = plan.ii as i32;
    // Per part of a web, in program order: when it is written or read, and how long what was written
    // there is wanted.
    let mut accesses: BTreeMap<(usize, usize), Vec<(bool, i32)>> = BTreeMap::new();
    for (inst, time) in insts.iter().zip(&plan.time) {
        for touch in touches(func, units, inst) {
            if let Place::Value(unit) = touch.place {
                let (value, part) = units.value(unit);
                let web = webs.of(crate::mir::ValueId(value as u32));
                let at = *time as i32 + i32::from(touch.access.stage);
                accesses
                    .entry((web, part))
                    .or_default()
                    .push((touch.write, at));
            }
        }
    }
    let mut live = vec![[0; FILES]; plan.ii as usize];
    for ((web, _), accesses) in accesses {
        let Some(file) = file(func.class(webs.members[web][0])) else {
            continue;
        };
        let last = accesses.iter().rev().find(|a| a.0);
        let Some((_, last)) = last else {
            live.iter_mut().for_each(|row| row[file] += 1);
            continue;
        };
        // What is read before anything is written is of the pass before.
        let (mut begin, mut end) = (last - ii, i32::MIN);
        for (write, at) in accesses.iter().copied().chain([(true, i32::MAX)]) {
            if !write {
                end = end.max(at);
                continue;
            }
            (begin + 1..=end).for_each(|cycle| live[cycle.rem_euclid(ii) as usize][file] += 1);
            (begin, end) = (at, i32::MIN);
        }
    }
    live.iter()
        .all(|row| (0..WIDE_FILES).all(|f| row[f] <= UNITS[f]))
}

/// Counts units of registers in use.
pub(super) struct Pressure<'a> {
    webs: &'a Webs,
    units: &'a Units,
    /// Reads of a unit's web that have not issued.
    pending: HashMap<(usize, usize), u32>,
    live: [i32; FILES],
    /// Units in use: what is written there again takes no other.
    alive: HashSet<(usize, usize)>,
    /// Webs alive after the block.
    stays: HashMap<(usize, usize), bool>,
}

fn file(class: RegClass) -> Option<usize> {
    match class {
        RegClass::W | RegClass::X => Some(0),
        RegClass::Bm | RegClass::Cm => Some(1),
        RegClass::R => Some(2),
        _ => None,
    }
}

impl<'a> Pressure<'a> {
    pub(super) fn new(
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
            live: [0; FILES],
            alive: HashSet::new(),
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
                        pressure.alive.insert(key);
                    }
                }
            }
        }
        pressure
    }

    fn key(&self, unit: usize) -> (usize, usize) {
        let (value, part) = self.units.value(unit);
        let web = self.webs.of(crate::mir::ValueId(value as u32));
        (web, part)
    }

    /// Change of the units in use per file when an instruction issues.
    fn change(&self, func: &VFunc, inst: &VInst) -> [i32; FILES] {
        let mut change = [0; FILES];
        for (value, _, desc, k) in inst.values() {
            let Some(file) = file(func.class(value)) else {
                continue;
            };
            for unit in self.units.operand(inst, k) {
                let key = self.key(unit);
                match desc.dir {
                    Dir::Out if self.alive.contains(&key) || !self.is_wanted(key) => {}
                    Dir::Out => change[file] += 1,
                    Dir::In if self.is_last_read(key) => change[file] -= 1,
                    Dir::In => {}
                }
            }
        }
        change
    }

    /// Whether anything reads a unit from now on.
    fn is_wanted(&self, key: (usize, usize)) -> bool {
        self.pending.get(&key).is_some_and(|reads| *reads > 0) || self.stays.contains_key(&key)
    }

    /// Whether nothing reads a unit after its next read.
    fn is_last_read(&self, key: (usize, usize)) -> bool {
        self.pending.get(&key) == Some(&1) && !self.stays.contains_key(&key)
    }

    /// Whether an instruction keeps what is in use below what there is.
    pub(super) fn allows(&self, func: &VFunc, inst: &VInst) -> bool {
        let change = self.change(func, inst);
        (0..FILES).all(|f| change[f] <= 0 || self.live[f] + change[f] <= UNITS[f])
    }

    /// Notes that an instruction issues.
    pub(super) fn issue(&mut self, func: &VFunc, inst: &VInst) {
        let change = self.change(func, inst);
        for (live, change) in self.live.iter_mut().zip(change) {
            *live += change;
        }
        for (.., desc, k) in inst.values() {
            if desc.dir == Dir::In && matches!(inst.args[k], Arg::Value { .. }) {
                for unit in self.units.operand(inst, k) {
                    let key = self.key(unit);
                    if self.is_last_read(key) {
                        self.alive.remove(&key);
                    }
                    if let Some(pending) = self.pending.get_mut(&key) {
                        *pending -= 1;
                    }
                }
            }
        }
        for (.., desc, k) in inst.values() {
            if desc.dir == Dir::Out {
                for unit in self.units.operand(inst, k) {
                    let key = self.key(unit);
                    if self.is_wanted(key) {
                        self.alive.insert(key);
                    }
                }
            }
        }
    }
}
