//! DMA channels: task queues, descriptor chains, one word a cycle.

use arch::TileKind;
use arch::array::dma::{CTRL_RESET, Ctrl};
use arch::array::lock::mem_lock_target;
use arch::array::memory::MEM_OWN;
use arch::array::packet::Header;
use arch::array::{Direction, dma};

use crate::bd::{BD_WORDS, Bd, LockUse, Walk, usable};
use crate::burst::Ahead;
use crate::error::{ChannelId, EmuError};
use crate::host::Host;
use crate::link::{Link, Word};
use crate::lock::{LockRef, Locks};
use crate::memory::Memory;
use crate::mode::{Counted, Mode};
use crate::task::{Task, Waiting};
use crate::timing::{DDR_BLOCK_WORDS, SHIM_FIRST_TASK_CYCLES, SHIM_TASK_CYCLES};
use crate::token;
use crate::trace::DmaState;
use crate::wake::Wakes;

/// The registers of a tile's descriptors.
pub(crate) type BdTable = Vec<[u32; BD_WORDS]>;

/// What a running channel does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Waits for the header that names a descriptor.
    Select,
    Load,
    Acquire,
    Header,
    Data,
    Token,
}

/// What the array lends a channel for one cycle.
pub(crate) struct Surroundings<'a> {
    pub(crate) now: u64,
    pub(crate) bds: &'a mut BdTable,
    pub(crate) memory: &'a mut Memory,
    pub(crate) locks: &'a mut Locks,
    pub(crate) host: &'a mut Host,
    pub(crate) links: &'a mut [Link],
    pub(crate) wakes: &'a mut Wakes,
    /// The channel's index, under which it sleeps.
    pub(crate) index: usize,
    /// The channel's own stream: sender for MM2S, link and receiver for S2MM.
    pub(crate) stream: Option<(usize, usize)>,
    /// Link of the tile's control port, for tokens.
    pub(crate) token_link: Option<usize>,
}

impl Surroundings<'_> {
    fn place(&mut self) -> Place<'_> {
        Place {
            memory: self.memory,
            host: self.host,
        }
    }
}

/// Where a channel's words come from and go to.
pub(crate) struct Place<'a> {
    pub(crate) memory: &'a mut Memory,
    pub(crate) host: &'a mut Host,
}

/// What a cycle of a channel came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Something moved.
    Moved,
    /// Nothing moved; ask again in the next cycle.
    Waits,
    /// Nothing moved, the host's memory is busy until the cycle in `resume`.
    WaitsForHost,
    /// Nothing moved; it left its mark and will be woken.
    Sleeps,
}

/// What keeps a channel from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// A lock and the value to acquire.
    Lock(LockRef, i32),
    /// Words on its stream.
    Words,
    /// Room on its stream.
    Room,
    /// A way for its token.
    Token,
}

/// Counts of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) words: u64,
    pub(crate) tasks: u64,
    pub(crate) lock_stalls: u64,
    pub(crate) stream_stalls: u64,
    pub(crate) host_stalls: u64,
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    /// Kind of its tile.
    kind: TileKind,
    pub(crate) ctrl: u32,
    mode: Mode,
    pub(crate) counted: Counted,
    queue: Waiting,
    task: Option<Task>,
    phase: Phase,
    bd: u8,
    acquire: Option<(LockRef, i32)>,
    release: Option<(LockRef, i32)>,
    next: Option<u8>,
    walk: Walk,
    length: u32,
    header: Option<u32>,
    tlast: bool,
    /// Of a shim channel, whether a task has begun whose first descriptor is not loaded, and whether any
    /// was before it.
    fresh: bool,
    warm: bool,
    /// The cycle from which on words of a shim channel's task move.
    opens: u64,
    /// Of a shim channel, words of the block of host memory still to come and the cycle from which on they move.
    block: (u32, u64),
    /// What it has done ahead of the array's clock; marked are the cycles in which a word moved.
    pub(crate) ahead: Ahead,
    /// While it rests, the cycle in which it goes on.
    pub(crate) resume: u64,
    /// Cycle in which it fell asleep.
    asleep: Option<u64>,
    counts: Counts,
}

