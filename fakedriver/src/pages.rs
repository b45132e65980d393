//! Memory of the system: the file behind an open device, and mappings of it. The system calls are made
//! directly, past the C library's functions, which the preload library replaces.

#![allow(unsafe_code)]

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use runtime::npu::sys::{Errno, MapRequest};

fn check(result: libc::c_long) -> Result<libc::c_long, Errno> {
    if result == -1 {
        let errno = std::io::Error::last_os_error().raw_os_error();
        Err(Errno(errno.unwrap_or(libc::EIO)))
    } else {
        Ok(result)
    }
}

/// The memory behind an open device: a file that only lives in memory. Descriptors that processes get
/// are copies, so that BOs in flight outlive a closed one.
#[derive(Debug)]
pub(crate) struct Backing(RawFd);

impl Backing {
    pub(crate) fn new() -> Result<Self, Errno> {
        let name = c"amanuensis-fake-npu";
        // SAFETY: the name ends in a zero byte; the call touches nothing else.
        let fd = unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), libc::MFD_CLOEXEC) };
        check(fd).map(|fd| Backing(fd as RawFd))
    }

    /// A descriptor for a process.
    pub(crate) fn descriptor(&self) -> Result<RawFd, Errno> {
        // SAFETY: touches no memory.
        let fd = unsafe { libc::syscall(libc::SYS_fcntl, self.0, libc::F_DUPFD_CLOEXEC, 3) };
        check(fd).map(|fd| fd as RawFd)
    }

    /// Makes the file reach to `end`.
    pub(crate) fn grow(&self, end: u64) -> Result<(), Errno> {
        // SAFETY: changes a file, not memory.
        check(unsafe { libc::syscall(libc::SYS_ftruncate, self.0, end) }).map(drop)
    }

    /// Gives a part of the file back to the system; mappings of it read zeros.
    fn punch(&self, offset: u64, len: usize) {
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: changes a part of a file whose BO is gone. A failure costs memory until the file is
        // closed.
        unsafe { libc::syscall(libc::SYS_fallocate, self.0, mode, offset, len) };
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        // Nothing can be done about it.
        let _ = close(self.0);
    }
}

/// Closes a descriptor.
pub(crate) fn close(fd: RawFd) -> Result<(), Errno> {
    // SAFETY: touches no memory.
    check(unsafe { libc::syscall(libc::SYS_close, fd) }).map(drop)
}

/// `mmap`.
///
/// # Safety
/// As for `mmap`: with `MAP_FIXED`, the caller owns the range.
pub(crate) unsafe fn map(request: MapRequest) -> Result<usize, Errno> {
    let MapRequest {
        addr,
        len,
        prot,
        flags,
        fd,
        offset,
    } = request;
    // SAFETY: the caller's.
    let place = unsafe { libc::syscall(libc::SYS_mmap, addr, len, prot, flags, fd, offset) };
    check(place).map(|place| place as usize)
}

/// `munmap`.
///
/// # Safety
/// As for `munmap`: the caller owns the range and nothing refers to it.
pub(crate) unsafe fn unmap(addr: usize, len: usize) -> Result<(), Errno> {
    // SAFETY: the caller's.
    check(unsafe { libc::syscall(libc::SYS_munmap, addr, len) }).map(drop)
}

/// The driver's own view of a part of the file, which goes back to the system with it.
#[derive(Debug)]
pub(crate) struct Pages {
    backing: Arc<Backing>,
    offset: u64,
    addr: usize,
    len: usize,
}

impl Pages {
    pub(crate) fn new(backing: &Arc<Backing>, offset: u64, len: usize) -> Result<Self, Errno> {
        let request = MapRequest {
            addr: 0,
            len,
            prot: libc::PROT_READ | libc::PROT_WRITE,
            flags: libc::MAP_SHARED,
            fd: backing.0,
            offset,
        };
        // SAFETY: the system picks a free range.
        let addr = unsafe { map(request)? };
        Ok(Pages {
            backing: backing.clone(),
            offset,
            addr,
            len,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn range(&self, offset: usize, len: usize) -> *mut u8 {
        assert!(offset.checked_add(len).is_some_and(|end| end <= self.len));
        std::ptr::with_exposed_provenance_mut(self.addr + offset)
    }

    /// Copies bytes out. The process may write at the same time, as it may under a real driver.
    pub(crate) fn read(&self, offset: usize, out: &mut [u8]) {
        let from = self.range(offset, out.len());
        // SAFETY: the range is inside the mapping; `out` is not of this mapping, which no slice shows.
        unsafe { std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) };
    }

    /// Copies bytes in.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        let to = self.range(offset, bytes.len());
        // SAFETY: as in `read`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }

    /// The first word: a command's header, which process and driver share.
    pub(crate) fn header(&self) -> &AtomicU32 {
        let word = self.range(0, 4);
        // SAFETY: mappings are page aligned and the word is inside; the borrow ends before the
        // mapping does.
        unsafe { AtomicU32::from_ptr(word.cast()) }
    }

    /// Words from a byte offset on.
    pub(crate) fn words(&self, offset: usize, count: usize) -> Vec<u32> {
        let mut bytes = vec![0; 4 * count];
        self.read(offset, &mut bytes);
        let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        bytes.chunks_exact(4).map(word).collect()
    }

    /// Sets a command's state.
    pub(crate) fn set_state(&self, state: u32) {
        let header = self.header();
        let set = |word: u32| Some(word & !0xf | state);
        // The closure never refuses.
        let _ = header.fetch_update(Ordering::Release, Ordering::Relaxed, set);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own.
        let _ = unsafe { unmap(self.addr, self.len) };
        self.backing.punch(self.offset, self.len);
    }
}

/// Lowest address that user memory can have.
const LOWEST: u64 = 4096;
/// First address above user memory.
const HIGHEST: u64 = 1 << 47;

fn user_range(addr: u64, len: usize) -> Result<*mut u8, Errno> {
    let end = addr.checked_add(len as u64).ok_or(Errno::EFAULT)?;
    if addr < LOWEST || end > HIGHEST {
        return Err(Errno::EFAULT);
    }
    Ok(std::ptr::with_exposed_provenance_mut(addr as usize))
}

/// Copies from the calling process.
///
/// # Safety
/// The address is what the caller of an ioctl passed, who vouches for `out.len()` bytes there; null
/// and addresses outside of user memory are refused.
pub(crate) unsafe fn copy_from_user(addr: u64, out: &mut [u8]) -> Result<(), Errno> {
    let from = user_range(addr, out.len())?;
    // SAFETY: the caller's.
    unsafe { std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) };
    Ok(())
}

/// Copies to the calling process.
///
/// # Safety
/// As for [`copy_from_user`].
pub(crate) unsafe fn copy_to_user(addr: u64, bytes: &[u8]) -> Result<(), Errno> {
    let to = user_range(addr, bytes.len())?;
    // SAFETY: the caller's.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    Ok(())
}
