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

/// A spectrogram, channel by channel: `data[channel * frames + frame]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mel {
    channels: usize,
    frames: usize,
    data: Vec<f32>,
}

impl Mel {
    /// Mel channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Frames, 100 a second.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// All values, channel by channel.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// `count` frames from `start`, of which the first `valid` are taken and the others are zero,
    /// channel by channel; frames beyond the end are zero as well.
    pub fn window(&self, start: usize, valid: usize, count: usize) -> Vec<f32> {
        let take = valid.min(count).min(self.frames.saturating_sub(start));
        let mut out = vec![0.0; self.channels * count];
        for (to, from) in out
            .chunks_exact_mut(count.max(1))
            .zip(self.data.chunks_exact(self.frames.max(1)))
        {
            if take > 0 {
                to[..take].copy_from_slice(&from[start..start + take]);
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
    pub fn spectrogram(&self, samples: &[f32], padding: usize) -> Mel {
        let length = samples.len() + padding;
        let frames = length / HOP;
        let mut by_frame = vec![0.0f32; frames * self.channels];
        by_frame
            .par_chunks_mut((self.channels * 64).max(1))
            .enumerate()
            .for_each(|(block, out)| {
                let mut input = vec![0.0f32; FFT];
                let mut bins = vec![Complex32::default(); BINS];
                let mut scratch = self.fft.make_scratch_vec();
                for (i, mel) in out.chunks_exact_mut(self.channels).enumerate() {
                    self.cut(samples, length, block * 64 + i, &mut input);
                    // The lengths are the plan's own, the only thing the transform can object to.
                    let done = self
                        .fft
                        .process_with_scratch(&mut input, &mut bins, &mut scratch);
                    debug_assert!(done.is_ok());
                    let mut power = [0.0f32; BINS];
                    for (p, bin) in power.iter_mut().zip(&bins) {
                        *p = bin.norm_sqr();
                    }
                    for (value, filter) in mel.iter_mut().zip(&self.filters) {
                        let sum: f32 = filter
                            .weights
                            .iter()
                            .zip(&power[filter.first..])
                            .map(|(w, p)| w * p)
                            .sum();
                        *value = sum.max(1e-10).log10();
                    }
                }
            });
        let top = by_frame.iter().copied().fold(f32::MIN, f32::max);
        let floor = top - 8.0;
        let mut data = vec![0.0f32; frames * self.channels];
        data.par_chunks_mut(frames.max(1))
            .enumerate()
            .for_each(|(channel, row)| {
                for (frame, value) in row.iter_mut().enumerate() {
                    let log = by_frame[frame * self.channels + channel];
                    *value = (log.max(floor) + 4.0) / 4.0;
                }
            });
        Mel {
            channels: self.channels,
            frames,
            data,
        }
    }

    /// Windowed samples around the centre of `frame`, mirrored at both ends of the padded signal.
    fn cut(&self, samples: &[f32], length: usize, frame: usize, out: &mut [f32]) {
        let start = (frame * HOP) as isize - (FFT / 2) as isize;
        let last = length as isize - 1;
        for (i, (value, weight)) in out.iter_mut().zip(&self.window).enumerate() {
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
        let mel = LogMel::new(80).spectrogram(&tone, 0);
        assert_eq!((mel.channels(), mel.frames()), (80, 100));
        let loudest = (0..80)
            .max_by(|&a, &b| mel.data()[a * 100 + 50].total_cmp(&mel.data()[b * 100 + 50]))
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
        let mel = LogMel::new(80).spectrogram(&[0.1; 1600], 0);
        let cut = mel.window(8, 100, 4);
        assert_eq!(cut.len(), 320);
        assert_eq!(cut[..2], mel.data()[8..10]);
        assert_eq!(cut[2..4], [0.0, 0.0]);
        assert_eq!(mel.window(8, 1, 4)[1], 0.0);
        assert!(mel.window(99, 4, 4).iter().all(|&v| v == 0.0));
    }
}
