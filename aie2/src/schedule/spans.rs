//! Which bytes accesses touch, as far as their addresses can be told apart: a pointer that is moved by
//! known numbers is a number of bytes away from where it began, and one that a loop moves by the same
//! number in every pass is as many steps further on as passes have begun.

use std::collections::HashMap;

use arch::aie2::{Flags, op};

use crate::mir::ValueId;
use crate::vcode::{Arg, VFunc, VInst};

/// Bytes that an access touches, counted from where a pointer of the block or of the one before it
/// stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The pointer; `None` counts from address 0.
    root: Option<ValueId>,
    /// First byte, in the first pass.
    at: i64,
    /// Number of bytes.
    bytes: i64,
    /// Bytes by which it moves from one pass to the next.
    step: i64,
}

/// Addresses have 20 bits and wrap, and data memory takes 18 bits of them: places whose distance is less
/// than 19 bits are as far apart as their numbers say, and a pointer that moves by less than 18 bits
/// cannot come round through what is no memory.
const NEAR: i64 = 1 << 18;

impl Span {
    /// Whether the two can be compared at all.
    fn is_comparable(&self, other: &Span) -> bool {
        let near = |n: i64| n.abs() < NEAR;
        (self.root, self.step) == (other.root, other.step)
            && [self.at, other.at, self.step].into_iter().all(near)
    }

    /// The place one pass later.
    pub fn later(self) -> Span {
        Span {
            at: self.at.saturating_add(self.step),
            ..self
        }
    }

    /// Whether the two may have a byte in common.
    pub fn meets(&self, other: &Span) -> bool {
        !self.is_comparable(other)
            || (self.at < other.at + other.bytes && other.at < self.at + self.bytes)
    }

    /// After how many passes, at least `from`, the other one may first touch a byte that this one has
    /// touched; `None` if never.
    pub fn meets_after(&self, other: &Span, from: u32) -> Option<u32> {
        if !self.is_comparable(other) {
            return Some(from);
        }
        // Counted in the direction in which they move; the other one begins `ahead`.
        let (ahead, own, theirs) = match self.step {
            0.. => (other.at - self.at, self.bytes, other.bytes),
            _ => (
                self.at + self.bytes - other.at - other.bytes,
                self.bytes,
                other.bytes,
            ),
        };
        let step = self.step.abs();
        let at = |passes: i64| ahead + passes * step;
        let mut passes = i64::from(from);
        if step > 0 && at(passes) <= -theirs {
            passes = (-theirs - ahead).div_euclid(step) + 1;
        }
        let meet = -theirs < at(passes) && at(passes) < own;
        meet.then(|| u32::try_from(passes).ok()).flatten()
    }

    /// Whether the other one touches all that this one does.
    pub fn is_within(&self, other: &Span) -> bool {
        self.is_comparable(other)
            && other.at <= self.at
            && self.at + self.bytes <= other.at + other.bytes
    }
}

/// Where a pointer stands: so many bytes from another one, or from address 0.
type Stand = (Option<ValueId>, i64);

/// Pointers of a straight line of instructions.
struct Walk<'a> {
    /// What values are that only one number is ever written to.
    numbers: &'a HashMap<ValueId, i64>,
    stands: HashMap<ValueId, Stand>,
}

impl Walk<'_> {
    fn stand(&self, value: ValueId) -> Stand {
        let number = || self.numbers.get(&value).map(|at| (None, *at));
        let known = self.stands.get(&value).copied();
        known.or_else(number).unwrap_or((Some(value), 0))
    }

    /// What an instruction adds to its pointer.
    fn added(&self, inst: &VInst) -> Option<i64> {
        let mut amounts = inst
            .operands()
            .filter(|(_, d)| matches!(d.name, "imm" | "mod" | "dj"));
        match amounts.next() {
            None => Some(0),
            Some((Arg::Imm(imm), _)) => Some(*imm),
            Some((Arg::Value { value, .. }, _)) => self.numbers.get(value).copied(),
            Some(_) => None,
        }
    }

    /// Follows an instruction; where the pointer that it takes stands, and what it adds.
    fn step(&mut self, inst: &VInst) -> Option<(Stand, Option<i64>, bool)> {
        let value = |name: &str| {
            let mut operands = inst.operands().filter(|(_, d)| d.name == name);
            operands.find_map(|(arg, _)| match arg {
                Arg::Value { value, .. } => Some(*value),
                _ => None,
            })
        };
        if inst.op() == op::MOV_mv_scl
            && let [Arg::Value { value: to, .. }, Arg::Value { value: from, .. }] = inst.args[..]
        {
            self.stands.insert(to, self.stand(from));
            return None;
        }
        let stand = self.stand(value("ptr")?);
        let (added, moved) = (self.added(inst), value("ptr_out"));
        if let Some((moved, added)) = moved.zip(added) {
            self.stands.insert(moved, (stand.0, stand.1 + added));
        }
        Some((stand, added, moved.is_some()))
    }

    /// Follows an instruction; the first byte that it touches, if it accesses memory.
    fn access(&mut self, inst: &VInst) -> Option<Stand> {
        let (stand, added, moves) = self.step(inst)?;
        inst.memory?;
        match moves {
            true => Some(stand),
            false => Some((stand.0, stand.1 + added?)),
        }
    }
}

