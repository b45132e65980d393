//! The host's memory as the shim channels share it: so many bytes a second in each direction.
//!
//! A channel asks for a block, the unit of its bursts; blocks are served one after the other, in the
//! order in which they were asked for. A channel's own limit is its stream, a word a cycle. The latency
//! of the memory is not modelled: shim channels ask ahead.

use arch::array::Direction;

use crate::timing::{ClockMhz, DDR_BYTES_PER_SECOND};

/// Parts of a cycle in which time is counted here.
const PARTS: u64 = 256;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ddr {
    /// Parts of a cycle that a word takes.
    word: u64,
    /// When the memory is free again, in parts of a cycle, by direction.
    free: [u64; 2],
}

impl Ddr {
    pub(crate) fn new(clock: ClockMhz) -> Self {
        Ddr {
            word: 4 * PARTS * u64::from(clock.0) * 1_000_000 / DDR_BYTES_PER_SECOND,
            free: [0; 2],
        }
    }

    /// The cycle from which on a block of `words` that is asked for in cycle `now` can move.
    pub(crate) fn request(&mut self, dir: Direction, now: u64, words: u32) -> u64 {
        let free = match dir {
            Direction::Mm2s => &mut self.free[0],
            Direction::S2mm => &mut self.free[1],
        };
        let start = (now * PARTS).max(*free);
        *free = start + u64::from(words) * self.word;
        start / PARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::DDR_BLOCK_WORDS;

    /// Words that `channels` channels move in 10000 cycles, each a word a cycle at most.
    fn moved(channels: usize) -> u64 {
        let mut ddr = Ddr::new(ClockMhz::default());
        let mut left = vec![(0, 0); channels];
        let mut words = 0;
        for now in 0..10_000 {
            for (ready, rest) in &mut left {
                if *rest == 0 {
                    (*ready, *rest) = (
                        ddr.request(Direction::Mm2s, now, DDR_BLOCK_WORDS),
                        DDR_BLOCK_WORDS,
                    );
                }
                if now >= *ready {
                    *rest -= 1;
                    words += 1;
                }
            }
        }
        words
    }

    #[test]
    fn few_channels_run_at_the_speed_of_their_streams_and_many_share_the_memory() {
        assert_eq!(moved(1), 10_000);
        assert!(moved(4) > 39_900, "but for the first blocks");
        let clock = f64::from(ClockMhz::default().0) * 1e6;
        let most = 10_000.0 * DDR_BYTES_PER_SECOND as f64 / clock / 4.0;
        let share = moved(8) as f64 / most;
        assert!((0.97..=1.02).contains(&share), "{share}");
    }

    #[test]
    fn directions_do_not_share() {
        let mut ddr = Ddr::new(ClockMhz::default());
        for _ in 0..100 {
            ddr.request(Direction::Mm2s, 0, DDR_BLOCK_WORDS);
        }
        assert!(ddr.request(Direction::Mm2s, 0, 1) > 500);
        assert_eq!(ddr.request(Direction::S2mm, 7, 1), 7);
    }
}
