//! Little-endian words: what CDO, PDI and instruction streams are made of.

use std::fmt;

use arch::Tile;
use arch::array::regs::register_name;

/// The bytes as 32-bit words, or `None` when the length is no multiple of 4.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Vec<u32>> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    rest.is_empty()
        .then(|| chunks.iter().map(|c| u32::from_le_bytes(*c)).collect())
}

/// The words as little-endian bytes.
pub(crate) fn to_bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// The checksum all CDO and PDI headers use: the complement of the sum of the words.
pub(crate) fn checksum(words: &[u32]) -> u32 {
    !words.iter().fold(0u32, |sum, w| sum.wrapping_add(*w))
}

/// A register address printed as `(col,row)+0xoffset`, with the register's name where it is known.
pub(crate) struct At(pub(crate) u32);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tile, offset) = Tile::from_addr(self.0);
        write!(f, "{tile}+{offset:#07x}")?;
        match register_name(tile.kind(), offset) {
            Some(name) => write!(f, " [{name}]"),
            None => Ok(()),
        }
    }
}

/// Words of a block write, in hexadecimal, shortened to the first eight.
pub(crate) struct Block<'a>(pub(crate) &'a [u32]);

impl fmt::Display for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "{} words:", self.0.len())?;
        for word in self.0.iter().take(SHOWN) {
            write!(f, " {word:08x}")?;
        }
        if self.0.len() > SHOWN {
            f.write_str(" ...")?;
        }
        Ok(())
    }
}
