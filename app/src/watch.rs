//! How long encoder and decoder work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use whisper::model::{Alignment, Decoder, Encoder, Features};
use whisper::tokenizer::Token;
use whisper::{Dimensions, Result};

/// Time that adds up.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// What has added up so far.
    pub fn read(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn add_since(&self, begin: Instant) {
        let nanos = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// Time spent in each step.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    /// In the encoder.
    pub encoder: Clock,
    /// In the decoder, keys and values of the audio included.
    pub decoder: Clock,
}

/// A step whose work is timed.
pub(crate) struct Watched<T: ?Sized> {
    step: Box<T>,
    clock: Clock,
}

impl<T: ?Sized> Watched<T> {
    pub(crate) fn new(step: Box<T>, clock: &Clock) -> Self {
        Self {
            step,
            clock: clock.clone(),
        }
    }
}

impl Encoder for Watched<dyn Encoder> {
    fn dimensions(&self) -> &Dimensions {
        self.step.dimensions()
    }

    fn encode(&mut self, mel: &[f32]) -> Result<Features> {
        let begin = Instant::now();
        let features = self.step.encode(mel);
        self.clock.add_since(begin);
        features
    }
}

impl Decoder for Watched<dyn Decoder> {
    fn dimensions(&self) -> &Dimensions {
        self.step.dimensions()
    }

    fn begin(&mut self, windows: &[Features]) -> Result<()> {
        let begin = Instant::now();
        let done = self.step.begin(windows);
        self.clock.add_since(begin);
        done
    }

    fn rewind(&mut self) {
        self.step.rewind();
    }

    fn rows(&self) -> usize {
        self.step.rows()
    }

    fn step(&mut self, tokens: &[Token], wanted: &[usize]) -> Result<&[f32]> {
        let begin = Instant::now();
        let logits = self.step.step(tokens, wanted);
        self.clock.add_since(begin);
        logits
    }

    fn reorder(&mut self, sources: &[usize]) -> Result<()> {
        let begin = Instant::now();
        let done = self.step.reorder(sources);
        self.clock.add_since(begin);
        done
    }

    fn align(&mut self, tokens: &[Token], heads: &[(usize, usize)]) -> Result<Alignment> {
        let begin = Instant::now();
        let alignment = self.step.align(tokens, heads);
        self.clock.add_since(begin);
        alignment
    }
}
