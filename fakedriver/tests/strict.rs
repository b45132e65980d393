//! What the fake driver refuses by itself, as the real one does.

use std::ffi::CString;

use fake_driver::{Config, FakeDriver};
use runtime::npu::sys::{Errno, MapRequest, Sys};
use runtime::npu::{DEVICE_FILE, Generation, uapi};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// An open file of a fresh driver.
struct File {
    driver: std::sync::Arc<FakeDriver>,
    fd: i32,
}

impl File {
    fn new(generation: Generation) -> Self {
        let driver = FakeDriver::new(Config {
            generation,
            ..Config::default()
        });
        let path = CString::new(DEVICE_FILE).expect("no zero byte");
        let fd = driver.open(&path).expect("opens");
        File { driver, fd }
    }

    fn call<T: IntoBytes + FromBytes + Immutable>(
        &self,
        request: u32,
        arg: &mut T,
    ) -> Result<(), Errno> {
        #[allow(unsafe_code)]
        // SAFETY: the addresses in the structures below are zero or of locals that are alive.
        unsafe {
            self.driver.ioctl(self.fd, request, arg.as_mut_bytes())
        }
    }

    fn create(&self, kind: u32, size: u64) -> Result<u32, Errno> {
        let mut bo = uapi::CreateBo {
            size,
            kind,
            ..Default::default()
        };
        self.call(uapi::CREATE_BO, &mut bo).map(|()| bo.handle)
    }

    fn map(&self, handle: u32, len: usize, flags: i32) -> Result<usize, Errno> {
        let mut info = uapi::GetBoInfo {
            handle,
            ..Default::default()
        };
        self.call(uapi::GET_BO_INFO, &mut info)?;
        let request = MapRequest {
            addr: 0,
            len,
            prot: libc_prot(),
            flags,
            fd: self.fd,
            offset: info.map_offset,
        };
        #[allow(unsafe_code)]
        // SAFETY: the system picks a free range.
        unsafe {
            self.driver.mmap(request)
        }
    }
}

/// `PROT_READ | PROT_WRITE`.
const fn libc_prot() -> i32 {
    3
}

/// `MAP_SHARED`.
const SHARED: i32 = 1;
/// `MAP_PRIVATE`.
const PRIVATE: i32 = 2;

#[test]
fn fields_that_must_be_zero_are_checked() {
    let file = File::new(Generation::InTree);
    let mut bo = uapi::CreateBo {
        flags: 1,
        size: 4096,
        kind: uapi::BO_SHARE,
        ..Default::default()
    };
    assert_eq!(file.call(uapi::CREATE_BO, &mut bo), Err(Errno::EINVAL));
    assert_eq!(file.create(9, 4096), Err(Errno::EINVAL), "no such kind");
    assert_eq!(file.create(uapi::BO_SHARE, 0), Err(Errno::EINVAL));
    let handle = file.create(uapi::BO_SHARE, 4096).expect("a BO");
    let mut info = uapi::GetBoInfo {
        handle,
        pad: 1,
        ..Default::default()
    };
    assert_eq!(file.call(uapi::GET_BO_INFO, &mut info), Err(Errno::EINVAL));
    let mut close = uapi::GemClose { handle, pad: 1 };
    assert_eq!(file.call(uapi::GEM_CLOSE, &mut close), Err(Errno::EINVAL));
    let mut create = uapi::CreateHwctx::default();
    assert_eq!(
        file.call(uapi::CREATE_HWCTX, &mut create),
        Err(Errno::EFAULT),
        "no QoS"
    );
    let qos = uapi::Qos::default();
    create.qos_p = qos.as_bytes().as_ptr().expose_provenance() as u64;
    assert_eq!(
        file.call(uapi::CREATE_HWCTX, &mut create),
        Err(Errno::ENOENT),
        "no heap"
    );
    let mut unknown = 0u32;
    assert_eq!(file.call(0x1234, &mut unknown), Err(Errno::ENOTTY));
}

#[test]
fn the_heap_comes_first_once_and_mapped() {
    let file = File::new(Generation::InTree);
    assert_eq!(
        file.create(uapi::BO_DEV, 4096),
        Err(Errno::EAGAIN),
        "no heap yet"
    );
    assert_eq!(
        file.create(uapi::BO_DEV_HEAP, 4096),
        Err(Errno::EINVAL),
        "not 64 MiB"
    );
    let heap = file.create(uapi::BO_DEV_HEAP, 64 << 20).expect("the heap");
    assert_eq!(
        file.create(uapi::BO_DEV_HEAP, 64 << 20),
        Err(Errno::ENOSPC),
        "a second one"
    );
    assert_eq!(
        file.create(uapi::BO_DEV, 4096),
        Err(Errno::EAGAIN),
        "not mapped yet"
    );
    file.map(heap, 64 << 20, SHARED).expect("mapped");
    let dev = file.create(uapi::BO_DEV, 4096).expect("inside the heap");
    let mut info = uapi::GetBoInfo {
        handle: dev,
        ..Default::default()
    };
    file.call(uapi::GET_BO_INFO, &mut info).expect("known");
    assert_eq!(
        (info.map_offset, info.xdna_addr),
        (uapi::INVALID_ADDR, uapi::HEAP_BASE)
    );
    assert_eq!(
        file.create(uapi::BO_DEV, 64 << 20),
        Err(Errno::ENOSPC),
        "no room"
    );
}

#[test]
fn maps_are_no_longer_than_what_they_map() {
    let file = File::new(Generation::InTree);
    let handle = file.create(uapi::BO_SHARE, 8192).expect("a BO");
    assert_eq!(
        file.map(handle, 12288, SHARED),
        Err(Errno::EINVAL),
        "too long"
    );
    assert_eq!(
        file.map(handle, 8192, PRIVATE),
        Err(Errno::EINVAL),
        "not shared"
    );
    file.map(handle, 4096, SHARED)
        .expect("a part may be mapped");
    let mut sync = uapi::SyncBo {
        handle,
        direction: uapi::SYNC_TO_DEVICE,
        offset: 8192,
        size: 1,
    };
    assert_eq!(
        file.call(uapi::SYNC_BO, &mut sync),
        Err(Errno::EINVAL),
        "beyond the end"
    );
}

#[test]
fn lines_of_the_driver_differ_as_they_do() {
    let rows = [
        (Generation::InTree, Errno::EOPNOTSUPP),
        (Generation::OutOfTree, Errno::EINVAL),
    ];
    for (generation, errno) in rows {
        let file = File::new(generation);
        let mut wait = uapi::WaitCmd::default();
        assert_eq!(file.call(uapi::WAIT_CMD, &mut wait), Err(errno));
        let handle = file.create(uapi::BO_SHARE, 4096).expect("a BO");
        let mut sync = uapi::SyncBo {
            handle,
            direction: uapi::SYNC_FROM_DEVICE,
            offset: 0,
            size: 4096,
        };
        let result = file.call(uapi::SYNC_BO, &mut sync);
        let refused = generation == Generation::InTree;
        assert_eq!(result.err(), refused.then_some(Errno::EINVAL));
    }
}
