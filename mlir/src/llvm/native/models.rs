//! What intrinsics do, on the bits of their operands, with the arithmetic of [`arch::num`].

use arch::num::{
    self, AccLane, LaneFn, LaneKind, MacConf, MacMode, Negate, Rounding, Saturation, ShuffleMode,
};
use npuc::kernel::interp::{End, World};
use npuc::kernel::ir::{CoreLock, Port, TableOp};

/// Operands that an intrinsic has at most.
pub(super) const SLOTS: usize = 8;
/// Bytes of the widest operand.
pub(super) const SLOT_BYTES: usize = 128;

/// An operand or a result, lowest byte first; what its type does not reach is 0 or undefined.
type Slot = [u8; SLOT_BYTES];

/// The operands of an intrinsic, then its results.
#[repr(C, align(128))]
pub(super) struct Slots([Slot; SLOTS]);

/// What generated code shares with the models: the place of operands and results, which is first, and what
/// intrinsics find and change besides.
#[repr(C)]
pub(super) struct Host {
    pub(super) slots: Slots,
    pub(super) core: Core,
}

/// What intrinsics find and change besides their operands.
pub(super) struct Core {
    /// Control registers by number.
    registers: [u32; 16],
    pub(super) world: World,
    /// Constant data by its address.
    constants: Vec<(u32, Vec<u8>)>,
    /// How the program waits for ever.
    pub(super) waiting: Option<End>,
    /// Why a model has no answer.
    pub(super) fault: Option<String>,
}

impl Host {
    pub(super) fn new(world: &World, constants: Vec<(u32, Vec<u8>)>) -> Self {
        Host {
            slots: Slots([[0; SLOT_BYTES]; SLOTS]),
            core: Core {
                registers: [0; 16],
                world: world.clone(),
                constants,
                waiting: None,
                fault: None,
            },
        }
    }
}

/// What an intrinsic does. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Model {
    /// Sets a control register: number, value.
    SetControl,
    /// Takes from a lock: number, what is taken, negated.
    Acquire,
    /// Gives to a lock: number, what is given.
    Release,
    /// Takes 512 bits from the cascade.
    Receive,
    /// Sends 512 bits over the cascade.
    Send,
    /// Takes a word from the stream; what else is known of it is the second result.
    StreamGet,
    /// Sends a word to the stream: word, whether it is the last of a transfer.
    StreamPut,
    /// Looks up four entries at the first or the last four of eight addresses.
    Lookup {
        /// Entry.
        bytes: u32,
        /// Whether it is the last four.
        high: bool,
    },
    /// Moves a pointer along a walk.
    Walk {
        /// Two or three.
        dims: u8,
    },
    /// A scalar in every lane of so many bytes.
    Broadcast {
        /// Lane.
        bytes: usize,
    },
    /// Two parts as one.
    Concat {
        /// Part.
        bytes: usize,
    },
    /// The part that an index names.
    Part {
        /// Part.
        bytes: usize,
    },
    /// A part at an index, nothing elsewhere.
    Place {
        /// Part.
        bytes: usize,
    },
    /// A register with the part at an index replaced.
    Update {
        /// Part.
        bytes: usize,
    },
    /// An accumulator of zeros.
    Zero,
    /// A product, negated or not, with an accumulator, negated or not, if there is one.
    Product(bool, Option<bool>),
    /// A sum of accumulators.
    Sum {
        /// Accumulators, one or two.
        terms: usize,
        /// Which are negated.
        negate: [bool; 2],
    },
    /// f32 to bf16.
    ToBf16,
    /// bf16 to f32.
    ToF32,
    /// bf16 to integers, scaled.
    Floor,
    /// Shift-round-saturate.
    Srs {
        /// Lanes.
        lanes: usize,
        /// Accumulator lane.
        from: usize,
        /// Element.
        to: usize,
    },
    /// Up-shift.
    Ups {
        /// Lanes.
        lanes: usize,
        /// Element.
        from: usize,
        /// Accumulator lane.
        to: usize,
    },
    /// 16-bit lanes to 8.
    Pack,
    /// 8-bit lanes to 16.
    Unpack,
    /// A permutation of the bytes of two vectors.
    Shuffle,
    /// 64 bytes of two vectors from a byte on.
    Shift,
    /// A lane in every lane.
    BroadcastLane {
        /// Lane.
        bytes: usize,
    },
    /// A lane as a scalar.
    Extract {
        /// Lane.
        bytes: usize,
    },
    /// A lane replaced by a scalar.
    Insert {
        /// Lane.
        bytes: usize,
    },
    /// An operation of the adder on lanes of so many bits; of bf16 where that is 0.
    Lanes(LaneFn, u32),
}

