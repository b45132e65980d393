//! When each web needs its register.

use std::collections::HashMap;

use crate::coalesce::Webs;
use crate::liveness::Liveness;
use crate::mir::ValueId;
use crate::schedule::Schedule;
use crate::schedule::timing::{Place, touches};
use crate::vcode::VFunc;

/// A stretch of time in half cycles of a block: what is read in cycle c is read at 2c, what is
/// written in it is there from 2c + 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Block.
    pub block: usize,
    /// First half cycle.
    pub start: i32,
    /// Last half cycle.
    pub end: i32,
}

/// Ranges of all webs.
#[derive(Clone, Debug)]
pub struct Ranges {
    /// Per web and part of it.
    pub of: Vec<Vec<Vec<Range>>>,
    /// Per web: the larger ones that are needed at once with it, ascending, with the pairs of parts that
    /// are: bit 4 * own part + part of the other.
    pub clashes: Vec<Vec<(usize, u16)>>,
}

impl Ranges {
    /// Computes the ranges of a scheduled function.
    pub fn of(func: &VFunc, webs: &Webs, live: &Liveness, schedules: &[Schedule]) -> Self {
        let parts = |web: usize| func.class(webs.members[web][0]).units();
        let mut ranges = Ranges {
            of: (0..webs.count())
                .map(|w| vec![Vec::new(); parts(w)])
                .collect(),
            clashes: vec![Vec::new(); webs.count()],
        };
        let passes: Vec<Pass> = (0..schedules.len())
            .map(|b| Pass::of(func, live, b, &schedules[b]))
            .collect();
        let arrivals = arrivals(func, live, &passes);
        let mut here: Vec<Vec<Here>> = vec![Vec::new(); schedules.len()];
        for b in 0..schedules.len() {
            for (unit, range) in passes[b].ranges(live, b, &arrivals[b]) {
                let (value, part) = live.units.value(unit);
                let web = webs.of(ValueId(value as u32));
                add(func, &passes, &mut here, (web, part), range);
            }
        }
        for (block, mut list) in here.into_iter().enumerate() {
            list.sort_unstable();
            list.dedup();
            // Those that have not ended where the next one begins.
            let mut open: Vec<(i32, usize, u16)> = Vec::new();
            for same in list.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
                let (start, web, end, _) = same[0];
                let mut parts = 0;
                for (.., part) in same {
                    ranges.of[web][*part].push(Range { block, start, end });
                    parts |= 1 << part;
                }
                open.retain(|(end, ..)| *end >= start);
                for (_, other, with) in open.iter().filter(|o| o.1 != web) {
                    let (low, high) = match web < *other {
                        true => ((web, parts), (*other, *with)),
                        false => ((*other, *with), (web, parts)),
                    };
                    ranges.clashes[low.0].push((high.0, product(low.1, high.1)));
                }
                open.push((end, web, parts));
            }
        }
        for clashes in &mut ranges.clashes {
            clashes.sort_unstable();
            clashes.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 |= if same { next.1 } else { 0 };
                same
            });
        }
        ranges
    }

    /// Per block: the most units of webs that `counts` in use at once.
    pub fn pressure(&self, blocks: usize, counts: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut events: Vec<(usize, i32, i32)> = Vec::new();
        for (_, parts) in self.of.iter().enumerate().filter(|(w, _)| counts(*w)) {
            for range in parts.iter().flatten() {
                events.push((range.block, range.start, 1));
                events.push((range.block, range.end + 1, -1));
            }
        }
        events.sort_unstable();
        let mut worst = vec![0; blocks];
        let mut live = 0;
        for (block, _, change) in events {
            live += change;
            worst[block] = worst[block].max(live);
        }
        worst.into_iter().map(|units| units as usize).collect()
    }
}

/// What is in use in a block: first half cycle, web, last half cycle, part.
type Here = (i32, usize, i32, usize);

/// All pairs of a part of one set with one of another: bit 4 * own + other.
fn product(own: u16, other: u16) -> u16 {
    let parts = (0..4).filter(|part| own >> part & 1 == 1);
    parts.map(|part| other << (4 * part)).sum()
}

