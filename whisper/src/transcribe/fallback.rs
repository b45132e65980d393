//! Decoding again at higher temperatures while the result is poor.

use super::TranscribeOptions;
use crate::decode::{DecodingOptions, DecodingResult, decode};
use crate::model::{Decoder, Features};
use crate::tokenizer::{Token, Tokenizer};
use crate::{Error, Result};

/// Decodes windows of `features`, each at the first temperature that gives a good result, or the last.
pub(super) fn decode_with_fallback(
    decoder: &mut dyn Decoder,
    tokenizer: &Tokenizer,
    options: &TranscribeOptions,
    language: &str,
    prompt: Vec<Token>,
    mut features: Vec<Features>,
) -> Result<Vec<DecodingResult>> {
    let mut decoding = DecodingOptions {
        language: Some(language.to_owned()),
        prompt,
        ..options.decoding.clone()
    };
    let mut results: Vec<Option<DecodingResult>> = vec![None; features.len()];
    let mut open: Vec<usize> = (0..features.len()).collect();
    decoder.begin(&features)?;
    for &temperature in &options.temperatures {
        decoding.strategy = options.strategy(temperature);
        let decoded = decode(decoder, tokenizer, &decoding)?;
        let poor: Vec<bool> = decoded.iter().map(|r| is_poor(options, r)).collect();
        for (&window, result) in open.iter().zip(decoded) {
            results[window] = Some(result);
        }
        if !poor.contains(&true) {
            break;
        }
        if poor.contains(&false) {
            retain(&mut open, &poor);
            retain(&mut features, &poor);
            decoder.begin(&features)?;
        }
    }
    results
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::Options {
            what: "there is no temperature to decode at".into(),
            help: "give at least one, 0 is usual",
        })
}

/// Keeps the items that are marked.
fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next() == Some(&true));
}

/// Whether a text repeats itself or is improbable, and is not just silence.
fn is_poor(options: &TranscribeOptions, result: &DecodingResult) -> bool {
    let repeats = options
        .compression_ratio_threshold
        .is_some_and(|limit| result.compression_ratio > limit);
    let unlikely = options
        .log_probability_threshold
        .is_some_and(|limit| result.average_log_probability < limit);
    let silent = options
        .no_speech_threshold
        .is_some_and(|limit| result.no_speech_probability > limit);
    (repeats || unlikely) && !(silent && unlikely)
}

/// Whether a window is taken for silence and passed over.
pub(super) fn is_silence(options: &TranscribeOptions, result: &DecodingResult) -> bool {
    let silent = options
        .no_speech_threshold
        .is_some_and(|limit| result.no_speech_probability > limit);
    let likely = options
        .log_probability_threshold
        .is_some_and(|limit| result.average_log_probability > limit);
    silent && !likely
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(ratio: f32, log: f32, silence: f32) -> DecodingResult {
        DecodingResult {
            language: "en".into(),
            language_probabilities: None,
            tokens: Vec::new(),
            text: String::new(),
            average_log_probability: log,
            no_speech_probability: silence,
            temperature: 0.0,
            compression_ratio: ratio,
        }
    }

    #[test]
    fn thresholds_tell_poor_from_silent() {
        let options = TranscribeOptions::default();
        let cases = [
            (result(1.5, -0.3, 0.1), false, false),
            (result(2.5, -0.3, 0.1), true, false),
            (result(1.5, -1.2, 0.1), true, false),
            (result(1.5, -1.2, 0.7), false, true),
            (result(1.5, -0.3, 0.7), false, false),
            (result(2.5, -0.3, 0.7), true, false),
        ];
        for (result, poor, silence) in cases {
            assert_eq!(is_poor(&options, &result), poor, "{result:?}");
            assert_eq!(is_silence(&options, &result), silence, "{result:?}");
        }
        let without = TranscribeOptions {
            log_probability_threshold: None,
            ..options
        };
        assert!(is_silence(&without, &result(1.5, -0.3, 0.7)));
    }
}