impl Channel {
    pub(crate) fn new(id: ChannelId) -> Self {
        Channel {
            id,
            kind: id.tile.kind(),
            ctrl: 0,
            mode: Mode::default(),
            counted: Counted::default(),
            queue: Waiting::default(),
            task: None,
            phase: Phase::Idle,
            bd: 0,
            acquire: None,
            release: None,
            next: None,
            walk: Walk::DONE,
            length: 0,
            header: None,
            tlast: false,
            fresh: false,
            warm: false,
            opens: 0,
            block: (0, 0),
            ahead: Ahead::default(),
            resume: 0,
            asleep: None,
            counts: Counts::default(),
        }
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle && self.queue.len() == 0
    }

    /// Writes the control register.
    ///
    /// # Errors
    /// A text naming the mode that is not modelled.
    pub(crate) fn write_ctrl(&mut self, value: u32) -> Result<(), String> {
        let mode = Mode::read(self.id, value)?;
        if self.phase != Phase::Idle && mode.out_of_order != self.mode.out_of_order {
            return Err("out-of-order mode changes while a task runs\n\
                        help: wait for the channel's tasks first"
                .into());
        }
        if self.kind != TileKind::Shim && value & CTRL_RESET != 0 {
            self.task = None;
            self.queue = Waiting::default();
            self.phase = Phase::Idle;
            self.asleep = None;
        }
        self.mode = mode;
        self.ctrl = value;
        Ok(())
    }

    fn in_reset(&self) -> bool {
        self.id.tile.kind() != TileKind::Shim && self.ctrl & CTRL_RESET != 0
    }

    /// Writes the task queue register.
    ///
    /// # Errors
    /// When the queue is full or the channel is in reset.
    pub(crate) fn push_task(&mut self, word: u32) -> Result<(), EmuError> {
        if self.in_reset() {
            return Err(EmuError::Value {
                tile: self.id.tile,
                offset: dma::queue_offset(self.id.tile.kind(), self.id.dir, self.id.number),
                value: word,
                why: "the channel is in reset\nhelp: release the reset first".into(),
            });
        }
        if !self.queue.push(Task::from_word(self.id.tile.kind(), word)) {
            return Err(EmuError::QueueFull { channel: self.id });
        }
        if self.phase == Phase::Idle {
            self.start_next();
        }
        Ok(())
    }

    /// Whether a task that is queued or repeats still has to load descriptor `bd`.
    pub(crate) fn will_start_at(&self, bd: u8) -> bool {
        let repeats = self.task.is_some_and(|t| t.start == bd && t.repeats > 0);
        let names_it = !self.mode.out_of_order && (self.queue.starts_at(bd) || repeats);
        names_it || (self.phase == Phase::Load && self.bd == bd)
    }

    fn start_next(&mut self) {
        self.task = self.queue.pop();
        self.fresh = self.task.is_some();
        match self.task {
            Some(task) => self.begin(task),
            None => self.phase = Phase::Idle,
        }
    }

    /// Begins an execution of a task: its first descriptor, or the next packet's.
    fn begin(&mut self, task: Task) {
        self.phase = if self.mode.out_of_order {
            Phase::Select
        } else {
            self.bd = task.start;
            Phase::Load
        };
    }

    /// The status register.
    pub(crate) fn status(&self) -> u32 {
        let busy = self.phase != Phase::Idle;
        let status = dma::Status {
            current_bd: u32::from(self.bd),
            queue_size: self.queue.len() as u32,
            running: busy,
            state: if busy { 2 } else { 0 },
            stalled_acquire: self.phase == Phase::Acquire,
            ..dma::Status::default()
        };
        status.to_word().unwrap_or(0)
    }

    /// Counts up to and including cycle `now`.
    pub(crate) fn counts(&self, now: u64) -> Counts {
        let mut counts = self.counts;
        self.add_sleep(&mut counts, now + 1);
        let (cycles, words) = self.ahead.after(now);
        counts.words -= words;
        counts.stream_stalls -= cycles - words;
        counts
    }

    /// Adds the cycles slept before cycle `now`; the one of falling asleep is counted already.
    fn add_sleep(&self, counts: &mut Counts, now: u64) {
        let Some(since) = self.asleep else { return };
        let slept = now.saturating_sub(since + 1);
        match self.phase {
            Phase::Acquire => counts.lock_stalls += slept,
            _ if self.block.1 > since => counts.host_stalls += slept,
            _ => counts.stream_stalls += slept,
        }
    }

