//! Cutting a window's tokens into segments at their timestamps.

use super::Word;
use crate::decode::DecodingResult;
use crate::tokenizer::{TIMESTAMP_STEP, Token, Tokenizer};

/// A piece of a transcript with its times.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its number in the transcript.
    pub id: usize,
    /// Mel frame its window begins at.
    pub seek: usize,
    /// Start, seconds.
    pub start: f64,
    /// End, seconds.
    pub end: f64,
    /// Text, with the space before it.
    pub text: String,
    /// Tokens, with timestamps.
    pub tokens: Vec<Token>,
    /// Temperature its window was decoded at.
    pub temperature: f32,
    /// Mean log-probability of its window.
    pub average_log_probability: f32,
    /// Compression ratio of its window's text.
    pub compression_ratio: f32,
    /// Probability that its window holds no speech.
    pub no_speech_probability: f32,
    /// Words with times, where asked for.
    pub words: Vec<Word>,
}

/// A window as it is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// First mel frame.
    pub(super) seek: usize,
    /// Mel frames of it that are heard.
    pub(super) size: usize,
    /// Mel frames of a second.
    pub(super) rate: f64,
    /// Mel frames of a timestamp step.
    pub(super) stride: usize,
}

/// The segments of a window.
pub(super) struct Cut {
    pub(super) segments: Vec<Segment>,
    /// Frames to go on from the window's start.
    pub(super) advance: usize,
    /// Whether a lone timestamp ends it: nothing is said after it.
    pub(super) ends_alone: bool,
}

/// Cuts between two timestamps in a row. Text after the last pair is left to the next window,
/// unless a lone timestamp closes it.
pub(super) fn cut(tokenizer: &Tokenizer, window: Window, result: &DecodingResult) -> Cut {
    let first = tokenizer.specials().first_timestamp;
    let offset = window.seek as f64 / window.rate;
    let tokens = &result.tokens;
    let is_time = |token: Token| token >= first;
    let segment = |start: f64, end: f64, tokens: &[Token]| Segment {
        id: 0,
        seek: window.seek,
        start,
        end,
        text: text_of(tokenizer, tokens),
        tokens: tokens.to_vec(),
        temperature: result.temperature,
        average_log_probability: result.average_log_probability,
        compression_ratio: result.compression_ratio,
        no_speech_probability: result.no_speech_probability,
        words: Vec::new(),
    };
    let ends_alone = match tokens[..] {
        [.., before, last] => is_time(last) && !is_time(before),
        _ => false,
    };
    let mut ends: Vec<usize> = (1..tokens.len())
        .filter(|&i| is_time(tokens[i - 1]) && is_time(tokens[i]))
        .collect();
    if ends.is_empty() {
        let last = tokens.iter().rev().find(|&&t| is_time(t));
        let duration = match last {
            Some(&time) if time != first => f64::from(time - first) * TIMESTAMP_STEP,
            _ => window.size as f64 / window.rate,
        };
        return Cut {
            segments: vec![segment(offset, offset + duration, tokens)],
            advance: window.size,
            ends_alone,
        };
    }
    if ends_alone {
        ends.push(tokens.len());
    }
    let steps = |token: Token| f64::from(token.saturating_sub(first)) * TIMESTAMP_STEP;
    let mut segments = Vec::with_capacity(ends.len());
    let mut begin = 0;
    for &end in &ends {
        let piece = &tokens[begin..end];
        let (start, stop) = (steps(piece[0]), steps(piece[piece.len() - 1]));
        segments.push(segment(offset + start, offset + stop, piece));
        begin = end;
    }
    let last = tokens[begin - 1].saturating_sub(first) as usize;
    Cut {
        segments,
        advance: if ends_alone {
            window.size
        } else {
            last * window.stride
        },
        ends_alone,
    }
}

/// Text of a segment's text tokens.
fn text_of(tokenizer: &Tokenizer, tokens: &[Token]) -> String {
    let end = tokenizer.specials().end_of_text;
    let text: Vec<Token> = tokens.iter().copied().filter(|&t| t < end).collect();
    tokenizer.decode(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Vocabulary;

    const WINDOW: Window = Window {
        seek: 500,
        size: 1100,
        rate: 100.0,
        stride: 2,
    };

    /// Cuts tokens written as text and times in angle brackets.
    fn cut_of(written: &str) -> (Vec<(f64, f64, String)>, usize, bool) {
        let tokenizer = Tokenizer::new(Vocabulary::bytes_only(256 + 1509, false));
        let first = tokenizer.specials().first_timestamp;
        let mut tokens = Vec::new();
        for part in written.split_inclusive('>') {
            let (text, time) = part.split_once('<').unwrap_or((part, ""));
            tokens.extend(tokenizer.encode(text));
            if let Ok(step) = time.trim_end_matches('>').parse::<u32>() {
                tokens.push(first + step);
            }
        }
        let result = DecodingResult {
            language: "en".into(),
            language_probabilities: None,
            tokens,
            text: String::new(),
            average_log_probability: 0.0,
            no_speech_probability: 0.0,
            temperature: 0.0,
            compression_ratio: 1.0,
        };
        let cut = cut(&tokenizer, WINDOW, &result);
        let parts = cut.segments.into_iter().map(|s| (s.start, s.end, s.text));
        (parts.collect(), cut.advance, cut.ends_alone)
    }

    #[test]
    fn pairs_cut_and_the_rest_is_heard_again() {
        let (parts, advance, alone) = cut_of("<0> one<100><100> two<150><160> thr");
        assert_eq!(
            parts,
            [(5.0, 7.0, " one".into()), (7.0, 8.0, " two".into())]
        );
        assert_eq!((advance, alone), (300, false));
    }

    #[test]
    fn a_lone_time_at_the_end_closes_the_window() {
        let (parts, advance, alone) = cut_of("<0> one<100><100> two<150>");
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[1].1, advance, alone), (8.0, 1100, true));
        let (parts, advance, alone) = cut_of("<0> one<100>");
        assert_eq!(parts, [(5.0, 7.0, " one".into())]);
        assert_eq!((advance, alone), (1100, true));
    }

    #[test]
    fn without_times_the_window_is_one_segment() {
        let (parts, advance, _) = cut_of("one two");
        assert_eq!(parts, [(5.0, 16.0, "one two".into())]);
        assert_eq!(advance, 1100);
        assert_eq!(cut_of("<0> one").0[0].1, 16.0);
        assert_eq!(cut_of("").0[0].2, "");
    }
}
