//! Slots and sets of them.

use core::fmt;

use super::desc::Opcode;
use super::inst::Inst;
use super::tables::{SLOTS, Slot};

pub(crate) struct SlotDesc {
    pub(crate) bits: u8,
    pub(crate) nop: Opcode,
    /// Bits of the slot word that select a list of `lists`.
    pub(crate) key: &'static [u8],
    /// Instructions that a word with this key can be, most fixed bits first.
    pub(crate) lists: &'static [&'static [Opcode]],
}

impl Slot {
    fn desc(self) -> &'static SlotDesc {
        &SLOTS[self as usize]
    }

    /// Width of the slot word in bits.
    pub fn bits(self) -> u32 {
        u32::from(self.desc().bits)
    }

    /// The instruction that fills the slot when there is nothing to do.
    pub fn nop(self) -> Inst {
        Inst::bare(self.desc().nop)
    }

    /// The slot word of [`Slot::nop`].
    pub fn nop_word(self) -> u64 {
        self.desc().nop.desc().value
    }

    /// The instructions that `word` can be, most fixed bits first.
    pub(crate) fn candidates(self, word: u64) -> &'static [Opcode] {
        let desc = self.desc();
        let key = desc.key.iter().enumerate();
        let key = key.fold(0, |sum, (k, bit)| sum | (word >> bit & 1) << k);
        desc.lists[key as usize]
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of slots.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SlotSet(pub(crate) u8);

impl SlotSet {
    /// The empty set.
    pub const EMPTY: SlotSet = SlotSet(0);

    /// The set of just `slot`.
    pub const fn of(slot: Slot) -> SlotSet {
        SlotSet(1 << slot as u8)
    }

    /// The set with `slot` added.
    pub const fn with(self, slot: Slot) -> SlotSet {
        SlotSet(self.0 | 1 << slot as u8)
    }

    /// Whether `slot` is in the set.
    pub const fn contains(self, slot: Slot) -> bool {
        self.0 >> slot as u8 & 1 == 1
    }

    /// Whether every slot of the set is in `other`.
    pub const fn is_subset(self, other: SlotSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// Number of slots.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is no slot in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The slots in order.
    pub fn iter(self) -> impl Iterator<Item = Slot> {
        Slot::ALL
            .into_iter()
            .filter(move |slot| self.contains(*slot))
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> SlotSet {
        slots.into_iter().fold(SlotSet::EMPTY, SlotSet::with)
    }
}

impl fmt::Display for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, slot) in self.iter().enumerate() {
            write!(f, "{}{slot}", if k == 0 { "" } else { "+" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}