    /// One cycle.
    ///
    /// # Errors
    /// Illegal descriptors, lock overflows, host accesses out of bounds.
    #[inline]
    pub(crate) fn step(&mut self, s: &mut Surroundings<'_>) -> Result<Outcome, EmuError> {
        if self.asleep.is_some() {
            let mut counts = self.counts;
            self.add_sleep(&mut counts, s.now);
            self.counts = counts;
            self.asleep = None;
        }
        let outcome = self.advance(s)?;
        if outcome != Outcome::Moved {
            match self.phase {
                Phase::Acquire => self.counts.lock_stalls += 1,
                _ if outcome == Outcome::WaitsForHost => self.counts.host_stalls += 1,
                Phase::Select | Phase::Header | Phase::Data => self.counts.stream_stalls += 1,
                Phase::Idle | Phase::Load | Phase::Token => {}
            }
            if outcome == Outcome::WaitsForHost {
                self.resume = self.block.1;
                self.asleep = Some(s.now);
            }
            if outcome == Outcome::Sleeps && self.phase != Phase::Idle {
                self.asleep = Some(s.now);
            }
        }
        Ok(outcome)
    }

    fn advance(&mut self, s: &mut Surroundings<'_>) -> Result<Outcome, EmuError> {
        if self.phase == Phase::Load {
            self.load(s)?;
        }
        if self.mode.pause_stream
            && matches!(self.phase, Phase::Select | Phase::Header | Phase::Data)
        {
            return Ok(Outcome::Waits);
        }
        match self.phase {
            Phase::Idle | Phase::Load => Ok(Outcome::Sleeps),
            Phase::Select => self.select(s),
            Phase::Acquire => {
                if let Some((lock, value)) = self.acquire
                    && !s.locks.acquire(lock, value, s.wakes)
                {
                    s.locks.sleep(lock, Wakes::channel(s.index));
                    return Ok(Outcome::Sleeps);
                }
                self.phase = if self.header.is_some() {
                    Phase::Header
                } else {
                    Phase::Data
                };
                Ok(Outcome::Moved)
            }
            Phase::Header => Ok(self.send_header(s)),
            Phase::Data => {
                let outcome = match self.id.dir {
                    Direction::Mm2s => self.send_word(s)?,
                    Direction::S2mm => self.receive_word(s)?,
                };
                if outcome == Outcome::Moved {
                    self.counts.words += 1;
                    if self.walk.left() == 0 {
                        self.finish_bd(s)?;
                    }
                }
                Ok(outcome)
            }
            Phase::Token => {
                let Some(link) = s.token_link.map(|l| &mut s.links[l]) else {
                    return Ok(Outcome::Waits);
                };
                if !link.can_send() {
                    return Ok(Outcome::Waits);
                }
                let word = token::encode(self.id, Ctrl::from_word(self.ctrl).controller_id);
                link.send(s.now, word, s.wakes);
                self.start_next();
                Ok(Outcome::Moved)
            }
        }
    }

    fn load(&mut self, s: &mut Surroundings<'_>) -> Result<(), EmuError> {
        let kind = self.id.tile.kind();
        let Some(words) = s.bds.get_mut(usize::from(self.bd)) else {
            return Err(EmuError::Bd {
                channel: self.id,
                bd: self.bd,
                field: "start_bd",
                why: format!("is {}, {}", self.bd, usable(self.id)),
            });
        };
        let bd = Bd::from_words(kind, words);
        bd.check(self.id, self.bd, self.mode.out_of_order)?;
        self.mode.check(&bd, self.id, self.bd)?;
        set_iter_current(kind, words, bd.iter_next());
        self.acquire = self.lock(s.locks, bd.acquire);
        self.release = self.lock(s.locks, bd.release);
        self.next = bd.next;
        self.walk = bd.walk();
        self.length = bd.length;
        self.tlast = !bd.tlast_suppress;
        self.header = match bd.packet {
            Some(_) if self.id.dir == Direction::S2mm => None,
            Some((id, packet_type)) => Header {
                bd_id: bd.ooo_bd_id,
                ..Header::new(self.id.tile, id, packet_type)
            }
            .with_parity()
            .ok(),
            None => None,
        };
        self.block = (0, 0);
        if self.fresh && kind == TileKind::Shim {
            let first = u64::from(!self.warm);
            let at = usize::from(self.id.dir == Direction::S2mm);
            self.opens = s.now + SHIM_TASK_CYCLES[at] + first * SHIM_FIRST_TASK_CYCLES[at];
            self.warm = true;
        }
        self.fresh = false;
        self.phase = Phase::Acquire;
        Ok(())
    }

