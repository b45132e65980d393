//! One AIE2 core: registers, pipeline and instruction semantics.
//!
//! A [`Core`] executes the bytes of its program memory, one bundle a cycle, with the pipeline as
//! exposed as on the chip: operands are read and results arrive in the stages the timing tables
//! name, and nothing waits for a result. Code that is scheduled wrongly gets wrong values here too.
//! What has no meaning on the chip ends in a [`Fault`].
//!
//! ```text
//! program bytes -> program (bundles decoded once) -> machine (one cycle) -> pipe (effects by cycle)
//!                     decode: form -> Op              exec: Op -> effects     regs, bus
//! ```
//!
//! - [`bus`]: what a core sees of the world, and what a cycle came to.
//! - [`fault`]: what a core refuses to do.
//! - `op`: operations with resolved operands; `decode`: which instruction form means which.
//! - `program`: program memory and its decoded bundles.
//! - `regs`, `pipe`, `banks`, `machine`: the register file, what is in flight, memory banks, one cycle.
//! - `symbols`: names of functions.
//! - `exec`: what operations do, one file a family; `locks`: which locks a program names.
//!
//! # How to add an instruction
//!
//! Give its mnemonic a row in `decode`, a variant in `op` if no family has it, and its arithmetic a
//! place in `exec` (or in `arch::num`, if kernels' reference results need it too). Then add a
//! program that uses it to `emulator/tests/core`.

mod banks;
pub mod bus;
mod decode;
mod exec;
pub mod fault;
mod locks;
mod machine;
mod op;
mod pipe;
mod program;
mod regs;
mod symbols;

use bus::OwnMemory;
pub use bus::{BusError, CoreBus, Step, Wait};
pub use fault::{Fault, FaultKind, Role};
pub(crate) use symbols::is_program_of;
pub use symbols::{Place, Symbols};

use arch::Tile;
use arch::aie2::{Inst, Reg};
use machine::Machine;
use program::Program;

/// One core with its program memory.
#[derive(Clone)]
pub struct Core {
    tile: Tile,
    program: Program,
    machine: Machine,
    enabled: bool,
    done: bool,
    counts: Counts,
    symbols: Symbols,
}

