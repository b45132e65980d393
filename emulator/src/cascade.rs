//! Cascades: 512-bit words from core to core.
//!
//! A core sends south or east and receives from the north or the west, as the tile's direction
//! register says; both ends must agree.

use arch::Tile;
use arch::array::core_regs::AccumulatorControl;
use arch::array::memory::core_neighbour;
use arch::geometry;

use crate::error::{TILES, tile_index};

/// A cascade word.
pub(crate) type CascadeWord = [u8; 64];

/// Words between two cores: two at the sender, two at the receiver.
///
/// Source: AMD AM020 "AIE-ML to AIE-ML cascade".
const WORDS: usize = 4;

#[derive(Clone, Debug)]
struct Fifo {
    /// Cycle of sending and word, oldest first.
    words: [(u64, CascadeWord); WORDS],
    len: usize,
}

/// All cascades, by the receiver's tile index.
#[derive(Debug)]
pub(crate) struct Cascades {
    control: [u32; TILES],
    fifos: Vec<Fifo>,
}

impl Cascades {
    pub(crate) fn new() -> Self {
        let empty = Fifo {
            words: [(0, [0; 64]); WORDS],
            len: 0,
        };
        Cascades {
            control: [0; TILES],
            fifos: vec![empty; TILES],
        }
    }

    pub(crate) fn control(&self, tile: Tile) -> u32 {
        self.control[tile_index(tile)]
    }

    pub(crate) fn set_control(&mut self, tile: Tile, value: u32) {
        self.control[tile_index(tile)] = value;
    }

    fn config(&self, tile: Tile) -> AccumulatorControl {
        AccumulatorControl::from_word(self.control(tile))
    }

    /// Where a core sends.
    fn target(&self, tile: Tile) -> Result<Tile, String> {
        let out_east = self.config(tile).out_east;
        let (side, to) = if out_east {
            let east = Tile::new(tile.col + 1, tile.row);
            ("east", (east.col < geometry::COLUMNS).then_some(east))
        } else {
            ("south", core_neighbour(tile, 0))
        };
        let Some(to) = to else {
            return Err(format!("the cascade output goes {side}, where no core is"));
        };
        if self.config(to).in_west != out_east {
            let from = if out_east { "north" } else { "west" };
            return Err(format!(
                "the cascade output goes {side} to core {to}, which listens to the {from}"
            ));
        }
        Ok(to)
    }

    /// The core that a core receives from.
    fn source(&self, tile: Tile) -> Result<Tile, String> {
        let in_west = self.config(tile).in_west;
        let (side, window) = if in_west { ("west", 1) } else { ("north", 2) };
        let Some(from) = core_neighbour(tile, window) else {
            return Err(format!(
                "the cascade input is in the {side}, where no core is"
            ));
        };
        match self.target(from) {
            Ok(to) if to == tile => Ok(from),
            _ => Err(format!(
                "the cascade input is in the {side}, but core {from} sends elsewhere"
            )),
        }
    }

    /// Takes the oldest word sent before cycle `now`.
    ///
    /// # Errors
    /// When the input is not connected.
    pub(crate) fn receive(&mut self, tile: Tile, now: u64) -> Result<Option<CascadeWord>, String> {
        self.source(tile)?;
        let fifo = &mut self.fifos[tile_index(tile)];
        if fifo.len == 0 || fifo.words[0].0 >= now {
            return Ok(None);
        }
        let word = fifo.words[0].1;
        fifo.words.rotate_left(1);
        fifo.len -= 1;
        Ok(Some(word))
    }

    /// Sends a word if there is room.
    ///
    /// # Errors
    /// When the output is not connected.
    pub(crate) fn send(
        &mut self,
        tile: Tile,
        now: u64,
        word: &CascadeWord,
    ) -> Result<bool, String> {
        let to = self.target(tile)?;
        let fifo = &mut self.fifos[tile_index(to)];
        if fifo.len == WORDS {
            return Ok(false);
        }
        fifo.words[fifo.len] = (now, *word);
        fifo.len += 1;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD: CascadeWord = [7; 64];

    #[test]
    fn words_arrive_in_order_and_fill_up() {
        let (north, south) = (Tile::new(1, 3), Tile::new(1, 2));
        let mut cascades = Cascades::new();
        for i in 0..4 {
            assert_eq!(cascades.send(north, 5, &[i; 64]), Ok(true));
        }
        assert_eq!(cascades.send(north, 5, &WORD), Ok(false));
        assert_eq!(
            cascades.receive(south, 5),
            Ok(None),
            "not in the same cycle"
        );
        for i in 0..4 {
            assert_eq!(cascades.receive(south, 6), Ok(Some([i; 64])));
        }
        assert_eq!(cascades.receive(south, 7), Ok(None));
    }

    #[test]
    fn both_ends_must_agree() {
        let (west, east) = (Tile::new(0, 3), Tile::new(1, 3));
        let mut cascades = Cascades::new();
        cascades.set_control(west, 2);
        let err = cascades.send(west, 0, &WORD).unwrap_err();
        assert_eq!(
            err,
            "the cascade output goes east to core (1,3), which listens to the north"
        );
        cascades.set_control(east, 1);
        assert_eq!(cascades.send(west, 0, &WORD), Ok(true));
        assert_eq!(cascades.receive(east, 1), Ok(Some(WORD)));
        assert!(cascades.receive(Tile::new(0, 5), 1).is_err());
        assert!(cascades.send(Tile::new(0, 2), 1, &WORD).is_err());
        assert!(cascades.receive(Tile::new(0, 2), 1).is_err());
    }
}
