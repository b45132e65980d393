//! Serves `/dev/accel/accel0` to a process that preloads this library, without changing it:
//!
//! `LD_PRELOAD=target/debug/deps/libfake_driver_preload.so PROGRAM`
//!
//! It replaces the C library's `open`, `openat`, `close`, `ioctl`, `mmap` and `munmap`; what is not
//! about the fake device goes on to the kernel. `AMANUENSIS_FAKE_DRIVER=out-of-tree` makes it the other
//! line of the driver.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use std::sync::{Arc, OnceLock};

use fake_driver::{Config, FakeDriver};
use runtime::npu::sys::{Errno, MapRequest, Sys};
use runtime::npu::{DEVICE_FILE, Generation};

fn driver() -> &'static Arc<FakeDriver> {
    static DRIVER: OnceLock<Arc<FakeDriver>> = OnceLock::new();
    DRIVER.get_or_init(|| {
        let asked = std::env::var("AMANUENSIS_FAKE_DRIVER");
        let generation = match asked.as_deref() {
            Ok("out-of-tree") => Generation::OutOfTree,
            _ => Generation::InTree,
        };
        FakeDriver::new(Config {
            generation,
            ..Config::default()
        })
    })
}

/// The C library's way of telling of errors.
fn tell(errno: Errno) -> c_int {
    // SAFETY: the location is this thread's own.
    unsafe { *libc::__errno_location() = errno.0 };
    -1
}

/// Whether a path names the fake device.
///
/// # Safety
/// As for `open`: a string that ends in a zero byte, or null.
unsafe fn is_device(path: *const c_char) -> bool {
    if path.is_null() {
        return false;
    }
    // SAFETY: the caller's.
    unsafe { CStr::from_ptr(path) }.to_bytes() == DEVICE_FILE.as_bytes()
}

/// `openat`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    // SAFETY: the caller's; the flags decide whether the kernel looks at the mode.
    unsafe {
        if is_device(path) {
            let opened = driver().open(CStr::from_ptr(path));
            return opened.unwrap_or_else(tell);
        }
        libc::syscall(libc::SYS_openat, dir, path, flags, mode) as c_int
    }
}

/// `openat64`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> c_int {
    // SAFETY: the caller's.
    unsafe { openat(dir, path, flags, mode) }
}

/// `open`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller's.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// `open64`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller's.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// `close`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    if driver().serves(fd) {
        return driver().close(fd).map_or_else(tell, |()| 0);
    }
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_close, fd) as c_int }
}

/// `ioctl`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, arg: *mut c_void) -> c_int {
    if !driver().serves(fd) {
        // SAFETY: the caller's.
        return unsafe { libc::syscall(libc::SYS_ioctl, fd, request, arg) as c_int };
    }
    // The size of the structure is in the request: Linux `asm-generic/ioctl.h`.
    let (request, size) = (request as u32, (request >> 16 & 0x3fff) as usize);
    if arg.is_null() {
        return tell(Errno::EFAULT);
    }
    // SAFETY: the caller passes a structure of the size that the request says, for itself alone, and
    // vouches for the addresses in it.
    let result = unsafe {
        let arg = std::slice::from_raw_parts_mut(arg.cast::<u8>(), size);
        driver().ioctl(fd, request, arg)
    };
    result.map_or_else(tell, |()| 0)
}

/// `mmap`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    addr: *mut c_void,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    if fd < 0 || !driver().serves(fd) {
        // SAFETY: the caller's.
        let place = unsafe { libc::syscall(libc::SYS_mmap, addr, len, prot, flags, fd, offset) };
        return std::ptr::with_exposed_provenance_mut(place as usize);
    }
    let request = MapRequest {
        addr: addr.expose_provenance(),
        len,
        prot,
        flags,
        fd,
        offset: offset as u64,
    };
    // SAFETY: the caller's.
    match unsafe { driver().mmap(request) } {
        Ok(place) => std::ptr::with_exposed_provenance_mut(place),
        Err(errno) => {
            tell(errno);
            libc::MAP_FAILED
        }
    }
}

/// `mmap64`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    addr: *mut c_void,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { mmap(addr, len, prot, flags, fd, offset) }
}

/// `munmap`.
///
/// # Safety
/// As for the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(addr: *mut c_void, len: usize) -> c_int {
    // SAFETY: the caller's.
    let result: Result<(), Errno> = unsafe { driver().munmap(addr.expose_provenance(), len) };
    result.map_or_else(tell, |()| 0)
}

/// The kernel's answers are as wide as this library takes them to be.
const _: () = assert!(size_of::<c_long>() == size_of::<*mut c_void>());
