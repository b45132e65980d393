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

/// A plain vector load between its address and its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VectorLoad {
    pub(crate) pc: u32,
    pub(crate) addr: u32,
    /// Stages from the access to the result, the first counted as 1.
    pub(crate) stages: u8,
    pub(crate) bytes: u8,
    /// The unit that is loaded.
    pub(crate) to: u8,
}

/// A load of any other kind between its address and its data.
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
    pub(crate) vector_loads: Vec<VectorLoad>,
    pub(crate) loads: Vec<LoadFlight>,
    pub(crate) lookups: Vec<LookupFlight>,
    pub(crate) stores: Vec<StoreFlight>,
    pub(crate) scalars: Vec<ScalarWrite>,
    /// The first `vector_count` are results; those behind them are room to write the next into.
    vectors: Vec<VectorWrite>,
    vector_count: usize,
    pub(crate) units: Vec<UnitWrite>,
    /// Units with a result on the forwarding paths in this cycle.
    pub(crate) forwarded: u64,
    /// Loads and stores of this cycle.
    pub(crate) accesses: u8,
    /// One of them leaves the tile.
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
        self.accesses += 1;
        self.abroad |= flight.addr < CORE_OWN;
        self.loads.push(flight);
    }

    /// Queues a plain vector load.
    #[inline]
    pub(crate) fn vector_load(&mut self, flight: VectorLoad) {
        self.accesses += 1;
        self.abroad |= flight.addr < CORE_OWN;
        self.vector_loads.push(flight);
    }

    /// Queues a table look-up.
    pub(crate) fn lookup(&mut self, flight: LookupFlight) {
        self.accesses += 4;
        self.abroad |= flight.addrs.iter().any(|addr| *addr < CORE_OWN);
        self.lookups.push(flight);
    }

    /// Queues a store.
    #[inline]
    pub(crate) fn store(&mut self, flight: StoreFlight) {
        self.accesses += 1;
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
        let all = self.vector_result(to, path, defined);
        // Copies of known size, where the size is a usual one.
        if let Some(from) = data.first_chunk::<128>() {
            *all = *from;
        } else if let (Some(from), Some(all)) = (data.first_chunk::<64>(), all.first_chunk_mut()) {
            *all = *from;
        } else if let (Some(from), Some(all)) = (data.first_chunk::<32>(), all.first_chunk_mut()) {
            *all = *from;
        }
    }

    /// Queues a vector result and hands out the bytes to write it into. What is not written is left
    /// over from an earlier one; no more than the span's units are looked at.
    #[inline]
    pub(crate) fn vector_result(
        &mut self,
        to: Span,
        path: Option<Bypass>,
        defined: u8,
    ) -> &mut [u8; 128] {
        if path.is_some() {
            self.forwarded |= to.mask();
        }
        let at = self.vector_count;
        if at == self.vectors.len() {
            self.vectors.push(VectorWrite {
                to,
                path,
                defined,
                data: [0; 128],
            });
        }
        self.vector_count += 1;
        let write = &mut self.vectors[at];
        (write.to, write.path, write.defined) = (to, path, defined);
        &mut write.data
    }

    /// The vector results.
    #[inline]
    pub(crate) fn vectors(&self) -> &[VectorWrite] {
        &self.vectors[..self.vector_count]
    }

    /// Forgets what is done when the cycle is.
    #[inline]
    pub(crate) fn finish(&mut self) {
        self.scalars.clear();
        self.units.clear();
        self.vector_count = 0;
        self.forwarded = 0;
        self.abroad = false;
        self.accesses = 0;
    }
}
