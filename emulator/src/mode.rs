//! What the control register of a DMA channel changes: descriptors chosen by packets, transfers that
//! TLAST ends, pauses.
//!
//! - *Out of order* (S2MM): the header of every packet names the descriptor that takes its words; the
//!   repeats of the task count packets. Source: mlir-aie,
//!   `programming_examples/basic/dma_s2mm_ooo` and `test/npu-xrt/dma_s2mm_ooo_shim_recv`.
//! - *Finish on TLAST* (S2MM): TLAST ends a descriptor, and a descriptor whose words come without TLAST
//!   is an error; a register tells how many words came. Source: AM025, `DMA_S2MM_0_Ctrl`,
//!   `DMA_S2MM_Status_0`, `DMA_S2MM_FoT_Count_FIFO_Pop_0`.
//! - *Pauses* (shim): of the stream, or of new bursts to the host's memory. Source: AM025,
//!   `noc_module`, `DMA_S2MM_0_Ctrl`. A pause that is written while words are moved ahead of the clock
//!   takes hold after them, at most 128 words on.

use std::collections::VecDeque;

use arch::TileKind;
use arch::array::Direction;
use arch::array::dma::{Count, Ctrl, FOT_NO_COUNTS, FOT_OFF, FOT_REGISTER, ShimCtrl};

use crate::bd::Bd;
use crate::error::{ChannelId, EmuError};

/// Counts that the emulator keeps for a reader. How many the hardware keeps before the channel waits is
/// not published.
const COUNTS: usize = 8;

/// What a channel does, by its control register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Packets choose descriptors.
    pub(crate) out_of_order: bool,
    /// TLAST ends a descriptor.
    pub(crate) finish_on_tlast: bool,
    /// And its words are counted.
    counts: bool,
    /// No word moves on the stream.
    pub(crate) pause_stream: bool,
    /// No burst to the host's memory begins.
    pub(crate) pause_memory: bool,
}

impl Mode {
    /// Reads a control register.
    ///
    /// # Errors
    /// A text naming the mode that is not modelled.
    pub(crate) fn read(id: ChannelId, value: u32) -> Result<Self, String> {
        let (ctrl, shim) = (Ctrl::from_word(value), ShimCtrl::from_word(value));
        let is_shim = id.tile.kind() == TileKind::Shim;
        if ctrl.compression && !is_shim {
            return Err("compression is not modelled: its format is not public\n\
                        help: leave bit 4 clear"
                .into());
        }
        let receives = id.dir == Direction::S2mm;
        let fot = if receives { ctrl.fot_mode } else { FOT_OFF };
        if !matches!(fot, FOT_OFF | FOT_NO_COUNTS | FOT_REGISTER) {
            return Err("finish-on-TLAST with counts in tokens is not modelled: \
                        what such a token looks like is not public\n\
                        help: use mode 1, or mode 3 and read the counts from their register"
                .into());
        }
        Ok(Mode {
            out_of_order: receives && ctrl.out_of_order,
            finish_on_tlast: fot != FOT_OFF,
            counts: fot == FOT_REGISTER,
            pause_stream: is_shim && shim.pause_stream,
            pause_memory: is_shim && shim.pause_mem,
        })
    }

    /// What out-of-order channels demand of a descriptor besides the rest.
    ///
    /// # Errors
    /// Names the field at fault.
    pub(crate) fn check(&self, bd: &Bd, channel: ChannelId, id: u8) -> Result<(), EmuError> {
        let Some(next) = bd.next.filter(|_| self.out_of_order) else {
            return Ok(());
        };
        let why = format!(
            "is 1 (next_bd {next}), on a channel in out-of-order mode the limit is 0\n\
             help: the header of the next packet names the next descriptor"
        );
        Err(EmuError::Bd {
            channel,
            bd: id,
            field: "use_next",
            why,
        })
    }

