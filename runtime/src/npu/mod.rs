//! The device `npu`: AMD's npu1 through the amdxdna driver's ioctls.
//!
//! ```text
//! Npu ── Driver (calls) ── Sys (system calls: the C library's, or a fake driver's)
//!  │        └── Bo, Heap (memory)
//!  └── NpuContext ── RegisterMap (packets) ── Flight (waiting, recovery)
//! ```
//!
//! - [`uapi`]: the driver's structures; [`sys`]: system calls; `fault`: what errors mean.
//! - `driver`, `memory`, `command`, `context`, `flight`: as in the picture.
//!
//! Host memory and NPU are not coherent: what the CPU wrote is flushed before a command may read it,
//! and what a command wrote before the CPU reads it. Nothing here was run on hardware.
//!
//! The only module with `unsafe`: system calls, and memory that the system maps.

#![allow(unsafe_code)]

mod command;
mod context;
mod driver;
mod fault;
mod flight;
mod memory;
pub mod sys;
pub mod uapi;

use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use driver::Generation;
pub use fault::{Call, DriverError, Fault};

pub(crate) use command::RegisterMap;
pub(crate) use context::NpuContext;
pub(crate) use driver::Driver;
pub(crate) use memory::Bo;

use arch::geometry;

use crate::Error;
use crate::ledger::Ledger;
use crate::stream::Program;
use memory::Heap;
use sys::Sys;

/// The device file that is opened unless another one is named.
pub const DEVICE_FILE: &str = "/dev/accel/accel0";

/// Contexts that are asked for at once; npu1's firmware takes fewer.
const ENTRIES: usize = 4 * uapi::MAX_CONTEXTS;

/// What an NPU and its driver say of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Device file.
    pub file: String,
    /// Version of the driver, major and minor.
    pub driver: (i32, i32),
    /// Line of the driver.
    pub generation: Generation,
    /// Version of the firmware.
    pub firmware: [u32; 4],
    /// Columns of the array.
    pub columns: u32,
    /// Rows of core tiles.
    pub core_rows: u32,
    /// Clock of the array in MHz, where the driver tells.
    pub clock_mhz: Option<u32>,
    /// Contexts in use and contexts that the device takes, where the driver tells.
    pub contexts: Option<(u64, u64)>,
    /// Power mode, where the driver tells.
    pub power: Option<PowerMode>,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch, build] = self.firmware;
        write!(
            f,
            "{}, {} columns of {} cores, driver {}.{} ({}), firmware {major}.{minor}.{patch}.{build}",
            self.file,
            self.columns,
            self.core_rows,
            self.driver.0,
            self.driver.1,
            self.generation.name()
        )?;
        match self.clock_mhz {
            Some(clock) => write!(f, ", {clock} MHz"),
            None => Ok(()),
        }
    }
}

/// What the driver counts of a hardware context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextState {
    /// Number of the context among those of its open file.
    pub id: u32,
    /// Process that has it.
    pub process: i64,
    /// First column of its partition, and columns.
    pub columns: (u32, u32),
    /// Commands that were submitted: a submission of several runs is one.
    pub submissions: u64,
    /// Commands that have ended.
    pub completions: u64,
    /// Times it was moved to other columns; 0 where the driver does not count.
    pub migrations: u64,
    /// Times it was preempted; 0 where the driver does not count.
    pub preemptions: u64,
    /// Errors; 0 where the driver does not count.
    pub errors: u64,
}

/// How the driver trades speed for power: `amdxdna_power_mode_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerMode(pub u8);

impl std::fmt::Display for PowerMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("default"),
            1 => f.write_str("low"),
            2 => f.write_str("medium"),
            3 => f.write_str("high"),
            4 => f.write_str("turbo"),
            other => write!(f, "mode {other}"),
        }
    }
}

/// An instruction stream in the heap.
#[derive(Debug)]
pub(crate) struct Loaded {
    bo: Bo,
    words: u32,
}

/// What the NPU of this machine, behind [`DEVICE_FILE`], says of itself. Takes nothing of the device.
///
/// # Errors
/// [`Error::Driver`] or [`Error::OtherNpu`] when it cannot be opened.
pub fn probe() -> Result<Identity, Error> {
    Npu::probe(Arc::new(sys::Libc), DEVICE_FILE)
}

/// An open NPU.
#[derive(Debug)]
pub(crate) struct Npu {
    identity: Identity,
    driver: Arc<Driver>,
    heap: Arc<Heap>,
    /// Streams that are, or were, in the heap. They hold their place there themselves.
    streams: Mutex<Vec<Weak<Program>>>,
}

