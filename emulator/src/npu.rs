//! The whole array: one clock, configuration, state.

use arch::array::Direction;
use arch::{Tile, TileKind};

use crate::bd::BD_WORDS;
use crate::cores::Cores;
use crate::ddr::Ddr;
use crate::dma::{BdTable, Channel, Counts, Outcome, Surroundings};
use crate::error::{ChannelId, EmuError, tile_index};
use crate::host::Host;
use crate::lock::Locks;
use crate::memory::Memory;
use crate::module::Modules;
use crate::network::{Network, channel_ids};
use crate::report::{CoreReport, DmaReport, RunReport};
use crate::timing::{ClockMhz, WINDOW};
use crate::trace::Tracer;
use crate::wake::Wakes;

/// The npu1 array, powered up and unconfigured.
///
/// Configure it with [`Npu::load_cdo`] or [`Npu::load_pdi`], then run instruction streams with
/// [`Npu::run`]. State (memories, locks, running chains) lasts from one run to the next.
pub struct Npu {
    pub(crate) now: u64,
    pub(crate) memory: Memory,
    pub(crate) locks: Locks,
    pub(crate) host: Host,
    pub(crate) network: Network,
    pub(crate) cores: Cores,
    pub(crate) modules: Modules,
    /// By tile index.
    pub(crate) bds: Vec<BdTable>,
    /// In the order of [`channel_ids`].
    pub(crate) channels: Vec<Channel>,
    /// Who is to be asked in the next cycle.
    pub(crate) awake: Wakes,
    clock: ClockMhz,
    /// Channels for which nothing is to be done until a cycle they know, and the first such cycle.
    pub(crate) resting: u128,
    pub(crate) rest_end: u64,
    /// Cycles of a window that a core may be ahead of the array's clock.
    pub(crate) lookahead: u64,
    /// Tokens that reached the host, by channel.
    pub(crate) tokens: Vec<u32>,
    /// The trace in the making.
    pub(crate) tracer: Option<Box<Tracer>>,
    /// Index of each tile's first channel.
    first_channel: Vec<usize>,
    /// Nobody sleeps, to compare with.
    #[cfg(test)]
    pub(crate) ask_everyone: bool,
}

/// Counters at the begin of a run.
pub(crate) struct Snapshot {
    now: u64,
    dma: Vec<Counts>,
    cores: Vec<CoreReport>,
}

impl Default for Npu {
    fn default() -> Self {
        Npu::new()
    }
}

impl Npu {
    /// An array after power-up: memories and locks zero, cores in reset, nothing connected.
    pub fn new() -> Self {
        let channels: Vec<_> = channel_ids().map(Channel::new).collect();
        let first_channel = Tile::all()
            .map(|tile| {
                let of_tile = |c: &Channel| c.id.tile == tile;
                channels.iter().position(of_tile).unwrap_or(channels.len())
            })
            .collect();
        let memory = Memory::new();
        Npu {
            now: 0,
            cores: Cores::new(&memory),
            memory,
            locks: Locks::new(),
            modules: Modules::default(),
            host: Host::default(),
            network: Network::new(),
            bds: Tile::all()
                .map(|tile| vec![[0; BD_WORDS]; usize::from(tile.kind().bds())])
                .collect(),
            tokens: vec![0; channels.len()],
            channels,
            awake: Wakes::default(),
            clock: ClockMhz::default(),
            resting: 0,
            rest_end: u64::MAX,
            lookahead: WINDOW,
            tracer: None,
            first_channel,
            #[cfg(test)]
            ask_everyone: false,
        }
    }

    /// Cycles since power-up.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Whether cores may run ahead of the array's clock while nobody can tell; they may unless this
    /// is called. Results and reports are the same, but a debugger that looks at a core between two
    /// steps finds it up to 256 cycles on.
    pub fn set_lookahead(&mut self, allowed: bool) {
        self.lookahead = if allowed { WINDOW } else { 0 };
    }

    /// Sets the array clock, which tells how many cycles the host's memory takes.
    pub fn set_clock(&mut self, clock: ClockMhz) {
        self.clock = clock;
        self.host.ddr = Ddr::new(clock);
    }

    /// Index of a channel that the tile has.
    pub(crate) fn channel_index(&self, tile: Tile, dir: Direction, number: u8) -> usize {
        let within = match dir {
            Direction::S2mm => number,
            Direction::Mm2s => tile.kind().dma_channels() + number,
        };
        self.first_channel[tile_index(tile)] + usize::from(within)
    }

    /// Brings the streams up to date with the switch registers.
    pub(crate) fn connect(&mut self) -> Result<(), EmuError> {
        if self.network.dirty {
            self.network.rebuild()?;
            for (at, channel) in self.channels.iter().enumerate() {
                if !channel.is_idle() {
                    self.awake.channels |= 1 << at;
                }
            }
        }
        Ok(())
    }

