//! Buffer descriptors of all three kinds in one form, what makes them illegal, and the walk over
//! their addresses.

use arch::TileKind;
use arch::array::memory::{CORE_OWN, MEM_NEIGHBOUR_CHANNELS, MEM_OWN, mem_address_target};
use arch::array::{CoreBd, Direction, MemBd, ShimBd, bd::bd_usable, lock::mem_lock_target};
use arch::limits::{CORE_DATA_BYTES, MAX_LOCK_VALUE, MEM_DATA_BYTES};

use crate::error::{ChannelId, EmuError};

/// Words a descriptor has at most; core descriptors leave the last two unused.
pub(crate) const BD_WORDS: usize = 8;

/// One address dimension; a wrap of 0 does not end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dim {
    /// Step in words.
    pub(crate) step: u32,
    pub(crate) wrap: u32,
    /// Zeros before and after each run, in units of this dimension.
    pub(crate) before: u32,
    pub(crate) after: u32,
}

/// Use of a lock: the field's lock id and the value.
pub(crate) type LockUse = Option<(u8, i32)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bd {
    pub(crate) valid: bool,
    /// Byte address: in the tile's memory, in the memory tiles' window, or in host memory.
    pub(crate) base: u64,
    /// Words on the stream.
    pub(crate) length: u32,
    /// Innermost first; unused dimensions have step 0 and are never reached.
    pub(crate) dims: [Dim; 4],
    pub(crate) iter_current: u32,
    pub(crate) iter_wrap: u32,
    pub(crate) iter_step: u32,
    pub(crate) next: Option<u8>,
    pub(crate) acquire: LockUse,
    pub(crate) release: LockUse,
    /// Packet id and type of the header to send.
    pub(crate) packet: Option<(u32, u32)>,
    pub(crate) tlast_suppress: bool,
    pub(crate) compression: bool,
    /// Descriptor that an out-of-order receiver is to use.
    pub(crate) ooo_bd_id: u32,
    /// Code of the burst length, for shims.
    pub(crate) burst_length: u32,
}

/// Largest code of a burst length.
const MAX_BURST_LENGTH: u32 = 2;

/// Names of the fields of dimensions 0 to 2.
const WRAP: [&str; 3] = ["d0_wrap", "d1_wrap", "d2_wrap"];
const BEFORE: [&str; 3] = ["d0_zero_before", "d1_zero_before", "d2_zero_before"];
const AFTER: [&str; 3] = ["d0_zero_after", "d1_zero_after", "d2_zero_after"];

/// The descriptors that a channel can use, in words.
pub(crate) fn usable(channel: ChannelId) -> String {
    let bds = channel.tile.kind().bds();
    match channel.tile.kind() {
        TileKind::Mem => format!(
            "channel {} of a memory tile uses {}\n\
             help: even channels use descriptors 0 to {}, odd channels {} to {}",
            channel.number,
            if channel.number.is_multiple_of(2) {
                format!("0 to {}", bds / 2 - 1)
            } else {
                format!("{} to {}", bds / 2, bds - 1)
            },
            bds / 2 - 1,
            bds / 2,
            bds - 1
        ),
        kind => format!(
            "a {kind} has descriptors 0 to {}\nhelp: use one of them",
            bds - 1
        ),
    }
}

const fn dim(step: u32, wrap: u32) -> Dim {
    Dim {
        step,
        wrap,
        before: 0,
        after: 0,
    }
}

/// The fields that all three layouts name alike.
macro_rules! common {
    ($raw:ident, $base:expr, $compression:expr, $burst:expr, $dims:expr) => {
        Bd {
            valid: $raw.valid,
            base: $base,
            length: $raw.buffer_length,
            dims: $dims,
            iter_current: $raw.iter_current,
            iter_wrap: $raw.iter_wrap,
            iter_step: $raw.iter_step,
            next: $raw.use_next.then_some($raw.next_bd as u8),
            acquire: $raw
                .acq_enable
                .then_some(($raw.acq_id as u8, $raw.acq_value)),
            release: ($raw.rel_value != 0).then_some(($raw.rel_id as u8, $raw.rel_value)),
            packet: $raw
                .enable_packet
                .then_some(($raw.packet_id, $raw.packet_type)),
            tlast_suppress: $raw.tlast_suppress,
            ooo_bd_id: $raw.ooo_bd_id,
            compression: $compression,
            burst_length: $burst,
        }
    };
}

