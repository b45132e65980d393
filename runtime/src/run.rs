//! Submissions under way, and what comes back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::buffer::{Slot, give_back};
use crate::context::Started;

/// What a submission says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Device that served it.
    pub device: &'static str,
    /// Clock cycles of the array from the first operation to the last, where the device counts them:
    /// the emulator does, and they are emulated.
    pub cycles: Option<u64>,
    /// Host time from submission to end.
    pub time: Duration,
    /// Runs.
    pub runs: usize,
    /// How often it was started: above 1 when a context was lost under it.
    pub attempts: u32,
    /// How often the overlay's context was built again so far. The state that earlier runs left in the
    /// array is lost each time.
    pub rebuilds: u64,
}

/// A submission under way. It is `Send`, and a [`Future`] of what [`Run::wait`] returns.
///
/// The buffers of the submission are free again when it has been waited for. Dropping a run leaves
/// that to a thread of the overlay.
#[must_use = "the buffers of a run are free again when it has been waited for"]
pub struct Run(State);

enum State {
    /// Nobody else waits.
    Own(Flight),
    /// The overlay's thread waits.
    Handed(Arc<Handed>),
    /// The result was taken.
    Over,
}

/// Work under way, and whose memory it is.
struct Flight {
    started: Box<dyn Started>,
    slots: Vec<Slot>,
    completer: Arc<Completer>,
}

impl Flight {
    fn wait(&mut self, until: Option<Instant>) -> Option<Result<Report, Error>> {
        let ended = self.started.wait(until)?;
        give_back(&self.slots, ended.storages);
        Some(ended.result)
    }
}

/// A run that the overlay's thread waits for.
#[derive(Default)]
struct Handed {
    outcome: Mutex<Outcome>,
    ended: Condvar,
}

impl Handed {
    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, until: Option<Instant>) -> Option<Result<Report, Error>> {
        let mut outcome = self.outcome();
        loop {
            if let Some(result) = outcome.result.take() {
                return Some(result);
            }
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return None;
            }
            outcome = self
                .ended
                .wait_timeout(outcome, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

#[derive(Default)]
struct Outcome {
    result: Option<Result<Report, Error>>,
    waker: Option<Waker>,
}

/// The thread of an overlay that waits for runs which nobody blocks on. It starts with the first.
#[derive(Debug, Default)]
pub(crate) struct Completer(OnceLock<mpsc::Sender<(Flight, Arc<Handed>)>>);

impl Completer {
    /// Leaves a run to the thread.
    fn hand_over(&self, flight: Flight, handed: Arc<Handed>) {
        let queue = self.0.get_or_init(|| {
            let (sender, queue) = mpsc::channel::<(Flight, Arc<Handed>)>();
            thread::spawn(move || {
                for (flight, handed) in queue {
                    complete(flight, &handed);
                }
            });
            sender
        });
        if let Err(mpsc::SendError((flight, handed))) = queue.send((flight, handed)) {
            complete(flight, &handed);
        }
    }
}

fn complete(mut flight: Flight, handed: &Handed) {
    let mut result = None;
    while result.is_none() {
        result = flight.wait(None);
    }
    // The buffers are free before anybody hears of it.
    drop(flight);
    let waker = {
        let mut outcome = handed.outcome();
        outcome.result = result;
        outcome.waker.take()
    };
    handed.ended.notify_all();
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Run {
    pub(crate) fn new(
        started: Box<dyn Started>,
        slots: Vec<Slot>,
        completer: Arc<Completer>,
    ) -> Self {
        Run(State::Own(Flight {
            started,
            slots,
            completer,
        }))
    }

    /// Waits for the end; the buffers are free again then.
    ///
    /// # Errors
    /// What stopped it, for instance [`Error::Hung`] or, with who waits for what, [`Error::Emulator`].
    pub fn wait(mut self) -> Result<Report, Error> {
        loop {
            if let Some(result) = self.try_wait(None) {
                return result;
            }
        }
    }

    /// Waits for the end, but not longer than `limit`; `Err` gives the run back, which goes on.
    ///
    /// # Errors
    /// The inner result is that of [`Run::wait`].
    pub fn wait_for(mut self, limit: Duration) -> Result<Result<Report, Error>, Self> {
        let until = Instant::now() + limit;
        self.try_wait(Some(until)).ok_or(self)
    }

    fn try_wait(&mut self, until: Option<Instant>) -> Option<Result<Report, Error>> {
        let result = match &mut self.0 {
            State::Own(flight) => flight.wait(until)?,
            State::Handed(handed) => handed.wait(until)?,
            State::Over => Err(Error::ContextGone),
        };
        self.0 = State::Over;
        Some(result)
    }
}

impl Future for Run {
    type Output = Result<Report, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.try_wait(Some(Instant::now())) {
            return Poll::Ready(result);
        }
        let handed = match std::mem::replace(&mut self.0, State::Over) {
            State::Handed(handed) => handed,
            State::Own(flight) => {
                let handed = Arc::new(Handed::default());
                let completer = flight.completer.clone();
                completer.hand_over(flight, handed.clone());
                handed
            }
            State::Over => return Poll::Ready(Err(Error::ContextGone)),
        };
        let mut outcome = handed.outcome();
        let result = outcome.result.take();
        if result.is_none() {
            outcome.waker = Some(cx.waker().clone());
        }
        drop(outcome);
        match result {
            Some(result) => Poll::Ready(result),
            None => {
                self.0 = State::Handed(handed);
                Poll::Pending
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let State::Own(mut flight) = std::mem::replace(&mut self.0, State::Over)
            && flight.wait(Some(Instant::now())).is_none()
        {
            let completer = flight.completer.clone();
            completer.hand_over(flight, Arc::default());
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::Own(_) => "under way",
            State::Handed(_) => "waited for by the overlay",
            State::Over => "over",
        };
        f.debug_tuple("Run").field(&state).finish()
    }
}
