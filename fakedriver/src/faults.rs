//! Faults on purpose: calls that fail, commands that do not end well, a device that goes away.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use runtime::npu::Call;
use runtime::npu::sys::Errno;

/// What happens to a command instead of being run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upset {
    /// It never ends, until the watchdog or the end of its context.
    Hang,
    /// It is cancelled.
    Abort,
    /// The firmware reports an error.
    Error,
    /// The firmware is silent.
    NoResponse,
    /// The driver finds it malformed.
    Reject,
}

impl Upset {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Upset::Hang,
        Upset::Abort,
        Upset::Error,
        Upset::NoResponse,
        Upset::Reject,
    ];
}

/// A call that is to fail.
#[derive(Clone, Copy, Debug)]
struct Planned {
    call: Call,
    errno: Errno,
    /// Calls of this kind that go well before.
    skip: u32,
    /// Calls that fail then.
    times: u32,
}

#[derive(Debug, Default)]
struct Plans {
    calls: Vec<Planned>,
    commands: VecDeque<Upset>,
}

/// What is to go wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    plans: Mutex<Plans>,
    /// Something is planned: keeps the lock out of the way of calls when nothing is.
    armed: AtomicBool,
    pub(crate) unplugged: AtomicBool,
    /// Of a million calls, how many fail at random.
    noise: AtomicU64,
    random: AtomicU64,
    failed_calls: AtomicU64,
    upset_commands: AtomicU64,
}

impl Faults {
    fn plans(&self) -> MutexGuard<'_, Plans> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn plan_call(&self, call: Call, errno: Errno, skip: u32, times: u32) {
        self.plans().calls.push(Planned {
            call,
            errno,
            skip,
            times,
        });
        self.armed.store(true, Ordering::Release);
    }

    pub(crate) fn plan_command(&self, upset: Upset) {
        self.plans().commands.push_back(upset);
        self.armed.store(true, Ordering::Release);
    }

    pub(crate) fn clear(&self) {
        *self.plans() = Plans::default();
        self.armed.store(false, Ordering::Release);
        self.noise.store(0, Ordering::Release);
    }

    pub(crate) fn set_noise(&self, per_million: u64, seed: u64) {
        self.random.store(seed | 1, Ordering::Release);
        self.noise.store(per_million, Ordering::Release);
    }

    /// How many calls failed, and how many commands were upset.
    pub(crate) fn count(&self) -> (u64, u64) {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        (count(&self.failed_calls), count(&self.upset_commands))
    }

    /// A number that looks random (splitmix64).
    fn next_random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.random.fetch_add(STEP, Ordering::Relaxed);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn strikes(&self) -> bool {
        let rate = self.noise.load(Ordering::Acquire);
        rate > 0 && self.next_random() % 1_000_000 < rate
    }

    /// Whether a call is to fail.
    pub(crate) fn on_call(&self, call: Call) -> Result<(), Errno> {
        if self.unplugged.load(Ordering::Acquire) {
            return Err(Errno::ENODEV);
        }
        let mut failure = None;
        if self.armed.load(Ordering::Acquire) {
            for planned in &mut self.plans().calls {
                if planned.call != call || planned.times == 0 || failure.is_some() {
                    continue;
                }
                if planned.skip > 0 {
                    planned.skip -= 1;
                } else {
                    planned.times -= 1;
                    failure = Some(planned.errno);
                }
            }
        }
        if failure.is_none() && self.strikes() {
            let errors = call.errors();
            let errno = errors[(self.next_random() % errors.len() as u64) as usize];
            // A wait that says that time is over before it is, and a device that is gone and comes
            // back, are no faults of a real driver.
            failure = (errno != Errno::ETIME && errno != Errno::ENODEV).then_some(errno);
        }
        match failure {
            Some(errno) => {
                self.failed_calls.fetch_add(1, Ordering::Relaxed);
                Err(errno)
            }
            None => Ok(()),
        }
    }

    /// What is to happen to the next command.
    pub(crate) fn on_command(&self) -> Option<Upset> {
        let mut upset = None;
        if self.armed.load(Ordering::Acquire) {
            upset = self.plans().commands.pop_front();
        }
        if upset.is_none() && self.strikes() {
            upset = Some(Upset::ALL[(self.next_random() % Upset::ALL.len() as u64) as usize]);
        }
        if upset.is_some() {
            self.upset_commands.fetch_add(1, Ordering::Relaxed);
        }
        upset
    }
}
