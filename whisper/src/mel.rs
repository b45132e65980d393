//! Log-mel spectrogram of 16 kHz samples, equal to openai-whisper's.
//!
//! Facts: openai-whisper `audio.py` (window 400, hop 160, periodic Hann, reflected ends, last frame
//! dropped, floor 1e-10, range of 8 decades below the maximum, scaled by (x + 4) / 4) and librosa's
//! `filters.mel` with Slaney's scale and normalisation, which made its filter file.

use std::sync::Arc;

use rayon::prelude::*;
use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

/// Samples a second.
pub const SAMPLE_RATE: usize = 16_000;
/// Samples of one Fourier window.
pub const FFT: usize = 400;
/// Samples between frames.
pub const HOP: usize = 160;
/// Frames a second.
pub const FRAMES_PER_SECOND: usize = SAMPLE_RATE / HOP;
/// Samples of one 30 s window of the model.
pub const WINDOW_SAMPLES: usize = 30 * SAMPLE_RATE;

const BINS: usize = FFT / 2 + 1;

/// Frames that one task transforms.
const BLOCK: usize = 64;
/// Power below which everything is silence.
const FLOOR: f32 = 1e-10;

/// The spectrogram of some samples, computed window by window. What is known of it as a whole is its
/// loudest value, below which 8 decades count.
#[derive(Clone, Debug)]
pub struct Mel<'a> {
    plan: &'a LogMel,
    samples: &'a [f32],
    /// Samples with padding.
    length: usize,
    /// Logarithm of the largest power.
    top: f32,
}

impl Mel<'_> {
    /// Mel channels.
    pub fn channels(&self) -> usize {
        self.plan.channels
    }

    /// Frames, 100 a second.
    pub fn frames(&self) -> usize {
        self.length / HOP
    }

    /// `count` frames from `start`, of which the first `valid` are taken and the others are zero,
    /// channel by channel; frames beyond the end are zero as well.
    pub fn window(&self, start: usize, valid: usize, count: usize) -> Vec<f32> {
        let channels = self.channels();
        let take = valid.min(count).min(self.frames().saturating_sub(start));
        let mut by_frame = vec![0.0f32; take * channels];
        by_frame
            .par_chunks_mut((channels * BLOCK).max(1))
            .enumerate()
            .for_each(|(block, out)| {
                let mut transform = Transform::new(self.plan);
                for (i, powers) in out.chunks_exact_mut(channels).enumerate() {
                    let frame = start + block * BLOCK + i;
                    transform.powers(self.samples, self.length, frame, powers);
                    for power in powers {
                        *power = power.max(FLOOR).log10();
                    }
                }
            });
        let floor = self.top - 8.0;
        let mut out = vec![0.0f32; channels * count];
        if take > 0 {
            for (channel, row) in out.chunks_exact_mut(count).enumerate() {
                for (value, logs) in row.iter_mut().zip(by_frame.chunks_exact(channels)) {
                    *value = (logs[channel].max(floor) + 4.0) / 4.0;
                }
            }
        }
        out
    }
}

/// One triangle of the filterbank: its first bin and the weights from there on.
#[derive(Clone, Debug)]
struct Triangle {
    first: usize,
    weights: Vec<f32>,
}

/// The spectrogram's plan: window, Fourier transform and filterbank for a number of channels.
#[derive(Clone)]
pub struct LogMel {
    channels: usize,
    window: Vec<f32>,
    filters: Vec<Triangle>,
    fft: Arc<dyn RealToComplex<f32>>,
}

impl std::fmt::Debug for LogMel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogMel")
            .field("channels", &self.channels)
            .finish()
    }
}

impl LogMel {
    /// A plan for `channels` mel channels (80 or 128 in published models).
    pub fn new(channels: usize) -> Self {
        let window = (0..FFT)
            .map(|i| {
                let phase = 2.0 * std::f64::consts::PI * i as f64 / FFT as f64;
                (0.5 - 0.5 * phase.cos()) as f32
            })
            .collect();
        LogMel {
            channels,
            window,
            filters: filterbank(channels),
            fft: RealFftPlanner::new().plan_fft_forward(FFT),
        }
    }

    /// The spectrogram of `samples` followed by `padding` zeros: one frame for each whole hop.
    ///
    /// Frame `t` is centred on sample `160 t`; both ends are mirrored. openai-whisper pads by
    /// [`WINDOW_SAMPLES`] before it cuts windows.
    pub fn spectrogram<'a>(&'a self, samples: &'a [f32], padding: usize) -> Mel<'a> {
        let length = samples.len() + padding;
        let frames = length / HOP;
        let loudest = (0..frames.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let mut transform = Transform::new(self);
                let mut powers = vec![0.0f32; self.channels];
                let mut loudest = FLOOR;
                for frame in block * BLOCK..frames.min((block + 1) * BLOCK) {
                    transform.powers(samples, length, frame, &mut powers);
                    loudest = powers.iter().copied().fold(loudest, f32::max);
                }
                loudest
            })
            .reduce(|| FLOOR, f32::max);
        Mel {
            plan: self,
            samples,
            length,
            top: loudest.log10(),
        }
    }
}

