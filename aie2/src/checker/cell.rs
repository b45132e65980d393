//! What one unit of a register holds, now and when the writes under way land.

use arch::aie2::Bypass;

use crate::mir::ValueId;

/// A name of what a unit holds. The same unit may be known by several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// A part of a value.
    Value(ValueId, u8),
    /// What the unit held when the function was entered.
    Kept,
    /// What the write left that is the last one by program order.
    InOrder(Mark),
    /// The stack pointer, so many bytes above what the function was entered with.
    Stack(i64),
    /// An address of program memory.
    Address(i64),
    /// A loop count that no loop has used up.
    Armed,
}

/// A write in the program order of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// The last one before the block.
    Before,
    /// That of the instruction with this position in the block.
    Inst(usize),
}

/// All names of what a unit holds, ascending; none if it is not known.
pub(super) type Names = Vec<Name>;

fn common(a: &Names, b: &Names) -> Names {
    a.iter().copied().filter(|n| b.contains(n)).collect()
}

/// Who wrote last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Nobody since the function was entered.
    Nobody,
    /// The bundle at this address.
    Bundle(u32),
    /// Depends on the way control came.
    Several,
}

/// A write under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Landing {
    /// It lands at the end of this cycle, counted from now.
    pub(super) at: u8,
    /// What the unit holds from then on.
    pub(super) names: Names,
    /// What readers on a forwarding path see in that very cycle already.
    forward: [Option<Names>; Bypass::ALL.len()],
    pub(super) by: By,
}

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) names: Names,
    pub(super) by: By,
    /// Writes under way in the order in which they land, one for a cycle.
    pub(super) flight: Vec<Landing>,
}

impl Cell {
    pub(super) fn holding(names: Names, by: By) -> Cell {
        Cell {
            names,
            by,
            flight: Vec::new(),
        }
    }

    /// What a read sees `at` cycles from now on the forwarding path `bypass`.
    pub(super) fn seen(&self, at: u8, bypass: Option<Bypass>) -> &Names {
        let landing = self.flight.iter().find(|l| l.at == at);
        let forwarded = bypass.and_then(|b| landing?.forward[b as usize].as_ref());
        forwarded.unwrap_or_else(|| self.before(at).0)
    }

    /// What the unit holds `at` cycles from now, and who wrote it.
    pub(super) fn before(&self, at: u8) -> (&Names, By) {
        let landed = self.flight.iter().take_while(|l| l.at < at).last();
        landed.map_or((&self.names, self.by), |l| (&l.names, l.by))
    }

    /// A write that lands `at` cycles from now. Another one that lands with it is given back, and
    /// neither is known to remain.
    pub(super) fn write(
        &mut self,
        at: u8,
        names: Names,
        bypass: Option<Bypass>,
        by: u32,
    ) -> Option<By> {
        let by = By::Bundle(by);
        match self.flight.binary_search_by_key(&at, |l| l.at) {
            Ok(k) => {
                let other = std::mem::replace(&mut self.flight[k].by, By::Several);
                self.flight[k].names.clear();
                let forward = self.flight[k].forward.iter_mut().flatten();
                forward.for_each(Vec::clear);
                Some(other)
            }
            Err(k) => {
                let mut forward = [const { None }; Bypass::ALL.len()];
                if let Some(bypass) = bypass {
                    forward[bypass as usize] = Some(names.clone());
                }
                self.flight.insert(
                    k,
                    Landing {
                        at,
                        names,
                        forward,
                        by,
                    },
                );
                None
            }
        }
    }

    /// One cycle passes.
    pub(super) fn advance(&mut self) {
        if self.flight.first().is_some_and(|l| l.at == 0) {
            let landing = self.flight.remove(0);
            (self.names, self.by) = (landing.names, landing.by);
        }
        for landing in &mut self.flight {
            landing.at -= 1;
        }
    }

    /// Applies `change` to every set of names, now and later.
    pub(super) fn change(&mut self, change: &impl Fn(&mut Names)) {
        change(&mut self.names);
        for landing in &mut self.flight {
            change(&mut landing.names);
            landing.forward.iter_mut().flatten().for_each(change);
        }
    }

    /// Keeps what holds for `other` as well, cycle by cycle; whether that is less than before.
    pub(super) fn join(&mut self, other: &Cell) -> bool {
        if self == other {
            return false;
        }
        let mut at: Vec<u8> = self
            .flight
            .iter()
            .chain(&other.flight)
            .map(|l| l.at)
            .collect();
        at.sort_unstable();
        at.dedup();
        let flight = at.into_iter().map(|at| {
            let forwards = |b: Bypass| {
                let lands = |c: &Cell| {
                    c.flight
                        .iter()
                        .any(|l| l.at == at && l.forward[b as usize].is_some())
                };
                let some = lands(self) || lands(other);
                some.then(|| common(self.seen(at, Some(b)), other.seen(at, Some(b))))
            };
            let ((names, by), (others, other_by)) = (self.before(at + 1), other.before(at + 1));
            let by = if by == other_by { by } else { By::Several };
            Landing {
                at,
                names: common(names, others),
                forward: Bypass::ALL.map(forwards),
                by,
            }
        });
        let joined = Cell {
            names: common(&self.names, &other.names),
            by: if self.by == other.by {
                self.by
            } else {
                By::Several
            },
            flight: flight.collect(),
        };
        let less = joined != *self;
        *self = joined;
        less
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(id: u32) -> Names {
        vec![Name::Value(ValueId(id), 0)]
    }

    #[test]
    fn a_write_is_seen_after_it_lands_and_forwarded_when_it_lands() {
        let mut cell = Cell::holding(value(1), By::Nobody);
        assert_eq!(cell.write(2, value(2), Some(Bypass::Mov), 8), None);
        assert_eq!(
            (cell.seen(2, None), cell.seen(2, Some(Bypass::Vec))),
            (&value(1), &value(1))
        );
        assert_eq!(
            (cell.seen(2, Some(Bypass::Mov)), cell.seen(3, None)),
            (&value(2), &value(2))
        );
        for _ in 0..3 {
            cell.advance();
        }
        assert_eq!(cell, Cell::holding(value(2), By::Bundle(8)));
    }

    #[test]
    fn writes_that_land_together_leave_nothing_known() {
        let mut cell = Cell::holding(value(1), By::Nobody);
        assert_eq!(cell.write(0, value(2), None, 8), None);
        assert_eq!(cell.write(0, value(3), None, 16), Some(By::Bundle(8)));
        cell.advance();
        assert_eq!(cell.names, vec![]);
    }

    #[test]
    fn ways_agree_where_one_write_has_landed_and_the_other_will() {
        let mut landed = Cell::holding(value(2), By::Bundle(8));
        let mut flying = Cell::holding(value(1), By::Bundle(4));
        flying.write(1, value(2), Some(Bypass::Vec), 8);
        assert!(landed.join(&flying));
        assert_eq!(
            (landed.seen(0, None), landed.seen(1, None)),
            (&vec![], &vec![])
        );
        assert_eq!(
            (landed.seen(1, Some(Bypass::Vec)), landed.seen(2, None)),
            (&value(2), &value(2))
        );
        assert!(!landed.join(&flying));
    }
}
