//! Memory that host and NPU share: BOs, their mappings, the heap.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::driver::Driver;
use super::fault::{Call, DriverError};
use super::sys::{Errno, MapRequest, Sys};
use super::uapi;

/// Bytes of a page.
const PAGE: usize = 4096;

/// A range of this process's addresses, given back when it is dropped.
#[derive(Debug)]
struct Mapping {
    sys: Arc<dyn Sys>,
    addr: usize,
    len: usize,
}

impl Mapping {
    /// Addresses with nothing behind them, `align`ed, a power of two.
    fn reserve(sys: &Arc<dyn Sys>, len: usize, align: usize) -> Result<Self, DriverError> {
        let request = MapRequest {
            addr: 0,
            len: len + align,
            prot: libc::PROT_NONE,
            flags: libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            fd: -1,
            offset: 0,
        };
        // SAFETY: the system picks a free range.
        let start = unsafe { sys.mmap(request) }
            .map_err(|errno| DriverError::new(Call::Map, errno).about(" of addresses"))?;
        let addr = start.next_multiple_of(align);
        let unmap = |from: usize, to: usize| {
            if to > from {
                // SAFETY: the part was mapped just above and nothing refers to it.
                let _ = unsafe { sys.munmap(from, to - from) };
            }
        };
        unmap(start, addr);
        unmap(addr + len, start + len + align);
        Ok(Mapping {
            sys: sys.clone(),
            addr,
            len,
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping's own; every pointer into it is made from a borrow of the
        // mapping's owner and is gone with it.
        let _ = unsafe { self.sys.munmap(self.addr, self.len) };
    }
}

/// A handle of the driver's, closed when it is dropped.
#[derive(Debug)]
struct Handle {
    driver: Arc<Driver>,
    id: u32,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.driver.close_bo(self.id);
    }
}

/// A BO that this process has mapped.
///
/// `Send` and `Sync`: it is plain memory behind an address. Writing needs `&mut`; that no command
/// uses a BO while its bytes are read or written is up to the owners, who keep BOs of commands in
/// flight away from everybody else.
#[derive(Debug)]
pub(crate) struct Bo {
    // Fields are dropped in order: the mapping goes before the BO.
    map: Place,
    handle: Handle,
    /// Address for the device.
    addr: u64,
    len: usize,
}

/// Where a BO's bytes are for the CPU.
#[derive(Debug)]
enum Place {
    /// A mapping of its own.
    Own(Mapping),
    /// A part of the heap's mapping.
    Heap(Arc<Heap>, usize),
}

impl Bo {
    /// A BO for data or commands, mapped.
    pub(crate) fn new(
        driver: &Arc<Driver>,
        call: Call,
        kind: u32,
        bytes: usize,
    ) -> Result<Self, DriverError> {
        let len = bytes.max(1).next_multiple_of(PAGE);
        let handle = Handle {
            id: driver.create_bo(call, kind, len)?,
            driver: driver.clone(),
        };
        let info = driver.bo_info(handle.id)?;
        let addr = driver.map(None, len, info.map_offset)?;
        let map = Place::Own(Mapping {
            sys: driver.sys.clone(),
            addr,
            len,
        });
        // The address for the device is the mapping's in some set-ups, so it is asked for afterwards.
        let addr = driver.bo_info(handle.id)?.xdna_addr;
        if addr == uapi::INVALID_ADDR {
            return Err(DriverError::new(Call::GetBoInfo, Errno::EINVAL));
        }
        driver.ledger.bytes.add(len as u64);
        Ok(Bo {
            map,
            handle,
            addr,
            len,
        })
    }

    /// A BO inside the heap.
    pub(crate) fn in_heap(heap: &Arc<Heap>, bytes: usize) -> Result<Self, DriverError> {
        let driver = &heap.driver;
        let len = bytes.max(1).next_multiple_of(PAGE);
        let handle = Handle {
            id: driver.create_bo(Call::CreateDev, uapi::BO_DEV, len)?,
            driver: driver.clone(),
        };
        let addr = driver.bo_info(handle.id)?.xdna_addr;
        let offset = addr
            .checked_sub(heap.addr)
            .and_then(|offset| usize::try_from(offset).ok())
            .filter(|offset| {
                offset
                    .checked_add(len)
                    .is_some_and(|end| end <= heap.map.len)
            })
            // An address outside the heap would be written to below.
            .ok_or_else(|| DriverError::new(Call::GetBoInfo, Errno::EINVAL))?;
        driver.ledger.heap.add(len as u64);
        Ok(Bo {
            map: Place::Heap(heap.clone(), offset),
            handle,
            addr,
            len,
        })
    }