/// First byte and number of bytes of an access at `at`, at most: what stores less than a word writes the
/// whole of it.
fn extent(inst: &VInst, at: i64) -> (i64, i64) {
    if inst.op().desc().mnemonic.starts_with('v') {
        (at, 32)
    } else if inst.op().is_partial_word_store() {
        (at - 3, 7)
    } else {
        (at, 4)
    }
}

/// Values that only one number is ever written to.
fn numbers(func: &VFunc) -> HashMap<ValueId, i64> {
    let mut numbers: HashMap<ValueId, Option<i64>> = HashMap::new();
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        if inst.op().flags().contains(Flags::MOVE_IMM)
            && let [Arg::Value { value, part: 0 }, Arg::Imm(imm)] = inst.args[..]
        {
            let known = numbers.entry(value).or_insert(Some(imm));
            *known = known.filter(|k| *k == imm);
        }
    }
    let sure = numbers.into_iter().filter_map(|(v, n)| Some((v, n?)));
    sure.collect()
}

/// Where the accesses of a straight line of instructions are.
pub fn of_line(func: &VFunc, insts: &[VInst]) -> Vec<Option<Span>> {
    let numbers = numbers(func);
    let mut walk = Walk {
        numbers: &numbers,
        stands: HashMap::new(),
    };
    let span = |inst: &VInst| {
        let (root, at) = walk.access(inst)?;
        let (at, bytes) = extent(inst, at);
        Some(Span {
            root,
            at,
            bytes,
            step: 0,
        })
    };
    insts.iter().map(span).collect()
}

/// Where the accesses of a loop's body are, of pointers that every pass moves by the same number.
pub fn of_loop(func: &VFunc, body: usize) -> Vec<Option<Span>> {
    let numbers = numbers(func);
    let enters = |b: &usize| {
        let mut edges = func.blocks[*b].successors.iter();
        *b != body && edges.any(|e| e.to.index() == body)
    };
    let mut entries = (0..func.blocks.len()).filter(enters);
    let mut before = Walk {
        numbers: &numbers,
        stands: HashMap::new(),
    };
    let mut entry = entries.next();
    if entries.next().is_some() {
        entry = None;
    }
    for inst in entry.iter().flat_map(|b| &func.blocks[*b].insts) {
        before.step(inst);
    }
    let renames = |from: usize| {
        let mut edges = func.blocks[from].successors.iter();
        let edge = edges.find(|e| e.to.index() == body);
        edge.map_or(&[][..], |e| &e.renames)
    };
    let insts = &func.blocks[body].insts;
    let mut inside = Walk {
        numbers: &numbers,
        stands: HashMap::new(),
    };
    let accesses: Vec<Option<Stand>> = insts.iter().map(|i| inside.access(i)).collect();
    let made = |value: ValueId| {
        let mut values = insts.iter().flat_map(|i| i.values());
        values.any(|v| v.0 == value && v.2.dir == arch::aie2::Dir::Out)
    };
    // Where a root stands when the loop begins, and by what a pass moves it.
    let begins = |root: ValueId| -> Option<(Stand, i64)> {
        match renames(body).iter().find(|r| r.1 == root) {
            Some((next, _)) => {
                let (from, step) = inside.stand(*next);
                let step = Some(step).filter(|_| from == Some(root))?;
                let init = entry.and_then(|b| renames(b).iter().find(|r| r.1 == root));
                Some((init.map_or((Some(root), 0), |r| before.stand(r.0)), step))
            }
            None if made(root) => None,
            None => Some((before.stand(root), 0)),
        }
    };
    let mut known: HashMap<ValueId, Option<(Stand, i64)>> = HashMap::new();
    let span = |(inst, access): (&VInst, &Option<Stand>)| {
        let (root, at) = (*access)?;
        let ((root, first), step) = match root {
            Some(root) => (*known.entry(root).or_insert_with(|| begins(root)))?,
            None => ((None, 0), 0),
        };
        let (at, bytes) = extent(inst, first + at);
        Some(Span {
            root,
            at,
            bytes,
            step,
        })
    };
    insts.iter().zip(&accesses).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(at: i64, step: i64) -> Span {
        Span {
            root: Some(ValueId(0)),
            at,
            bytes: 32,
            step,
        }
    }

    #[test]
    fn places_of_one_pass_meet_where_their_bytes_do() {
        assert!(span(0, 64).meets(&span(31, 64)));
        assert!(!span(0, 64).meets(&span(32, 64)));
        let other = Span {
            root: None,
            ..span(32, 64)
        };
        assert!(span(0, 64).meets(&other));
        assert!(span(0, 64).meets(&span(32, 32)));
        assert!(span(0, 64).meets(&span(1 << 20, 64)));
    }

    #[test]
    fn the_first_pass_that_meets_is_found() {
        for step in [-96, -64, -33, -32, -31, -1, 0, 1, 31, 32, 33, 64, 96] {
            for at in -200..200 {
                let (first, second) = (span(0, step), span(at, step));
                let meets = |passes: &u32| {
                    let later = (0..*passes).fold(second, |p, _| p.later());
                    first.meets(&later)
                };
                let wanted = (1..=400).find(meets);
                assert_eq!(first.meets_after(&second, 1), wanted, "{at} {step}");
            }
        }
    }
}
