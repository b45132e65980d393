//! When each web needs its register.

use std::collections::HashMap;

use crate::aie2::coalesce::Webs;
use crate::aie2::liveness::Liveness;
use crate::aie2::mir::ValueId;
use crate::aie2::schedule::Schedule;
use crate::aie2::schedule::timing::{Place, touches};
use crate::aie2::vcode::VFunc;

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

impl Range {
    fn meets(&self, other: &Range) -> bool {
        self.block == other.block && self.start <= other.end && other.start <= self.end
    }
}

/// Ranges of all webs.
#[derive(Clone, Debug)]
pub struct Ranges {
    /// Per web and part of it.
    pub of: Vec<Vec<Vec<Range>>>,
    /// Pairs of webs, the smaller first, with the pairs of parts that are needed at once: bit
    /// 4 * part of the smaller + part of the larger.
    pub clashes: HashMap<(usize, usize), u16>,
}

impl Ranges {
    /// Computes the ranges of a scheduled function.
    pub fn of(func: &VFunc, webs: &Webs, live: &Liveness, schedules: &[Schedule]) -> Self {
        let parts = |web: usize| func.class(webs.members[web][0]).units();
        let mut ranges = Ranges {
            of: (0..webs.count())
                .map(|w| vec![Vec::new(); parts(w)])
                .collect(),
            clashes: HashMap::new(),
        };
        for (b, schedule) in schedules.iter().enumerate() {
            let mut here: Vec<(usize, usize, Range)> = Vec::new();
            for (unit, range) in block_ranges(func, live, b, schedule) {
                let (value, part) = live.units.value(unit);
                let web = webs.of(ValueId(value as u32));
                here.push((web, part, range));
                ranges.of[web][part].push(range);
            }
            for (k, (web, part, range)) in here.iter().enumerate() {
                for (other, with, that) in &here[..k] {
                    if web == other || !range.meets(that) {
                        continue;
                    }
                    let (low, high) = match web < other {
                        true => ((*web, *part), (*other, *with)),
                        false => ((*other, *with), (*web, *part)),
                    };
                    let bits = ranges.clashes.entry((low.0, high.0)).or_default();
                    *bits |= 1 << (4 * low.1 + high.1);
                }
            }
        }
        ranges
    }

    /// The most units of webs that `counts` in use at once, and the block where that is.
    pub fn pressure(&self, counts: impl Fn(usize) -> bool) -> (usize, usize) {
        let mut events: Vec<(usize, i32, i32)> = Vec::new();
        for (_, parts) in self.of.iter().enumerate().filter(|(w, _)| counts(*w)) {
            for range in parts.iter().flatten() {
                events.push((range.block, range.start, 1));
                events.push((range.block, range.end + 1, -1));
            }
        }
        events.sort_unstable();
        let (mut live, mut worst, mut place) = (0, 0, 0);
        for (block, _, change) in events {
            live += change;
            if live > worst {
                (worst, place) = (live, block);
            }
        }
        (worst as usize, place)
    }
}

fn block_ranges(
    func: &VFunc,
    live: &Liveness,
    block: usize,
    schedule: &Schedule,
) -> Vec<(usize, Range)> {
    let mut start: HashMap<usize, i32> = live.live_in[block].iter().map(|u| (u, -1)).collect();
    let mut end: HashMap<usize, i32> = HashMap::new();
    for (k, inst) in func.blocks[block].insts.iter().enumerate() {
        for touch in touches(func, &live.units, inst) {
            let Place::Value(unit) = touch.place else {
                continue;
            };
            let at = schedule.cycle[k] as i32 + i32::from(touch.access.stage) - 1;
            if touch.write {
                // A forwarded result is seen in the cycle in which it is written.
                let early = if touch.access.bypass.is_some() { 2 } else { 0 };
                start.insert(unit, 2 * at + 1 - early);
                let last = end.entry(unit).or_insert(2 * at + 1);
                *last = (*last).max(2 * at + 1);
            } else {
                let last = end.entry(unit).or_insert(2 * at);
                *last = (*last).max(2 * at);
            }
        }
    }
    for unit in live.live_out[block].iter() {
        end.insert(unit, 2 * schedule.length as i32);
    }
    let mut ranges: Vec<(usize, Range)> = start
        .into_iter()
        .map(|(unit, start)| {
            let end = end.get(&unit).copied().unwrap_or(start).max(start);
            (unit, Range { block, start, end })
        })
        .collect();
    ranges.sort_by_key(|(unit, _)| *unit);
    ranges
}