    /// The driver's handle.
    pub(crate) fn id(&self) -> u32 {
        self.handle.id
    }

    /// Address for the device.
    pub(crate) fn device_addr(&self) -> u64 {
        self.addr
    }

    /// Whether the BO belongs to this open file.
    pub(crate) fn is_of(&self, driver: &Arc<Driver>) -> bool {
        Arc::ptr_eq(&self.handle.driver, driver)
    }

    fn at(&self) -> usize {
        match &self.map {
            Place::Own(mapping) => mapping.addr,
            Place::Heap(heap, offset) => heap.map.addr + offset,
        }
    }

    fn range(&self, offset: usize, len: usize) -> Option<*mut u8> {
        let end = offset.checked_add(len)?;
        (end <= self.len).then(|| std::ptr::with_exposed_provenance_mut(self.at() + offset))
    }

    /// Writes bytes; what does not fit is left away, which callers rule out.
    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) {
        debug_assert!(offset + bytes.len() <= self.len);
        if let Some(to) = self.range(offset, bytes.len()) {
            // SAFETY: the range is inside the mapping, which lives as long as `self`; `&mut self`
            // keeps other threads out, and `bytes` cannot overlap memory that only this BO has.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        }
    }

    /// Reads bytes; what lies outside stays as it is, which callers rule out.
    pub(crate) fn read(&self, offset: usize, out: &mut [u8]) {
        debug_assert!(offset + out.len() <= self.len);
        if let Some(from) = self.range(offset, out.len()) {
            // SAFETY: as in `write`; writers need `&mut self`.
            unsafe { std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) };
        }
    }

    /// The first word: a command's header, which the driver changes while the command is in flight.
    pub(crate) fn header(&self) -> &AtomicU32 {
        // SAFETY: a BO has at least a page, so the word is inside; mappings are page aligned; the
        // driver's writes are whole words, which an atomic read tolerates. The borrow ends with
        // `self`, before the mapping does.
        unsafe { AtomicU32::from_ptr(std::ptr::with_exposed_provenance_mut(self.at())) }
    }

    /// Makes memory and the CPU's caches agree on the first `bytes`.
    pub(crate) fn sync(&self, bytes: usize) -> Result<(), DriverError> {
        self.handle.driver.sync(self.handle.id, 0, bytes)
    }
}

impl Drop for Bo {
    fn drop(&mut self) {
        let ledger = &self.handle.driver.ledger;
        match self.map {
            Place::Own(_) => ledger.bytes.sub(self.len as u64),
            Place::Heap(..) => ledger.heap.sub(self.len as u64),
        }
    }
}

/// The heap of an open file, in which instruction streams and PDIs live.
#[derive(Debug)]
pub(crate) struct Heap {
    map: Mapping,
    _handle: Handle,
    driver: Arc<Driver>,
    addr: u64,
}

impl Heap {
    /// The heap. The driver's own user-space library aligns its mapping to its size, so this does
    /// as well.
    pub(crate) fn new(driver: &Arc<Driver>) -> Result<Arc<Self>, DriverError> {
        let bytes = uapi::HEAP_BYTES;
        let handle = Handle {
            id: driver.create_bo(Call::CreateHeap, uapi::BO_DEV_HEAP, bytes)?,
            driver: driver.clone(),
        };
        let info = driver.bo_info(handle.id)?;
        let map = Mapping::reserve(&driver.sys, bytes, bytes)?;
        driver.map(Some(map.addr), bytes, info.map_offset)?;
        Ok(Arc::new(Heap {
            map,
            _handle: handle,
            driver: driver.clone(),
            addr: driver_addr(info.xdna_addr)?,
        }))
    }
}

fn driver_addr(addr: u64) -> Result<u64, DriverError> {
    match addr {
        uapi::INVALID_ADDR => Err(DriverError::new(Call::GetBoInfo, Errno::EINVAL)),
        addr => Ok(addr),
    }
}
