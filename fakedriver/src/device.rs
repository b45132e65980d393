//! Open files of the device, and what each has.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime::npu::sys::{Errno, MapRequest};
use runtime::npu::uapi;

use crate::bo::Bo;
use crate::context::{Context, Timeline};
use crate::pages::{self, Backing};

/// First offset that DRM hands out for mappings.
const FIRST_OFFSET: u64 = 1 << 32;

/// What is in use, in all open files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Open files.
    pub files: usize,
    /// BOs with a handle.
    pub objects: usize,
    /// Hardware contexts.
    pub contexts: usize,
    /// Syncobjs with a handle.
    pub timelines: usize,
    /// Mappings of BOs.
    pub mappings: usize,
    /// Bytes of BOs that are not inside a heap.
    pub bytes: u64,
}

/// The device.
#[derive(Debug, Default)]
pub(crate) struct State {
    files: Mutex<HashMap<RawFd, Arc<File>>>,
    /// Held while a context is made, so that the limit holds.
    making: Mutex<()>,
}

/// An open file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) backing: Arc<Backing>,
    held: Mutex<Held>,
}

/// What a file has.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) objects: BTreeMap<u32, Arc<Bo>>,
    pub(crate) contexts: BTreeMap<u32, Context>,
    pub(crate) timelines: BTreeMap<u32, Arc<Timeline>>,
    pub(crate) heap: Option<Arc<Bo>>,
    /// Parts of the heap that are taken, first byte and length.
    taken: BTreeMap<usize, usize>,
    /// Mappings: address and length.
    mappings: Vec<(usize, usize)>,
    next_handle: u32,
    next_offset: u64,
}

impl State {
    fn files(&self) -> MutexGuard<'_, HashMap<RawFd, Arc<File>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock_contexts(&self) -> MutexGuard<'_, ()> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open(&self) -> Result<RawFd, Errno> {
        let backing = Arc::new(Backing::new()?);
        let fd = backing.descriptor()?;
        let held = Held {
            next_offset: FIRST_OFFSET,
            ..Default::default()
        };
        let file = Arc::new(File {
            backing,
            held: Mutex::new(held),
        });
        self.files().insert(fd, file);
        Ok(fd)
    }

    pub(crate) fn file(&self, fd: RawFd) -> Result<Arc<File>, Errno> {
        self.files().get(&fd).cloned().ok_or(Errno::EBADF)
    }

    pub(crate) fn close(&self, fd: RawFd) -> Result<(), Errno> {
        let file = self.files().remove(&fd).ok_or(Errno::EBADF)?;
        file.end_contexts();
        *file.held() = Held::default();
        pages::close(fd)
    }

    pub(crate) fn close_all(&self) {
        let open: Vec<RawFd> = self.files().keys().copied().collect();
        for fd in open {
            // Another thread may have closed it in between.
            let _ = self.close(fd);
        }
    }

    /// Contexts in all files.
    pub(crate) fn contexts(&self) -> usize {
        let files = self.files();
        files.values().map(|f| f.held().contexts.len()).sum()
    }

    /// The contexts in all files, as the driver lists them.
    pub(crate) fn entries(&self) -> Vec<uapi::HwContext> {
        let files = self.files();
        let mut entries = Vec::new();
        for file in files.values() {
            for (&context_id, context) in &file.held().contexts {
                let (submitted, ended) = context.timeline().progress();
                entries.push(uapi::HwContext {
                    context_id,
                    start_col: 1,
                    num_col: context.columns,
                    pid: std::process::id().into(),
                    command_submissions: submitted,
                    command_completions: ended,
                    ..Default::default()
                });
            }
        }
        entries
    }

    pub(crate) fn end_contexts(&self) {
        let files: Vec<_> = self.files().values().cloned().collect();
        files.iter().for_each(|file| file.end_contexts());
    }

    pub(crate) fn forget_mapping(&self, addr: usize, len: usize) {
        for file in self.files().values() {
            file.held().mappings.retain(|m| *m != (addr, len));
        }
    }

    pub(crate) fn census(&self) -> Census {
        let files = self.files();
        let mut census = Census {
            files: files.len(),
            ..Default::default()
        };
        for file in files.values() {
            let held = file.held();
            census.objects += held.objects.len();
            census.contexts += held.contexts.len();
            census.timelines += held.timelines.len();
            census.mappings += held.mappings.len();
            let own = held.objects.values().filter(|bo| bo.pages().is_some());
            census.bytes += own.map(|bo| bo.len() as u64).sum::<u64>();
        }
        census
    }
}

impl File {
    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every context; what waits for them is told.
    fn end_contexts(&self) {
        let contexts = std::mem::take(&mut self.held().contexts);
        contexts.into_values().for_each(Context::end);
    }

    /// The BO that a request maps.
    ///
    /// # Errors
    /// As the kernel's `drm_gem_mmap` and `mmap`.
    pub(crate) fn mappable(&self, request: &MapRequest, limit: u64) -> Result<Arc<Bo>, Errno> {
        let held = self.held();
        let locked: u64 = held.mappings.iter().map(|m| m.1 as u64).sum();
        if request.flags & libc::MAP_LOCKED != 0 && locked + request.len as u64 > limit {
            return Err(Errno::EAGAIN);
        }
        if request.flags & libc::MAP_SHARED == 0 || request.len == 0 {
            return Err(Errno::EINVAL);
        }
        let bo = held.objects.values().find(|bo| bo.offset == request.offset);
        let bo = bo.ok_or(Errno::EINVAL)?;
        if request.len > bo.len() {
            return Err(Errno::EINVAL);
        }
        Ok(bo.clone())
    }

    pub(crate) fn note_mapping(&self, addr: usize, len: usize) {
        self.held().mappings.push((addr, len));
    }
}

impl Held {
    /// A handle for something new.
    pub(crate) fn handle(&mut self) -> u32 {
        self.next_handle += 1;
        self.next_handle
    }

    /// An offset for a mapping of `len` bytes, with a page in between that nobody may touch.
    pub(crate) fn offset(&mut self, len: usize) -> u64 {
        let offset = self.next_offset;
        self.next_offset += len as u64 + 4096;
        offset
    }

    /// Takes a part of the heap: the smallest gap that fits, as `DRM_MM_INSERT_BEST`.
    pub(crate) fn take_heap(&mut self, len: usize) -> Result<usize, Errno> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for (start, taken) in &self.taken {
            gaps.push((start.saturating_sub(at), at));
            at = (start + taken).next_multiple_of(uapi::DEV_ALIGN);
        }
        gaps.push((uapi::HEAP_BYTES.saturating_sub(at), at));
        let fits = gaps.into_iter().filter(|(size, _)| *size >= len).min();
        let (_, at) = fits.ok_or(Errno::ENOSPC)?;
        self.taken.insert(at, len);
        Ok(at)
    }

    pub(crate) fn give_heap(&mut self, at: usize) {
        self.taken.remove(&at);
    }
}
