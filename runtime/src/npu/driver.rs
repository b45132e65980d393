//! An open device file: the driver's calls with typed arguments and errors.

use std::ffi::CString;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

use super::fault::{Call, DriverError, Fault};
use super::sys::{Errno, MapRequest, Sys};
use super::uapi;
use crate::ledger::Ledger;

/// Times a call is repeated that a signal interrupts.
const INTERRUPTIONS: u32 = 100;

/// Times something is given back before the driver is left to do so when the file is closed.
const RELEASES: u32 = 3;

/// How the end of a command is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The line that distribution kernels carry: the context's timeline is waited for.
    InTree,
    /// The out-of-tree line: it has a call that waits.
    OutOfTree,
}

impl Generation {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Generation::InTree => "in-tree",
            Generation::OutOfTree => "out-of-tree",
        }
    }
}

/// A hardware context's handles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContextHandle {
    pub(crate) context: u32,
    pub(crate) syncobj: u32,
}

/// An open device file. Closing it, or the end of the process, releases everything in the driver.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) sys: Arc<dyn Sys>,
    pub(crate) ledger: Arc<Ledger>,
    fd: RawFd,
    pub(crate) generation: Generation,
    /// Major and minor version.
    pub(crate) version: (i32, i32),
}

impl Driver {
    /// Opens the device file and asks the driver for its name and generation.
    pub(crate) fn open(
        sys: Arc<dyn Sys>,
        path: &str,
        ledger: Arc<Ledger>,
    ) -> Result<Self, DriverError> {
        let about = |e: DriverError| e.about(format!(" {path}"));
        let c_path =
            CString::new(path).map_err(|_| about(DriverError::new(Call::Open, Errno::ENOENT)))?;
        let fd = retried(|| sys.open(&c_path))
            .map_err(|errno| about(DriverError::new(Call::Open, errno)))?;
        let mut driver = Driver {
            sys,
            ledger,
            fd,
            generation: Generation::InTree,
            version: (0, 0),
        };
        driver.identify().map_err(about)?;
        driver.generation = driver.probe_generation()?;
        Ok(driver)
    }

    fn identify(&mut self) -> Result<(), DriverError> {
        let mut name = [0u8; 64];
        let mut version = uapi::Version {
            name_len: name.len() as u64,
            name: address(name.as_mut_bytes()),
            ..Default::default()
        };
        self.ioctl(Call::Version, uapi::VERSION, &mut version)?;
        let len = usize::try_from(version.name_len).unwrap_or(0);
        if name.get(..len) != Some(uapi::DRIVER_NAME) {
            return Err(DriverError::new(Call::Version, Errno::ENOTTY));
        }
        self.version = (version.major, version.minor);
        Ok(())
    }

    /// Waits for a context that cannot exist: only a driver that has the call looks for it.
    fn probe_generation(&self) -> Result<Generation, DriverError> {
        let mut wait = uapi::WaitCmd {
            timeout: 1,
            ..Default::default()
        };
        match self.ioctl(Call::WaitCmd, uapi::WAIT_CMD, &mut wait) {
            Ok(()) => Ok(Generation::OutOfTree),
            Err(e) => match e.errno {
                Errno::EINVAL | Errno::ETIME => Ok(Generation::OutOfTree),
                Errno::EOPNOTSUPP | Errno::ENOTTY => Ok(Generation::InTree),
                _ => Err(e),
            },
        }
    }

    /// A call whose structure holds addresses of nothing, or only of what the callers below keep
    /// alive across it.
    fn ioctl<T: IntoBytes + FromBytes>(
        &self,
        call: Call,
        request: u32,
        arg: &mut T,
    ) -> Result<(), DriverError> {
        retried(|| {
            // SAFETY: every structure of `uapi` has the size that its request encodes (tested
            // there), and the callers in this file fill in addresses of locals that outlive the call,
            // with the lengths of those locals.
            unsafe { self.sys.ioctl(self.fd, request, arg.as_mut_bytes()) }
        })
        .map_err(|errno| DriverError::new(call, errno))
    }

    /// Asks one of the queries of GET_INFO.
    pub(crate) fn query<T: FromBytes + IntoBytes + FromZeros>(
        &self,
        param: u32,
    ) -> Result<T, DriverError> {
        let mut answer = T::new_zeroed();
        let mut info = uapi::GetInfo {
            param,
            buffer_size: size_of::<T>() as u32,
            buffer: address(answer.as_mut_bytes()),
        };
        self.ioctl(Call::GetInfo, uapi::GET_INFO, &mut info)?;
        Ok(answer)
    }

