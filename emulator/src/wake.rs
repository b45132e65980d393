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

/// The positions of the bits that are set, lowest first.
pub(crate) fn bits(mut set: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (at < u128::BITS).then_some(at as usize)
    })
}

#[cfg(test)]
mod tests {
    use crate::{Budget, Npu, RunReport};
    use formats::txn::Stream;

    fn reports(ask_everyone: bool) -> Vec<RunReport> {
        let xclbin = include_bytes!("../tests/goldens/m_tasks_packet/design.xclbin");
        let stream = include_bytes!("../tests/goldens/m_tasks_packet/insts.bin");
        let stream = Stream::parse(stream).unwrap();
        let mut npu = Npu::new();
        npu.ask_everyone = ask_everyone;
        npu.load_xclbin(xclbin).unwrap();
        let mut args = [vec![1; 128], vec![0; 136]];
        let budget = Budget { cycles: 10_000 };
        (0..5)
            .map(|_| npu.run(&stream, &mut args, budget).unwrap())
            .collect()
    }

    #[test]
    fn sleeping_changes_nothing() {
        let (asleep, awake) = (reports(false), reports(true));
        assert_eq!(asleep, awake);
        let stalls = |f: fn(&crate::DmaReport) -> u64| asleep[1].dma.iter().map(f).sum::<u64>();
        assert!(stalls(|d| d.lock_stalls) > 0 && stalls(|d| d.stream_stalls) > 0);
    }
}