impl Slots {
    fn word(&self, slot: usize) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|i| self.0[slot][i]))
    }

    fn set_word(&mut self, slot: usize, word: u32) {
        self.0[slot] = [0; SLOT_BYTES];
        self.0[slot][..4].copy_from_slice(&word.to_le_bytes());
    }

    /// A counter or step of 20 bits.
    fn counter(&self, slot: usize) -> u32 {
        self.word(slot) & 0xf_ffff
    }

    fn half(&self, slot: usize) -> [u8; 64] {
        std::array::from_fn(|i| self.0[slot][i])
    }

    fn set_half(&mut self, slot: usize, bytes: &[u8; 64]) {
        self.0[slot] = [0; SLOT_BYTES];
        self.0[slot][..64].copy_from_slice(bytes);
    }

    fn words<const N: usize>(&self, slot: usize) -> [u32; N] {
        std::array::from_fn(|i| {
            u32::from_le_bytes(std::array::from_fn(|b| self.0[slot][4 * i + b]))
        })
    }

    fn set_words(&mut self, slot: usize, words: &[u32]) {
        self.0[slot] = [0; SLOT_BYTES];
        for (to, word) in self.0[slot].chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// A lane of `bytes` bytes.
fn get(slot: &Slot, bytes: usize, lane: usize, signed: bool) -> i64 {
    let mut word = [0; 8];
    word[..bytes].copy_from_slice(&slot[lane * bytes..(lane + 1) * bytes]);
    num::round::truncate(i64::from_le_bytes(word), 8 * bytes as u32, signed)
}

fn set(slot: &mut Slot, bytes: usize, lane: usize, value: i64) {
    slot[lane * bytes..(lane + 1) * bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
}

/// Each of so many lanes by a function.
fn map(
    from: &Slot,
    lanes: usize,
    (bytes, signed): (usize, bool),
    to: usize,
    f: impl Fn(i64) -> i64,
) -> Slot {
    let mut out = [0; SLOT_BYTES];
    for lane in 0..lanes {
        set(&mut out, to, lane, f(get(from, bytes, lane, signed)));
    }
    out
}

impl Core {
    /// `crRnd`; reserved numbers are a fault.
    fn rounding(&mut self) -> Rounding {
        let bits = self.registers[6];
        Rounding::from_bits(bits).unwrap_or_else(|| {
            self.fault = Some(format!("crRnd holds {bits}, which is no rounding"));
            Rounding::Floor
        })
    }

    /// `crSat`; reserved numbers are a fault.
    fn saturation(&mut self) -> Saturation {
        let bits = self.registers[9];
        Saturation::from_bits(bits).unwrap_or_else(|| {
            self.fault = Some(format!("crSat holds {bits}, which is no saturation"));
            Saturation::Wrap
        })
    }
}

impl Core {
    fn wait_at(&mut self, port: Port) {
        self.waiting = Some(End::Blocked { port });
    }
}

/// Four entries of so many bytes, 64 bits for each.
fn look_up(bytes: u32, high: bool, core: &mut Core, slots: &mut Slots) {
    let addresses = slots.words::<8>(0);
    slots.0[0] = [0; SLOT_BYTES];
    for lane in 0..4 {
        let address = addresses[lane + if high { 4 } else { 0 }];
        let at = TableOp::place(address, bytes, lane);
        let found = core.constants.iter().find_map(|(base, constant)| {
            let from = at.checked_sub(*base)? as usize;
            constant.get(from..from + bytes as usize)
        });
        match found {
            Some(entry) => slots.0[0][8 * lane..][..entry.len()].copy_from_slice(entry),
            None => core.fault = Some(format!("look-up at {at:#x}, where no constant data is")),
        }
    }
}

impl Model {
    /// Takes its operands from the slots and leaves its results there.
    pub(super) fn run(self, core: &mut Core, slots: &mut Slots) {
        match self {
            Model::SetControl => {
                let (number, value) = (slots.word(0) as usize, slots.word(1));
                match core.registers.get_mut(number) {
                    Some(register) => *register = value,
                    None => core.fault = Some(format!("there is no control register {number}")),
                }
            }
            Model::Acquire => {
                let (lock, wanted) = (slots.word(0) as u8, slots.word(1) as i32);
                let held = core.world.locks.entry(lock).or_default();
                match u8::try_from(wanted.unsigned_abs()) {
                    Ok(value) if wanted < 0 && *held >= value => *held -= value,
                    Ok(value) if wanted < 0 => {
                        let lock = CoreLock(lock);
                        core.waiting = Some(End::Waiting { lock, value });
                    }
                    _ => core.fault = Some(format!("acquire of {wanted} is not modelled")),
                }
            }
            Model::Release => {
                let held = core.world.locks.entry(slots.word(0) as u8).or_default();
                *held = held.wrapping_add(slots.word(1) as u8);
            }
            Model::Receive => match core.world.ports.cascade_in.pop_front() {
                Some(word) => slots.set_half(0, &word),
                None => core.wait_at(Port::CascadeInput),
            },
            Model::Send => core.world.ports.cascade_out.push(slots.half(0)),
            Model::StreamGet => match core.world.ports.stream_in.pop_front() {
                Some(word) => {
                    slots.set_word(0, word);
                    slots.set_word(1, 0);
                }
                None => core.wait_at(Port::StreamInput),
            },
            Model::StreamPut => {
                let (word, last) = (slots.word(0), slots.word(1) != 0);
                core.world.ports.stream_out.push((word, last));
            }
            Model::Lookup { bytes, high } => look_up(bytes, high, core, slots),
            Model::Walk { dims } => walk(dims, slots),
            Model::Broadcast { bytes } => {
                let lane = slots.word(0).to_le_bytes();
                slots.set_half(0, &std::array::from_fn(|i| lane[i % bytes]));
            }
            Model::Concat { bytes } => {
                let high = slots.0[1];
                slots.0[0][bytes..2 * bytes].copy_from_slice(&high[..bytes]);
            }
            Model::Part { bytes } => {
                let at = slots.word(1) as usize % (SLOT_BYTES / bytes) * bytes;
                slots.0[0].copy_within(at..at + bytes, 0);
            }
            Model::Place { bytes } => {
                let (part, at) = (slots.0[0], slots.word(1) as usize);
                slots.0[0] = [0; SLOT_BYTES];
                let at = at % (SLOT_BYTES / bytes) * bytes;
                slots.0[0][at..at + bytes].copy_from_slice(&part[..bytes]);
            }
            Model::Update { bytes } => {
                let (part, at) = (slots.0[1], slots.word(2) as usize);
                let at = at % (SLOT_BYTES / bytes) * bytes;
                slots.0[0][at..at + bytes].copy_from_slice(&part[..bytes]);
            }
            Model::Zero => slots.0[0] = [0; SLOT_BYTES],
            Model::Product(negate, acc) => product(negate, acc, core, slots),
            Model::Sum { terms, negate } => sum(terms, negate, slots),
            Model::ToBf16 => {
                let rounding = core.rounding();
                slots.0[0] = map(&slots.0[0], 16, (4, false), 2, |lane| {
                    num::f32_to_bf16(lane as u32, rounding).into()
                });
            }
            Model::ToF32 => {
                slots.0[0] = map(&slots.0[0], 16, (2, false), 4, |lane| {
                    num::bf16_to_f32(lane as u16).into()
                });
            }
            Model::Floor => {
                // The core takes the low six bits, signed.
                let shift = (slots.word(1) as i32) << 26 >> 26;
                slots.0[0] = map(&slots.0[0], 16, (2, false), 4, |lane| {
                    num::floor_bf16(lane as u16, shift).into()
                });
            }
            Model::Srs { lanes, from, to } => {
                let (rounding, saturation) = (core.rounding(), core.saturation());
                let (shift, signed) = (slots.word(1) & 63, slots.word(2) & 1 == 1);
                let bits = 8 * to as u32;
                slots.0[0] = map(&slots.0[0], lanes, (from, true), to, |lane| {
                    num::srs(lane, shift, rounding, saturation, bits, signed).0
                });
            }
            Model::Ups { lanes, from, to } => {
                let saturation = core.saturation();
                let (shift, signed) = (slots.word(1) & 63, slots.word(2) & 1 == 1);
                let bits = 8 * to as u32;
                slots.0[0] = map(&slots.0[0], lanes, (from, signed), to, |lane| {
                    num::ups(lane, shift, saturation, bits).0
                });
            }
            Model::Pack => {
                let (saturation, signed) = (core.saturation(), slots.word(1) & 1 == 1);
                slots.0[0] = map(&slots.0[0], 32, (2, signed), 1, |lane| {
                    num::srs(lane, 0, Rounding::Floor, saturation, 8, signed).0
                });
            }
            Model::Unpack => {
                let signed = slots.word(1) & 1 == 1;
                slots.0[0] = map(&slots.0[0], 32, (1, signed), 2, |lane| lane);
            }
            Model::Shuffle => match ShuffleMode::from_number(slots.word(2)) {
                Some(mode) => {
                    let out = num::shuffle(mode, &slots.half(0), &slots.half(1));
                    slots.set_half(0, &out);
                }
                None => core.fault = Some(format!("there is no shuffle {}", slots.word(2))),
            },
            Model::Shift => {
                if slots.word(2) != 0 {
                    core.fault = Some("a shift with a step is not modelled".to_owned());
                }
                let (a, b) = (slots.half(0), slots.half(1));
                let by = slots.word(3).min(64) as usize;
                let out = std::array::from_fn(|i| match (i + by).checked_sub(64) {
                    None => a[i + by],
                    Some(above) => b[above],
                });
                slots.set_half(0, &out);
            }
            Model::BroadcastLane { bytes } => {
                let at = slots.word(1) as usize % (64 / bytes) * bytes;
                let from = slots.half(0);
                slots.set_half(0, &std::array::from_fn(|i| from[at + i % bytes]));
            }
            Model::Extract { bytes } => {
                let lane = slots.word(1) as usize % (64 / bytes);
                let value = get(&slots.0[0], bytes, lane, slots.word(2) & 1 == 1);
                slots.set_word(0, value as u32);
            }
            Model::Insert { bytes } => {
                let lane = slots.word(1) as usize % (64 / bytes);
                let value = slots.word(2).into();
                set(&mut slots.0[0], bytes, lane, value);
            }
            Model::Lanes(f, bits) => adder(f, bits, slots),
        }
    }
}

/// A pointer and its counters, one step on.
///
/// Operands of two dimensions: pointer, wrap, step, last, counter; of three: pointer, wrap, inner step,
/// middle step, inner last, inner counter, middle last, middle counter.
fn walk(dims: u8, slots: &mut Slots) {
    let wrap = slots.counter(1);
    let (step, counters) = if dims == 2 {
        let (step, last, made) = (slots.counter(2), slots.counter(3), slots.counter(4));
        match made < last {
            true => (step, [made + 1, 0]),
            false => (wrap, [0, 0]),
        }
    } else {
        let (inner, middle) = (slots.counter(2), slots.counter(3));
        let (last, made) = (slots.counter(4), slots.counter(5));
        let (outer_last, outer_made) = (slots.counter(6), slots.counter(7));
        if made < last {
            (inner, [made + 1, outer_made])
        } else if outer_made < outer_last {
            (middle, [0, outer_made + 1])
        } else {
            (wrap, [0, 0])
        }
    };
    let signed = (step << 12) as i32 >> 12;
    let pointer = u64::from_le_bytes(std::array::from_fn(|i| slots.0[0][i]));
    let moved = pointer.wrapping_add_signed(signed.into());
    slots.0[0][..8].copy_from_slice(&moved.to_le_bytes());
    slots.set_word(1, counters[0]);
    slots.set_word(2, counters[1]);
}

fn product(negate: bool, acc: Option<bool>, core: &mut Core, slots: &mut Slots) {
    let conf = MacConf::decode(slots.word(if acc.is_some() { 3 } else { 2 }));
    let negate = Negate {
        product: negate,
        acc1: acc.unwrap_or(false),
        acc2: false,
    };
    let (a, b) = (slots.half(0), slots.half(1));
    let sum = MacMode::of(conf).and_then(|mode| match mode.acc {
        AccLane::Fp32 => {
            let acc = acc.map(|_| slots.words(2));
            num::mac_bf16(mode, conf, negate, &a, &b, acc.as_ref(), None).map(|w| w.to_vec())
        }
        AccLane::Acc32 | AccLane::Acc64 => {
            let acc = acc.map(|_| slots.words(2));
            num::mac_int(mode, conf, negate, &a, &b, acc.as_ref(), None).map(|w| w.to_vec())
        }
    });
    match sum {
        Ok(words) => slots.set_words(0, &words),
        Err(error) => core.fault = Some(error.to_string()),
    }
}

fn sum(terms: usize, negate: [bool; 2], slots: &mut Slots) {
    let conf = MacConf::decode(slots.word(terms));
    let (a, b) = (slots.words(0), slots.words(1));
    let b = if terms == 2 { b } else { [0; 32] };
    let sum: [u32; 32] = if conf.amode == 2 {
        std::array::from_fn(|i| num::sum_f32(&[(a[i], negate[0]), (b[i], negate[1])]))
    } else {
        let negate = Negate {
            product: false,
            acc1: negate[0],
            acc2: negate[1],
        };
        num::add_acc(conf, negate, Some(&a), Some(&b))
    };
    slots.set_words(0, &sum);
}

/// An operation of the adder; operands and results by what it is.
fn adder(f: LaneFn, bits: u32, slots: &mut Slots) {
    let unary = matches!(
        f,
        LaneFn::NotLtz | LaneFn::NegGtz | LaneFn::AbsGtz | LaneFn::EqZ
    );
    let signed = match f {
        LaneFn::NotLtz | LaneFn::NegGtz => true,
        LaneFn::AbsGtz => slots.word(1) & 1 == 1,
        _ => slots.word(2) & 1 == 1,
    };
    let kind = match (bits, signed) {
        (8, true) => LaneKind::I8,
        (8, false) => LaneKind::U8,
        (16, true) => LaneKind::I16,
        (16, false) => LaneKind::U16,
        (32, true) => LaneKind::I32,
        (32, false) => LaneKind::U32,
        _ => LaneKind::Bf16,
    };
    let a = slots.half(0);
    let b = if unary { a } else { slots.half(1) };
    let select = match f {
        LaneFn::Select if bits == 8 => u64::from_le_bytes(std::array::from_fn(|i| slots.0[2][i])),
        LaneFn::Select => slots.word(2).into(),
        _ => 0,
    };
    let (lanes, mask) = num::lanes(f, kind, &a, &b, select);
    let mask_slot = match f {
        LaneFn::EqZ | LaneFn::Lt | LaneFn::Ge => 0,
        _ => 1,
    };
    slots.set_half(0, &lanes);
    if f != LaneFn::Select {
        slots.0[mask_slot] = [0; SLOT_BYTES];
        slots.0[mask_slot][..8].copy_from_slice(&mask.to_le_bytes());
    }
}
