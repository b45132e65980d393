//! What a device has in use, and what it has done.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that several threads change.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts of one open device.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) contexts: Count,
    pub(crate) objects: Count,
    pub(crate) bytes: Count,
    pub(crate) heap: Count,
    pub(crate) submissions: Count,
    pub(crate) runs: Count,
    pub(crate) failures: Count,
    pub(crate) retries: Count,
    pub(crate) rebuilds: Count,
    pub(crate) syncs: Count,
    pub(crate) unreleased: Count,
}

/// What an open device has in use now, and what it has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Hardware contexts (or emulated arrays) in use.
    pub contexts: u64,
    /// Objects of the driver in use: buffers, command packets, instruction streams, PDIs, the heap.
    pub objects: u64,
    /// Bytes of buffers and command packets in use, in whole pages.
    pub bytes: u64,
    /// Bytes of the heap in use.
    pub heap: u64,
    /// Submissions that were started.
    pub submissions: u64,
    /// Runs in them.
    pub runs: u64,
    /// Submissions that failed.
    pub failures: u64,
    /// Submissions that were started again after their context was lost.
    pub retries: u64,
    /// Contexts that were built again.
    pub rebuilds: u64,
    /// Flushes of the CPU's caches.
    pub syncs: u64,
    /// Handles that the driver refused to release; they go when the device is closed.
    pub unreleased: u64,
}

impl Ledger {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            contexts: self.contexts.get(),
            objects: self.objects.get(),
            bytes: self.bytes.get(),
            heap: self.heap.get(),
            submissions: self.submissions.get(),
            runs: self.runs.get(),
            failures: self.failures.get(),
            retries: self.retries.get(),
            rebuilds: self.rebuilds.get(),
            syncs: self.syncs.get(),
            unreleased: self.unreleased.get(),
        }
    }
}
