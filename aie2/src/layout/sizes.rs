//! The sizes a bundle can have, and the choice that meets every alignment with the fewest bytes.

use arch::aie2::rules::TARGET_ALIGN;
use arch::aie2::{Format, Slot, SlotSet};

use super::Item;

/// The sizes a bundle can have and the one it gets. Sizes are counted in units of two bytes, 1 to 8.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Bit `n` is set if a format of `2 * n` bytes holds the bundle.
    possible: u16,
    chosen: u8,
}

const UNIT: u32 = 2;
const RESIDUES: usize = (TARGET_ALIGN / UNIT) as usize;

impl Sizes {
    /// The sizes of the formats that hold `slots`; `None` if there is none or a slot is taken twice.
    pub(super) fn of(slots: &[Slot]) -> Option<Sizes> {
        let set: SlotSet = slots.iter().copied().collect();
        if set.len() != slots.len() {
            return None;
        }
        let possible =
            Format::holding(set).fold(0u16, |sum, f| sum | 1 << (f.bytes() as u32 / UNIT));
        (possible != 0).then(|| Sizes {
            possible,
            chosen: possible.trailing_zeros() as u8,
        })
    }

    /// Only the largest size.
    pub(super) fn largest_only(self) -> Sizes {
        let chosen = self.possible.ilog2();
        Sizes {
            possible: 1 << chosen,
            chosen: chosen as u8,
        }
    }

    /// The size in bytes.
    pub(super) fn chosen(self) -> u32 {
        u32::from(self.chosen) * UNIT
    }

    /// Rules out sizes below the one that is at least `bytes` more than the chosen one, or below the
    /// largest; returns by how much it grew.
    pub(super) fn grow(&mut self, bytes: u32) -> u32 {
        let before = self.chosen();
        let wanted = (before + bytes).div_ceil(UNIT).min(self.possible.ilog2());
        self.possible &= u16::MAX << wanted;
        self.chosen = self.possible.trailing_zeros() as u8;
        self.chosen() - before
    }

    fn options(self) -> impl Iterator<Item = u8> {
        (1..=RESIDUES as u8).filter(move |n| self.possible >> n & 1 == 1)
    }
}

/// Chooses sizes so that aligned bundles and the end of the program stand at multiples of
/// [`TARGET_ALIGN`].
pub(super) fn align(items: &mut [Item]) {
    let mut rest = items;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .skip(1)
            .position(|i| i.aligned)
            .map_or(rest.len(), |k| k + 1);
        let (run, tail) = rest.split_at_mut(end);
        fit(run);
        rest = tail;
    }
}

/// Chooses sizes with the smallest sum that is a multiple of [`TARGET_ALIGN`]. Later bundles grow first.
fn fit(run: &mut [Item]) {
    // least[k][r]: the fewest units that the bundles from k on take with a sum of r modulo 8, and the
    // size of bundle k in that choice.
    let mut least = vec![[None; RESIDUES]; run.len() + 1];
    least[run.len()][0] = Some((0u32, 0u8));
    for k in (0..run.len()).rev() {
        for size in run[k].sizes.options() {
            for r in 0..RESIDUES {
                let Some((sum, _)) = least[k + 1][r] else {
                    continue;
                };
                let here = &mut least[k][(r + usize::from(size)) % RESIDUES];
                let sum = sum + u32::from(size);
                if here.is_none_or(|(best, _)| sum < best) {
                    *here = Some((sum, size));
                }
            }
        }
    }
    let mut residue = 0;
    for (k, item) in run.iter_mut().enumerate() {
        // The largest format holds any bundle, so that a sum of 0 can always be had.
        if let Some((_, size)) = least[k][residue] {
            item.sizes.chosen = size;
            residue = (residue + RESIDUES - usize::from(size) % RESIDUES) % RESIDUES;
        }
    }
}
