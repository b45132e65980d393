//! Task-complete tokens on their way to the host.
//!
//! A token is a one-word packet: a header with the channel's controller id as packet id and the
//! tile's place. The number of the channel goes into header bits 5..=8, which switches do not look
//! at; that position is the emulator's own, nothing in the array reads it.

use arch::Tile;
use arch::array::Direction;
use arch::array::packet::Header;

use crate::error::ChannelId;
use crate::link::Word;

const NUMBER_SHIFT: u32 = 5;
const NUMBER_MASK: u32 = 7;
const MM2S: u32 = 1 << 8;

/// The token of a channel.
pub(crate) fn encode(channel: ChannelId, controller_id: u32) -> Word {
    let header = Header::new(channel.tile, controller_id & 31, 0);
    let dir = match channel.dir {
        Direction::S2mm => 0,
        Direction::Mm2s => MM2S,
    };
    let word = header.to_word().unwrap_or(0) | u32::from(channel.number) << NUMBER_SHIFT | dir;
    Word {
        data: word | u32::from(word.count_ones().is_multiple_of(2)) << 31,
        last: true,
    }
}

/// The channel a token is of; `None` when the word is no token.
pub(crate) fn decode(word: Word) -> Option<ChannelId> {
    let header = Header::from_word(word.data);
    let tile = Tile::new(header.col as u8, header.row as u8);
    let channel = ChannelId {
        tile,
        dir: if word.data & MM2S == 0 {
            Direction::S2mm
        } else {
            Direction::Mm2s
        },
        number: (word.data >> NUMBER_SHIFT & NUMBER_MASK) as u8,
    };
    let exists = tile.exists() && channel.number < tile.kind().dma_channels();
    (exists && word == encode(channel, header.id)).then_some(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip() {
        for tile in Tile::all() {
            for dir in Direction::ALL {
                for number in 0..tile.kind().dma_channels() {
                    let id = ChannelId { tile, dir, number };
                    assert_eq!(decode(encode(id, 15)), Some(id));
                }
            }
        }
        let data = Word {
            data: 0x1234_5678,
            last: true,
        };
        assert_eq!(decode(data), None);
    }
}
