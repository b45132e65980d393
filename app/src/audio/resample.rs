//! Any sample rate to 16 kHz, block by block.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use super::{MAX_RATE, MIN_RATE, SAMPLE_RATE};

/// Output samples a transform makes, about: long enough for a steep filter (the transition to the
/// stop band below 8 kHz takes some 100 Hz), short enough to stay in the cache.
const BLOCK: usize = 1024;

/// A streaming resampler to [`SAMPLE_RATE`] without delay: sample 0 out is at the time of sample 0 in,
/// and `n` samples in give `ceil(n * 16000 / rate)` out.
pub struct Resampler {
    rate: u32,
    /// `None` where input and output rate are the same.
    stage: Option<Stage>,
}

struct Stage {
    fft: Fft<f32>,
    pending: Vec<f32>,
    output: Vec<f32>,
    /// Filter delay still to be dropped, in output samples.
    drop: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// A resampler from `rate` hertz; `None` outside [`MIN_RATE`]..=[`MAX_RATE`].
    pub fn new(rate: u32) -> Option<Self> {
        if !(MIN_RATE..=MAX_RATE).contains(&rate) {
            return None;
        }
        if rate == SAMPLE_RATE {
            return Some(Self { rate, stage: None });
        }
        let chunk = block_in(rate);
        let fft = Fft::new(
            rate as usize,
            SAMPLE_RATE as usize,
            chunk,
            1,
            FixedSync::Both,
        )
        .ok()?;
        Some(Self {
            rate,
            stage: Some(Stage {
                pending: Vec::with_capacity(2 * fft.input_frames_max()),
                output: vec![0.0; fft.output_frames_max()],
                drop: fft.output_delay(),
                fft,
                taken: 0,
                given: 0,
            }),
        })
    }

    /// The rate samples come in at, in hertz.
    pub fn input_rate(&self) -> u32 {
        self.rate
    }

    /// Takes samples and appends to `out` what is complete.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let Some(stage) = &mut self.stage else {
            out.extend_from_slice(samples);
            return;
        };
        stage.taken += samples.len() as u64;
        stage.pending.extend_from_slice(samples);
        let mut done = 0;
        loop {
            let need = stage.fft.input_frames_next();
            if stage.pending.len() - done < need {
                break;
            }
            stage.run(done, need, out);
            done += need;
        }
        stage.pending.drain(..done);
    }

    /// Appends the rest to `out`. The resampler is spent afterwards.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let rate = u64::from(self.rate);
        let Some(mut stage) = self.stage.take() else {
            return;
        };
        let total = (stage.taken * u64::from(SAMPLE_RATE)).div_ceil(rate);
        let start = out.len();
        let given = stage.given;
        while stage.given < total {
            let need = stage.fft.input_frames_next();
            stage.pending.resize(need, 0.0);
            stage.run(0, need, out);
            stage.pending.clear();
        }
        out.truncate(start + (total - given.min(total)) as usize);
    }
}

/// Input samples of a transform: a multiple of the smallest block that is whole at both rates, and
/// even, for only then is the filter's delay a whole number of samples on both sides.
fn block_in(rate: u32) -> usize {
    let smallest = (rate / gcd(rate, SAMPLE_RATE)) as usize;
    let wanted = (BLOCK * rate as usize).div_ceil(SAMPLE_RATE as usize);
    let count = wanted.div_ceil(smallest);
    smallest * (count + count * smallest % 2)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Stage {
    fn run(&mut self, offset: usize, need: usize, out: &mut Vec<f32>) {
        let frames = self.output.len();
        let made = {
            let input = SequentialSlice::new(&self.pending[offset..offset + need], 1, need);
            let output = SequentialSlice::new_mut(&mut self.output, 1, frames);
            match (input, output) {
                (Ok(input), Ok(mut output)) => self
                    .fft
                    .process_into_buffer(&input, &mut output, None::<&Indexing>)
                    .map_or(0, |(_, made)| made),
                _ => 0,
            }
        };
        debug_assert!(made > 0, "buffers have the sizes the resampler asked for");
        let skip = self.drop.min(made);
        self.drop -= skip;
        self.given += (made - skip) as u64;
        out.extend_from_slice(&self.output[skip..made]);
    }
}
