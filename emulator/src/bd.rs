//! Buffer descriptors of all three kinds in one form, what makes them illegal, and the walk over
//! their addresses.

use arch::TileKind;
use arch::array::memory::{CORE_OWN, MEM_NEIGHBOUR_CHANNELS, MEM_OWN, mem_address_target};
use arch::array::{CoreBd, Direction, MemBd, ShimBd, bd::bd_usable, lock::mem_lock_target};
use arch::limits::{CORE_DATA_BYTES, MEM_DATA_BYTES};

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
    ($raw:ident, $base:expr, $compression:expr, $dims:expr) => {
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
            compression: $compression,
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

    /// Whether the channel can execute the descriptor with number `bd`.
    ///
    /// # Errors
    /// Names the field at fault.
    pub(crate) fn check(&self, channel: ChannelId, bd: u8) -> Result<(), EmuError> {
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
            let why =
                "is not set\nhelp: the descriptor was not written, or the wrong one was started";
            return bad("valid", why.into());
        }
        if !bd_usable(kind, channel.number, bd) {
            let why = format!(
                "is {bd}, channel {} of a {kind} cannot use it\n\
                 help: on memory tiles even channels use 0 to 23, odd channels 24 to 47",
                channel.number
            );
            return bad("start_bd", why);
        }
        if self.length == 0 {
            let why = "is 0\nhelp: a transfer moves at least one word";
            return bad("buffer_length", why.into());
        }
        if self.compression {
            return bad(
                "enable_compression",
                "is set, compression is not modelled".into(),
            );
        }
        if let Some(next) = self.next
            && !bd_usable(kind, channel.number, next)
        {
            let why = format!("is {next}, which channel {} cannot use", channel.number);
            return bad("next_bd", why);
        }
        if channel.dir == Direction::S2mm {
            if self.packet.is_some() {
                let why = "is set, but only MM2S channels send headers";
                return bad("enable_packet", why.into());
            }
            if self.padded() {
                let why = "is not 0, but only MM2S channels insert zeros";
                return bad("d0_zero_before", why.into());
            }
        }
        for (d, dim) in self.dims.iter().enumerate() {
            let zeros = dim.before + dim.after;
            if zeros != 0 && self.dims[..=d].iter().any(|inner| inner.wrap == 0) {
                let fields = ["d0_wrap", "d1_wrap", "d2_wrap"];
                let field = fields.iter().zip(&self.dims).find(|(_, i)| i.wrap == 0);
                let why = format!("is 0, but dimension {d} has zero padding");
                return bad(field.map_or("d2_wrap", |(f, _)| f), why);
            }
        }
        self.check_locks(channel, bd)?;
        self.check_range(channel, bd)
    }

    fn check_locks(&self, channel: ChannelId, bd: u8) -> Result<(), EmuError> {
        if channel.tile.kind() != TileKind::Mem {
            return Ok(());
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
                return Err(EmuError::Bd {
                    channel,
                    bd,
                    field,
                    why,
                });
            }
        }
        Ok(())
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
