//! Which shim descriptors the transfers of a sequence use, and what is under way when.
//!
//! A descriptor may be written again, and a task queue holds another task, only when it is certain
//! that earlier transfers are done: that is, when a token of the channel was waited for that came
//! with them or after them. A task keeps its descriptors until it is awaited or freed.

use std::collections::{BTreeMap, VecDeque};

use arch::array::Direction;
use arch::limits::TASK_QUEUE_DEPTH;
use arch::{Tile, TileKind};

use super::design::{SeqOp, Sequence, Task, TokenWait, Transfer};
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
    /// The descriptor of a transfer; a task keeps its own.
    bd: Option<u8>,
    token: bool,
    task: Option<String>,
}

/// A task whose descriptors are taken.
struct Held {
    op: usize,
    fifo: String,
    channel: Channel,
    bds: Vec<u8>,
    token: bool,
}

#[derive(Default)]
struct State {
    under_way: BTreeMap<Channel, VecDeque<Running>>,
    tasks: BTreeMap<String, Held>,
}

impl State {
    /// The operation that uses a descriptor, and its fifo.
    fn user_of(&self, tile: Tile, bd: u8) -> Option<(usize, &str)> {
        let channels = self.under_way.iter().filter(|(c, _)| c.tile == tile);
        let mut running = channels.flat_map(|(_, queue)| queue);
        let mut tasks = self.tasks.values().filter(|t| t.channel.tile == tile);
        let transfer = running.find(|r| r.bd == Some(bd));
        transfer.map(|r| (r.op, r.fifo.as_str())).or_else(|| {
            let task = tasks.find(|t| t.bds.contains(&bd))?;
            Some((task.op, task.fifo.as_str()))
        })
    }

    /// A descriptor for a move, besides those in `also`.
    fn choose(&self, tile: Tile, asked: Option<u8>, also: &[u8]) -> Result<u8, TransferError> {
        let count = TileKind::Shim.bds();
        let Some(bd) = asked else {
            return (0..count)
                .find(|bd| self.user_of(tile, *bd).is_none() && !also.contains(bd))
                .ok_or(TransferError::Exhausted { tile, limit: count });
        };
        if bd >= count {
            return Err(TransferError::NoDescriptor {
                bd,
                last: count - 1,
            });
        }
        match self.user_of(tile, bd) {
            Some((by, fifo)) => Err(TransferError::Busy {
                bd,
                tile,
                by,
                fifo: fifo.to_string(),
            }),
            None if also.contains(&bd) => Err(TransferError::Twice { bd }),
            None => Ok(bd),
        }
    }

    fn enqueue(&mut self, channel: Channel, running: Running) -> Result<(), TransferError> {
        let queue = self.under_way.entry(channel).or_default();
        if queue.len() == MAX_UNDER_WAY {
            return Err(TransferError::Queue {
                tile: channel.tile,
                direction: channel.direction(),
                channel: channel.index,
                count: queue.len() + 1,
                limit: MAX_UNDER_WAY,
                fifo: running.fifo,
            });
        }
        queue.push_back(running);
        Ok(())
    }

    fn transfer(
        &mut self,
        op: usize,
        channel: Channel,
        transfer: &Transfer,
    ) -> Result<Vec<u8>, TransferError> {
        let bd = self.choose(channel.tile, transfer.bd, &[])?;
        let running = Running {
            op,
            fifo: transfer.fifo.clone(),
            bd: Some(bd),
            token: channel.to_host || transfer.token,
            task: None,
        };
        self.enqueue(channel, running)?;
        Ok(vec![bd])
    }

    fn configure(
        &mut self,
        op: usize,
        channel: Channel,
        task: &Task,
    ) -> Result<Vec<u8>, TransferError> {
        let mut bds = Vec::new();
        for part in &task.parts {
            bds.push(self.choose(channel.tile, part.bd, &bds)?);
        }
        let held = Held {
            op,
            fifo: task.fifo.clone(),
            channel,
            bds: bds.clone(),
            token: task.token,
        };
        self.tasks.insert(task.name.clone(), held);
        Ok(bds)
    }

    /// A task that has its descriptors.
    fn held(&self, task: &str) -> Result<&Held, TransferError> {
        self.tasks.get(task).ok_or_else(|| TransferError::TaskGone {
            task: task.to_string(),
        })
    }

    fn start(&mut self, op: usize, task: &str) -> Result<(), TransferError> {
        let held = self.held(task)?;
        let channel = held.channel;
        let running = Running {
            op,
            fifo: held.fifo.clone(),
            bd: None,
            token: held.token,
            task: Some(task.to_string()),
        };
        self.enqueue(channel, running)
    }

    fn finish(&mut self, task: &str) -> Result<(), TransferError> {
        let held = self.held(task)?;
        let (channel, name) = (held.channel, || task.to_string());
        if !held.token {
            return Err(TransferError::TaskWithoutToken { task: name() });
        }
        let queue = self.under_way.entry(channel).or_default();
        let first = queue.iter().position(|r| r.token);
        let at = queue.iter().position(|r| r.task.as_deref() == Some(task));
        match (first, at) {
            (Some(first), Some(at)) if first < at => {
                return Err(TransferError::TaskOrder {
                    task: name(),
                    by: queue[first].op,
                });
            }
            (_, Some(at)) => queue.drain(..=at),
            (_, None) => return Err(TransferError::TaskNotStarted { task: name() }),
        };
        let again = queue.iter().any(|r| r.task.as_deref() == Some(task));
        if !again {
            self.tasks.remove(task);
        }
        Ok(())
    }

    fn free(&mut self, task: &str) -> Result<(), TransferError> {
        let channel = self.held(task)?.channel;
        let queue = self.under_way.entry(channel).or_default();
        if queue.iter().any(|r| r.task.as_deref() == Some(task)) {
            return Err(TransferError::TaskRunning {
                task: task.to_string(),
            });
        }
        self.tasks.remove(task);
        Ok(())
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

/// The descriptors of every transfer and task, none for other operations. `channel_of` knows the shim
/// channel of a fifo.
///
/// # Errors
/// The index of the operation and what is wrong with it.
pub fn descriptors(
    sequence: &Sequence,
    channel_of: impl Fn(&str) -> Option<Channel>,
) -> Result<Vec<Vec<u8>>, (usize, TransferError)> {
    let mut state = State::default();
    let mut bds = Vec::with_capacity(sequence.ops.len());
    let none = |done: Result<(), TransferError>| done.map(|()| Vec::new());
    for (op, operation) in sequence.ops.iter().enumerate() {
        let taken = match operation {
            SeqOp::Transfer(transfer) => match channel_of(&transfer.fifo) {
                Some(channel) => state.transfer(op, channel, transfer),
                None => Ok(Vec::new()),
            },
            SeqOp::Task(task) => match channel_of(&task.fifo) {
                Some(channel) => state.configure(op, channel, task),
                None => Ok(Vec::new()),
            },
            SeqOp::Start { task } => none(state.start(op, task)),
            SeqOp::Await { task } => none(state.finish(task)),
            SeqOp::Free { task } => none(state.free(task)),
            SeqOp::Wait { fifo } => match channel_of(fifo) {
                Some(channel) => none(state.wait(channel, fifo)),
                None => Ok(Vec::new()),
            },
            SeqOp::Token(wait) => {
                state.tokens(wait);
                Ok(Vec::new())
            }
            SeqOp::WriteParameter { .. } | SeqOp::Register(_) => Ok(Vec::new()),
        };
        bds.push(taken.map_err(|error| (op, error))?);
    }
    Ok(bds)
}