    /// One cycle of the whole array: cores, DMA channels, packet switches, in tile order. Returns
    /// whether anything moved.
    ///
    /// # Errors
    /// What a core, a descriptor or a stream switch refuses.
    pub fn step(&mut self) -> Result<bool, EmuError> {
        self.connect()?;
        #[cfg(test)]
        if self.ask_everyone {
            self.awake = Wakes {
                channels: u128::MAX,
                cores: u32::MAX >> 16,
            };
        }
        self.now += 1;
        self.end_rests();
        let mut moved = self.step_cores()? || self.resting != 0;
        let mut rest = u128::MAX;
        while self.awake.channels & !self.resting & rest != 0 {
            let at = (self.awake.channels & !self.resting & rest).trailing_zeros();
            moved |= self.step_channel(at as usize)?;
            rest = u128::MAX.checked_shl(at + 1).unwrap_or(0);
        }
        let tokens = &mut self.tokens;
        let first = &self.first_channel;
        moved |= self.network.step(self.now, &mut self.awake, |channel| {
            let within = match channel.dir {
                Direction::S2mm => channel.number,
                Direction::Mm2s => channel.tile.kind().dma_channels() + channel.number,
            };
            tokens[first[tile_index(channel.tile)] + usize::from(within)] += 1;
        })?;
        moved |= self.step_control_ports()?;
        self.start_bursts()?;
        Ok(moved)
    }

    #[inline]
    fn step_channel(&mut self, at: usize) -> Result<bool, EmuError> {
        let channel = &mut self.channels[at];
        let tile = channel.id.tile;
        let mut surroundings = Surroundings {
            now: self.now,
            bds: &mut self.bds[tile_index(tile)],
            memory: &mut self.memory,
            locks: &mut self.locks,
            host: &mut self.host,
            wakes: &mut self.awake,
            index: at,
            stream: self.network.channel(at),
            token_link: match self.network.control.is_replying(tile) {
                true => None,
                false => self.network.control_out(tile),
            },
            links: &mut self.network.links,
        };
        let outcome = channel.step(&mut surroundings)?;
        if outcome == Outcome::WaitsForHost {
            self.resting |= 1 << at;
            self.rest_end = self.rest_end.min(channel.resume);
            self.awake.channels &= !(1 << at);
        }
        if outcome == Outcome::Sleeps || channel.is_idle() {
            self.awake.channels &= !(1 << at);
        }
        Ok(outcome == Outcome::Moved)
    }

    /// Bytes of a tile's data memory, for tests and debuggers.
    pub fn data(&self, tile: Tile, offset: u32, len: u32) -> Option<&[u8]> {
        self.memory.get(tile, offset, len)
    }

    /// Value of a lock; `None` when the tile has no such lock.
    pub fn lock(&self, tile: Tile, id: u8) -> Option<u8> {
        self.locks.find(tile, id).map(|lock| self.locks.value(lock))
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            now: self.now,
            dma: self.channels.iter().map(|c| c.counts(self.now)).collect(),
            cores: self.core_reports(),
        }
    }

    pub(crate) fn report(&self, before: &Snapshot, operations: usize) -> RunReport {
        let dma = self.channels.iter().zip(&before.dma).map(|(c, b)| {
            let counts = c.counts(self.now);
            DmaReport {
                channel: c.id,
                words: counts.words - b.words,
                tasks: counts.tasks - b.tasks,
                lock_stalls: counts.lock_stalls - b.lock_stalls,
                stream_stalls: counts.stream_stalls - b.stream_stalls,
                host_stalls: counts.host_stalls - b.host_stalls,
            }
        });
        let cores = self.core_reports().into_iter().map(|mut core| {
            if let Some(b) = before.cores.iter().find(|b| b.tile == core.tile) {
                core.busy -= b.busy;
                core.lock_stalls -= b.lock_stalls;
                core.stream_stalls -= b.stream_stalls;
                core.memory_stalls -= b.memory_stalls;
            }
            core
        });
        let running = |c: &&Channel| c.id.tile.kind() == TileKind::Shim && !c.is_idle();
        let dma: Vec<_> = dma.filter(|d| d.words > 0).collect();
        let host_bytes = |dir| {
            let shim = |d: &&DmaReport| d.channel.tile.kind() == TileKind::Shim;
            let channels = dma.iter().filter(shim).filter(|d| d.channel.dir == dir);
            channels.map(|d| d.words * 4).sum()
        };
        RunReport {
            clock: self.clock,
            cycles: self.now - before.now,
            operations,
            host_read: host_bytes(Direction::Mm2s),
            host_written: host_bytes(Direction::S2mm),
            cores: cores.collect(),
            dma,
            unfinished: self.channels.iter().filter(running).map(|c| c.id).collect(),
        }
    }

    /// Everything that waits, one line each: cores, DMA channels, packets.
    pub(crate) fn wait_texts(&self) -> Vec<String> {
        let mut out = self.core_wait_texts();
        for (at, channel) in self.channels.iter().enumerate() {
            let other = self.network.other_end(at, channel.id);
            let token_route = self.network.control_out(channel.id.tile).is_some();
            out.extend(channel.wait_text(&self.locks, &other, token_route));
        }
        out.extend(self.network.wait_texts(self.now));
        out
    }

    /// Channels that have work, for tests and debuggers.
    pub fn running_channels(&self) -> Vec<ChannelId> {
        self.channels
            .iter()
            .filter(|c| !c.is_idle())
            .map(|c| c.id)
            .collect()
    }
}
