//! Signals with a known formula, and how far samples are from them.

use std::f64::consts::TAU;

/// `amplitude * sin(2 pi hertz t)`, `seconds` long.
pub(crate) fn sine(hertz: f64, amplitude: f64, rate: u32, seconds: f64) -> Vec<f32> {
    let count = (seconds * f64::from(rate)).round() as usize;
    (0..count)
        .map(|n| (amplitude * (TAU * hertz * n as f64 / f64::from(rate)).sin()) as f32)
        .collect()
}

/// The value at time `t` of a sine whose frequency rises linearly from `from` to `to` hertz in
/// `seconds`.
pub(crate) fn sweep_at(t: f64, from: f64, to: f64, seconds: f64) -> f64 {
    0.5 * (TAU * (from * t + (to - from) * t * t / (2.0 * seconds))).sin()
}

/// The sweep of [`sweep_at`], sampled.
pub(crate) fn sweep(from: f64, to: f64, rate: u32, seconds: f64) -> Vec<f32> {
    let count = (seconds * f64::from(rate)).round() as usize;
    (0..count)
        .map(|n| sweep_at(n as f64 / f64::from(rate), from, to, seconds) as f32)
        .collect()
}

/// Amplitude of the component at `hertz`, and the root mean square of what remains without it,
/// by least squares of sine and cosine at any phase.
pub(crate) fn tone_and_rest(samples: &[f32], hertz: f64, rate: u32) -> (f64, f64) {
    let basis = |n: usize| (TAU * hertz * n as f64 / f64::from(rate)).sin_cos();
    let (mut ss, mut sc, mut cc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, &x) in samples.iter().enumerate() {
        let (s, c) = basis(n);
        ss += s * s;
        sc += s * c;
        cc += c * c;
        xs += f64::from(x) * s;
        xc += f64::from(x) * c;
    }
    let det = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / det, (xc * ss - xs * sc) / det);
    let rest: f64 = samples
        .iter()
        .enumerate()
        .map(|(n, &x)| {
            let (s, c) = basis(n);
            (f64::from(x) - a * s - b * c).powi(2)
        })
        .sum();
    (a.hypot(b), (rest / samples.len() as f64).sqrt())
}

/// The largest difference between two signals of one length.
pub(crate) fn max_error(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