impl Bd {
    /// Reads the register words of a tile's descriptor.
    pub(crate) fn from_words(kind: TileKind, words: &[u32; BD_WORDS]) -> Self {
        match kind {
            TileKind::Core => {
                let [a, b, c, d, e, f, ..] = *words;
                let raw = CoreBd::decode([a, b, c, d, e, f]);
                common!(
                    raw,
                    u64::from(raw.base_address) * 4,
                    raw.enable_compression,
                    0,
                    [
                        dim(raw.d0_step, raw.d0_wrap),
                        dim(raw.d1_step, raw.d1_wrap),
                        dim(raw.d2_step, 0),
                        Dim::default()
                    ]
                )
            }
            TileKind::Mem => {
                let raw = MemBd::decode(*words);
                let pad = |step, wrap, before, after| Dim {
                    step,
                    wrap,
                    before,
                    after,
                };
                common!(
                    raw,
                    u64::from(raw.base_address) * 4,
                    raw.enable_compression,
                    0,
                    [
                        pad(
                            raw.d0_step,
                            raw.d0_wrap,
                            raw.d0_zero_before,
                            raw.d0_zero_after
                        ),
                        pad(
                            raw.d1_step,
                            raw.d1_wrap,
                            raw.d1_zero_before,
                            raw.d1_zero_after
                        ),
                        pad(
                            raw.d2_step,
                            raw.d2_wrap,
                            raw.d2_zero_before,
                            raw.d2_zero_after
                        ),
                        dim(raw.d3_step, 0),
                    ]
                )
            }
            TileKind::Shim => {
                let raw = ShimBd::decode(*words);
                common!(
                    raw,
                    raw.address(),
                    false,
                    raw.burst_length,
                    [
                        dim(raw.d0_step, raw.d0_wrap),
                        dim(raw.d1_step, raw.d1_wrap),
                        dim(raw.d2_step, 0),
                        Dim::default()
                    ]
                )
            }
        }
    }

    fn padded(&self) -> bool {
        self.dims.iter().any(|d| d.before != 0 || d.after != 0)
    }

    /// Byte offset that the iteration adds at this load.
    fn iter_offset(&self) -> u64 {
        u64::from(self.iter_current) * u64::from(self.iter_step) * 4
    }

    /// The value of `iter_current` after this load.
    pub(crate) fn iter_next(&self) -> u32 {
        if self.iter_current + 1 >= self.iter_wrap {
            0
        } else {
            self.iter_current + 1
        }
    }

    /// Whether the channel can execute the descriptor with number `bd`; `by_packet` if a packet chose it.
    ///
    /// # Errors
    /// Names the field at fault, its value and the limit.
    pub(crate) fn check(
        &self,
        channel: ChannelId,
        bd: u8,
        by_packet: bool,
    ) -> Result<(), EmuError> {
        let bad = |field, why: String| {
            Err(EmuError::Bd {
                channel,
                bd,
                field,
                why,
            })
        };
        let kind = channel.tile.kind();
        if !self.valid {
            let why = "is 0, a descriptor that is started needs 1\n\
                       help: the descriptor was not written, or the wrong one was started";
            return bad("valid", why.into());
        }
        for (field, id) in [("start_bd", Some(bd)), ("next_bd", self.next)] {
            if let Some(id) = id.filter(|id| !bd_usable(kind, channel.number, *id)) {
                return bad(field, format!("is {id}, {}", usable(channel)));
            }
        }
        if self.length == 0 {
            let why = "is 0, the least is 1 word\nhelp: leave a transfer of nothing out";
            return bad("buffer_length", why.into());
        }
        if self.compression {
            let why = "is 1, but compression is not modelled: its format is not public\n\
                       help: send the data as they are";
            return bad("enable_compression", why.into());
        }
        if self.burst_length > MAX_BURST_LENGTH {
            let why = format!(
                "is {}, the limit is {MAX_BURST_LENGTH}\n\
                 help: 0, 1 and 2 mean bursts of 64, 128 and 256 bytes",
                self.burst_length
            );
            return bad("burst_length", why);
        }
        if self.iter_current >= self.iter_wrap {
            let why = format!(
                "is {}, the limit is {}, one less than the {} of iter_wrap\n\
                 help: begin with iteration 0",
                self.iter_current,
                self.iter_wrap - 1,
                self.iter_wrap
            );
            return bad("iter_current", why);
        }
        if let Some((field, why)) = self.bad_header_or_padding(channel.dir, by_packet) {
            return bad(field, why);
        }
        if let Some((field, why)) = self.bad_lock(channel) {
            return bad(field, why);
        }
        self.check_range(channel, bd)
    }

