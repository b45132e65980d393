//! The tasks of a DMA channel: what runs and what is queued.

use arch::TileKind;
use arch::array::dma::{MemQueue, Queue};
use arch::limits::TASK_QUEUE_DEPTH;

/// A descriptor chain to execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// First descriptor.
    pub(crate) start: u8,
    /// Executions that follow the current one.
    pub(crate) repeats: u32,
    /// Send a token at the end.
    pub(crate) token: bool,
}

impl Task {
    /// Reads a task queue word.
    pub(crate) fn from_word(kind: TileKind, word: u32) -> Self {
        let (start_bd, repeat, token) = if kind == TileKind::Mem {
            let q = MemQueue::from_word(word);
            (q.start_bd, q.repeat, q.token)
        } else {
            let q = Queue::from_word(word);
            (q.start_bd, q.repeat, q.token)
        };
        Task {
            start: start_bd as u8,
            repeats: repeat - 1,
            token,
        }
    }
}

/// Tasks that wait, oldest first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting([Option<Task>; TASK_QUEUE_DEPTH]);

impl Waiting {
    /// Adds a task; `false` when the queue is full.
    pub(crate) fn push(&mut self, task: Task) -> bool {
        let free = self.0.iter_mut().find(|slot| slot.is_none());
        let fits = free.is_some();
        if let Some(slot) = free {
            *slot = Some(task);
        }
        fits
    }

    /// Takes the oldest task.
    pub(crate) fn pop(&mut self) -> Option<Task> {
        let task = self.0[0].take();
        self.0.rotate_left(1);
        task
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// First descriptors of the tasks.
    pub(crate) fn starts(&self) -> impl Iterator<Item = u8> {
        self.0.iter().flatten().map(|task| task.start)
    }

    /// Whether a task starts at the descriptor.
    pub(crate) fn starts_at(&self, bd: u8) -> bool {
        self.starts().any(|start| start == bd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out_up_to_the_depth() {
        let mut waiting = Waiting::default();
        for word in 0..4 {
            assert!(waiting.push(Task::from_word(TileKind::Shim, word | 0x8001_0000)));
        }
        assert!(!waiting.push(Task::from_word(TileKind::Shim, 9)));
        assert!(waiting.starts_at(3) && !waiting.starts_at(9));
        for start in 0..4 {
            let task = Task {
                start,
                repeats: 1,
                token: true,
            };
            assert_eq!(
                (waiting.len(), waiting.pop()),
                (4 - usize::from(start), Some(task))
            );
        }
        assert_eq!(waiting.pop(), None);
    }
}
