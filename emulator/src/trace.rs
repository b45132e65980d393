//! What happened when: spans of cores and DMA channels, values of locks, traffic with host memory.
//!
//! The tracer looks at the array after every cycle of a run and notes what changed; it touches
//! nothing, so that a traced run takes the same cycles as any other.

use std::collections::BTreeMap;

use arch::array::Direction;
use arch::{Tile, TileKind};

use crate::core::Wait;
use crate::error::ChannelId;
use crate::npu::Npu;

/// Cycles of one sample of the traffic with host memory.
pub const TRAFFIC_CYCLES: u64 = 256;

/// Records a trace holds at most; what follows is left out and counted.
const LIMIT: usize = 2_000_000;

/// What a core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreState {
    /// Runs the function with this position in [`Trace::functions`]; none where it has no names.
    Runs(Option<usize>),
    /// Waits.
    Waits(Wait),
}

/// A core in one state, from a cycle up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreSpan {
    /// The core.
    pub tile: Tile,
    /// What it does.
    pub state: CoreState,
    /// First cycle.
    pub from: u64,
    /// Cycle after the last.
    pub to: u64,
}

/// What a DMA channel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaState {
    /// Waits for the lock of a descriptor.
    Lock,
    /// Moves the words of a descriptor.
    Moves,
    /// Waits to send its token.
    Token,
}

/// A DMA channel at one descriptor, from a cycle up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaSpan {
    /// The channel.
    pub channel: ChannelId,
    /// Descriptor.
    pub bd: u8,
    /// What it does.
    pub state: DmaState,
    /// First cycle.
    pub from: u64,
    /// Cycle after the last.
    pub to: u64,
    /// 32-bit words moved.
    pub words: u64,
    /// Cycles without a word because the stream had none or no room.
    pub stalls: u64,
}

/// A lock takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockChange {
    /// Cycle.
    pub at: u64,
    /// Tile of the lock.
    pub tile: Tile,
    /// Id on the tile.
    pub id: u8,
    /// New value.
    pub value: u8,
}

/// Traffic with host memory in [`TRAFFIC_CYCLES`] cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// First cycle.
    pub from: u64,
    /// Bytes read from host buffers.
    pub read: u64,
    /// Bytes written to host buffers.
    pub written: u64,
}

/// The records of one or several runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Cycle in which it began.
    pub from: u64,
    /// Cycle after its last.
    pub to: u64,
    /// Names of the functions of each core.
    pub functions: BTreeMap<Tile, Vec<String>>,
    /// Cores, in the order in which the spans end.
    pub cores: Vec<CoreSpan>,
    /// DMA channels, in the order in which the spans end.
    pub dma: Vec<DmaSpan>,
    /// Locks, in order of time.
    pub locks: Vec<LockChange>,
    /// Host memory, in order of time.
    pub traffic: Vec<Traffic>,
    /// Records that were left out because there were too many.
    pub left_out: u64,
}

/// A trace in the making.
#[derive(Debug, Default)]
pub(crate) struct Tracer {
    /// What the array's lookahead was before.
    lookahead: u64,
    trace: Trace,
    cores: BTreeMap<Tile, CoreSpan>,
    /// By channel index.
    dma: Vec<Option<DmaSpan>>,
    locks: Vec<u8>,
    /// Words read and written when the current sample began, and its first cycle.
    host: ((u64, u64), u64),
}

impl Trace {
    fn is_full(&mut self) -> bool {
        let count = self.cores.len() + self.dma.len() + self.locks.len() + self.traffic.len();
        self.left_out += u64::from(count >= LIMIT);
        count >= LIMIT
    }
}

impl Npu {
    /// Begins to record what happens in runs. Cores are seen by function where
    /// [`Npu::name_functions`] named these.
    pub fn start_trace(&mut self) {
        let lookahead = std::mem::take(&mut self.lookahead);
        self.tracer = Some(Box::new(Tracer {
            lookahead,
            trace: Trace {
                from: self.now,
                ..Trace::default()
            },
            dma: vec![None; self.channels.len()],
            locks: self.locks.values().to_vec(),
            host: (self.host_words(), self.now),
            ..Tracer::default()
        }));
    }

