//! Bursts: words of a stream moved many at a time, ahead of the array's clock.
//!
//! Where a channel sends to channels only, all of them are in the middle of a descriptor, and nobody
//! has fallen behind, the coming cycles hold no surprise: a word goes out in each, and each receiver takes
//! it when it has come through the switches. They are done at once, and the channels rest until the
//! array's clock has come to their end.
//!
//! The memory that a descriptor reads or writes is its channel's until it releases the lock, which it does
//! in its own cycle, after the burst: who keeps to the locks cannot tell the difference.

use crate::dma::Place;
use crate::error::EmuError;
use crate::link::Word;
use crate::npu::Npu;
use crate::timing::WINDOW;
use crate::wake::bits;

/// Words for which a burst is worth its begin.
const SHORTEST: u32 = 8;
/// Cycles between two looks for bursts.
const EVERY: u64 = 4;

/// Cycles that are done ahead of the array's clock, and a mark for some of them.
#[derive(Clone, Debug)]
pub(crate) struct Ahead {
    /// The first cycle that is not done.
    pub(crate) next: u64,
    /// By cycle modulo the window.
    marks: [u64; WINDOW as usize / 64],
}

impl Default for Ahead {
    fn default() -> Self {
        Ahead {
            next: 0,
            marks: [0; WINDOW as usize / 64],
        }
    }
}

impl Ahead {
    /// Forgets all marks.
    pub(crate) fn clear(&mut self) {
        self.marks.fill(0);
    }

    /// Marks a cycle; all marked ones lie within one window.
    pub(crate) fn mark(&mut self, cycle: u64) {
        self.marks[(cycle % WINDOW) as usize / 64] |= 1 << (cycle % 64);
    }

    /// Of the cycles after `now`, how many are done and how many of those are marked.
    pub(crate) fn after(&self, now: u64) -> (u64, u64) {
        let done = now + 1..self.next;
        let marked = |c: &u64| self.marks[(c % WINDOW) as usize / 64] >> (c % 64) & 1 != 0;
        let marks = done.clone().filter(marked).count() as u64;
        (done.count() as u64, marks)
    }
}

impl Npu {
    /// Starts the bursts that can start after this cycle.
    ///
    /// # Errors
    /// What the words' addresses are refused for.
    pub(crate) fn start_bursts(&mut self) -> Result<(), EmuError> {
        if self.lookahead == 0 || !self.now.is_multiple_of(EVERY) {
            return Ok(());
        }
        for at in bits(self.awake.channels & !self.resting) {
            let Some((link, 0)) = self.network.sender(at) else {
                continue;
            };
            let words = self.burst_words(at, link);
            if words >= SHORTEST {
                self.burst(at, link, words)?;
            }
        }
        Ok(())
    }

    /// Wakes the channels that rested until this cycle.
    pub(crate) fn end_rests(&mut self) {
        if self.now < self.rest_end {
            return;
        }
        self.rest_end = u64::MAX;
        for at in bits(self.resting) {
            let next = self.channels[at].resume;
            if next <= self.now {
                self.resting &= !(1 << at);
                self.awake.channels |= 1 << at;
            } else {
                self.rest_end = self.rest_end.min(next);
            }
        }
    }

    /// Words that a channel can send in the coming cycles without anyone noticing.
    fn burst_words(&self, at: usize, link: usize) -> u32 {
        let readers = self.network.dma_readers(link);
        if readers.is_empty() || !self.network.links[link].keeps_up(self.now) {
            return 0;
        }
        let all = readers.iter().chain([&at]);
        let words = all.map(|&channel| match self.resting >> channel & 1 {
            0 => self.channels[channel].burst_words(self.now),
            _ => 0,
        });
        words.min().unwrap_or(0).min(WINDOW as u32 / 2)
    }

    fn burst(&mut self, at: usize, link: usize, words: u32) -> Result<(), EmuError> {
        let (first, next) = (self.now + 1, self.now + 1 + u64::from(words));
        let readers = self.network.dma_readers(link).to_vec();
        for &channel in readers.iter().chain([&at]) {
            self.channels[channel].begin_burst(first, next);
            self.resting |= 1 << channel;
            self.awake.channels &= !(1 << channel);
        }
        self.rest_end = self.rest_end.min(next);
        self.network.links[link].forget_sleepers();
        for cycle in first..next {
            let mut place = Place {
                memory: &mut self.memory,
                host: &mut self.host,
            };
            let data = self.channels[at].burst_fetch(&mut place, cycle)?;
            let link = &mut self.network.links[link];
            link.send_ahead(cycle, Word { data, last: false });
            for (reader, &channel) in readers.iter().enumerate() {
                if let Some(word) = link.take_ahead(reader, cycle) {
                    self.channels[channel].burst_put(&mut place, cycle, word.data)?;
                }
            }
        }
        Ok(())
    }

    /// The next cycle in which anything can happen; `None` if that is the coming one, or if nothing is
    /// under way.
    pub(crate) fn next_event(&self) -> Option<u64> {
        let busy = self.awake.channels & !self.resting != 0 || !self.network.is_quiet();
        let next = self.next_core().min(self.rest_end);
        (!busy && !self.network.dirty && next != u64::MAX && next > self.now + 1).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_counted_from_the_clock_on() {
        let mut ahead = Ahead::default();
        for cycle in [WINDOW + 3, WINDOW + 5] {
            ahead.mark(cycle);
        }
        ahead.next = WINDOW + 6;
        assert_eq!(ahead.after(WINDOW), (5, 2));
        assert_eq!(ahead.after(WINDOW + 3), (2, 1));
        assert_eq!(ahead.after(WINDOW + 9), (0, 0));
        ahead.clear();
        assert_eq!(ahead.after(WINDOW), (5, 0));
    }
}