    /// What an S2MM channel cannot do, and zeros around runs that do not end.
    fn bad_header_or_padding(
        &self,
        dir: Direction,
        by_packet: bool,
    ) -> Option<(&'static str, String)> {
        let unasked = dir == Direction::S2mm && !by_packet;
        if let Some((id, _)) = self.packet.filter(|_| unasked) {
            let why = format!(
                "is 1 (packet id {id}), on an S2MM channel the limit is 0\n\
                 help: only MM2S channels send headers, and out-of-order S2MM channels take them"
            );
            return Some(("enable_packet", why));
        }
        for (d, dim) in self.dims.iter().enumerate().take(3) {
            let sides = [(BEFORE[d], dim.before), (AFTER[d], dim.after)];
            let Some((side, zeros)) = sides.into_iter().find(|(_, zeros)| *zeros != 0) else {
                continue;
            };
            if dir == Direction::S2mm {
                let why = format!(
                    "is {zeros}, on an S2MM channel the limit is 0\n\
                     help: only MM2S channels of memory tiles insert zeros"
                );
                return Some((side, why));
            }
            if let Some(open) = self.dims[..=d].iter().position(|inner| inner.wrap == 0) {
                let why = format!(
                    "is 0, with {side} {zeros} the least is 1\n\
                     help: a run that does not end has no place for zeros; give dimension {open} its size"
                );
                return Some((WRAP[open], why));
            }
        }
        None
    }

    fn bad_lock(&self, channel: ChannelId) -> Option<(&'static str, String)> {
        let most = i32::from(MAX_LOCK_VALUE);
        if let Some((_, value)) = self.acquire.filter(|(_, value)| value.abs() > most) {
            let why = format!(
                "is {value}, a lock holds 0 to {most}\nhelp: such a wait would never end; acquire less"
            );
            return Some(("acq_value", why));
        }
        if channel.tile.kind() != TileKind::Mem {
            return None;
        }
        for (field, lock) in [("acq_id", self.acquire), ("rel_id", self.release)] {
            let Some((id, _)) = lock else { continue };
            let target = mem_lock_target(channel.tile, id);
            let reachable = target.is_some_and(|(tile, _)| {
                tile == channel.tile || channel.number < MEM_NEIGHBOUR_CHANNELS
            });
            if !reachable {
                let why = format!(
                    "is {id}, no lock that this channel reaches\n\
                     help: own locks are 64 to 127; west 0 to 63 and east 128 to 191 need a neighbour and channels 0 to 3"
                );
                return Some((field, why));
            }
        }
        None
    }

    /// The bytes of a tile's memory that the walk touches must exist. Host memory is checked word by
    /// word.
    fn check_range(&self, channel: ChannelId, bd: u8) -> Result<(), EmuError> {
        let kind = channel.tile.kind();
        let (first, end) = match kind {
            TileKind::Shim => return Ok(()),
            TileKind::Core => (0, u64::from(CORE_DATA_BYTES)),
            TileKind::Mem => {
                let (own, span) = (u64::from(MEM_OWN), u64::from(MEM_DATA_BYTES));
                let reach = |addr: u64| {
                    channel.number < MEM_NEIGHBOUR_CHANNELS
                        && mem_address_target(channel.tile, addr as u32).is_some()
                };
                let first = if reach(0) { 0 } else { own };
                (
                    first,
                    if reach(own + span) {
                        own + 2 * span
                    } else {
                        own + span
                    },
                )
            }
        };
        let start = self.base + self.iter_offset();
        let last = start + self.last_offset() * 4 + 4;
        if start < first || last > end {
            let why = format!(
                "{:#x} leads the transfer over bytes {start:#x} to {last:#x}, this channel reaches {first:#x} to {end:#x}\n\
                 help: check base, sizes, steps and iteration{}",
                self.base / 4,
                if kind == TileKind::Core {
                    format!("; the core's own address {CORE_OWN:#x} is byte 0 here")
                } else {
                    String::new()
                }
            );
            return Err(EmuError::Bd {
                channel,
                bd,
                field: "base_address",
                why,
            });
        }
        Ok(())
    }

