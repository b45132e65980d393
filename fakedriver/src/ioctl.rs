//! The driver's calls, checked as the driver checks them.
//!
//! Sources: amd/xdna-driver `amdxdna_ctx.c`, `amdxdna_gem.c`, `aie2_ctx.c`, `aie2_pci.c`; Linux
//! `drm_ioctl.c`, `drm_gem.c`, `drm_syncobj.c`.

#![allow(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::npu::sys::Errno;
use runtime::npu::{Call, Generation, uapi};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::FakeDriver;
use crate::bo::Bo;
use crate::context::{Context, Job, Timeline};
use crate::device::{File, Held};
use crate::firmware::chain_words;
use crate::pages::{copy_from_user, copy_to_user};

/// Bytes of a page.
const PAGE: usize = 4096;
/// Lists that the driver keeps in the heap for each context, and their bytes.
const LISTS: usize = 4;
/// What this driver says of itself.
const VERSION: (i32, i32) = (0, 16);

/// A system call's user memory, read and written by address.
struct User;

impl User {
    /// A structure at an address.
    fn read<T: FromBytes + IntoBytes>(&self, addr: u64) -> Result<T, Errno> {
        let mut value = T::new_zeroed();
        // SAFETY: `serve` is unsafe to call: its caller vouches for the addresses that a request
        // makes the driver follow.
        unsafe { copy_from_user(addr, value.as_mut_bytes())? };
        Ok(value)
    }

    fn words(&self, addr: u64, count: usize) -> Result<Vec<u32>, Errno> {
        let mut words = vec![0u32; count];
        // SAFETY: as in `read`.
        unsafe { copy_from_user(addr, words.as_mut_bytes())? };
        Ok(words)
    }

    fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), Errno> {
        // SAFETY: as in `read`.
        unsafe { copy_to_user(addr, bytes) }
    }
}

/// Serves an ioctl.
///
/// # Safety
/// The addresses in `arg` that the request makes a driver follow are valid.
pub(crate) unsafe fn serve(
    driver: &FakeDriver,
    file: &Arc<File>,
    request: u32,
    arg: &mut [u8],
) -> Result<(), Errno> {
    let server = Server {
        driver,
        file,
        user: User,
    };
    match request {
        uapi::VERSION => with(arg, |a| server.version(a)),
        uapi::GEM_CLOSE => with(arg, |a| server.gem_close(a)),
        uapi::SYNCOBJ_DESTROY => with(arg, |a| server.syncobj_destroy(a)),
        uapi::SYNCOBJ_TIMELINE_WAIT => with(arg, |a| server.timeline_wait(a)),
        uapi::CREATE_HWCTX => with(arg, |a| server.create_hwctx(a)),
        uapi::DESTROY_HWCTX => with(arg, |a| server.destroy_hwctx(a)),
        uapi::CONFIG_HWCTX => with(arg, |a| server.config_hwctx(a)),
        uapi::CREATE_BO => with(arg, |a| server.create_bo(a)),
        uapi::GET_BO_INFO => with(arg, |a| server.get_bo_info(a)),
        uapi::SYNC_BO => with(arg, |a| server.sync_bo(a)),
        uapi::EXEC_CMD => with(arg, |a| server.exec_cmd(a)),
        uapi::WAIT_CMD => with(arg, |a| server.wait_cmd(a)),
        uapi::GET_INFO => with(arg, |a| server.get_info(a)),
        _ => Err(Errno::ENOTTY),
    }
}

/// Calls with a structure, which goes back also when the call fails.
fn with<T: FromBytes + IntoBytes + Immutable>(
    arg: &mut [u8],
    call: impl FnOnce(&mut T) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut value = T::read_from_bytes(arg).map_err(|_| Errno::EINVAL)?;
    let result = call(&mut value);
    arg.copy_from_slice(value.as_bytes());
    result
}

/// EINVAL unless a condition holds.
fn valid(condition: bool) -> Result<(), Errno> {
    condition.then_some(()).ok_or(Errno::EINVAL)
}

struct Server<'a> {
    driver: &'a FakeDriver,
    file: &'a Arc<File>,
    user: User,
}

