//! One token after another: the likeliest, or a sample.

use super::scores::{highest, log_sum_exp, position_of_highest};
use crate::tokenizer::Token;

/// A source of random numbers for samples: SplitMix64, small and the same everywhere.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// A number from 0 up to, not including, 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The likeliest token and its log-probability.
pub(super) fn likeliest(logits: &[f32]) -> (Token, f32) {
    let at = position_of_highest(logits);
    (at as Token, logits[at] - log_sum_exp(logits))
}

/// A token sampled with logits divided by `temperature`, and its log-probability at temperature 1.
pub(super) fn sample(logits: &[f32], temperature: f32, random: &mut Random) -> (Token, f32) {
    let top = highest(logits);
    let weight = |l: f32| f64::from((l - top) / temperature).exp();
    let total: f64 = logits.iter().map(|&l| weight(l)).sum();
    let mut left = random.next() * total;
    let mut at = position_of_highest(logits);
    for (i, &logit) in logits.iter().enumerate() {
        let part = weight(logit);
        if part > 0.0 {
            at = i;
            left -= part;
            if left < 0.0 {
                break;
            }
        }
    }
    (at as Token, logits[at] - log_sum_exp(logits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_the_probabilities_and_never_take_what_is_forbidden() {
        let logits = [0.0, f32::NEG_INFINITY, 3.0f32.ln(), f32::NEG_INFINITY];
        let mut random = Random::new(7);
        let mut counts = [0u32; 4];
        for _ in 0..4000 {
            let (token, log) = sample(&logits, 1.0, &mut random);
            counts[token as usize] += 1;
            let expected = if token == 2 { 0.75f32 } else { 0.25 };
            assert!((log - expected.ln()).abs() < 1e-5);
        }
        assert_eq!((counts[1], counts[3]), (0, 0));
        assert!((2850..3150).contains(&counts[2]), "{counts:?}");
        // At a quarter of the temperature 3:1 becomes 81:1.
        let cold = (0..4000)
            .filter(|_| sample(&logits, 0.25, &mut random).0 == 0)
            .count();
        assert!((20..90).contains(&cold), "{cold}");
    }
}
