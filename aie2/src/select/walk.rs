//! Walks of pointers through several dimensions.

use arch::aie2::{Part, Reg, RegFile};

use super::consts::set_reg;
use super::lower::{Lower, Ref};
use crate::error::CompileError;
use crate::vcode::Arg;
use kernel::ir::{Dim, Value, WalkDims};

/// Low halves of tuples of three dimensions, in the order in which walks of two dimensions take them
/// apart.
const PAIRS: [usize; 4] = [3, 2, 1, 0];

fn register(file: RegFile, index: usize) -> Option<Reg> {
    let mut all = Reg::all().filter(|r| r.file() == file);
    all.find(|r| usize::from(r.index()) == index)
}

/// The counter that an access along the walk of a tuple writes.
pub(super) fn counter(tuple: &Arg, high: bool) -> Arg {
    let Arg::Reg(reg) = tuple else {
        return tuple.clone();
    };
    let half = match (reg.file(), high) {
        (RegFile::D3, false) => reg.part(Part::Lo),
        (RegFile::D3, true) => reg.part(Part::Hi),
        _ => Some(*reg),
    };
    let count = half.and_then(|half| half.part(Part::Count));
    count.map_or(tuple.clone(), Arg::Reg)
}

impl Lower<'_> {
    /// Begins a walk in a tuple of its own: those of three dimensions take `d0` and `d4`, `d1` and `d5`,
    /// and so on, those of two what is left from the other end.
    pub(super) fn lower_walk(
        &mut self,
        result: Value,
        dims: &WalkDims,
    ) -> Result<(), CompileError> {
        let (two, three) = self.walks;
        let (tuple, low, high) = match dims.middle {
            None => {
                self.walks.0 += 1;
                let k = PAIRS.get(two / 2).map(|k| k + 4 * (1 - two % 2));
                let tuple = k.and_then(|k| register(RegFile::D, k));
                (tuple, tuple, None)
            }
            Some(_) => {
                self.walks.1 += 1;
                let k = PAIRS.iter().rev().nth(three).copied();
                let half = |k: usize| register(RegFile::D, k);
                let tuple = k.and_then(|k| register(RegFile::D3, k));
                (tuple, k.and_then(half), k.and_then(|k| half(k + 4)))
            }
        };
        let (Some(tuple), Some(low)) = (tuple, low) else {
            return Err(CompileError::Unsupported {
                func: self.func.name.clone(),
                what: format!("a walk beyond {two} of two and {three} of three dimensions"),
                help: "step pointers by numbers instead",
            });
        };
        let (end_of_inner, end_of_middle) = dims.jumps();
        let steps = |dim: Dim| i64::from(dim.count) - 1;
        let jump = if dims.middle.is_some() {
            end_of_middle
        } else {
            end_of_inner
        };
        let mut set = vec![(
            low,
            [
                (Part::Mod, i64::from(jump)),
                (Part::Size, steps(dims.inner)),
                (Part::Stride, i64::from(dims.inner.step)),
                (Part::Count, 0),
            ],
        )];
        if let (Some(middle), Some(high)) = (dims.middle, high) {
            set.push((
                high,
                [
                    (Part::Mod, 0),
                    (Part::Size, steps(middle)),
                    (Part::Stride, i64::from(end_of_inner)),
                    (Part::Count, 0),
                ],
            ));
        }
        for (half, fields) in set {
            for (role, number) in fields {
                if let Some(part) = half.part(role) {
                    self.out.reserved.push(part);
                    self.emit(set_reg(part, number));
                }
            }
        }
        self.set_ref(result, Ref::Walk(tuple));
        Ok(())
    }
}
