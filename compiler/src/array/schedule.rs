//! Which shim descriptors the transfers of a sequence use, and what is under way when.
//!
//! A descriptor may be written again, and a task queue holds another task, only when it is certain
//! that earlier transfers are done: that is, when a token of the channel was waited for that came
//! with them or after them.

use std::collections::{BTreeMap, VecDeque};

use arch::array::Direction;
use arch::limits::TASK_QUEUE_DEPTH;
use arch::{Tile, TileKind};

use super::design::{SeqOp, Sequence, TokenWait, Transfer};
use super::verify::TransferError;

/// Transfers that a channel takes: one running and those in its queue.
pub const MAX_UNDER_WAY: usize = TASK_QUEUE_DEPTH + 1;

/// A DMA channel of a shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel {
    /// Shim.
    pub tile: Tile,
    /// Whether it moves data to the host.
    pub to_host: bool,
    /// Number.
    pub index: u8,
}

impl Channel {
    /// S2MM is to the host.
    pub const fn direction(&self) -> Direction {
        if self.to_host {
            Direction::S2mm
        } else {
            Direction::Mm2s
        }
    }
}

struct Running {
    op: usize,
    fifo: String,
    bd: u8,
    token: bool,
}

#[derive(Default)]
struct State {
    under_way: BTreeMap<Channel, VecDeque<Running>>,
}

impl State {
    fn user_of(&self, tile: Tile, bd: u8) -> Option<&Running> {
        self.under_way
            .iter()
            .filter(|(c, _)| c.tile == tile)
            .flat_map(|(_, queue)| queue)
            .find(|r| r.bd == bd)
    }

    fn choose(&self, tile: Tile, asked: Option<u8>) -> Result<u8, TransferError> {
        let count = TileKind::Shim.bds();
        match asked {
            Some(bd) if bd >= count => Err(TransferError::NoDescriptor {
                bd,
                last: count - 1,
            }),
            Some(bd) => match self.user_of(tile, bd) {
                Some(user) => Err(TransferError::Busy {
                    bd,
                    tile,
                    by: user.op,
                    fifo: user.fifo.clone(),
                }),
                None => Ok(bd),
            },
            None => (0..count)
                .find(|&bd| self.user_of(tile, bd).is_none())
                .ok_or(TransferError::Exhausted { tile, limit: count }),
        }
    }

    fn start(
        &mut self,
        op: usize,
        channel: Channel,
        transfer: &Transfer,
    ) -> Result<u8, TransferError> {
        let bd = self.choose(channel.tile, transfer.bd)?;
        let queue = self.under_way.entry(channel).or_default();
        if queue.len() == MAX_UNDER_WAY {
            return Err(TransferError::Queue {
                tile: channel.tile,
                direction: channel.direction(),
                channel: channel.index,
                count: queue.len() + 1,
                limit: MAX_UNDER_WAY,
                fifo: transfer.fifo.clone(),
            });
        }
        queue.push_back(Running {
            op,
            fifo: transfer.fifo.clone(),
            bd,
            token: channel.to_host || transfer.token,
        });
        Ok(bd)
    }

    fn wait(&mut self, channel: Channel, fifo: &str) -> Result<(), TransferError> {
        let queue = self.under_way.entry(channel).or_default();
        let Some(at) = queue.iter().position(|r| r.token) else {
            return Err(TransferError::NothingToWaitFor {
                fifo: fifo.to_string(),
            });
        };
        queue.drain(..=at);
        Ok(())
    }

    /// A wait for tokens by number ends a transfer of each channel that has one with a token.
    fn tokens(&mut self, wait: &TokenWait) {
        for (channel, queue) in &mut self.under_way {
            let Tile { col, row } = channel.tile;
            let here = channel.direction() == wait.direction
                && channel.index == wait.channel
                && col >= wait.tile.col
                && col - wait.tile.col < wait.columns
                && row >= wait.tile.row
                && row - wait.tile.row < wait.rows;
            if let (true, Some(at)) = (here, queue.iter().position(|r| r.token)) {
                queue.drain(..=at);
            }
        }
    }
}

/// The descriptor of every transfer, `None` for other operations. `channel_of` knows the shim
/// channel of a fifo.
///
/// # Errors
/// The index of the operation and what is wrong with it.
pub fn descriptors(
    sequence: &Sequence,
    channel_of: impl Fn(&str) -> Option<Channel>,
) -> Result<Vec<Option<u8>>, (usize, TransferError)> {
    let mut state = State::default();
    let mut bds = Vec::with_capacity(sequence.ops.len());
    for (op, operation) in sequence.ops.iter().enumerate() {
        let bd = match operation {
            SeqOp::Transfer(transfer) => channel_of(&transfer.fifo)
                .map(|channel| state.start(op, channel, transfer))
                .transpose(),
            SeqOp::Wait { fifo } => match channel_of(fifo) {
                Some(channel) => state.wait(channel, fifo).map(|()| None),
                None => Ok(None),
            },
            SeqOp::Token(wait) => {
                state.tokens(wait);
                Ok(None)
            }
            SeqOp::WriteParameter { .. } | SeqOp::Register(_) => Ok(None),
        };
        bds.push(bd.map_err(|error| (op, error))?);
    }
    Ok(bds)
}