    pub(crate) fn create_bo(
        &self,
        call: Call,
        kind: u32,
        bytes: usize,
    ) -> Result<u32, DriverError> {
        let mut bo = uapi::CreateBo {
            size: bytes as u64,
            kind,
            ..Default::default()
        };
        self.ioctl(call, uapi::CREATE_BO, &mut bo)
            .map_err(|e| e.about(format!(" ({bytes} bytes)")))?;
        self.ledger.objects.add(1);
        Ok(bo.handle)
    }

    pub(crate) fn bo_info(&self, handle: u32) -> Result<uapi::GetBoInfo, DriverError> {
        let mut info = uapi::GetBoInfo {
            handle,
            ..Default::default()
        };
        self.ioctl(Call::GetBoInfo, uapi::GET_BO_INFO, &mut info)?;
        Ok(info)
    }

    /// Gives a BO back. What the driver refuses to close here it closes with the file.
    pub(crate) fn close_bo(&self, handle: u32) {
        self.release(|| {
            let mut close = uapi::GemClose { handle, pad: 0 };
            self.ioctl(Call::GemClose, uapi::GEM_CLOSE, &mut close)
        });
        self.ledger.objects.sub(1);
    }

    /// Makes memory and the CPU's caches agree, in both directions: flushing writes what the CPU
    /// changed and forgets the rest.
    pub(crate) fn sync(&self, handle: u32, offset: usize, bytes: usize) -> Result<(), DriverError> {
        let mut sync = uapi::SyncBo {
            handle,
            direction: uapi::SYNC_TO_DEVICE,
            offset: offset as u64,
            size: bytes as u64,
        };
        self.ledger.syncs.add(1);
        self.ioctl(Call::SyncBo, uapi::SYNC_BO, &mut sync)
    }

    /// Maps a BO; at `addr`, which the caller has reserved, or anywhere.
    pub(crate) fn map(
        &self,
        addr: Option<usize>,
        bytes: usize,
        offset: u64,
    ) -> Result<usize, DriverError> {
        let fixed = addr.map_or(0, |_| libc::MAP_FIXED);
        let request = MapRequest {
            addr: addr.unwrap_or(0),
            len: bytes,
            prot: libc::PROT_READ | libc::PROT_WRITE,
            flags: libc::MAP_SHARED | libc::MAP_LOCKED | fixed,
            fd: self.fd,
            offset,
        };
        // SAFETY: a fixed address is only passed for a range that the heap has reserved for itself.
        retried(|| unsafe { self.sys.mmap(request) }).map_err(|errno| {
            let limit = locked_memory_limit();
            DriverError::new(Call::Map, errno).about(format!(
                " of {bytes} bytes (locked memory is limited to {limit})"
            ))
        })
    }

    pub(crate) fn create_context(
        &self,
        columns: u32,
        core_rows: u32,
        operations: u32,
        qos: &uapi::Qos,
    ) -> Result<ContextHandle, DriverError> {
        let mut create = uapi::CreateHwctx {
            qos_p: shared_address(qos),
            max_opc: operations,
            num_tiles: columns * core_rows,
            ..Default::default()
        };
        self.ioctl(Call::CreateHwctx, uapi::CREATE_HWCTX, &mut create)
            .map_err(|e| e.about(format!(" ({columns} columns)")))?;
        self.ledger.contexts.add(1);
        Ok(ContextHandle {
            context: create.handle,
            syncobj: create.syncobj_handle,
        })
    }

    /// Configures the one compute unit of a context with the PDI in a BO.
    pub(crate) fn configure(
        &self,
        context: u32,
        pdi: u32,
        function: u8,
    ) -> Result<(), DriverError> {
        let param = uapi::ConfigCuParam {
            num_cus: 1,
            cu: uapi::CuConfig {
                cu_bo: pdi,
                cu_func: function,
                pad: [0; 3],
            },
            ..Default::default()
        };
        let mut config = uapi::ConfigHwctx {
            handle: context,
            param_type: uapi::CONFIG_CU,
            param_val: shared_address(&param),
            param_val_size: size_of_val(&param) as u32,
            pad: 0,
        };
        self.ioctl(Call::ConfigHwctx, uapi::CONFIG_HWCTX, &mut config)
    }

    /// Gives something back; keeps count of what the driver does not take.
    fn release(&self, give: impl Fn() -> Result<(), DriverError>) {
        let given = (0..RELEASES).any(|_| match give() {
            Ok(()) => true,
            // A device that is gone has nothing left.
            Err(e) => e.fault() == Fault::Gone,
        });
        if !given {
            self.ledger.unreleased.add(1);
        }
    }