    /// Whether a word that came ends the transfer: `last` is its TLAST, `moved` of `length` words have
    /// come.
    ///
    /// # Errors
    /// A text for the field `buffer_length`: words and TLAST do not fit the mode.
    pub(crate) fn ends(&self, last: bool, moved: u32, length: u32) -> Result<bool, String> {
        let full = moved == length;
        match (last, full) {
            (false, true) if self.finish_on_tlast || self.out_of_order => Err(format!(
                "is {length}, but the packet goes on: word {length} has no TLAST\n\
                 help: send at most {length} words, and TLAST with the last"
            )),
            (true, false) if self.out_of_order && !self.finish_on_tlast => Err(format!(
                "is {length}, but the packet ends after {moved} words\n\
                 help: send {length} words a packet, or use a finish-on-TLAST mode"
            )),
            _ => Ok(full || last && self.finish_on_tlast),
        }
    }
}

/// Counts of transfers that nobody has read yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted(VecDeque<u32>);

impl Counted {
    /// Keeps the count of a transfer, if the mode counts.
    ///
    /// # Errors
    /// A text: nobody reads the counts.
    pub(crate) fn push(
        &mut self,
        mode: Mode,
        bd: u8,
        words: u32,
        last: bool,
    ) -> Result<(), String> {
        if !mode.counts {
            return Ok(());
        }
        if self.0.len() == COUNTS {
            return Err(format!(
                "is reached, but {COUNTS} counts of earlier transfers are unread; \
                 how many the channel keeps is not public\n\
                 help: read DMA_S2MM_FoT_Count_FIFO_Pop after every transfer"
            ));
        }
        let count = Count {
            valid: true,
            last,
            bd: u32::from(bd),
            words,
        };
        self.0.push_back(count.to_word().unwrap_or(0));
        Ok(())
    }

    /// Takes the oldest count; 0, which is not valid, if there is none.
    pub(crate) fn pop(&mut self) -> u32 {
        self.0.pop_front().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch::Tile;

    const SHIM: ChannelId = ChannelId {
        tile: Tile::new(0, 0),
        dir: Direction::S2mm,
        number: 0,
    };
    const CORE: ChannelId = ChannelId {
        tile: Tile::new(0, 2),
        ..SHIM
    };

    #[test]
    fn modes_are_read_where_a_channel_has_them() {
        let shim = Mode::read(SHIM, 0x3_000e).unwrap();
        assert!(shim.out_of_order && shim.finish_on_tlast && shim.counts);
        assert!(shim.pause_stream && shim.pause_memory);
        let core = Mode::read(CORE, 0x1_000e).unwrap();
        assert!(core.out_of_order && core.finish_on_tlast && !core.counts);
        assert!(!core.pause_stream && !core.pause_memory);
        let sender = ChannelId {
            dir: Direction::Mm2s,
            ..CORE
        };
        assert_eq!(Mode::read(sender, 0x3_0008), Ok(Mode::default()));
        assert!(Mode::read(CORE, 0x10).is_err() && Mode::read(SHIM, 0x10).is_ok());
        assert!(Mode::read(CORE, 0x2_0000).is_err());
    }

    #[test]
    fn tlast_ends_what_the_mode_says() {
        let mode = |out_of_order, finish_on_tlast| Mode {
            out_of_order,
            finish_on_tlast,
            ..Mode::default()
        };
        let plain = mode(false, false);
        assert_eq!(plain.ends(true, 3, 8), Ok(false));
        assert_eq!(plain.ends(false, 8, 8), Ok(true));
        let finish = mode(false, true);
        assert_eq!(finish.ends(true, 3, 8), Ok(true));
        assert_eq!(finish.ends(true, 8, 8), Ok(true));
        assert!(finish.ends(false, 8, 8).is_err());
        let packets = mode(true, false);
        assert!(packets.ends(true, 3, 8).is_err() && packets.ends(false, 8, 8).is_err());
        assert_eq!(mode(true, true).ends(true, 3, 8), Ok(true));
    }
}
