//! What is in flight: effects of issued instructions, kept in a ring by the cycle they happen in.
//!
//! A bundle that issues at cycle t executes stage k at t + k - 1. Within one cycle the order is:
//! waits, reads (late operands, loads, the issuing bundle), stores, writes to registers. A result is
//! therefore readable from the cycle after its stage on, and one cycle earlier along a forwarding
//! path that writer and reader share.

use super::op::{Load, Mac, PartialStore, Sign, UpShift};
use super::regs::{Scalar, Source, Span};
use arch::aie2::Bypass;
use arch::array::memory::CORE_OWN;
use arch::num::{MacConf, MacMode};

/// Stages that the ring can look ahead; no instruction has more.
const RING: usize = 16;

/// A scalar result on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScalarWrite {
    pub(crate) to: Scalar,
    pub(crate) value: u32,
    pub(crate) defined: bool,
    /// The bits are added to those that are set.
    pub(crate) latch: bool,
}

/// A vector result on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VectorWrite {
    pub(crate) to: Span,
    pub(crate) path: Option<Bypass>,
    /// A bit for every unit.
    pub(crate) defined: u8,
    pub(crate) data: [u8; 128],
}

/// Loaded data of one unit on its way: always defined, never forwarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitWrite {
    pub(crate) to: u8,
    pub(crate) data: [u8; 32],
}

/// Something that may stall the core before a cycle begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gate {
    Acquire {
        lock: u8,
        value: i32,
    },
    Release {
        lock: u8,
        value: i32,
    },
    CascadeRead {
        to: Span,
        stage: u8,
    },
    CascadeWrite {
        word: [u8; 64],
    },
    StreamRead {
        to: Scalar,
        stage: u8,
        blocking: bool,
    },
    StreamWrite {
        word: u32,
        last: bool,
        blocking: bool,
    },
    Done,
}

/// A load between its address and its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadFlight {
    pub(crate) pc: u32,
    pub(crate) load: Load,
    pub(crate) addr: u32,
}

/// The four accesses of a table look-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LookupFlight {
    pub(crate) pc: u32,
    pub(crate) addrs: [u32; 4],
    pub(crate) bytes: u8,
    pub(crate) to: Span,
    pub(crate) stage: u8,
}

/// A store on its way to memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreFlight {
    pub(crate) pc: u32,
    pub(crate) addr: u32,
    pub(crate) bytes: u8,
    pub(crate) data: [u8; 32],
}

/// An instruction with an operand that is read later than at issue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Late {
    pub(crate) pc: u32,
    pub(crate) work: Work,
}

/// A multiply-accumulate whose operands are captured and whose accumulators are not yet read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MacFlight {
    pub(crate) pc: u32,
    pub(crate) mac: Mac,
    pub(crate) mode: &'static MacMode,
    pub(crate) conf: MacConf,
    pub(crate) x: [u8; 64],
    pub(crate) y: [u8; 64],
    /// Whether all operand bytes that the mode reads are defined.
    pub(crate) defined: bool,
}

/// What a late read is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Accumulators of an addition.
    Sum { mac: Mac, conf: MacConf },
    /// Copy of an accumulator.
    Copy {
        from: Source,
        to: Span,
        path: Option<Bypass>,
        stage: u8,
    },
    /// Loaded data waits for shift and sign; the result is `stages` stages away.
    UpShift {
        to: Span,
        up_shift: UpShift,
        shift: Scalar,
        stages: u8,
        data: [u8; 32],
    },
    /// Shift and sign are known, saturation is not.
    UpShiftEnd {
        to: Span,
        up_shift: UpShift,
        signed: bool,
        amount: u32,
        stages: u8,
        data: [u8; 32],
    },
    /// Loaded data waits for the sign.
    Unpack {
        to: Span,
        bits: u8,
        sign: Sign,
        data: [u8; 32],
    },
    /// A register to register unpack.
    UnpackRegister {
        to: Span,
        path: Option<Bypass>,
        from: Source,
        bits: u8,
        sign: Sign,
        stages: u8,
    },
    /// A partial-word store waits for the value; `word` is what memory held.
    Partial {
        addr: u32,
        store: PartialStore,
        word: [u8; 4],
    },
}

/// The effects of one cycle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) gates: Vec<Gate>,
    pub(crate) macs: Vec<MacFlight>,
    pub(crate) late: Vec<Late>,
    pub(crate) loads: Vec<LoadFlight>,
    pub(crate) lookups: Vec<LookupFlight>,
    pub(crate) stores: Vec<StoreFlight>,
    pub(crate) scalars: Vec<ScalarWrite>,
    pub(crate) vectors: Vec<VectorWrite>,
    pub(crate) units: Vec<UnitWrite>,
    /// Units with a result on the forwarding paths in this cycle.
    pub(crate) forwarded: u64,
    /// A load or store of this cycle leaves the tile.
    pub(crate) abroad: bool,
}

/// The ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipe {
    slots: [Slot; RING],
    now: usize,
}

impl Pipe {
    /// The slot of stage `stage` of an instruction that issues in this cycle.
    #[inline]
    pub(crate) fn stage(&mut self, stage: u8) -> &mut Slot {
        let ahead = usize::from(stage).saturating_sub(1);
        &mut self.slots[(self.now + ahead) % RING]
    }

    /// The slot of this cycle.
    #[inline]
    pub(crate) fn now(&mut self) -> &mut Slot {
        &mut self.slots[self.now]
    }

    /// The slot of this cycle, for reading.
    #[inline]
    pub(crate) fn current(&self) -> &Slot {
        &self.slots[self.now]
    }

    /// Whether the cycle neither waits nor reaches anything outside the tile.
    #[inline]
    pub(crate) fn is_private(&self) -> bool {
        let slot = self.current();
        slot.gates.is_empty() && !slot.abroad
    }

    /// Ends the cycle.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.now = (self.now + 1) % RING;
    }
}

impl Slot {
    /// Queues a load.
    #[inline]
    pub(crate) fn load(&mut self, flight: LoadFlight) {
        self.abroad |= flight.addr < CORE_OWN;
        self.loads.push(flight);
    }

    /// Queues a table look-up.
    pub(crate) fn lookup(&mut self, flight: LookupFlight) {
        self.abroad |= flight.addrs.iter().any(|addr| *addr < CORE_OWN);
        self.lookups.push(flight);
    }

    /// Queues a store.
    #[inline]
    pub(crate) fn store(&mut self, flight: StoreFlight) {
        self.abroad |= flight.addr < CORE_OWN;
        self.stores.push(flight);
    }

    /// Queues a scalar result.
    #[inline]
    pub(crate) fn scalar(&mut self, to: Scalar, value: u32, defined: bool) {
        self.scalars.push(ScalarWrite {
            to,
            value,
            defined,
            latch: false,
        });
    }

    /// Queues the setting of an overflow bit.
    pub(crate) fn latch(&mut self, to: Scalar) {
        self.scalars.push(ScalarWrite {
            to,
            value: 1,
            defined: true,
            latch: true,
        });
    }

    /// Queues a vector result whose bytes are the beginning of `data`.
    #[inline]
    pub(crate) fn vector(&mut self, to: Span, path: Option<Bypass>, data: &[u8], defined: u8) {
        let mut all = [0; 128];
        all[..data.len()].copy_from_slice(data);
        if path.is_some() {
            self.forwarded |= to.mask();
        }
        self.vectors.push(VectorWrite {
            to,
            path,
            defined,
            data: all,
        });
    }
}