/// Cycles of a core by what they were spent on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cycles in which the pipeline advanced.
    pub busy: u64,
    /// Cycles spent waiting for a lock.
    pub lock_stalls: u64,
    /// Cycles spent waiting for a stream or cascade.
    pub port_stalls: u64,
    /// Cycles in which accesses of the core waited for each other in a memory bank.
    pub memory_stalls: u64,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("tile", &self.tile)
            .field("pc", &self.pc())
            .field("cycle", &self.cycle())
            .field("enabled", &self.enabled)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// The core of a tile after power-up: program memory zero, registers undefined, not enabled.
    pub fn new(tile: Tile) -> Self {
        Self {
            tile,
            program: Program::new(),
            machine: Machine::new(core_id(tile)),
            enabled: false,
            done: false,
            counts: Counts::default(),
            symbols: Symbols::default(),
        }
    }

    /// The core's tile.
    pub fn tile(&self) -> Tile {
        self.tile
    }

    /// Overwrites program memory from byte `offset` on; `false`, and no change, if it does not fit
    /// the 16 KiB. A program that differs has no names any more.
    #[must_use]
    pub fn write_program(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let at = offset as usize;
        let same = self
            .program
            .memory()
            .get(at..at.saturating_add(bytes.len()))
            == Some(bytes);
        if !same {
            self.symbols = Symbols::default();
        }
        self.program.write(offset, bytes)
    }

    /// Names the functions of the program, for faults.
    pub fn set_symbols(&mut self, symbols: Symbols) {
        self.symbols = symbols;
    }

    /// The function that the next bundle is in, where names are known.
    pub fn place(&self) -> Option<Place> {
        self.symbols.place(self.pc())
    }

    /// Tells where buffers begin that the stack must not grow over: addresses in the core's view.
    pub fn set_buffers(&mut self, buffers: Vec<u32>) {
        self.machine.buffers = buffers;
    }

    /// Program memory.
    pub fn program(&self) -> &[u8] {
        self.program.memory()
    }

    /// The names of the program's functions.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Locks that the program acquires (`false`) and releases (`true`) by constant numbers.
    pub(crate) fn lock_uses(&self) -> std::collections::BTreeSet<(u8, bool)> {
        locks::lock_uses(self.program())
    }

    /// Resets registers, pipeline and program counter; program memory and the enable stay.
    pub fn reset(&mut self) {
        let buffers = std::mem::take(&mut self.machine.buffers);
        self.machine = Machine::new(core_id(self.tile));
        self.machine.buffers = buffers;
        self.done = false;
    }

    /// Enables or disables the core. Enabling a core that is done lets it continue.
    pub fn set_enabled(&mut self, enabled: bool) {
        self.done &= !enabled;
        self.enabled = enabled;
    }

    /// Whether the core is enabled.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether the program has executed `done`.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// One cycle.
    ///
    /// # Errors
    /// When the program does something without meaning; the core's state is then not defined
    /// further, reset it.
    #[inline]
    pub fn step<B: CoreBus>(&mut self, bus: &mut B) -> Result<Step, Fault> {
        if !self.enabled {
            return Ok(Step::Idle);
        }
        if self.done {
            return Ok(Step::Done);
        }
        let step = self.machine.step(&mut self.program, bus);
        match &step {
            Ok(Step::Stalled(Wait::Lock { .. })) => self.counts.lock_stalls += 1,
            Ok(Step::Stalled(Wait::Memory)) => self.counts.memory_stalls += 1,
            Ok(Step::Stalled(_)) => self.counts.port_stalls += 1,
            Ok(_) => self.counts.busy += 1,
            Err(_) => {}
        }
        self.done = self.machine.finished;
        self.machine.finished = false;
        step.map_err(|kind| self.fault(*kind))
    }

    /// Runs up to `limit` cycles more, as long as none of them waits, reaches memory outside the
    /// core's own or ends the program; nobody else can tell when these cycles happened. Returns how
    /// many it ran; a fault lies in the cycle after them. `stalled` is told the number, from 0, of each
    /// of them that was spent waiting for a memory bank.
    ///
    /// `own` is the core's data memory of 64 KiB.
    pub(crate) fn run_ahead(
        &mut self,
        own: &mut [u8],
        limit: u64,
        mut stalled: impl FnMut(u64),
    ) -> (u64, Option<Fault>) {
        let mut bus = OwnMemory { bytes: own };
        let mut ran = 0;
        while ran < limit && !self.done && self.machine.pipe.is_private() {
            match self.step(&mut bus) {
                Ok(Step::Stalled(_)) => stalled(ran),
                Ok(_) => {}
                Err(fault) => return (ran, Some(fault)),
            }
            ran += 1;
        }
        (ran, None)
    }

    #[cold]
    fn fault(&self, kind: FaultKind) -> Fault {
        let pc = self.machine.origin;
        let bundle = self
            .program
            .bundle(pc)
            .map_or_else(|_| String::new(), |(b, _)| b.to_string());
        Fault {
            tile: self.tile,
            pc,
            place: self.symbols.place(pc),
            bundle,
            cycle: self.machine.cycle,
            kind,
        }
    }

    /// The value of a register as bytes, lowest first, as the next bundle would read it; `None` if
    /// it is not completely defined or has no single value (address tuples, sparse operands).
    pub fn reg(&self, reg: Reg) -> Option<Vec<u8>> {
        self.machine.regs.value(reg)
    }

    /// Address of the next bundle.
    pub fn pc(&self) -> u32 {
        self.machine.flow.pc
    }

    /// Cycles in which the pipeline advanced since the last reset.
    pub fn cycle(&self) -> u64 {
        self.machine.cycle
    }

    /// Cycles by what they were spent on, since power-up.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// Whether a core executes this instruction; others are a fault when they would execute.
pub fn is_modelled(inst: &Inst) -> bool {
    !matches!(decode::decode(inst), op::Op::NotModelled(_))
}

/// What the register CORE_ID reads: row in bits 4:0, column in bits 22:16.
fn core_id(tile: Tile) -> u32 {
    u32::from(tile.row) | u32::from(tile.col) << 16
}
