//! A stream connection from one sender to one or more receivers.
//!
//! The circuit-switched hops between a sender and its receivers are one link: a buffer as deep and as
//! slow as the switches on the way. A word goes in only when every receiver's way has room, so one
//! receiver that does not take its words holds up the sender and with it all others.

use crate::wake::Wakes;

/// A word on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) data: u32,
    /// Last word of its packet (TLAST).
    pub(crate) last: bool,
}

/// One receiver's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Words that find room on the way.
    pub(crate) words: u32,
    /// Cycles a word needs.
    pub(crate) latency: u32,
}

#[derive(Clone, Debug)]
struct Reader {
    way: Way,
    taken: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    ring: Vec<(u64, Word)>,
    sent: u64,
    readers: Vec<Reader>,
    /// Sender and receivers that sleep until a word is taken or sent.
    sleepers: Wakes,
}

impl Link {
    /// A link with these receivers; without any, nothing can be sent.
    pub(crate) fn new(ways: &[Way]) -> Self {
        let words = ways.iter().map(|w| w.words).max().unwrap_or(0).max(1);
        let empty = Word {
            data: 0,
            last: false,
        };
        Link {
            ring: vec![(0, empty); (words as usize).next_power_of_two()],
            sent: 0,
            readers: ways.iter().map(|&way| Reader { way, taken: 0 }).collect(),
            sleepers: Wakes::default(),
        }
    }

    #[inline]
    fn slot(&self, number: u64) -> usize {
        number as usize & (self.ring.len() - 1)
    }

    /// Whether every receiver's way has room for a word.
    #[inline]
    pub(crate) fn can_send(&self) -> bool {
        !self.readers.is_empty()
            && self
                .readers
                .iter()
                .all(|r| self.sent - r.taken < u64::from(r.way.words))
    }

    /// Sends a word at cycle `now`; call only after [`Link::can_send`].
    #[inline]
    pub(crate) fn send(&mut self, now: u64, word: Word, wakes: &mut Wakes) {
        let slot = self.slot(self.sent);
        self.ring[slot] = (now, word);
        self.sent += 1;
        self.wake(wakes);
    }

    #[inline]
    fn wake(&mut self, wakes: &mut Wakes) {
        if self.sleepers.channels != 0 {
            wakes.add(std::mem::take(&mut self.sleepers));
        }
    }

    /// Puts a channel to sleep until a word is sent or taken.
    #[inline]
    pub(crate) fn sleep(&mut self, who: Wakes) {
        self.sleepers.add(who);
    }

    /// Whether nothing is on its way to a receiver.
    #[inline]
    pub(crate) fn nothing_for(&self, reader: usize) -> bool {
        self.readers[reader].taken == self.sent
    }

    /// The word that receiver `reader` can take at cycle `now`.
    #[inline]
    pub(crate) fn peek(&self, reader: usize, now: u64) -> Option<Word> {
        let r = &self.readers[reader];
        if r.taken == self.sent {
            return None;
        }
        let (sent_at, word) = self.ring[self.slot(r.taken)];
        (now >= sent_at + u64::from(r.way.latency)).then_some(word)
    }

    /// Takes the word that [`Link::peek`] showed.
    #[inline]
    pub(crate) fn take(&mut self, reader: usize, wakes: &mut Wakes) {
        self.readers[reader].taken += 1;
        self.wake(wakes);
    }

    /// Whether, after cycle `now`, every receiver has taken what it could, and its way holds all that can
    /// be on it while it goes on so.
    pub(crate) fn keeps_up(&self, now: u64) -> bool {
        self.readers.iter().all(|r| {
            let (sent_at, _) = self.ring[self.slot(r.taken)];
            let none_waits = r.taken == self.sent || sent_at + u64::from(r.way.latency) > now;
            none_waits && r.way.words > r.way.latency
        })
    }

    /// Sends a word at a cycle to come; everyone who would be woken knows.
    #[inline]
    pub(crate) fn send_ahead(&mut self, cycle: u64, word: Word) {
        let slot = self.slot(self.sent);
        self.ring[slot] = (cycle, word);
        self.sent += 1;
    }

    /// Takes the word that has come to a receiver at a cycle to come.
    #[inline]
    pub(crate) fn take_ahead(&mut self, reader: usize, cycle: u64) -> Option<Word> {
        let word = self.peek(reader, cycle)?;
        self.readers[reader].taken += 1;
        Some(word)
    }

    /// Nobody is to be woken.
    pub(crate) fn forget_sleepers(&mut self) {
        self.sleepers = Wakes::default();
    }

    /// Whether every word was taken by everyone.
    pub(crate) fn is_empty(&self) -> bool {
        self.readers.iter().all(|r| r.taken == self.sent)
    }

    /// The receiver whose way is full, if any.
    pub(crate) fn blocked_by(&self) -> Option<usize> {
        self.readers
            .iter()
            .position(|r| self.sent - r.taken >= u64::from(r.way.words))
    }

    /// Words sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: Way = Way {
        words: 8,
        latency: 4,
    };

    fn word(data: u32) -> Word {
        Word { data, last: false }
    }

    #[test]
    fn one_word_a_cycle_flows() {
        let mut link = Link::new(&[WAY]);
        let mut got = Vec::new();
        for now in 0..100u64 {
            if let Some(w) = link.peek(0, now) {
                link.take(0, &mut Wakes::default());
                got.push((now, w.data));
            }
            assert!(link.can_send(), "cycle {now}");
            link.send(now, word(now as u32), &mut Wakes::default());
        }
        assert_eq!(got.len(), 96);
        assert!(got.iter().all(|(now, data)| *now == u64::from(*data) + 4));
    }

    #[test]
    fn the_slowest_receiver_holds_up_all() {
        let mut link = Link::new(&[WAY, WAY]);
        let mut sent = 0;
        for now in 0..50 {
            if link.peek(0, now).is_some() {
                link.take(0, &mut Wakes::default());
            }
            if link.can_send() {
                link.send(now, word(sent), &mut Wakes::default());
                sent += 1;
            }
        }
        assert_eq!(sent, WAY.words);
        assert_eq!(link.blocked_by(), Some(1));
        link.take(1, &mut Wakes::default());
        assert!(link.can_send());
    }

    #[test]
    fn nobody_listens() {
        assert!(!Link::new(&[]).can_send());
    }

    #[test]
    fn sleepers_wake_when_words_move() {
        let mut link = Link::new(&[WAY]);
        let mut wakes = Wakes::default();
        assert!(link.nothing_for(0));
        link.sleep(Wakes::channel(7));
        link.send(0, word(1), &mut wakes);
        assert_eq!(wakes, Wakes::channel(7));
        assert!(!link.nothing_for(0));
        wakes = Wakes::default();
        link.take(0, &mut wakes);
        assert_eq!(wakes, Wakes::default());
        link.sleep(Wakes::channel(9));
        link.send(1, word(2), &mut wakes);
        link.sleep(Wakes::channel(2));
        link.take(0, &mut wakes);
        assert_eq!(wakes.channels, 1 << 9 | 1 << 2);
    }
}
