//! The amdxdna driver's system calls, served by the emulator, for tests on machines without an NPU.
//!
//! [`FakeDriver`] implements the runtime's [`Sys`](runtime::npu::sys::Sys); the crate in `preload/` serves the same to any
//! process. It is strict about every field that the driver checks, does not keep caches and memory
//! in agreement (what is not flushed is not seen), moves no command on before its turn, and fails on
//! demand.
//!
//! - `serve`: the system calls; `ioctl`: the driver's calls, checked as it does; `device`: open files,
//!   handles, limits.
//! - `context`: queues, timelines, the watchdog; `firmware`: packets, and runs on the emulator.
//! - `bo`: memory and caches; `pages`: memory of the system. `unsafe` is in `serve`, `ioctl` and
//!   `pages` only: where addresses come from outside.
//! - `faults`: what is to go wrong; [`sample`]: an overlay to try it with.

mod bo;
mod context;
mod device;
mod faults;
mod firmware;
mod ioctl;
mod pages;
pub mod sample;
mod serve;

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use runtime::npu::sys::Errno;
use runtime::npu::{Call, Generation};

pub use device::Census;
use device::State;
use faults::Faults;
pub use faults::Upset;

/// What commands do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// They run on the emulator, in the background.
    Emulate,
    /// They are over, having done nothing, when the submission returns: to measure the runtime.
    Instant,
}

/// What kind of driver it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Line of the driver.
    pub generation: Generation,
    /// What commands do.
    pub behaviour: Behaviour,
    /// Time after which the driver gives a command up by itself; `None` for kernels that cannot.
    pub watchdog: Option<Duration>,
    /// RLIMIT_MEMLOCK.
    pub locked_bytes: u64,
    /// Columns and core rows that the device claims to have.
    pub array: (u16, u16),
}

impl Default for Config {
    fn default() -> Self {
        Config {
            generation: Generation::InTree,
            behaviour: Behaviour::Emulate,
            watchdog: Some(Duration::from_secs(2)),
            locked_bytes: u64::MAX,
            array: (5, 4),
        }
    }
}

/// The driver and its device.
#[derive(Debug)]
pub struct FakeDriver {
    config: Config,
    faults: Arc<Faults>,
    state: State,
}

impl FakeDriver {
    /// A driver with nothing open.
    pub fn new(config: Config) -> Arc<Self> {
        Arc::new(FakeDriver {
            config,
            faults: Arc::default(),
            state: State::default(),
        })
    }

    /// Whether a descriptor is an open device.
    pub fn serves(&self, fd: RawFd) -> bool {
        self.state.file(fd).is_ok()
    }

    /// What is in use.
    pub fn census(&self) -> Census {
        self.state.census()
    }

    /// Lets the next `times` calls of a kind fail, after `skip` that go well.
    pub fn fail(&self, call: Call, errno: Errno, skip: u32, times: u32) {
        self.faults.plan_call(call, errno, skip, times);
    }

    /// Upsets a command; once for each time this is called, in order.
    pub fn upset(&self, upset: Upset) {
        self.faults.plan_command(upset);
    }

    /// Lets calls fail and commands end badly at random: `per_million` of each.
    pub fn set_noise(&self, per_million: u64, seed: u64) {
        self.faults.set_noise(per_million, seed);
    }

    /// Forgets every fault that is planned.
    pub fn clear(&self) {
        self.faults.clear();
    }

    /// How many calls failed on purpose, and how many commands were upset.
    pub fn faults(&self) -> (u64, u64) {
        self.faults.count()
    }

    /// Takes the device away: every call fails with ENODEV, contexts end.
    pub fn unplug(&self) {
        self.faults.unplugged.store(true, Ordering::Release);
        self.state.end_contexts();
    }

    /// What the system does when a process is killed: closes its files.
    pub fn kill(&self) {
        self.state.close_all();
    }
}
