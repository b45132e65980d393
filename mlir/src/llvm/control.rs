//! Control registers: set where what they must hold is not known to be there, and before a loop where
//! every pass wants the same.
//!
//! Rounding and saturation are read from control registers; whether lanes are signed is an operand of
//! the intrinsics.

use std::collections::{BTreeMap, BTreeSet};

use npuc::kernel::ir::{Block, MoveOp, Op, SrsMode, VectorOp};
use npuc::kernel::types::{Rounding, Saturation};

use super::Error;
use super::func::Lower;

/// A control register by its number.
///
/// Source: Xilinx/llvm-aie clang/lib/Headers/aiev2/aiev2_defines.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Register {
    /// `crRnd`: rounding, by the number of [`Rounding`].
    Rounding = 6,
    /// `crSat`: what becomes of values beyond a range, by the number of [`Saturation`].
    Saturation = 9,
}

/// What control registers hold, where it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Control(BTreeMap<Register, i32>);

impl Control {
    /// What is known on both of two ways.
    pub(super) fn common(&self, other: &Control) -> Control {
        let same = self.0.iter().filter(|(r, v)| other.0.get(r) == Some(v));
        Control(same.map(|(r, v)| (*r, *v)).collect())
    }
}

/// What an operation wants of control registers.
fn needs(op: &Op) -> Vec<(Register, i32)> {
    let rounding = |rounding: Rounding| (Register::Rounding, rounding as i32);
    let saturation = |range: Saturation| (Register::Saturation, range as i32);
    match op {
        Op::Srs { mode, .. } => {
            let SrsMode {
                rounding: mode,
                range,
                ..
            } = *mode;
            vec![rounding(mode), saturation(range)]
        }
        // The up-shift saturates where the register says so.
        Op::Ups { .. } => vec![saturation(Saturation::Wrap)],
        Op::Vector(VectorOp::ToBf16 { rounding: mode, .. }) => vec![rounding(*mode)],
        Op::Vector(VectorOp::Move(MoveOp::Pack { range, .. })) => vec![saturation(*range)],
        _ => vec![],
    }
}

impl Lower<'_, '_> {
    /// Sets the control registers that an operation wants.
    pub(super) fn require(&mut self, op: &Op) -> Result<(), Error> {
        self.set_control(needs(op))
    }

    fn set_control(
        &mut self,
        wanted: impl IntoIterator<Item = (Register, i32)>,
    ) -> Result<(), Error> {
        for (register, value) in wanted {
            if self.control.0.get(&register) != Some(&value) {
                let args = [register as i32, value].map(|v| self.constant(v).into());
                self.effect("set.ctrl.reg", &args)?;
                self.control.0.insert(register, value);
            }
        }
        Ok(())
    }

    /// Before a loop: sets what all of the body wants alike and forgets what the body changes.
    pub(super) fn enter_loop(&mut self, body: &Block) -> Result<(), Error> {
        let mut wanted: BTreeMap<Register, BTreeSet<i32>> = BTreeMap::new();
        let mut calls = false;
        body.for_each_inst(&mut |inst| {
            calls |= matches!(inst.op, Op::Call { .. });
            for (register, value) in needs(&inst.op) {
                wanted.entry(register).or_default().insert(value);
            }
        });
        if calls {
            self.control = Control::default();
            return Ok(());
        }
        let mut before = Vec::new();
        for (register, values) in wanted {
            match values.first() {
                Some(value) if values.len() == 1 => before.push((register, *value)),
                _ => {
                    self.control.0.remove(&register);
                }
            }
        }
        self.set_control(before)
    }
}
