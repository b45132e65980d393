//! Buffer objects, and caches that do not agree with memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime::npu::sys::Errno;
use runtime::npu::uapi;

use crate::pages::{Backing, Pages};

/// Bytes of a cache line.
const LINE: usize = 64;

/// A buffer object.
#[derive(Debug)]
pub(crate) struct Bo {
    pub(crate) kind: u32,
    /// Offset in the file; of the heap's, for BOs inside it.
    pub(crate) offset: u64,
    place: Place,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
enum Place {
    Own(Pages),
    /// Inside the heap.
    Heap {
        heap: Arc<Bo>,
        at: usize,
        len: usize,
    },
}

/// What the device sees, as opposed to what the CPU sees in its caches.
#[derive(Debug, Default)]
struct Memory {
    /// Contents of the memory chips; absent until somebody asks.
    dram: Option<Vec<u8>>,
    /// The device has `dram`.
    lent: bool,
    /// What the CPU saw after the last flush: a line that differs was written by the CPU.
    seen: Vec<u8>,
    /// Where the process has mapped it, first mapping.
    user: Option<usize>,
}

impl Bo {
    /// A BO with pages of its own.
    pub(crate) fn new(
        backing: &Arc<Backing>,
        kind: u32,
        offset: u64,
        len: usize,
    ) -> Result<Self, Errno> {
        Ok(Bo {
            kind,
            offset,
            place: Place::Own(Pages::new(backing, offset, len)?),
            memory: Mutex::default(),
        })
    }

    /// A BO inside the heap.
    pub(crate) fn in_heap(heap: &Arc<Bo>, at: usize, len: usize) -> Self {
        Bo {
            kind: uapi::BO_DEV,
            offset: uapi::INVALID_ADDR,
            place: Place::Heap {
                heap: heap.clone(),
                at,
                len,
            },
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        match &self.place {
            Place::Own(pages) => pages.len(),
            Place::Heap { len, .. } => *len,
        }
    }

    /// Byte of the heap at which it begins.
    pub(crate) fn heap_offset(&self) -> Option<usize> {
        match self.place {
            Place::Own(_) => None,
            Place::Heap { at, .. } => Some(at),
        }
    }

    /// The pages, of BOs that have their own.
    pub(crate) fn pages(&self) -> Option<&Pages> {
        match &self.place {
            Place::Own(pages) => Some(pages),
            Place::Heap { .. } => None,
        }
    }

    /// Where the process has mapped it.
    pub(crate) fn user(&self) -> Option<usize> {
        self.memory().user
    }

    pub(crate) fn set_user(&self, addr: usize) {
        self.memory().user.get_or_insert(addr);
    }

    /// Address for the device; all ones before it is mapped.
    pub(crate) fn device_addr(&self) -> u64 {
        match &self.place {
            Place::Heap { at, .. } => uapi::HEAP_BASE + *at as u64,
            Place::Own(_) if self.kind == uapi::BO_DEV_HEAP => uapi::HEAP_BASE,
            Place::Own(_) => self.user().map_or(uapi::INVALID_ADDR, |addr| addr as u64),
        }
    }

    /// Flushes the CPU's caches: lines that the CPU changed go to memory, the others are forgotten,
    /// so that the CPU sees memory.
    pub(crate) fn flush(&self, from: usize, to: usize) {
        let (pages, base) = match &self.place {
            Place::Own(pages) => (Some(pages), 0),
            Place::Heap { heap, at, .. } => (heap.pages(), *at),
        };
        let Some(pages) = pages else { return };
        let memory = &mut *self.memory();
        if memory.lent || self.kind == uapi::BO_DEV_HEAP {
            return;
        }
        let len = self.len();
        let dram = memory.dram.get_or_insert_with(|| vec![0; len]);
        memory.seen.resize(len, 0);
        let (from, to) = (
            from / LINE * LINE,
            to.next_multiple_of(LINE).min(self.len()),
        );
        let mut cpu = vec![0; to - from];
        pages.read(base + from, &mut cpu);
        let lines = cpu
            .chunks_mut(LINE)
            .zip(memory.seen[from..to].chunks_mut(LINE))
            .zip(dram[from..to].chunks_mut(LINE));
        for ((cpu, seen), dram) in lines {
            if cpu == seen {
                cpu.copy_from_slice(dram);
            } else {
                dram.copy_from_slice(cpu);
            }
            seen.copy_from_slice(cpu);
        }
        pages.write(base + from, &cpu);
    }

    /// Lends the memory, as the device sees it, to the device; `None` when the device has it already.
    pub(crate) fn lend(&self) -> Option<Vec<u8>> {
        let memory = &mut *self.memory();
        if std::mem::replace(&mut memory.lent, true) {
            return None;
        }
        let len = self.len();
        Some(memory.dram.take().unwrap_or_else(|| vec![0; len]))
    }

    /// Takes the memory back.
    pub(crate) fn take_back(&self, dram: Vec<u8>) {
        let memory = &mut *self.memory();
        memory.dram = Some(dram);
        memory.lent = false;
    }

    /// A copy of what the device sees.
    pub(crate) fn dram(&self) -> Vec<u8> {
        let len = self.len();
        self.memory().dram.clone().unwrap_or_else(|| vec![0; len])
    }
}