impl Npu {
    /// Opens a device file.
    pub(crate) fn open(sys: Arc<dyn Sys>, file: &str, ledger: Arc<Ledger>) -> Result<Self, Error> {
        let driver = Arc::new(Driver::open(sys, file, ledger)?);
        let identity = identify(&driver, file)?;
        let heap = Heap::new(&driver)?;
        Ok(Npu {
            identity,
            driver,
            heap,
            streams: Mutex::default(),
        })
    }

    /// What the NPU behind a device file says of itself.
    pub(crate) fn probe(sys: Arc<dyn Sys>, file: &str) -> Result<Identity, Error> {
        identify(&Driver::open(sys, file, Arc::default())?, file)
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The contexts of all processes.
    pub(crate) fn contexts(&self) -> Result<Vec<ContextState>, DriverError> {
        // How many were filled in cannot be told from the size that comes back: some drivers return
        // the bytes that were written, others those that were not. No process has number 0.
        let entries: [uapi::HwContext; ENTRIES] = self.driver.query(uapi::QUERY_HW_CONTEXTS)?;
        let filled = entries.iter().filter(|entry| entry.pid != 0);
        let states = filled.map(|entry| ContextState {
            id: entry.context_id,
            process: entry.pid,
            columns: (entry.start_col, entry.num_col),
            submissions: entry.command_submissions,
            completions: entry.command_completions,
            migrations: entry.migrations,
            preemptions: entry.preemptions,
            errors: entry.errors,
        });
        Ok(states.collect())
    }

    /// Brings a stream into the heap, if it is not there.
    fn load(&self, program: &Arc<Program>) -> Result<Arc<Loaded>, DriverError> {
        let mut place = program.place();
        if let Some(loaded) = &*place
            && loaded.bo.is_of(&self.driver)
        {
            return Ok(loaded.clone());
        }
        let mut bo = match Bo::in_heap(&self.heap, program.bytes.len()) {
            Err(e) if e.fault() == Fault::HeapFull => {
                self.make_room();
                Bo::in_heap(&self.heap, program.bytes.len())?
            }
            bo => bo?,
        };
        bo.write(0, &program.bytes);
        bo.sync(program.bytes.len())?;
        let words = (program.bytes.len() / 4) as u32;
        let loaded = Arc::new(Loaded { bo, words });
        *place = Some(loaded.clone());
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(program));
        Ok(loaded)
    }

    /// Takes streams out of the heap that no command in flight uses.
    fn make_room(&self) {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for program in streams.iter().filter_map(Weak::upgrade) {
            // A stream that somebody is loading is in use.
            if let Ok(mut place) = program.loaded.try_lock()
                && place.as_ref().is_some_and(|l| Arc::strong_count(l) == 1)
            {
                *place = None;
            }
        }
    }
}

fn identify(driver: &Driver, file: &str) -> Result<Identity, Error> {
    let metadata: uapi::AieMetadata = driver.query(uapi::QUERY_AIE_METADATA)?;
    let firmware: uapi::FirmwareVersion = driver.query(uapi::QUERY_FIRMWARE_VERSION)?;
    let clocks: Option<uapi::ClockMetadata> = if_offered(driver.query(uapi::QUERY_CLOCK_METADATA))?;
    let resources: Option<uapi::ResourceInfo> =
        if_offered(driver.query(uapi::QUERY_RESOURCE_INFO))?;
    let power: Option<uapi::PowerModeInfo> = if_offered(driver.query(uapi::QUERY_POWER_MODE))?;
    let (columns, core_rows) = (metadata.cols.into(), metadata.core.row_count.into());
    // npu1 has 5 columns of 4 cores; the NPUs after it have 8 columns and another instruction set.
    let npu1 = (geometry::DEVICE_COLUMNS, geometry::CORE_ROWS);
    if (columns, core_rows) != (npu1.0.into(), npu1.1.into()) {
        return Err(Error::OtherNpu { columns, core_rows });
    }
    Ok(Identity {
        file: file.to_owned(),
        driver: driver.version,
        generation: driver.generation,
        firmware: [
            firmware.major,
            firmware.minor,
            firmware.patch,
            firmware.build,
        ],
        columns,
        core_rows,
        clock_mhz: clocks.map(|c| c.h.freq_mhz),
        contexts: resources.map(|r| (r.npu_task_curr, r.npu_task_max)),
        power: power.map(|p| PowerMode(p.power_mode)),
    })
}

/// The answer to a query that older drivers lack, and that is for people only.
fn if_offered<T>(answer: Result<T, DriverError>) -> Result<Option<T>, DriverError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(e) if matches!(e.fault(), Fault::Unsupported | Fault::Refused) => Ok(None),
        Err(e) => Err(e),
    }
}
