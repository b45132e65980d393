//! The cores of the array: control registers, one cycle of all, what they wait for.

use arch::Tile;
use arch::array::core_regs::{AccumulatorControl, CONTROL_ENABLE, CONTROL_RESET, Status};
use arch::array::lock::core_lock_target;
use arch::array::memory::CORE_OWN;
use formats::elf::CoreElf;

use rayon::prelude::*;

use crate::bd::Bd;
use crate::burst::Ahead;
use crate::cascade::Cascades;
use crate::core::{Core, Fault, Step, Symbols, Wait, is_program_of};
use crate::dma::BdTable;
use crate::error::{EmuError, TILES, tile_index};
use crate::memory::Memory;
use crate::npu::Npu;
use crate::report::CoreReport;
use crate::surroundings::{CoreSurroundings, Windows};
use crate::timing::WINDOW;

/// A core tile's core.
struct Slot {
    core: Core,
    control: u32,
    windows: Windows,
    waits_for: Option<Wait>,
    /// What it has run ahead, up to the cycle in which it is asked again; marked are the cycles that it
    /// waited for a memory bank.
    ahead: Ahead,
    /// What ends the run in that cycle.
    fault: Option<Box<Fault>>,
    /// Cycle in which it fell asleep on a lock.
    asleep: Option<u64>,
    /// Cycles slept so far, after the first of each sleep.
    slept: u64,
}

impl Slot {
    /// Cycles slept before cycle `now`; the one of falling asleep is counted by the core.
    fn sleeping(&self, now: u64) -> u64 {
        self.asleep.map_or(0, |since| now.saturating_sub(since + 1))
    }

    fn wake(&mut self, now: u64) {
        self.slept += self.sleeping(now);
        self.asleep = None;
    }
}

pub(crate) struct Cores {
    slots: Vec<Slot>,
    /// By tile index, where the tile's slot is.
    slot_of: [usize; TILES],
    cascades: Cascades,
}

impl Cores {
    pub(crate) fn new(memory: &Memory) -> Self {
        let mut slots = Vec::new();
        let mut slot_of = [usize::MAX; TILES];
        for tile in Tile::all().filter(|t| t.kind() == arch::TileKind::Core) {
            slot_of[tile_index(tile)] = slots.len();
            slots.push(Slot {
                core: Core::new(tile),
                control: CONTROL_RESET,
                windows: Windows::of(tile, memory),
                waits_for: None,
                ahead: Ahead::default(),
                fault: None,
                asleep: None,
                slept: 0,
            });
        }
        Cores {
            slots,
            slot_of,
            cascades: Cascades::new(),
        }
    }

    /// The slot of a core tile.
    fn slot(&self, tile: Tile) -> &Slot {
        &self.slots[self.slot_of[tile_index(tile)]]
    }
}

impl Npu {
    /// The core of a tile, for tests and debuggers; `None` when the tile has none.
    pub fn core(&self, tile: Tile) -> Option<&Core> {
        let has = tile.exists() && tile.kind() == arch::TileKind::Core;
        has.then(|| &self.cores.slot(tile).core)
    }

    pub(crate) fn write_program(
        &mut self,
        tile: Tile,
        at: u32,
        bytes: &[u8],
    ) -> Result<(), EmuError> {
        let slot = self.cores.slot_of[tile_index(tile)];
        if self.cores.slots[slot].core.write_program(at, bytes) {
            return Ok(());
        }
        Err(EmuError::Value {
            tile,
            offset: arch::array::memory::PROGRAM_OFFSET + at,
            value: bytes.len() as u32 / 4,
            why: format!(
                "a block of {} bytes runs past the program memory of {} bytes",
                bytes.len(),
                arch::limits::PROGRAM_BYTES
            ),
        })
    }

    /// Names the functions of a core by the ELF that its program comes from. Returns whether it does:
    /// where the core holds another program, nothing changes.
    pub fn name_functions(&mut self, tile: Tile, elf: &CoreElf) -> bool {
        if !tile.exists() || tile.kind() != arch::TileKind::Core {
            return false;
        }
        let core = &mut self.cores.slots[self.cores.slot_of[tile_index(tile)]].core;
        let same = is_program_of(elf, core.program());
        if same {
            core.set_symbols(Symbols::of(elf));
        }
        same
    }