/// Adds a range; what of it lies behind the end of its block stands in those that follow.
fn add(
    func: &VFunc,
    passes: &[Pass],
    here: &mut [Vec<Here>],
    (web, part): (usize, usize),
    range: Range,
) {
    let length = passes[range.block].length;
    if range.start <= length {
        here[range.block].push((range.start, web, range.end.min(length), part));
    }
    if range.end > length {
        for edge in &func.blocks[range.block].successors {
            let rest = Range {
                block: edge.to.index(),
                start: (range.start - length).max(-1),
                end: range.end - length,
            };
            add(func, passes, here, (web, part), rest);
        }
    }
}

/// What one pass through a block reads and writes, in half cycles from its beginning.
struct Pass {
    /// Units written: when they are there.
    written: HashMap<usize, i32>,
    /// Units read or written: when for the last time.
    last: HashMap<usize, i32>,
    length: i32,
}

impl Pass {
    fn of(func: &VFunc, live: &Liveness, block: usize, schedule: &Schedule) -> Self {
        let mut pass = Pass {
            written: HashMap::new(),
            last: HashMap::new(),
            length: 2 * schedule.length as i32,
        };
        for (k, inst) in func.blocks[block].insts.iter().enumerate() {
            for touch in touches(func, &live.units, inst) {
                let Place::Value(unit) = touch.place else {
                    continue;
                };
                let at = 2 * (schedule.cycle[k] as i32 + i32::from(touch.access.stage) - 1);
                let end = if touch.write {
                    // A forwarded result is seen in the cycle in which it is written.
                    let early = if touch.access.bypass.is_some() { 2 } else { 0 };
                    pass.written.insert(unit, at + 1 - early);
                    at + 1
                } else {
                    at
                };
                let last = pass.last.entry(unit).or_insert(end);
                *last = (*last).max(end);
            }
        }
        pass
    }

    /// When a unit is there, from the end of the block on; what is there already gives less than 0.
    fn leaves(&self, unit: usize, arrival: Option<i32>) -> i32 {
        let start = self.written.get(&unit).copied().or(arrival);
        start.unwrap_or(-1) - self.length
    }

    fn ranges(
        &self,
        live: &Liveness,
        block: usize,
        arrivals: &HashMap<usize, i32>,
    ) -> Vec<(usize, Range)> {
        let mut start: HashMap<usize, i32> = arrivals.clone();
        start.extend(&self.written);
        let mut ranges: Vec<(usize, Range)> = start
            .into_iter()
            .map(|(unit, start)| {
                let mut end = self.last.get(&unit).copied().unwrap_or(start);
                if live.live_out[block].contains(unit) {
                    end = end.max(self.length);
                }
                (unit, Range { block, start, end })
            })
            // What is under way all through the block needs no register in it.
            .filter(|(_, range)| range.start <= range.end)
            .collect();
        ranges.sort_by_key(|(unit, _)| *unit);
        ranges
    }
}

/// Per block: when the units that are alive where it begins are there: -1 for those that have
/// landed, later for those that are still under way.
fn arrivals(func: &VFunc, live: &Liveness, passes: &[Pass]) -> Vec<HashMap<usize, i32>> {
    let mut arrivals: Vec<HashMap<usize, i32>> = vec![HashMap::new(); passes.len()];
    for unit in live.live_in.first().into_iter().flat_map(|l| l.iter()) {
        arrivals[0].insert(unit, -1);
    }
    for block in &func.blocks {
        let returned = block.call_results.iter();
        let units = returned.flat_map(|value| live.units.all(value.index()));
        let units: Vec<usize> = units.collect();
        for edge in &block.successors {
            arrivals[edge.to.index()].extend(units.iter().map(|unit| (*unit, -1)));
        }
    }
    let mut changed = true;
    while changed {
        changed = false;
        for (b, block) in func.blocks.iter().enumerate() {
            for edge in &block.successors {
                let to = edge.to.index();
                let mut names: HashMap<usize, usize> = HashMap::new();
                for (here, there) in &edge.renames {
                    let pairs = live
                        .units
                        .all(there.index())
                        .zip(live.units.all(here.index()));
                    names.extend(pairs);
                }
                for unit in live.live_in[to].iter() {
                    let source = names.get(&unit).copied().unwrap_or(unit);
                    let arrival = arrivals[b].get(&source).copied();
                    if arrival.is_none() && !passes[b].written.contains_key(&source) {
                        continue;
                    }
                    let time = passes[b].leaves(source, arrival).max(-1);
                    let known = arrivals[to].entry(unit).or_insert(i32::MAX);
                    if time < *known {
                        *known = time;
                        changed = true;
                    }
                }
            }
        }
    }
    arrivals
}