    /// Ends the recording; `None` if there was none.
    pub fn take_trace(&mut self) -> Option<Trace> {
        let mut tracer = self.tracer.take()?;
        self.lookahead = tracer.lookahead;
        let end = self.now + 1;
        for span in std::mem::take(&mut tracer.cores).into_values() {
            tracer.core_ends(span, end);
        }
        for at in 0..tracer.dma.len() {
            tracer.dma_ends(at, end, self.dma_totals(at));
        }
        tracer.traffic(end, self.host_words());
        tracer.trace.to = end;
        for tile in tracer.trace.cores.iter().map(|span| span.tile) {
            let names = self
                .core(tile)
                .into_iter()
                .flat_map(|c| c.symbols().names());
            let functions = &mut tracer.trace.functions;
            functions
                .entry(tile)
                .or_insert_with(|| names.map(str::to_owned).collect());
        }
        Some(tracer.trace)
    }

    /// Words read from and written to host memory so far.
    fn host_words(&self) -> (u64, u64) {
        let shims = self.channels.iter().enumerate();
        let shims = shims.filter(|(_, c)| c.id.tile.kind() == TileKind::Shim);
        shims.fold((0, 0), |(read, written), (at, channel)| {
            let (words, _) = self.dma_totals(at);
            match channel.id.dir {
                Direction::Mm2s => (read + words, written),
                Direction::S2mm => (read, written + words),
            }
        })
    }

    /// Words and stream stalls of a channel so far.
    fn dma_totals(&self, at: usize) -> (u64, u64) {
        let counts = self.channels[at].counts(self.now);
        (counts.words, counts.stream_stalls)
    }

    /// Notes what is different after this cycle.
    pub(crate) fn trace_cycle(&mut self) {
        let Some(mut tracer) = self.tracer.take() else {
            return;
        };
        let now = self.now;
        let mut ended: Vec<Tile> = tracer.cores.keys().copied().collect();
        for (tile, core, wait) in self.live_cores() {
            ended.retain(|t| *t != tile);
            let state = wait.map_or_else(
                || CoreState::Runs(core.symbols().position(core.pc())),
                CoreState::Waits,
            );
            tracer.core(tile, Some(state), now);
        }
        for tile in ended {
            tracer.core(tile, None, now);
        }
        for at in 0..self.channels.len() {
            let channel = &self.channels[at];
            let state = channel
                .state()
                .map(|state| (channel.id, channel.bd(), state));
            let same = tracer.dma[at].map(|s| (s.channel, s.bd, s.state)) == state;
            if !same {
                let totals = self.dma_totals(at);
                tracer.dma_ends(at, now, totals);
                tracer.dma[at] = state.map(|(channel, bd, state)| DmaSpan {
                    channel,
                    bd,
                    state,
                    from: now,
                    to: now,
                    words: totals.0,
                    stalls: totals.1,
                });
            }
        }
        if tracer.locks != self.locks.values() {
            for (at, value) in self.locks.values().iter().enumerate() {
                if tracer.locks[at] != *value && !tracer.trace.is_full() {
                    let (tile, id) = self.locks.name(self.locks.at(at));
                    tracer.trace.locks.push(LockChange {
                        at: now,
                        tile,
                        id,
                        value: *value,
                    });
                }
            }
            tracer.locks.copy_from_slice(self.locks.values());
        }
        if now.saturating_sub(tracer.host.1) >= TRAFFIC_CYCLES {
            tracer.traffic(now, self.host_words());
        }
        self.tracer = Some(tracer);
    }
}

impl Tracer {
    fn core(&mut self, tile: Tile, state: Option<CoreState>, now: u64) {
        let before = self.cores.get(&tile).copied();
        if before.map(|span| span.state) == state {
            return;
        }
        if let Some(span) = before {
            self.cores.remove(&tile);
            self.core_ends(span, now);
        }
        if let Some(state) = state {
            let span = CoreSpan {
                tile,
                state,
                from: now,
                to: now,
            };
            self.cores.insert(tile, span);
        }
    }

    fn core_ends(&mut self, span: CoreSpan, to: u64) {
        if !self.trace.is_full() {
            self.trace.cores.push(CoreSpan { to, ..span });
        }
    }

    fn dma_ends(&mut self, at: usize, to: u64, (words, stalls): (u64, u64)) {
        if let Some(span) = self.dma[at].take()
            && !self.trace.is_full()
        {
            self.trace.dma.push(DmaSpan {
                to,
                words: words - span.words,
                stalls: stalls - span.stalls,
                ..span
            });
        }
    }

    /// Ends a sample of the traffic with host memory.
    fn traffic(&mut self, now: u64, words: (u64, u64)) {
        let (before, from) = self.host;
        if !self.trace.is_full() {
            self.trace.traffic.push(Traffic {
                from,
                read: 4 * (words.0 - before.0),
                written: 4 * (words.1 - before.1),
            });
        }
        self.host = (words, now);
    }
}