/// A Fourier transform at work, with its buffers.
struct Transform<'a> {
    plan: &'a LogMel,
    input: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl<'a> Transform<'a> {
    fn new(plan: &'a LogMel) -> Self {
        Transform {
            plan,
            input: vec![0.0; FFT],
            bins: vec![Complex32::default(); BINS],
            scratch: plan.fft.make_scratch_vec(),
        }
    }

    /// Power of one frame in every mel channel.
    fn powers(&mut self, samples: &[f32], length: usize, frame: usize, out: &mut [f32]) {
        self.cut(samples, length, frame);
        // The lengths are the plan's own, the only thing the transform can object to.
        let fft = &self.plan.fft;
        let done = fft.process_with_scratch(&mut self.input, &mut self.bins, &mut self.scratch);
        debug_assert!(done.is_ok());
        let mut power = [0.0f32; BINS];
        for (p, bin) in power.iter_mut().zip(&self.bins) {
            *p = bin.norm_sqr();
        }
        for (value, filter) in out.iter_mut().zip(&self.plan.filters) {
            let weighted = filter.weights.iter().zip(&power[filter.first..]);
            *value = weighted.map(|(w, p)| w * p).sum();
        }
    }

    /// Windowed samples around the centre of `frame`, mirrored at both ends of the padded signal.
    fn cut(&mut self, samples: &[f32], length: usize, frame: usize) {
        let window = &self.plan.window;
        let start = (frame * HOP) as isize - (FFT / 2) as isize;
        let inside = usize::try_from(start).ok();
        if let Some(inside) = inside.and_then(|at| samples.get(at..at + FFT)) {
            for ((value, weight), sample) in self.input.iter_mut().zip(window).zip(inside) {
                *value = sample * weight;
            }
            return;
        }
        let last = length as isize - 1;
        for (i, (value, weight)) in self.input.iter_mut().zip(window).enumerate() {
            let mut at = start + i as isize;
            if at < 0 {
                at = -at;
            }
            if at > last {
                at = 2 * last - at;
            }
            let sample = usize::try_from(at).ok().and_then(|at| samples.get(at));
            *value = sample.copied().unwrap_or(0.0) * weight;
        }
    }
}

/// Slaney's mel scale: linear up to 1 kHz (200/3 Hz a mel), then 27 steps for a factor of 6.4.
fn mel_to_hz(mel: f64) -> f64 {
    let knee = 15.0;
    if mel < knee {
        mel * 200.0 / 3.0
    } else {
        1000.0 * (6.4f64.ln() / 27.0 * (mel - knee)).exp()
    }
}

fn hz_to_mel(hz: f64) -> f64 {
    if hz < 1000.0 {
        hz * 3.0 / 200.0
    } else {
        15.0 + (hz / 1000.0).ln() * 27.0 / 6.4f64.ln()
    }
}

/// Triangles between neighbouring mel points from 0 to 8 kHz, each of unit area in Hz.
fn filterbank(channels: usize) -> Vec<Triangle> {
    let top = hz_to_mel(SAMPLE_RATE as f64 / 2.0);
    let points: Vec<f64> = (0..channels + 2)
        .map(|i| mel_to_hz(top * i as f64 / (channels + 1) as f64))
        .collect();
    points
        .windows(3)
        .map(|edge| {
            let (low, mid, high) = (edge[0], edge[1], edge[2]);
            let weights: Vec<f32> = (0..BINS)
                .map(|bin| {
                    let hz = bin as f64 * SAMPLE_RATE as f64 / FFT as f64;
                    let rise = (hz - low) / (mid - low);
                    let fall = (high - hz) / (high - mid);
                    (rise.min(fall).max(0.0) * 2.0 / (high - low)) as f32
                })
                .collect();
            let first = weights.iter().position(|&w| w > 0.0).unwrap_or(0);
            let end = weights
                .iter()
                .rposition(|&w| w > 0.0)
                .map_or(first, |i| i + 1);
            Triangle {
                first,
                weights: weights[first..end].to_vec(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_lights_the_channel_that_holds_it() {
        let tone: Vec<f32> = (0..SAMPLE_RATE)
            .map(|i| (2.0 * std::f32::consts::PI * 440.0 * i as f32 / SAMPLE_RATE as f32).sin())
            .collect();
        let plan = LogMel::new(80);
        let mel = plan.spectrogram(&tone, 0);
        assert_eq!((mel.channels(), mel.frames()), (80, 100));
        let frame = mel.window(50, 1, 1);
        let loudest = (0..80)
            .max_by(|&a, &b| frame[a].total_cmp(&frame[b]))
            .unwrap();
        // 440 Hz is mel 6.6 of 45.2; channel c peaks at mel (c + 1) * 45.2 / 81.
        assert!((10..=12).contains(&loudest), "{loudest}");
    }

    #[test]
    fn nothing_and_little_give_few_frames_and_no_panic() {
        let plan = LogMel::new(80);
        for (samples, padding, frames) in
            [(0, 0, 0), (1, 0, 0), (159, 0, 0), (160, 0, 1), (0, 320, 2)]
        {
            assert_eq!(
                plan.spectrogram(&vec![0.5; samples], padding).frames(),
                frames
            );
        }
    }

    #[test]
    fn windows_are_filled_with_zeros() {
        let plan = LogMel::new(80);
        let mel = plan.spectrogram(&[0.1; 1600], 0);
        let whole = mel.window(0, 10, 10);
        let cut = mel.window(8, 100, 4);
        assert_eq!(cut.len(), 320);
        assert_eq!(cut[..2], whole[8..10]);
        assert_eq!(cut[2..4], [0.0, 0.0]);
        assert_eq!(mel.window(8, 1, 4)[1], 0.0);
        assert!(mel.window(99, 4, 4).iter().all(|&v| v == 0.0));
    }
}
