//! Threads and matrix products of the host.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};
use rten_gemm::GemmExecutor;

use crate::{Error, Result};

/// How weights are held and multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats, as the reference.
    #[default]
    F32,
    /// Signed bytes with a scale for each output channel; activations become bytes row by row.
    Int8,
}

thread_local! {
    // An executor can be shared but not sent, so every thread has its own; they hold no state.
    static FLOAT: GemmExecutor<f32, f32, f32> = GemmExecutor::new();
    static BYTE: GemmExecutor<u8, i8, i32> = GemmExecutor::new();
}

/// Uses this thread's executor of f32 products.
pub(super) fn float<T>(work: impl FnOnce(&GemmExecutor<f32, f32, f32>) -> T) -> T {
    FLOAT.with(work)
}

/// Uses this thread's executor of byte products.
pub(super) fn byte<T>(work: impl FnOnce(&GemmExecutor<u8, i8, i32>) -> T) -> T {
    BYTE.with(work)
}

/// The threads of the host, shared by encoder and decoder.
pub struct Compute {
    pool: ThreadPool,
}

impl std::fmt::Debug for Compute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compute")
            .field("threads", &self.threads())
            .field("kernels", &self.kernels())
            .finish()
    }
}

impl Compute {
    /// Starts `threads` threads, or one for each available core.
    ///
    /// # Errors
    /// [`Error::Threads`] if the system refuses.
    pub fn new(threads: Option<usize>) -> Result<Arc<Self>> {
        let threads = threads
            .or_else(|| std::thread::available_parallelism().ok().map(Into::into))
            .unwrap_or(1)
            .max(1);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("whisper-{i}"))
            .build()
            .map_err(|e| Error::Threads {
                threads,
                reason: e.to_string(),
            })?;
        Ok(Arc::new(Compute { pool }))
    }

    /// Threads in use.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Names of the kernels that serve f32 and int8 products.
    pub fn kernels(&self) -> (String, String) {
        let float = float(|g| g.kernel_name().to_owned());
        (float, byte(|g| g.kernel_name().to_owned()))
    }

    /// Runs `work` on these threads.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }
}
