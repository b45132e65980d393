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
        /// Packet id, what switches route by.
        id     = [4:0]   uint;
    }
}

impl Header {
    /// The header of a packet from `source`.
    pub fn new(source: Tile, id: u32, kind: u32) -> Self {
        Header {
            parity: false,
            col: u32::from(source.col),
            row: u32::from(source.row),
            kind,
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
    fn controller_ids() {
        let ids: Vec<_> = (0..6).map(|r| controller_id(Tile::new(0, r))).collect();
        assert_eq!(ids, [15, 26, 27, 29, 30, 31]);
    }
}