    /// Largest word offset from the base that the walk can touch. With padding it takes the last
    /// plane for full.
    fn last_offset(&self) -> u64 {
        let step = |d: usize| u64::from(self.dims[d].step);
        if self.padded() {
            let mut plane = 1u64;
            let mut offset = 0;
            for (d, dim) in self.dims.iter().enumerate() {
                if dim.wrap == 0 {
                    let planes = u64::from(self.length).div_ceil(plane);
                    return offset + (planes - 1) * step(d);
                }
                plane *= u64::from(dim.before + dim.wrap + dim.after);
                offset += u64::from(dim.wrap - 1) * step(d);
            }
            return offset;
        }
        let mut digits = [0u64; 4];
        let mut rest = u64::from(self.length - 1);
        for (d, dim) in self.dims.iter().enumerate() {
            if dim.wrap == 0 {
                digits[d] = rest;
                break;
            }
            digits[d] = rest % u64::from(dim.wrap);
            rest /= u64::from(dim.wrap);
        }
        // The offset grows with every digit, so the largest is the last index, or an earlier one
        // with a smaller digit somewhere and all digits below at their largest.
        let mut largest: u64 = (0..4).map(|d| digits[d] * step(d)).sum();
        for high in (1..4).filter(|d| digits[*d] > 0) {
            let above: u64 = (high..4).map(|d| digits[d] * step(d)).sum();
            let below: u64 = (0..high)
                .map(|d| u64::from(self.dims[d].wrap - 1) * step(d))
                .sum();
            largest = largest.max(above - step(high) + below);
        }
        largest
    }

    /// The walk over the descriptor's stream words.
    pub(crate) fn walk(&self) -> Walk {
        let mut addr = self.base + self.iter_offset();
        let mut totals = [0; 4];
        for (total, dim) in totals.iter_mut().zip(&self.dims) {
            if dim.wrap != 0 {
                *total = dim.before + dim.wrap + dim.after;
            }
            addr = addr.wrapping_sub(u64::from(dim.before) * u64::from(dim.step) * 4);
        }
        Walk {
            left: self.length,
            addr,
            index: [0; 4],
            totals,
            dims: self.dims,
            padded: self.padded(),
        }
    }
}

/// Walks the words of one pass: each item is a byte address, or `None` for a padding zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    left: u32,
    /// Address of the current index; meaningless, but still linear, in the padding.
    addr: u64,
    index: [u32; 4],
    /// Length of a run with its padding; 0 does not end.
    totals: [u32; 4],
    dims: [Dim; 4],
    padded: bool,
}

impl Walk {
    /// A walk over nothing.
    pub(crate) const DONE: Walk = Walk {
        left: 0,
        addr: 0,
        index: [0; 4],
        totals: [0; 4],
        dims: [dim(0, 0); 4],
        padded: false,
    };

    /// Nothing more comes.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.left = 0;
    }

    /// Words still to come.
    #[inline]
    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    #[inline]
    fn is_zero(&self) -> bool {
        self.padded
            && (0..4).any(|d| {
                let dim = &self.dims[d];
                self.totals[d] != 0
                    && (self.index[d] < dim.before || self.index[d] >= dim.before + dim.wrap)
            })
    }
}

impl Iterator for Walk {
    type Item = Option<u64>;

    #[inline]
    fn next(&mut self) -> Option<Option<u64>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let item = if self.is_zero() {
            None
        } else {
            Some(self.addr)
        };
        for d in 0..4 {
            let step = u64::from(self.dims[d].step) * 4;
            self.index[d] = self.index[d].wrapping_add(1);
            self.addr = self.addr.wrapping_add(step);
            if self.totals[d] == 0 || self.index[d] < self.totals[d] {
                break;
            }
            self.index[d] = 0;
            self.addr = self.addr.wrapping_sub(u64::from(self.totals[d]) * step);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests;
