//! Who sleeps and who is woken.
//!
//! Channels and cores that wait for a lock, and channels that wait for their stream, are not asked
//! every cycle: they leave their mark where they wait and are woken by what changes it. The order of
//! events is the same as if everyone were asked in every cycle.

/// A set of channels (by channel index) and cores (by slot).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wakes {
    pub(crate) channels: u128,
    pub(crate) cores: u32,
}

impl Wakes {
    pub(crate) const fn channel(index: usize) -> Self {
        Wakes {
            channels: 1 << index,
            cores: 0,
        }
    }

    pub(crate) const fn core(slot: usize) -> Self {
        Wakes {
            channels: 0,
            cores: 1 << slot,
        }
    }

    /// Adds the members of `other`.
    #[inline]
    pub(crate) fn add(&mut self, other: Wakes) {
        self.channels |= other.channels;
        self.cores |= other.cores;
    }
}
