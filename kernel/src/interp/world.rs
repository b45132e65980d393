//! What is around a program: locks and ports, and whoever works on the memory that locks guard.

use std::collections::{BTreeMap, VecDeque};

use super::Memory;
use crate::ir::{CoreLock, Port};

/// The locks that a program acquires and releases and the ports that it sends to and takes from, and whoever
/// else works on the memory that locks guard.
pub trait Locks {
    /// Takes `value` off the lock if it holds as much; otherwise the program waits for ever.
    fn acquire(&mut self, memory: &mut Memory, lock: CoreLock, value: u8) -> bool;

    /// Adds `value` to the lock.
    fn release(&mut self, memory: &mut Memory, lock: CoreLock, value: u8);

    /// What is at the ports; where there is nothing, a program that comes to one waits for ever.
    fn ports(&mut self) -> Option<&mut Ports> {
        None
    }
}

/// What has come to a core's ports, and what it has sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Words of the cascade that have come and were not taken.
    pub cascade_in: VecDeque<[u8; 64]>,
    /// Words sent over the cascade, where there is always room.
    pub cascade_out: Vec<[u8; 64]>,
    /// Words of the stream that have come and were not taken.
    pub stream_in: VecDeque<u32>,
    /// Words sent to the stream, where there is always room, and whether each was the last of a transfer.
    pub stream_out: Vec<(u32, bool)>,
}

/// Locks that count, and ports; nobody but the program changes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// What locks hold; 0 where there is none.
    pub locks: BTreeMap<u8, u8>,
    /// Ports.
    pub ports: Ports,
}

impl From<BTreeMap<u8, u8>> for World {
    fn from(locks: BTreeMap<u8, u8>) -> Self {
        World {
            locks,
            ports: Ports::default(),
        }
    }
}

impl Locks for World {
    fn acquire(&mut self, _: &mut Memory, lock: CoreLock, value: u8) -> bool {
        let held = self.locks.entry(lock.0).or_default();
        let enough = *held >= value;
        if enough {
            *held -= value;
        }
        enough
    }

    fn release(&mut self, _: &mut Memory, lock: CoreLock, value: u8) {
        let held = self.locks.entry(lock.0).or_default();
        *held = held.wrapping_add(value);
    }

    fn ports(&mut self) -> Option<&mut Ports> {
        Some(&mut self.ports)
    }
}

/// Locks that never make anyone wait, and ports where nothing comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLocks;

impl Locks for NoLocks {
    fn acquire(&mut self, _: &mut Memory, _: CoreLock, _: u8) -> bool {
        true
    }

    fn release(&mut self, _: &mut Memory, _: CoreLock, _: u8) {}
}

/// How a run ended that did not go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The function returned.
    Returned,
    /// It waits for a lock.
    Waiting {
        /// Lock.
        lock: CoreLock,
        /// What it waits for.
        value: u8,
    },
    /// It waits at a port.
    Blocked {
        /// Port.
        port: Port,
    },
}
