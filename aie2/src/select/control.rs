//! Control registers: set only where their contents change, and before a loop where every pass
//! wants the same.

use std::collections::{BTreeMap, BTreeSet};

use arch::aie2::{Reg, reg};

use super::consts::set_reg;
use super::lower::Lower;
use kernel::ir::{Block, Func, MoveOp, Op, Value, VectorOp};
use kernel::types::Type;

/// What control registers hold, where it is known.
pub(super) type State = BTreeMap<Reg, i64>;

/// What an operation wants of control registers.
pub(super) fn needs(func: &Func, op: &Op, shift: impl Fn(Value) -> Option<i32>) -> State {
    let mut needs = State::new();
    match op {
        Op::Srs { mode, .. } => {
            needs.insert(reg::CRRND, mode.rounding as i64);
            needs.insert(reg::CRSAT, mode.range as i64);
            if !mode.signed {
                needs.insert(reg::CRSRSSIGN, 0);
            }
        }
        Op::Ups {
            ty,
            value,
            shift: by,
            signed,
        } => {
            if !signed {
                needs.insert(reg::CRUPSSIGN, 0);
            }
            // The up-shift saturates when crSat is set; where nothing can leave the lane it may be
            // either.
            let fits = match (func.ty(*value), *ty, shift(*by)) {
                (Type::Vec { elem, .. }, Type::Acc { lane, .. }, Some(shift)) => {
                    let room = lane.bits() - elem.bits();
                    (0..room as i32).contains(&shift)
                }
                _ => false,
            };
            if !fits {
                needs.insert(reg::CRSAT, 0);
            }
        }
        Op::Vector(VectorOp::ToBf16 { rounding, .. }) => {
            needs.insert(reg::CRRND, *rounding as i64);
        }
        Op::Vector(
            VectorOp::Lanes { signed: false, .. } | VectorOp::Compare { signed: false, .. },
        ) => {
            needs.insert(reg::CRVADDSIGN, 0);
        }
        Op::Vector(
            VectorOp::Reduce { signed: false, .. }
            | VectorOp::Move(MoveOp::Extract { signed: false, .. }),
        ) => {
            needs.insert(reg::CRVADDSIGN, 0);
        }
        Op::Vector(VectorOp::Move(MoveOp::Pack { signed, range, .. })) => {
            needs.insert(reg::CRSAT, *range as i64);
            if !signed {
                needs.insert(reg::CRPACKSIGN, 0);
            }
        }
        Op::Vector(VectorOp::Move(MoveOp::Unpack { signed: false, .. })) => {
            needs.insert(reg::CRUNPACKSIGN, 0);
        }
        _ => {}
    }
    needs
}

impl Lower<'_> {
    /// Sets the control registers that `op` wants.
    pub(super) fn require(&mut self, op: &Op) {
        let needs = needs(self.func, op, |v| self.known_const(v));
        self.set(&needs);
    }

    fn set(&mut self, wanted: &State) {
        for (reg, value) in wanted {
            if self.control.get(reg) != Some(value) {
                self.emit(set_reg(*reg, *value));
                self.control.insert(*reg, *value);
            }
        }
    }

    /// Before a loop without calls: sets what all of the body wants alike and forgets what the body
    /// changes.
    pub(super) fn enter_loop(&mut self, body: &Block) {
        let mut wanted: BTreeMap<Reg, BTreeSet<i64>> = BTreeMap::new();
        self.collect_needs(body, &mut wanted);
        let mut before = State::new();
        for (reg, values) in wanted {
            match values.first() {
                Some(value) if values.len() == 1 => {
                    before.insert(reg, *value);
                }
                _ => {
                    self.control.remove(&reg);
                }
            }
        }
        self.set(&before);
    }

    fn collect_needs(&self, body: &Block, wanted: &mut BTreeMap<Reg, BTreeSet<i64>>) {
        for inst in &body.insts {
            for (reg, value) in needs(self.func, &inst.op, |v| self.known_const(v)) {
                wanted.entry(reg).or_default().insert(value);
            }
            for block in inst.op.blocks() {
                self.collect_needs(block, wanted);
            }
        }
    }
}