    pub(crate) fn read_program(&self, tile: Tile, at: u32) -> u32 {
        let program = self.cores.slot(tile).core.program();
        match program.get(at as usize..at as usize + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    pub(crate) fn write_core_control(
        &mut self,
        tile: Tile,
        offset: u32,
        value: u32,
    ) -> Result<(), EmuError> {
        if value & !(CONTROL_ENABLE | CONTROL_RESET) != 0 {
            return Err(EmuError::Value {
                tile,
                offset,
                value,
                why: "bits other than enable and reset are set".into(),
            });
        }
        let at = self.cores.slot_of[tile_index(tile)];
        let slot = &mut self.cores.slots[at];
        slot.control = value;
        if value & CONTROL_RESET != 0 {
            slot.core.reset();
            slot.waits_for = None;
            slot.fault = None;
        }
        let enabled = value == CONTROL_ENABLE;
        if enabled {
            slot.core
                .set_buffers(dma_buffers(&self.bds[tile_index(tile)]));
        }
        slot.core.set_enabled(enabled);
        slot.wake(self.now + 1);
        self.awake.cores |= 1 << at;
        Ok(())
    }

    pub(crate) fn core_control(&self, tile: Tile) -> u32 {
        self.cores.slot(tile).control
    }

    pub(crate) fn core_status(&self, tile: Tile) -> u32 {
        let slot = self.cores.slot(tile);
        let waits = |window: u8| match slot.waits_for {
            Some(Wait::Lock { lock, .. }) => lock / 16 == window,
            _ => false,
        };
        let status = Status {
            enable: slot.control & CONTROL_ENABLE != 0,
            reset: slot.control & CONTROL_RESET != 0,
            done: slot.core.is_done(),
            lock_south: waits(0),
            lock_west: waits(1),
            lock_north: waits(2),
            lock_east: waits(3),
            cascade_in: slot.waits_for == Some(Wait::CascadeInput),
            cascade_out: slot.waits_for == Some(Wait::CascadeOutput),
            stream_in: slot.waits_for == Some(Wait::StreamInput),
            stream_out: slot.waits_for == Some(Wait::StreamOutput),
            error_halt: false,
            debug_halt: false,
        };
        status.to_word().unwrap_or(0)
    }

    pub(crate) fn write_cascade(
        &mut self,
        tile: Tile,
        offset: u32,
        value: u32,
    ) -> Result<(), EmuError> {
        if AccumulatorControl::from_word(value).to_word() != Ok(value) {
            return Err(EmuError::Value {
                tile,
                offset,
                value,
                why: "bits other than input and output are set".into(),
            });
        }
        self.cores.cascades.set_control(tile, value);
        Ok(())
    }

    pub(crate) fn cascade_control(&self, tile: Tile) -> u32 {
        self.cores.cascades.control(tile)
    }

    /// One cycle of every core that stands at it, in tile order; those that nobody can watch run on to
    /// the end of the window. Returns whether any core advances in this cycle.
    pub(crate) fn step_cores(&mut self) -> Result<bool, EmuError> {
        let mut moved = false;
        let mut free = 0;
        let mut rest = u32::MAX;
        while self.awake.cores & rest != 0 {
            let at = (self.awake.cores & rest).trailing_zeros() as usize;
            rest = u32::MAX.checked_shl(at as u32 + 1).unwrap_or(0);
            let slot = &mut self.cores.slots[at];
            if slot.ahead.next > self.now {
                moved = true;
                continue;
            }
            if let Some(fault) = slot.fault.take() {
                let cycle = self.now;
                return Err(EmuError::Core { cycle, fault });
            }
            match self.step_core(at)? {
                Step::Ran | Step::Stalled(Wait::Memory) => {
                    moved = true;
                    free |= 1 << at;
                }
                Step::Stalled(Wait::Lock { .. }) => {
                    self.cores.slots[at].asleep = Some(self.now);
                    self.awake.cores &= !(1 << at);
                }
                Step::Stalled(_) => {}
                Step::Done | Step::Idle => self.awake.cores &= !(1 << at),
            }
        }
        let limit = self.lookahead.saturating_sub(self.now % WINDOW + 1);
        if free != 0 && limit != 0 {
            self.run_ahead(free, limit);
        }
        Ok(moved)
    }

    fn step_core(&mut self, at: usize) -> Result<Step, EmuError> {
        let slot = &mut self.cores.slots[at];
        slot.wake(self.now);
        slot.ahead.next = self.now + 1;
        let tile = slot.core.tile();
        let mut bus = CoreSurroundings {
            tile,
            now: self.now,
            windows: &slot.windows,
            memory: &mut self.memory,
            locks: &mut self.locks,
            cascades: &mut self.cores.cascades,
            stream_in: self.network.core_in(tile),
            stream_out: self.network.core_out(tile),
            links: &mut self.network.links,
            wakes: &mut self.awake,
            slot: at,
        };
        let step = slot.core.step(&mut bus).map_err(|fault| EmuError::Core {
            cycle: self.now,
            fault: Box::new(fault),
        })?;
        slot.waits_for = match step {
            Step::Stalled(wait) if wait != Wait::Memory => Some(wait),
            _ => None,
        };
        Ok(step)
    }

    /// Lets the cores of these slots run ahead, each on its own memory, hence in parallel and with the
    /// same result in any order.
    fn run_ahead(&mut self, slots: u32, limit: u64) {
        let memories = self.memory.cores();
        let all = self.cores.slots.iter_mut().zip(memories).enumerate();
        let chosen = all.filter(|(at, _)| slots >> at & 1 != 0);
        let run = |(slot, own): (&mut Slot, &mut [u8])| {
            let ahead = &mut slot.ahead;
            ahead.clear();
            let first = ahead.next;
            let stalled = |after| ahead.mark(first + after);
            let (ran, fault) = slot.core.run_ahead(own, limit, stalled);
            slot.ahead.next += ran;
            slot.fault = fault.map(Box::new);
        };
        if slots.count_ones() == 1 {
            chosen.for_each(|(_, one)| run(one));
        } else {
            let work: Vec<_> = chosen.map(|(_, one)| one).collect();
            work.into_par_iter().for_each(run);
        }
    }

    /// The next cycle in which a core is asked; the end of time if all sleep.
    pub(crate) fn next_core(&self) -> u64 {
        let awake = |(at, _): &(usize, &Slot)| self.awake.cores >> at & 1 != 0;
        let slots = self.cores.slots.iter().enumerate().filter(awake);
        slots
            .map(|(_, slot)| slot.ahead.next)
            .min()
            .unwrap_or(u64::MAX)
    }

    pub(crate) fn core_reports(&self) -> Vec<CoreReport> {
        let used = |slot: &&Slot| slot.control & CONTROL_ENABLE != 0;
        let report = |slot: &Slot| {
            let counts = slot.core.counts();
            let (ahead, ahead_stalls) = slot.ahead.after(self.now);
            CoreReport {
                tile: slot.core.tile(),
                busy: counts.busy - (ahead - ahead_stalls),
                memory_stalls: counts.memory_stalls - ahead_stalls,
                lock_stalls: counts.lock_stalls + slot.slept + slot.sleeping(self.now + 1),
                stream_stalls: counts.port_stalls,
                done: slot.core.is_done(),
            }
        };
        self.cores.slots.iter().filter(used).map(report).collect()
    }

    /// Enabled cores that have not ended, and what they wait for.
    pub(crate) fn live_cores(&self) -> impl Iterator<Item = (Tile, &Core, Option<Wait>)> {
        let live = |slot: &&Slot| slot.control == CONTROL_ENABLE && !slot.core.is_done();
        let slots = self.cores.slots.iter().filter(live);
        slots.map(|slot| (slot.core.tile(), &slot.core, slot.waits_for))
    }

    /// Every enabled core that has not ended, in words.
    pub(crate) fn core_wait_texts(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (tile, core, waits_for) in self.live_cores() {
            let what = match waits_for {
                None => "runs".into(),
                Some(Wait::Lock { lock, value }) => {
                    let found = core_lock_target(tile, lock)
                        .and_then(|(owner, id)| self.locks.find(owner, id));
                    match found {
                        Some(found) => self.locks.wait_text(found, value),
                        None => format!("waits for lock {lock}"),
                    }
                }
                Some(Wait::Memory) => "waits for a memory bank".into(),
                Some(Wait::CascadeInput) => "waits for a word on its cascade input".into(),
                Some(Wait::CascadeOutput) => "waits for room on its cascade output".into(),
                Some(Wait::StreamInput) => "waits for a word on its input stream".into(),
                Some(Wait::StreamOutput) => "waits for room on its output stream".into(),
            };
            let place = core.place().map(|p| format!(" in {p}"));
            let place = place.unwrap_or_default();
            out.push(format!("core {tile}, at {:#07x}{place}, {what}", core.pc()));
        }
        out
    }
}

/// Where the buffers of a core tile's descriptors begin, as the core sees them.
fn dma_buffers(bds: &BdTable) -> Vec<u32> {
    let all = bds
        .iter()
        .map(|words| Bd::from_words(arch::TileKind::Core, words));
    all.filter(|bd| bd.valid)
        .map(|bd| CORE_OWN + bd.base as u32)
        .collect()
}
