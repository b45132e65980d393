//! Any number of channels to one.

use symphonia::core::audio::{Channels, Position};

/// Which planes take part, and with what weight.
///
/// All channels count the same, which for stereo is what ffmpeg's `-ac 1` does; low-frequency
/// effects are left out, as there, because they carry no speech.
pub(super) fn weights(channels: &Channels, planes: usize) -> Vec<f32> {
    let mut heard = vec![true; planes];
    if let Channels::Positioned(_) = channels {
        for effect in [Position::LFE1, Position::LFE2] {
            if let Some(index) = channels.get_canonical_index_for_positioned_channel(effect)
                && index < planes
            {
                heard[index] = false;
            }
        }
    }
    if !heard.contains(&true) {
        heard.fill(true);
    }
    let count = heard.iter().filter(|&&h| h).count().max(1);
    heard
        .into_iter()
        .map(|h| if h { 1.0 / count as f32 } else { 0.0 })
        .collect()
}

/// The weighted sum of planes of equal length. Values that are not finite count as silence.
pub(super) fn down(planes: &[Vec<f32>], weights: &[f32]) -> Vec<f32> {
    let frames = planes.iter().map(Vec::len).min().unwrap_or(0);
    let mut mono = vec![0.0f32; frames];
    for (plane, &weight) in planes.iter().zip(weights) {
        for (sum, &sample) in mono.iter_mut().zip(plane) {
            if sample.is_finite() {
                *sum += weight * sample;
            }
        }
    }
    mono
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::audio::layouts;

    #[test]
    fn stereo_is_the_mean() {
        let weights = weights(&layouts::CHANNEL_LAYOUT_STEREO, 2);
        assert_eq!(
            down(&[vec![0.5, 1.0, f32::NAN], vec![0.25, -1.0, 0.5]], &weights),
            [0.375, 0.0, 0.25]
        );
    }

    #[test]
    fn the_effects_channel_is_left_out() {
        let weights = weights(&layouts::CHANNEL_LAYOUT_5P1, 6);
        assert_eq!(weights, [0.2, 0.2, 0.2, 0.0, 0.2, 0.2]);
    }

    #[test]
    fn an_effects_channel_alone_is_heard() {
        assert_eq!(weights(&Channels::Positioned(Position::LFE1), 1), [1.0]);
    }
}
