//! A small seeded generator, so that generated cases are the same everywhere.

use arch::Tile;
use formats::cdo::Command;

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) as u32
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.word() % limit
    }

    /// A word-aligned register of some tile.
    pub(crate) fn register(&mut self) -> u32 {
        let tile = Tile::new(self.below(4) as u8, self.below(6) as u8);
        tile.base() + (self.below(1 << 20) & !3)
    }

    pub(crate) fn command(&mut self) -> Command {
        // Lengths around the limit of the short header, 255 words with the address, are likely.
        const BLOCKS: [u32; 8] = [1, 2, 6, 8, 252, 253, 254, 700];
        const NOPS: [u32; 4] = [0, 1, 2, 255];
        let addr = self.register();
        match self.below(8) {
            0..3 => Command::Write {
                addr,
                value: self.word(),
            },
            3 => Command::MaskWrite {
                addr,
                mask: self.word(),
                value: self.word(),
            },
            4 | 5 => {
                let len = match self.below(3) {
                    0 => BLOCKS[self.below(8) as usize],
                    _ => self.below(20),
                };
                Command::DmaWrite {
                    addr,
                    data: (0..len).map(|_| self.word()).collect(),
                }
            }
            6 => Command::MaskPoll {
                addr,
                mask: self.word(),
                value: self.word(),
                timeout: self.below(1000),
            },
            _ if self.below(2) == 0 => Command::Delay {
                count: self.below(1000),
            },
            _ => Command::Nop {
                words: NOPS[self.below(4) as usize],
            },
        }
    }
}
