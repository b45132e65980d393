//! Checks of packets: ids that a header holds, each for one fifo, and headers where there is room for them.

use arch::array::packet::{self, PACKET_IDS};
use arch::{Tile, TileKind};
use thiserror::Error;

use super::error::DesignError;
use crate::design::{Design, ObjectFifo, Packet};

/// What is wrong with a fifo's packets; the message continues "fifo `a` ...".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// An id that a header does not hold.
    #[error("has packet id {id}; a header holds 0 to {last}\nhelp: choose another id")]
    Id {
        /// Id.
        id: u8,
        /// Last one.
        last: u32,
    },
    /// The id of the tokens.
    #[error(
        "has packet id {id}, which the task-complete tokens of the shims have\nhelp: choose another id"
    )]
    Tokens {
        /// Id.
        id: u8,
    },
    /// An id that another fifo has.
    #[error("has packet id {id}, which fifo `{other}` has as well\nhelp: choose another id")]
    Twice {
        /// Id.
        id: u8,
        /// The other fifo.
        other: String,
    },
    /// A header where an object has no room for it.
    #[error(
        "keeps its headers on the way to {kind} {tile}, where an object has no room for them\nhelp: keep headers only on the way to shims"
    )]
    Header {
        /// Kind of tile.
        kind: TileKind,
        /// Tile.
        tile: Tile,
    },
}

fn check_fifo(
    earlier: &[ObjectFifo],
    fifo: &ObjectFifo,
    packet: Packet,
) -> Result<(), PacketError> {
    let id = packet.id;
    let shim = Tile::new(0, arch::geometry::SHIM_ROW);
    if u32::from(id) >= PACKET_IDS {
        return Err(PacketError::Id {
            id,
            last: PACKET_IDS - 1,
        });
    }
    if u32::from(id) == packet::controller_id(shim) {
        return Err(PacketError::Tokens { id });
    }
    let same = |f: &&ObjectFifo| f.packet.is_some_and(|p| p.id == id);
    if let Some(other) = earlier.iter().find(same) {
        return Err(PacketError::Twice {
            id,
            other: other.name.clone(),
        });
    }
    let consumers = fifo.consumers.iter().map(|c| c.tile);
    let mut without_room = consumers.filter(|t| t.kind() != TileKind::Shim);
    match without_room.next() {
        Some(tile) if packet.keep_header => Err(PacketError::Header {
            kind: tile.kind(),
            tile,
        }),
        _ => Ok(()),
    }
}

/// Checks the packets of every fifo.
pub(super) fn check(design: &Design) -> Result<(), DesignError> {
    for (i, fifo) in design.fifos.iter().enumerate() {
        let Some(packet) = fifo.packet else {
            continue;
        };
        check_fifo(&design.fifos[..i], fifo, packet).map_err(|source| DesignError::Packet {
            fifo: fifo.name.clone(),
            source,
        })?;
    }
    Ok(())
}