impl Server<'_> {
    fn may_fail(&self, call: Call) -> Result<(), Errno> {
        self.driver.faults.on_call(call)
    }

    fn generation(&self) -> Generation {
        self.driver.config.generation
    }

    fn version(&self, arg: &mut uapi::Version) -> Result<(), Errno> {
        self.may_fail(Call::Version)?;
        (arg.major, arg.minor, arg.patch) = (VERSION.0, VERSION.1, 0);
        let name = uapi::DRIVER_NAME;
        let room = usize::try_from(arg.name_len).unwrap_or(usize::MAX);
        if room > 0 && arg.name != 0 {
            self.user.write(arg.name, &name[..name.len().min(room)])?;
        }
        arg.name_len = name.len() as u64;
        (arg.date_len, arg.desc_len) = (0, 0);
        Ok(())
    }

    fn gem_close(&self, arg: &mut uapi::GemClose) -> Result<(), Errno> {
        self.may_fail(Call::GemClose)?;
        valid(arg.pad == 0)?;
        let mut held = self.file.held();
        let bo = held.objects.remove(&arg.handle).ok_or(Errno::EINVAL)?;
        if let Some(at) = bo.heap_offset() {
            held.give_heap(at);
        }
        Ok(())
    }

    fn create_bo(&self, arg: &mut uapi::CreateBo) -> Result<(), Errno> {
        let call = match arg.kind {
            uapi::BO_DEV_HEAP => Call::CreateHeap,
            uapi::BO_DEV => Call::CreateDev,
            uapi::BO_CMD => Call::CreateCmd,
            _ => Call::CreateShare,
        };
        self.may_fail(call)?;
        // Wrapping user memory is not served.
        valid(arg.flags == 0 && arg.vaddr == 0 && arg.size != 0)?;
        let size = usize::try_from(arg.size).map_err(|_| Errno::ENOMEM)?;
        let size = size.checked_next_multiple_of(PAGE).ok_or(Errno::EINVAL)?;
        let held = &mut *self.file.held();
        let bo = match arg.kind {
            uapi::BO_SHARE | uapi::BO_CMD => {
                // CMD BOs are SHARE BOs for the driver.
                self.paged(held, uapi::BO_SHARE, size)?
            }
            uapi::BO_DEV_HEAP => {
                valid(size.is_multiple_of(uapi::HEAP_BYTES))?;
                if held.heap.is_some() || size > uapi::HEAP_BYTES {
                    return Err(Errno::ENOSPC);
                }
                let heap = self.paged(held, uapi::BO_DEV_HEAP, size)?;
                held.heap = Some(heap.clone());
                heap
            }
            uapi::BO_DEV => {
                valid(size <= uapi::HEAP_BYTES)?;
                let heap = held.heap.clone().ok_or(Errno::EAGAIN)?;
                heap.user().ok_or(Errno::EAGAIN)?;
                let at = held.take_heap(size)?;
                Arc::new(Bo::in_heap(&heap, at, size))
            }
            _ => return Err(Errno::EINVAL),
        };
        arg.handle = held.handle();
        held.objects.insert(arg.handle, bo);
        Ok(())
    }

    fn paged(&self, held: &mut Held, kind: u32, size: usize) -> Result<Arc<Bo>, Errno> {
        let offset = held.offset(size);
        self.file.backing.grow(offset + size as u64)?;
        Ok(Arc::new(Bo::new(&self.file.backing, kind, offset, size)?))
    }

    fn get_bo_info(&self, arg: &mut uapi::GetBoInfo) -> Result<(), Errno> {
        self.may_fail(Call::GetBoInfo)?;
        valid(arg.ext == 0 && arg.ext_flags == 0 && arg.pad == 0)?;
        let bo = self.bo(arg.handle)?;
        arg.map_offset = bo.offset;
        arg.vaddr = bo.user().map_or(uapi::INVALID_ADDR, |addr| addr as u64);
        arg.xdna_addr = bo.device_addr();
        Ok(())
    }

    fn bo(&self, handle: u32) -> Result<Arc<Bo>, Errno> {
        let held = self.file.held();
        held.objects.get(&handle).cloned().ok_or(Errno::ENOENT)
    }

    fn sync_bo(&self, arg: &mut uapi::SyncBo) -> Result<(), Errno> {
        self.may_fail(Call::SyncBo)?;
        let bo = self.bo(arg.handle)?;
        let size = bo.len() as u64;
        valid(arg.direction <= uapi::SYNC_FROM_DEVICE && arg.offset < size)?;
        let end = arg.offset.checked_add(arg.size).ok_or(Errno::EINVAL)?;
        match self.generation() {
            Generation::OutOfTree => valid(end <= size)?,
            Generation::InTree => {}
        }
        bo.flush(arg.offset as usize, end.min(size) as usize);
        // The in-tree driver goes on to a debug buffer's context, which other BOs do not have.
        valid(self.generation() == Generation::OutOfTree || arg.direction == uapi::SYNC_TO_DEVICE)
    }

    fn create_hwctx(&self, arg: &mut uapi::CreateHwctx) -> Result<(), Errno> {
        self.may_fail(Call::CreateHwctx)?;
        valid(arg.ext == 0 && arg.ext_flags == 0)?;
        let _qos: uapi::Qos = self.user.read(arg.qos_p)?;
        let (columns, rows) = self.driver.config.array;
        let wanted = arg.num_tiles / u32::from(rows);
        let _alone = self.driver.state.lock_contexts();
        let others = self.driver.state.contexts();
        let held = &mut *self.file.held();
        let heap = held.heap.clone().ok_or(Errno::ENOENT)?;
        heap.user().ok_or(Errno::EAGAIN)?;
        valid((1..=u32::from(columns)).contains(&wanted))?;
        // The firmware's limit, over all processes.
        valid(others < uapi::MAX_CONTEXTS)?;
        let mut lists = Vec::with_capacity(LISTS);
        for _ in 0..LISTS {
            match held.take_heap(uapi::CHAIN_BYTES) {
                Ok(at) => lists.push(at),
                Err(e) => {
                    lists.into_iter().for_each(|at| held.give_heap(at));
                    return Err(e);
                }
            }
        }
        let faults = self.driver.faults.clone();
        let context = Context::new(self.driver.config, faults, wanted, lists);
        arg.syncobj_handle = held.handle();
        held.timelines
            .insert(arg.syncobj_handle, context.timeline().clone());
        arg.handle = held.handle();
        arg.umq_doorbell = u32::MAX;
        held.contexts.insert(arg.handle, context);
        Ok(())
    }

    fn destroy_hwctx(&self, arg: &mut uapi::DestroyHwctx) -> Result<(), Errno> {
        self.may_fail(Call::DestroyHwctx)?;
        valid(arg.pad == 0)?;
        let context = self.file.held().contexts.remove(&arg.handle);
        let context = context.ok_or(Errno::EINVAL)?;
        let lists = context.heap.clone();
        context.end();
        let mut held = self.file.held();
        lists.into_iter().for_each(|at| held.give_heap(at));
        Ok(())
    }

    fn config_hwctx(&self, arg: &mut uapi::ConfigHwctx) -> Result<(), Errno> {
        self.may_fail(Call::ConfigHwctx)?;
        valid(arg.pad == 0 && arg.param_type == uapi::CONFIG_CU)?;
        let size = arg.param_val_size as usize;
        if size > PAGE {
            return Err(Errno::E2BIG);
        }
        valid(size >= size_of::<uapi::ConfigCuParam>())?;
        // One compute unit is served; the kernels built here have no more.
        let param: uapi::ConfigCuParam = self.user.read(arg.param_val)?;
        valid(param.pad == [0; 3] && param.num_cus == 1 && param.cu.pad == [0; 3])?;
        let held = self.file.held();
        let context = held.contexts.get(&arg.handle).ok_or(Errno::EINVAL)?;
        let bo = held.objects.get(&param.cu.cu_bo).ok_or(Errno::EINVAL)?;
        valid(bo.kind == uapi::BO_DEV)?;
        context.configure(bo.dram())
    }

    fn exec_cmd(&self, arg: &mut uapi::ExecCmd) -> Result<(), Errno> {
        self.may_fail(Call::ExecCmd)?;
        valid(arg.ext == 0 && arg.ext_flags == 0 && arg.kind == uapi::SUBMIT_EXEC_BUF)?;
        valid(arg.arg_count as usize <= uapi::MAX_ARGS && arg.cmd_count == 1)?;
        let handles = match arg.arg_count {
            0 => Vec::new(),
            count => self.user.words(arg.args, count as usize)?,
        };
        let submitter;
        let job;
        {
            let held = self.file.held();
            let share = |handle: u32| {
                let bo = held.objects.get(&handle);
                bo.filter(|bo| bo.kind == uapi::BO_SHARE).cloned()
            };
            // The driver takes the lower half of the field.
            let command = share(arg.cmd_handles as u32).ok_or(Errno::EINVAL)?;
            let used = handles.iter().map(|h| held.objects.get(h).cloned());
            let used: Option<Vec<_>> = used.collect();
            let used = used.ok_or(Errno::ENOENT)?;
            let context = held.contexts.get(&arg.hwctx).ok_or(Errno::EINVAL)?;
            let mut sorted = handles;
            sorted.sort_unstable();
            if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
                // Locking the reservation of one BO twice.
                return Err(Errno::EALREADY);
            }
            let listed = chain_words(&command).map_or_else(Vec::new, |words| {
                let handles = words[6..].chunks_exact(2).map(|pair| pair[0]);
                handles.filter_map(|h| Some((h, share(h)?))).collect()
            });
            submitter = context.submitter();
            job = Job {
                command,
                used,
                listed,
            };
        }
        arg.seq = submitter.submit(job)?;
        Ok(())
    }

    fn wait_cmd(&self, arg: &mut uapi::WaitCmd) -> Result<(), Errno> {
        self.may_fail(Call::WaitCmd)?;
        if self.generation() == Generation::InTree {
            return Err(Errno::EOPNOTSUPP);
        }
        let timeline = {
            let held = self.file.held();
            let context = held.contexts.get(&arg.hwctx).ok_or(Errno::EINVAL)?;
            context.timeline().clone()
        };
        let limit = Duration::from_millis(arg.timeout.into());
        let until = (arg.timeout > 0).then(|| Instant::now() + limit);
        timeline.wait(arg.seq, until)
    }

    fn timeline_wait(&self, arg: &mut uapi::TimelineWait) -> Result<(), Errno> {
        self.may_fail(Call::TimelineWait)?;
        valid(arg.pad == 0 && arg.flags == uapi::WAIT_ALL && arg.count_handles == 1)?;
        let handle: u32 = self.user.read(arg.handles)?;
        let point: u64 = self.user.read(arg.points)?;
        let timeline: Option<Arc<Timeline>> = self.file.held().timelines.get(&handle).cloned();
        let timeline = timeline.ok_or(Errno::ENOENT)?;
        let until = match arg.timeout_nsec {
            i64::MAX => None,
            nanoseconds => {
                let wanted = Duration::from_nanos(nanoseconds.max(0).unsigned_abs());
                Some(Instant::now() + wanted.saturating_sub(monotonic()))
            }
        };
        timeline.wait(point, until)
    }

    fn syncobj_destroy(&self, arg: &mut uapi::SyncobjDestroy) -> Result<(), Errno> {
        self.may_fail(Call::SyncobjDestroy)?;
        valid(arg.pad == 0)?;
        let removed = self.file.held().timelines.remove(&arg.handle);
        removed.map(drop).ok_or(Errno::EINVAL)
    }

    fn get_info(&self, arg: &mut uapi::GetInfo) -> Result<(), Errno> {
        self.may_fail(Call::GetInfo)?;
        let (columns, core_rows) = self.driver.config.array;
        match arg.param {
            uapi::QUERY_AIE_METADATA => {
                let tiles = |row_count, row_start| uapi::TileMetadata {
                    row_count,
                    row_start,
                    ..Default::default()
                };
                let metadata = uapi::AieMetadata {
                    cols: columns,
                    rows: core_rows + 2,
                    core: tiles(core_rows, 2),
                    mem: tiles(1, 1),
                    shim: tiles(1, 0),
                    ..Default::default()
                };
                self.answer(arg, metadata.as_bytes())
            }
            uapi::QUERY_FIRMWARE_VERSION => {
                let firmware = uapi::FirmwareVersion {
                    major: 1,
                    minor: 5,
                    patch: 0,
                    build: 0,
                };
                self.answer(arg, firmware.as_bytes())
            }
            uapi::QUERY_CLOCK_METADATA => {
                let clock = |freq_mhz| uapi::Clock {
                    freq_mhz,
                    ..Default::default()
                };
                let clocks = uapi::ClockMetadata {
                    mp_npu: clock(600),
                    h: clock(1600),
                };
                self.answer(arg, clocks.as_bytes())
            }
            uapi::QUERY_HW_CONTEXTS => {
                let entries = self.driver.state.entries();
                let room = arg.buffer_size as usize / size_of::<uapi::HwContext>();
                valid(entries.len() <= room)?;
                let bytes = entries.as_bytes();
                self.answer(arg, bytes)?;
                // A driver's slip that users have to live with: one line returns what is left.
                let written = bytes.len() as u32;
                arg.buffer_size = match self.generation() {
                    Generation::InTree => arg.buffer_size - written,
                    Generation::OutOfTree => written,
                };
                Ok(())
            }
            uapi::QUERY_POWER_MODE => self.answer(arg, uapi::PowerModeInfo::default().as_bytes()),
            uapi::QUERY_RESOURCE_INFO => {
                let resources = uapi::ResourceInfo {
                    npu_task_max: uapi::MAX_CONTEXTS as u64,
                    npu_task_curr: self.driver.state.contexts() as u64,
                    ..Default::default()
                };
                self.answer(arg, resources.as_bytes())
            }
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    fn answer(&self, arg: &mut uapi::GetInfo, bytes: &[u8]) -> Result<(), Errno> {
        let count = bytes.len().min(arg.buffer_size as usize);
        self.user.write(arg.buffer, &bytes[..count])
    }
}

/// CLOCK_MONOTONIC.
fn monotonic() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock exists on every Linux, and the structure is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}
