//! Words that were made up in silence, told by how unlikely, short or long they are.

use super::Segment;
use super::segments::Window;
use super::words::Word;

/// Words that are looked at of a segment.
const WORDS: usize = 8;
const PUNCTUATION: &str = "\"'“¿([{-\"'.。,，!！?？:：”)]}、";

/// How strange a word is.
fn strangeness(word: &Word) -> f64 {
    let duration = word.end - word.start;
    let mut score = 0.0;
    if word.probability < 0.15 {
        score += 1.0;
    }
    if duration < 0.133 {
        score += (0.133 - duration) * 15.0;
    }
    if duration > 2.0 {
        score += duration - 2.0;
    }
    score
}

/// Whether most of a segment's first words are strange.
fn is_strange(segment: &Segment) -> bool {
    if segment.words.is_empty() {
        return false;
    }
    let spoken = segment
        .words
        .iter()
        .filter(|w| !PUNCTUATION.contains(w.word.as_str()));
    let scores: Vec<f64> = spoken.take(WORDS).map(strangeness).collect();
    let score: f64 = scores.iter().sum();
    score >= 3.0 || score + 0.01 >= scores.len() as f64
}

/// What to do with a window's segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Keep them all.
    Keep,
    /// Drop them all and go on at this frame.
    Skip(usize),
    /// Keep as many and go on at this frame.
    Cut(usize, usize),
}

/// The end of the last word of segments, or of the last segment where none has words.
pub(super) fn last_word_end(segments: &[Segment]) -> Option<f64> {
    let word = segments
        .iter()
        .rev()
        .find_map(|s| s.words.last().map(|w| w.end));
    word.or(segments.last().map(|s| s.end))
}

/// Judges segments of a window. Silence longer than `threshold` seconds counts; `last_speech` is
/// the end of the last word before the window, `content` the frames of the whole audio.
pub(super) fn judge(
    segments: &[Segment],
    window: Window,
    threshold: f64,
    last_speech: f64,
    content: usize,
    window_frames: usize,
) -> Verdict {
    let frame = |seconds: f64| (seconds * window.rate).round_ties_even().max(0.0) as usize;
    let begin = window.seek as f64 / window.rate;
    let end = (window.seek + window_frames) as f64 / window.rate;
    let heard = begin + window.size as f64 / window.rate;
    if let Some(first) = segments.iter().find(|s| !s.words.is_empty())
        && is_strange(first)
    {
        let gap = first.start - begin;
        if gap > threshold {
            return Verdict::Skip(window.seek + frame(gap));
        }
    }
    let mut before = last_speech;
    for (i, segment) in segments.iter().enumerate() {
        if segment.words.is_empty() {
            continue;
        }
        if is_strange(segment) {
            let next = segments[i + 1..].iter().find(|s| !s.words.is_empty());
            let next_start = next.map_or(heard, |s| s.words[0].start);
            let silence_before = segment.start - before > threshold
                || segment.start < threshold
                || segment.start - begin < 2.0;
            let silence_after = next_start - segment.end > threshold
                || next.is_some_and(is_strange)
                || end - segment.end < 2.0;
            if silence_before && silence_after {
                let rest = content as f64 / window.rate - segment.end;
                let seek = if rest < threshold {
                    content
                } else {
                    frame((begin + 1.0).max(segment.start))
                };
                return Verdict::Cut(i, seek);
            }
        }
        before = segment.end;
    }
    Verdict::Keep
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        seek: 0,
        size: 3000,
        rate: 100.0,
        stride: 2,
    };

    fn segment(start: f64, end: f64, probability: f64) -> Segment {
        let word = |start: f64| Word {
            word: " word".into(),
            start,
            end: start + 0.4,
            probability,
        };
        Segment {
            id: 0,
            seek: 0,
            start,
            end,
            text: " word word".into(),
            tokens: vec![1],
            temperature: 0.0,
            average_log_probability: 0.0,
            compression_ratio: 1.0,
            no_speech_probability: 0.0,
            words: vec![word(start), word(end - 0.4)],
        }
    }

    #[test]
    fn improbable_words_in_silence_are_dropped() {
        let judge = |segments: &[Segment]| judge(segments, WINDOW, 2.0, 0.0, 6000, 3000);
        assert_eq!(judge(&[segment(1.0, 3.0, 0.9)]), Verdict::Keep);
        assert_eq!(judge(&[segment(5.0, 7.0, 0.1)]), Verdict::Skip(500));
        let found = judge(&[
            segment(1.0, 3.0, 0.9),
            segment(8.0, 9.0, 0.1),
            segment(20.0, 22.0, 0.9),
        ]);
        assert_eq!(found, Verdict::Cut(1, 800));
        // Speech right before and after vouches for it.
        let found = judge(&[
            segment(1.0, 7.9, 0.9),
            segment(8.0, 9.0, 0.1),
            segment(9.1, 12.0, 0.9),
        ]);
        assert_eq!(found, Verdict::Keep);
        assert_eq!(judge(&[]), Verdict::Keep);
    }
}