    /// The lock a descriptor names; ids were checked.
    fn lock(&self, locks: &Locks, field: LockUse) -> Option<(LockRef, i32)> {
        let (id, value) = field?;
        let (tile, id) = match self.id.tile.kind() {
            TileKind::Mem => mem_lock_target(self.id.tile, id)?,
            TileKind::Core | TileKind::Shim => (self.id.tile, id),
        };
        Some((locks.find(tile, id)?, value))
    }

    /// The link to send on if it has room; otherwise the channel sleeps until it has.
    #[inline]
    fn sender<'s>(&self, s: &'s mut Surroundings<'_>) -> Option<(&'s mut Link, &'s mut Wakes)> {
        let (link, _) = s.stream?;
        let link = &mut s.links[link];
        if !link.can_send() {
            link.sleep(Wakes::channel(s.index));
            return None;
        }
        Some((link, s.wakes))
    }

    fn send_header(&mut self, s: &mut Surroundings<'_>) -> Outcome {
        let word = Word {
            data: self.header.unwrap_or(0),
            last: false,
        };
        let now = s.now;
        let Some((link, wakes)) = self.sender(s) else {
            return Outcome::Sleeps;
        };
        link.send(now, word, wakes);
        self.phase = Phase::Data;
        Outcome::Moved
    }

    #[inline]
    fn send_word(&mut self, s: &mut Surroundings<'_>) -> Result<Outcome, EmuError> {
        if self.sender(s).is_none() {
            return Ok(Outcome::Sleeps);
        }
        if let Some(wait) = self.wait_for_host(s) {
            return Ok(wait);
        }
        let data = self.fetch(&mut s.place())?;
        let last = self.tlast && self.walk.left() == 0;
        let now = s.now;
        if let Some((link, wakes)) = self.sender(s) {
            link.send(now, Word { data, last }, wakes);
        }
        Ok(Outcome::Moved)
    }

    #[inline]
    fn receive_word(&mut self, s: &mut Surroundings<'_>) -> Result<Outcome, EmuError> {
        let (link, reader, word) = match Self::next_word(s) {
            Ok(next) => next,
            Err(outcome) => return Ok(outcome),
        };
        if let Some(wait) = self.wait_for_host(s) {
            return Ok(wait);
        }
        s.links[link].take(reader, s.wakes);
        self.put(&mut s.place(), word.data)?;
        let moved = self.length - self.walk.left();
        let bad = |why| self.bad_length(why);
        if self.mode.ends(word.last, moved, self.length).map_err(bad)? {
            let last = self.next.is_none() && self.task.is_none_or(|task| task.repeats == 0);
            let kept = self.counted.push(self.mode, self.bd, moved, last);
            kept.map_err(|why| self.bad_length(why))?;
            self.walk.end();
        }
        Ok(Outcome::Moved)
    }

    /// The word that has come on the channel's stream, with its link and receiver; otherwise the
    /// channel waits or sleeps.
    #[inline]
    fn next_word(s: &mut Surroundings<'_>) -> Result<(usize, usize, Word), Outcome> {
        let (link, reader) = s.stream.ok_or(Outcome::Sleeps)?;
        if let Some(word) = s.links[link].peek(reader, s.now) {
            return Ok((link, reader, word));
        }
        if s.links[link].nothing_for(reader) {
            s.links[link].sleep(Wakes::channel(s.index));
            return Err(Outcome::Sleeps);
        }
        Err(Outcome::Waits)
    }

    /// Takes the header of a packet, which names its descriptor.
    fn select(&mut self, s: &mut Surroundings<'_>) -> Result<Outcome, EmuError> {
        let (link, reader, word) = match Self::next_word(s) {
            Ok(next) => next,
            Err(outcome) => return Ok(outcome),
        };
        s.links[link].take(reader, s.wakes);
        self.bd = Header::from_word(word.data).bd_id as u8;
        if word.last {
            let why = format!(
                "gets a packet without words: its header {:#010x} has TLAST\n\
                 help: send the words after the header",
                word.data
            );
            return Err(self.bad_length(why));
        }
        self.phase = Phase::Load;
        Ok(Outcome::Moved)
    }

    /// A transfer whose words do not fit its descriptor.
    fn bad_length(&self, why: String) -> EmuError {
        EmuError::Bd {
            channel: self.id,
            bd: self.bd,
            field: "buffer_length",
            why,
        }
    }

    /// Words that the channel surely moves if it moves one in every cycle after `now`; it has more to
    /// move then.
    pub(crate) fn burst_words(&self, now: u64) -> u32 {
        if self.phase != Phase::Data || self.mode.pause_stream {
            return 0;
        }
        let left = self.walk.left().saturating_sub(1);
        if self.kind != TileKind::Shim {
            return left;
        }
        let (served, ready) = self.block;
        if now >= ready { left.min(served) } else { 0 }
    }

    /// The channel does the cycles from `first` to before `next` at once.
    pub(crate) fn begin_burst(&mut self, first: u64, next: u64) {
        let mut counts = self.counts;
        self.add_sleep(&mut counts, first);
        self.counts = counts;
        self.asleep = None;
        self.ahead.clear();
        self.ahead.next = next;
        self.resume = next;
        // Every cycle in which no word moves is one of waiting for it.
        self.counts.stream_stalls += next - first;
    }

    /// Takes the next word to send.
    pub(crate) fn burst_fetch(&mut self, s: &mut Place<'_>, cycle: u64) -> Result<u32, EmuError> {
        self.burst_moved(cycle);
        self.fetch(s)
    }

    /// Stores a word that was received.
    pub(crate) fn burst_put(
        &mut self,
        s: &mut Place<'_>,
        cycle: u64,
        data: u32,
    ) -> Result<(), EmuError> {
        self.burst_moved(cycle);
        self.put(s, data)
    }

    fn burst_moved(&mut self, cycle: u64) {
        self.ahead.mark(cycle);
        self.counts.words += 1;
        self.counts.stream_stalls -= 1;
        self.block.0 = self.block.0.saturating_sub(1);
    }

    #[inline]
    fn fetch(&mut self, s: &mut Place<'_>) -> Result<u32, EmuError> {
        match self.walk.next().flatten() {
            None => Ok(0),
            Some(addr) => match self.place(s.memory, addr) {
                Some(place) => Ok(s.memory.word(place)),
                None => s.host.word(self.id, addr),
            },
        }
    }

    #[inline]
    fn put(&mut self, s: &mut Place<'_>, data: u32) -> Result<(), EmuError> {
        match self.walk.next().flatten() {
            None => Ok(()),
            Some(addr) => match self.place(s.memory, addr) {
                Some(place) => {
                    s.memory.set_word(place, data);
                    Ok(())
                }
                None => s.host.set_word(self.id, addr, data),
            },
        }
    }

    /// What the next word waits for in the host's memory, if for anything; channels of other tiles do
    /// not.
    #[inline]
    fn wait_for_host(&mut self, s: &mut Surroundings<'_>) -> Option<Outcome> {
        if self.kind != TileKind::Shim {
            return None;
        }
        let (left, ready) = &mut self.block;
        if *left == 0 {
            if self.mode.pause_memory {
                return Some(Outcome::Waits);
            }
            if s.now < self.opens {
                *ready = self.opens;
                return Some(Outcome::WaitsForHost);
            }
            *left = DDR_BLOCK_WORDS.min(self.walk.left());
            *ready = s.host.ddr.request(self.id.dir, s.now, *left);
        }
        if s.now < *ready {
            return Some(Outcome::WaitsForHost);
        }
        *left -= 1;
        None
    }

    /// Place of a byte address in the tiles' memories; `None` for a shim, which addresses the host.
    #[inline]
    fn place(&self, memory: &Memory, addr: u64) -> Option<u32> {
        let first = memory.first(self.id.tile);
        match self.kind {
            TileKind::Shim => None,
            // The window of a memory tile is one range of places, see `Memory`.
            TileKind::Mem => Some((first + addr as u32).wrapping_sub(MEM_OWN)),
            TileKind::Core => Some(first + addr as u32),
        }
    }

    fn finish_bd(&mut self, s: &mut Surroundings<'_>) -> Result<(), EmuError> {
        if let Some((lock, by)) = self.release {
            let (id, bd) = (self.id, self.bd);
            s.locks
                .release(lock, by, s.wakes, || format!("descriptor {bd} on DMA {id}"))?;
        }
        if let Some(next) = self.next {
            self.bd = next;
            self.phase = Phase::Load;
            return Ok(());
        }
        match &mut self.task {
            Some(task) if task.repeats > 0 => {
                task.repeats -= 1;
                let task = *task;
                self.begin(task);
            }
            Some(task) if task.token => {
                self.counts.tasks += 1;
                self.phase = Phase::Token;
            }
            _ => {
                self.counts.tasks += 1;
                self.start_next();
            }
        }
        Ok(())
    }

    /// What keeps the channel from going on, if it has work.
    pub(crate) fn blocked(&self) -> Option<Blocked> {
        match self.phase {
            Phase::Idle | Phase::Load => None,
            Phase::Acquire => self.acquire.map(|(lock, value)| Blocked::Lock(lock, value)),
            Phase::Select => Some(Blocked::Words),
            Phase::Data if self.id.dir == Direction::S2mm => Some(Blocked::Words),
            Phase::Header | Phase::Data => Some(Blocked::Room),
            Phase::Token => Some(Blocked::Token),
        }
    }

    /// The current descriptor.
    pub(crate) fn bd(&self) -> u8 {
        self.bd
    }

    /// What the channel does, for traces; `None` when it is idle or between descriptors.
    pub(crate) fn state(&self) -> Option<DmaState> {
        match self.phase {
            Phase::Idle | Phase::Load => None,
            Phase::Acquire => Some(DmaState::Lock),
            Phase::Select | Phase::Header | Phase::Data => Some(DmaState::Moves),
            Phase::Token => Some(DmaState::Token),
        }
    }

    /// Words moved by the current descriptor, and how many it moves in all.
    pub(crate) fn progress(&self) -> (u32, u32) {
        let left = self.walk.left().min(self.length);
        (self.length - left, self.length)
    }

    /// Locks that the descriptors still to come acquire (`false`) and release (`true`).
    pub(crate) fn lock_uses(&self, bds: &BdTable, locks: &Locks) -> Vec<(LockRef, bool)> {
        let running = (self.phase != Phase::Idle).then_some(self.bd);
        let again = self.task.filter(|t| t.repeats > 0).map(|t| t.start);
        let mut open: Vec<u8> = running.into_iter().chain(again).collect();
        open.extend(self.queue.starts());
        let mut seen = 0u64;
        let mut uses = Vec::new();
        while let Some(id) = open.pop() {
            let Some(words) = bds.get(usize::from(id)).filter(|_| seen >> id & 1 == 0) else {
                continue;
            };
            seen |= 1 << id;
            let bd = Bd::from_words(self.id.tile.kind(), words);
            open.extend(bd.next);
            for (field, releases) in [(bd.acquire, false), (bd.release, true)] {
                uses.extend(self.lock(locks, field).map(|(lock, _)| (lock, releases)));
            }
        }
        uses
    }

    /// What the channel waits for; `None` when it is idle. `stream` describes the other end,
    /// `token_route` tells whether the tile's control port is connected.
    pub(crate) fn wait_text(
        &self,
        locks: &Locks,
        stream: &str,
        token_route: bool,
    ) -> Option<String> {
        let id = self.id;
        let bd = self.bd;
        let (done, length) = self.progress();
        let what = match self.phase {
            Phase::Idle => return None,
            Phase::Select | Phase::Header | Phase::Data if self.mode.pause_stream => {
                "is paused by bit 2 of its control register".into()
            }
            Phase::Data if self.mode.pause_memory => {
                format!("is paused by bit 1 of its control register after {done} of {length} words")
            }
            Phase::Select => format!("waits for the header of a packet {stream}"),
            Phase::Load => "is about to load it".into(),
            Phase::Acquire => match self.acquire {
                Some((lock, value)) => locks.wait_text(lock, value),
                None => "is about to start it".into(),
            },
            Phase::Header => format!("waits for room to send its packet header {stream}"),
            Phase::Data if id.dir == Direction::Mm2s => {
                format!("waits for room on its stream after {done} of {length} words {stream}")
            }
            Phase::Data => format!("waits for stream data after {done} of {length} words {stream}"),
            Phase::Token if token_route => "waits for room to send its task-complete token".into(),
            Phase::Token => {
                "is done, but its token has no way: the tile's control port is not connected".into()
            }
        };
        Some(format!("DMA {id}, descriptor {bd}, {what}"))
    }
}

/// Updates the iteration counter in a descriptor's register words.
fn set_iter_current(kind: TileKind, words: &mut [u32; BD_WORDS], current: u32) {
    let fields = match kind {
        TileKind::Core => arch::array::CoreBd::FIELDS,
        TileKind::Mem => arch::array::MemBd::FIELDS,
        TileKind::Shim => arch::array::ShimBd::FIELDS,
    };
    if let Some(field) = fields.iter().find(|f| f.name == "iter_current") {
        words[field.word] =
            words[field.word] & !field.mask() | (current << field.lsb & field.mask());
    }
}
