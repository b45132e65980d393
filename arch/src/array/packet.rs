//! Packet headers and task-complete tokens.
//!
//! Source: mlir-aie `lib/Targets/AIETargetNPU.cpp`, `lib/Dialect/AIE/IR/AIETargetModel.cpp`; AMD AM020
//! for the positions of row and column.

use super::field::{FieldError, word_layout};
use crate::{Tile, TileKind};

word_layout! {
    /// First word of a packet. Use [`Header::with_parity`] for the word on the stream.
    Header, "packet header" {
        /// Odd parity over the word.
        parity = [31:31] flag;
        /// Column of the source.
        col    = [27:21] uint;
        /// Row of the source.
        row    = [20:16] uint;
        /// Packet type.
        kind   = [14:12] uint;
        /// Descriptor that a receiver in out-of-order mode uses. Six bits wide (mlir-aie
        /// `dma_s2mm_ooo.py`); where they lie among bits 11:5, which AM020 draws as zeros, is not
        /// published, and nothing but the sending and the receiving DMA looks at them.
        bd_id  = [10:5]  uint;
        /// Packet id, what switches route by.
        id     = [4:0]   uint;
    }
}

word_layout! {
    /// Second word of a control packet: what a tile's control port does to the tile's registers.
    ///
    /// Source: mlir-aie `lib/Targets/AIETargetNPU.cpp`; AM020 table "Control Packet Header".
    ControlHeader, "control packet header" {
        /// Odd parity over the word.
        parity    = [31:31] flag;
        /// Packet id of the reply to a read.
        reply_id  = [28:24] uint;
        /// See [`ControlOperation`].
        operation = [23:22] uint;
        /// Words written or read, 1..=4.
        words     = [21:20] less1;
        /// Offset of the first register in the tile.
        offset    = [19:0]  uint;
    }
}

/// What a control packet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlOperation {
    /// Writes the words that follow to registers one after the other.
    Write,
    /// Reads registers one after the other; the reply is a packet of their values.
    Read,
}

impl ControlHeader {
    /// The operation; `None` for the number whose meaning no public source states.
    pub const fn operation(&self) -> Option<ControlOperation> {
        match self.operation {
            // mlir-aie writes descriptors of several words with 0, so that 0 moves on by itself as
            // 2, "write with increment", does.
            0 | 2 => Some(ControlOperation::Write),
            1 => Some(ControlOperation::Read),
            _ => None,
        }
    }
}

/// Whether the number of ones in a header is odd, as its parity bit makes it.
pub const fn parity_holds(word: u32) -> bool {
    word.count_ones() % 2 == 1
}

impl Header {
    /// The header of a packet from `source`.
    pub fn new(source: Tile, id: u32, kind: u32) -> Self {
        Header {
            parity: false,
            col: u32::from(source.col),
            row: u32::from(source.row),
            kind,
            bd_id: 0,
            id,
        }
    }

    /// The word with its parity bit set so that the number of ones is odd.
    ///
    /// # Errors
    /// When a value does not fit its field.
    pub fn with_parity(self) -> Result<u32, FieldError> {
        let word = Header {
            parity: false,
            ..self
        }
        .to_word()?;
        Ok(word | u32::from(word.count_ones() % 2 == 0) << 31)
    }
}

/// Packet ids, `0..PACKET_IDS`.
pub const PACKET_IDS: u32 = 32;

/// Controller id the reference toolchain gives a tile: the packet id of its task-complete tokens.
///
/// Source: mlir-aie `lib/Dialect/AIE/Transforms/AIEGenerateColumnControlOverlay.cpp`.
pub fn controller_id(tile: Tile) -> u32 {
    match tile.kind() {
        TileKind::Shim => 15,
        TileKind::Mem => 26,
        TileKind::Core => [27, 29, 30, 31][usize::from(tile.row - 2) % 4],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_is_odd() {
        for id in 0..PACKET_IDS {
            let word = Header::new(Tile::new(3, 5), id, 1).with_parity().unwrap();
            assert_eq!(word.count_ones() % 2, 1);
            assert_eq!(Header::from_word(word).id, id);
            assert_eq!(Header::from_word(word).row, 5);
        }
        let plain = Header::new(Tile::new(0, 0), 15, 0).with_parity();
        assert_eq!(plain, Ok(0x8000_000f));
        assert!(Header::new(Tile::new(0, 0), 32, 0).with_parity().is_err());
    }

    #[test]
    fn control_packets_write_and_read() {
        // The words that mlir-aie's test `add_one_ctrl_packet` sends: lock 0, and a read of 4 words.
        let write = ControlHeader::from_word(0x0001_f000);
        assert_eq!((write.offset, write.words), (0x1f000, 1));
        assert_eq!(write.operation(), Some(ControlOperation::Write));
        let read = ControlHeader::from_word(0x2 << 24 | 1 << 22 | 3 << 20 | 0x440);
        assert_eq!((read.words, read.reply_id), (4, 2));
        assert_eq!(read.operation(), Some(ControlOperation::Read));
        assert_eq!(ControlHeader::from_word(3 << 22).operation(), None);
        assert!(parity_holds(0x8000_000f) && !parity_holds(0xf));
    }

    #[test]
    fn controller_ids() {
        let ids: Vec<_> = (0..6).map(|r| controller_id(Tile::new(0, r))).collect();
        assert_eq!(ids, [15, 26, 27, 29, 30, 31]);
    }
}
