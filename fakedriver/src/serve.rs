//! The system calls of a process that has the device open.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::RawFd;

use runtime::npu::Call;
use runtime::npu::sys::{Errno, MapRequest, Sys};

use crate::{FakeDriver, ioctl, pages};

impl Sys for FakeDriver {
    fn open(&self, path: &CStr) -> Result<RawFd, Errno> {
        if path.to_str() != Ok(runtime::npu::DEVICE_FILE) {
            return Err(Errno::ENOENT);
        }
        self.faults.on_call(Call::Open)?;
        self.state.open()
    }

    fn close(&self, fd: RawFd) -> Result<(), Errno> {
        self.state.close(fd)
    }

    unsafe fn ioctl(&self, fd: RawFd, request: u32, arg: &mut [u8]) -> Result<(), Errno> {
        let file = self.state.file(fd)?;
        // SAFETY: the caller vouches for the addresses in the structure.
        unsafe { ioctl::serve(self, &file, request, arg) }
    }

    unsafe fn mmap(&self, request: MapRequest) -> Result<usize, Errno> {
        if request.fd < 0 {
            // SAFETY: the caller's.
            return unsafe { pages::map(request) };
        }
        let file = self.state.file(request.fd)?;
        self.faults.on_call(Call::Map)?;
        let bo = file.mappable(&request, self.config.locked_bytes)?;
        let flags = request.flags & !libc::MAP_LOCKED;
        // SAFETY: the caller's.
        let addr = unsafe { pages::map(MapRequest { flags, ..request })? };
        bo.set_user(addr);
        file.note_mapping(addr, request.len);
        Ok(addr)
    }

    unsafe fn munmap(&self, addr: usize, len: usize) -> Result<(), Errno> {
        self.state.forget_mapping(addr, len);
        // SAFETY: the caller's.
        unsafe { pages::unmap(addr, len) }
    }
}
