//! Where long audio can be cut into stretches that are heard apart from each other.

use crate::mel::HOP;

/// Frames of a pause that is looked for: 0.2 s.
const PAUSE: usize = 20;
/// A cut lies within the last sixth of a window: 5 s.
const SEARCHED: usize = 6;

/// Stretches of at most `window` frames, each but the last ending in the quietest moment of its last
/// sixth. Start and end frames.
pub(super) fn between_pauses(samples: &[f32], window: usize) -> Vec<(usize, usize)> {
    let frames = samples.len() / HOP;
    let mut spans = Vec::with_capacity(frames / window.max(1) + 1);
    let mut start = 0;
    while start < frames {
        let end = if frames - start <= window {
            frames
        } else {
            let latest = start + window;
            quietest(samples, latest - (window / SEARCHED).max(1), latest)
        };
        spans.push((start, end));
        start = end;
    }
    spans
}

/// The middle of the quietest [`PAUSE`] frames between two frames, the last of equals; never `from`.
fn quietest(samples: &[f32], from: usize, to: usize) -> usize {
    let energies: Vec<f64> = samples[from * HOP..to * HOP]
        .chunks_exact(HOP)
        .map(|frame| frame.iter().map(|&s| f64::from(s * s)).sum())
        .collect();
    let mut best = (to, f64::INFINITY);
    for (at, pause) in energies.windows(PAUSE).enumerate() {
        let energy = pause.iter().sum();
        if energy <= best.1 {
            best = (from + at + PAUSE / 2, energy);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_fall_into_pauses_and_nothing_is_lost() {
        let mut samples = vec![0.5f32; 7000 * HOP];
        samples[2700 * HOP..2740 * HOP].fill(0.0);
        let spans = between_pauses(&samples, 3000);
        assert!((2710..=2730).contains(&spans[0].1), "{spans:?}");
        assert_eq!(spans[0].0, 0);
        assert_eq!(spans.last().unwrap().1, 7000);
        for pair in spans.windows(2) {
            assert_eq!(pair[0].1, pair[1].0);
        }
        assert!(
            spans
                .iter()
                .all(|(start, end)| start < end && end - start <= 3000)
        );
    }

    #[test]
    fn short_audio_stays_whole() {
        assert_eq!(between_pauses(&[0.1; 300 * HOP], 3000), [(0, 300)]);
        assert!(between_pauses(&[], 3000).is_empty());
        // Windows shorter than a pause, as of small test models.
        assert!(between_pauses(&[0.1; 300 * HOP], 7).len() >= 300 / 7);
    }
}
