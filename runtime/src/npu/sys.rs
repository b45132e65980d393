//! The system calls that the device needs, behind a trait, so that a fake driver can serve them.

use std::ffi::CStr;
use std::fmt;
use std::os::fd::RawFd;

/// An error number of the system.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident)*) => {
        impl Errno {
            $(#[doc = concat!("`", stringify!($name), "`.")]
            pub const $name: Self = Errno(libc::$name);)*

            /// The number's name, where this crate has one for it.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $(libc::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    E2BIG EACCES EAGAIN EALREADY EBADF EBUSY EFAULT EINTR EINVAL EIO EMFILE ENFILE ENODEV ENOENT
    ENOMEM ENOSPC ENOTTY ENXIO EOPNOTSUPP EPERM ESRCH ETIME
}

impl Errno {
    fn last() -> Self {
        Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error number {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What to map, as `mmap` takes it.
#[derive(Clone, Copy, Debug)]
pub struct MapRequest {
    /// Address, for `MAP_FIXED` maps; 0 otherwise.
    pub addr: usize,
    /// Bytes.
    pub len: usize,
    /// `PROT_*`.
    pub prot: i32,
    /// `MAP_*`.
    pub flags: i32,
    /// File, or -1.
    pub fd: RawFd,
    /// Offset in the file.
    pub offset: u64,
}

/// The system calls of the device.
///
/// [`Libc`] makes them; a fake driver serves them in the same process.
pub trait Sys: fmt::Debug + Send + Sync {
    /// `open` for reading and writing, closed on exec.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &CStr) -> Result<RawFd, Errno>;

    /// `close`.
    ///
    /// # Errors
    /// The system's.
    fn close(&self, fd: RawFd) -> Result<(), Errno>;

    /// `ioctl` with a structure, which comes back as the driver leaves it.
    ///
    /// # Safety
    /// `arg` has the size that `request` encodes, and every address in it that the driver follows
    /// for this request is valid for as many bytes as `arg` says.
    ///
    /// # Errors
    /// The driver's.
    unsafe fn ioctl(&self, fd: RawFd, request: u32, arg: &mut [u8]) -> Result<(), Errno>;

    /// `mmap`.
    ///
    /// # Safety
    /// With `MAP_FIXED`, the caller owns the range that is replaced.
    ///
    /// # Errors
    /// The system's.
    unsafe fn mmap(&self, request: MapRequest) -> Result<usize, Errno>;

    /// `munmap`.
    ///
    /// # Safety
    /// The caller owns the range and nothing refers to it any more.
    ///
    /// # Errors
    /// The system's.
    unsafe fn munmap(&self, addr: usize, len: usize) -> Result<(), Errno>;
}

/// The system's own calls, by way of the C library, so that a preloaded library can serve them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Libc;

fn check(result: i32) -> Result<i32, Errno> {
    if result == -1 {
        Err(Errno::last())
    } else {
        Ok(result)
    }
}

impl Sys for Libc {
    fn open(&self, path: &CStr) -> Result<RawFd, Errno> {
        // SAFETY: the path ends in a zero byte and lives through the call.
        check(unsafe { libc::open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) })
    }

    fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: closing a file touches no memory of this process.
        check(unsafe { libc::close(fd) }).map(drop)
    }

    unsafe fn ioctl(&self, fd: RawFd, request: u32, arg: &mut [u8]) -> Result<(), Errno> {
        // SAFETY: the caller vouches for the structure and for the addresses in it.
        check(unsafe { libc::ioctl(fd, request.into(), arg.as_mut_ptr()) }).map(drop)
    }

    unsafe fn mmap(&self, request: MapRequest) -> Result<usize, Errno> {
        let MapRequest {
            addr,
            len,
            prot,
            flags,
            fd,
            offset,
        } = request;
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno::EINVAL)?;
        // SAFETY: without MAP_FIXED the system picks a free range; with it the caller owns the range.
        let place = unsafe {
            libc::mmap(
                std::ptr::with_exposed_provenance_mut(addr),
                len,
                prot,
                flags,
                fd,
                offset,
            )
        };
        if place == libc::MAP_FAILED {
            Err(Errno::last())
        } else {
            Ok(place.expose_provenance())
        }
    }

    unsafe fn munmap(&self, addr: usize, len: usize) -> Result<(), Errno> {
        // SAFETY: the caller owns the range.
        let result = unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(addr), len) };
        check(result).map(drop)
    }
}