    /// Ends a context: the driver waits for it or cancels what runs. Afterwards no command of it
    /// touches memory, whatever the driver says: what it does not know has no commands.
    pub(crate) fn destroy_context(&self, handle: ContextHandle) {
        self.release(|| {
            let mut destroy = uapi::DestroyHwctx {
                handle: handle.context,
                pad: 0,
            };
            self.ioctl(Call::DestroyHwctx, uapi::DESTROY_HWCTX, &mut destroy)
        });
        if handle.syncobj != 0 {
            self.release(|| {
                let mut syncobj = uapi::SyncobjDestroy {
                    handle: handle.syncobj,
                    pad: 0,
                };
                self.ioctl(Call::SyncobjDestroy, uapi::SYNCOBJ_DESTROY, &mut syncobj)
            });
        }
        self.ledger.contexts.sub(1);
    }

    /// Submits a command; returns its sequence number.
    pub(crate) fn execute(
        &self,
        context: u32,
        command: u32,
        used: &[u32],
    ) -> Result<u64, DriverError> {
        let mut exec = uapi::ExecCmd {
            hwctx: context,
            kind: uapi::SUBMIT_EXEC_BUF,
            cmd_handles: command.into(),
            args: shared_address(used),
            cmd_count: 1,
            arg_count: used.len() as u32,
            ..Default::default()
        };
        self.ioctl(Call::ExecCmd, uapi::EXEC_CMD, &mut exec)?;
        Ok(exec.seq)
    }

    /// Waits for a command; `false` when the time is over first. `None` waits for as long as it takes.
    pub(crate) fn wait(
        &self,
        context: ContextHandle,
        seq: u64,
        until: Option<Instant>,
    ) -> Result<bool, DriverError> {
        let left = until.map(|t| t.saturating_duration_since(Instant::now()));
        let result = match self.generation {
            Generation::OutOfTree => {
                let ms = left.map_or(0, |d| {
                    u32::try_from(d.as_millis()).unwrap_or(u32::MAX).max(1)
                });
                let mut wait = uapi::WaitCmd {
                    hwctx: context.context,
                    timeout: ms,
                    seq,
                };
                self.ioctl(Call::WaitCmd, uapi::WAIT_CMD, &mut wait)
            }
            Generation::InTree => {
                let mut wait = uapi::TimelineWait {
                    handles: shared_address(&context.syncobj),
                    points: shared_address(&seq),
                    timeout_nsec: left.map_or(i64::MAX, monotonic_after),
                    count_handles: 1,
                    flags: uapi::WAIT_ALL,
                    ..Default::default()
                };
                self.ioctl(Call::TimelineWait, uapi::SYNCOBJ_TIMELINE_WAIT, &mut wait)
            }
        };
        match result {
            Ok(()) => Ok(true),
            Err(e) if e.errno == Errno::ETIME => Ok(false),
            Err(e) => Err(e),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Nothing can be done about a file that does not close; Linux frees the descriptor anyway.
        let _ = self.sys.close(self.fd);
    }
}

/// Repeats a call that a signal interrupts.
fn retried<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    let mut result = call();
    for _ in 0..INTERRUPTIONS {
        if !matches!(result, Err(Errno::EINTR)) {
            break;
        }
        result = call();
    }
    result
}

/// Address of bytes that the driver writes.
fn address(bytes: &mut [u8]) -> u64 {
    bytes.as_mut_ptr().expose_provenance() as u64
}

/// Address of something that the driver reads.
fn shared_address<T: IntoBytes + Immutable + ?Sized>(value: &T) -> u64 {
    value.as_bytes().as_ptr().expose_provenance() as u64
}

/// A time from now, in nanoseconds of CLOCK_MONOTONIC.
fn monotonic_after(from_now: Duration) -> i64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock exists on every Linux, and the structure is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    let after = i64::try_from(from_now.as_nanos()).unwrap_or(i64::MAX);
    now.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(now.tv_nsec)
        .saturating_add(after)
}

/// RLIMIT_MEMLOCK in words.
fn locked_memory_limit() -> String {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure is ours.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
    match (result, limit.rlim_cur) {
        (0, libc::RLIM_INFINITY) => "nothing".to_owned(),
        (0, bytes) => format!("{bytes} bytes"),
        _ => "an unknown number of bytes".to_owned(),
    }
}
