//! DMA channels of the ends: the lowest free one of the direction, in the order of the fifos. At a shim,
//! packets share one, unless they would [hold each other up](crate::route::holds) there.

use std::collections::{BTreeMap, BTreeSet};

use arch::array::Direction;
use arch::{Tile, TileKind};

use super::ends::{End, Role};
use super::waits::{Party, Rooms};
use crate::design::Design;
use crate::route::holds::{self, Take, Waits, Way};

/// Direction in which an end's DMA moves data; a shared end has no DMA.
pub fn direction(end: &End) -> Option<Direction> {
    match end.role {
        Role::Producer => Some(Direction::Mm2s),
        Role::Consumer(_) => Some(Direction::S2mm),
        Role::Shared => None,
    }
}

/// Whether an end may share its channel: at a shim packets may, to the host those that keep their headers.
pub fn shares(design: &Design, end: &End) -> bool {
    let packet = design.fifos[end.fifo].packet;
    end.tile.kind() == TileKind::Shim
        && packet.is_some_and(|packet| end.role == Role::Producer || packet.keep_header)
}

/// What the packets of a fifo take at the ends of their way: a channel that others may take as well, or
/// something of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Channel(Tile, bool, u8),
    Own(usize),
}

/// The ways of the packets that share channels, from channel to channel.
fn ways(design: &Design, ends: &[End], channel_of: &[Option<u8>]) -> Vec<Way<Thing>> {
    let mut ways: Vec<Way<Thing>> = Vec::new();
    for (i, end) in ends.iter().enumerate() {
        let channel = channel_of.get(i).copied().flatten();
        let thing = match channel.filter(|_| shares(design, end)) {
            Some(channel) => Thing::Channel(end.tile, end.role == Role::Producer, channel),
            None => Thing::Own(i),
        };
        let mut take = Take {
            thing,
            next: Vec::new(),
            receivers: Vec::new(),
        };
        match (end.role, ways.last_mut()) {
            _ if design.fifos[end.fifo].packet.is_none() => {}
            (Role::Consumer(number), Some(way)) => {
                take.receivers.push(number);
                let at = way.takes.len();
                way.takes[0].next.push(at);
                way.takes.push(take);
            }
            _ => ways.push(Way {
                flow: end.fifo,
                takes: vec![take],
            }),
        }
    }
    ways
}

/// What fifos wait for, as far as it is other fifos.
fn waits(rooms: &Rooms) -> Waits {
    let fifos = |parties: &BTreeSet<Party>| {
        let fifos = parties.iter().filter_map(|party| match party {
            Party::Fifo(fifo) => Some(*fifo),
            Party::Tokens(_) => None,
        });
        fifos.collect()
    };
    Waits {
        names: Vec::new(),
        room: rooms
            .iter()
            .map(|all| all.iter().map(fifos).collect())
            .collect(),
    }
}

/// The channel of each end, `None` for shared ends. Numbers beyond what a tile has are handed out
/// as well; the verifier refuses them.
pub fn assign(design: &Design, ends: &[End], rooms: &Rooms) -> Vec<Option<u8>> {
    let waits = waits(rooms);
    let mut next: BTreeMap<(Tile, bool), u8> = BTreeMap::new();
    let mut shared: BTreeMap<(Tile, bool), Vec<u8>> = BTreeMap::new();
    let mut channel_of: Vec<Option<u8>> = Vec::with_capacity(ends.len());
    for end in ends {
        let Some(direction) = direction(end) else {
            channel_of.push(None);
            continue;
        };
        let key = (end.tile, direction == Direction::Mm2s);
        let shares = shares(design, end);
        if shares {
            let common = shared.entry(key).or_default().iter().find(|channel| {
                let with: Vec<_> = channel_of
                    .iter()
                    .copied()
                    .chain([Some(**channel)])
                    .collect();
                holds::find(&ways(design, ends, &with), &waits).is_none()
            });
            if let Some(channel) = common {
                channel_of.push(Some(*channel));
                continue;
            }
        }
        let slot = next.entry(key).or_default();
        let channel = *slot;
        *slot = slot.saturating_add(1);
        if shares {
            shared.entry(key).or_default().push(channel);
        }
        channel_of.push(Some(channel));
    }
    channel_of
}
