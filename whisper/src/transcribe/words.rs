//! Times of words, from where the decoder looked when it wrote them.

use super::path::{first_columns, median};
use super::punctuation::merge;
use super::{Segment, TranscribeOptions};
use crate::Result;
use crate::model::{Alignment, Decoder};
use crate::tokenizer::{Token, Tokenizer};

/// Encoder positions of a second.
const POSITIONS_PER_SECOND: f64 = 50.0;
/// Marks that end sentences.
const SENTENCE_ENDS: &str = ".。!！?？";
/// No median word is taken to last longer, seconds.
const LONGEST_MEDIAN: f64 = 0.7;

/// A word with its times.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// The text, with the space before it.
    pub word: String,
    /// Start, seconds.
    pub start: f64,
    /// End, seconds.
    pub end: f64,
    /// Mean probability of its tokens.
    pub probability: f64,
}

/// A word's times within its window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Timing {
    pub(super) word: String,
    pub(super) tokens: Vec<Token>,
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) probability: f64,
}

impl Timing {
    fn duration(&self) -> f64 {
        self.end - self.start
    }
}

/// What words are aligned with.
pub(super) struct Aligner<'a> {
    pub(super) decoder: &'a mut dyn Decoder,
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) heads: &'a [(usize, usize)],
    pub(super) options: &'a TranscribeOptions,
    pub(super) language: &'a str,
}

impl Aligner<'_> {
    /// Gives every segment of a window its words; `frames` mel frames of it are heard and it begins
    /// at `offset` seconds. `last_speech` is the end of the last word before, and is moved on.
    pub(super) fn add_words(
        &mut self,
        segments: &mut [Segment],
        frames: usize,
        offset: f64,
        last_speech: &mut f64,
    ) -> Result<()> {
        let end = self.tokenizer.specials().end_of_text;
        let texts: Vec<Vec<Token>> = segments
            .iter()
            .map(|s| s.tokens.iter().copied().filter(|&t| t < end).collect())
            .collect();
        let mut timings = self.align(&texts.concat(), frames)?;
        let median = median_duration(&timings);
        let longest = 2.0 * median;
        shorten_at_sentence_ends(&mut timings, longest);
        let options = self.options;
        merge(
            &mut timings,
            &options.prepend_punctuations,
            &options.append_punctuations,
        );
        let mut timings = timings.into_iter();
        for (segment, text) in segments.iter_mut().zip(&texts) {
            let mut taken = 0;
            let mut words = Vec::new();
            while taken < text.len() {
                let Some(timing) = timings.next() else { break };
                taken += timing.tokens.len();
                if !timing.word.is_empty() {
                    words.push(Word {
                        word: timing.word,
                        start: to_hundredths(offset + timing.start),
                        end: to_hundredths(offset + timing.end),
                        probability: timing.probability,
                    });
                }
            }
            if !words.is_empty() {
                fit_to_segment(&mut words, segment, *last_speech, median);
                *last_speech = segment.end;
            }
            segment.words = words;
        }
        Ok(())
    }

    /// Times of the words of `text` within the window the decoder holds.
    fn align(&mut self, text: &[Token], frames: usize) -> Result<Vec<Timing>> {
        let positions = frames / 2;
        if text.is_empty() || positions == 0 {
            return Ok(Vec::new());
        }
        let specials = *self.tokenizer.specials();
        let task = self.options.decoding.task;
        let mut tokens = self.tokenizer.start_sequence(self.language, task)?;
        let start = tokens.len();
        tokens.push(specials.no_timestamps);
        tokens.extend(text);
        tokens.push(specials.end_of_text);

        let alignment = self.decoder.align(&tokens, self.heads)?;
        let dims = *self.decoder.dimensions();
        let probabilities: Vec<f64> = text
            .iter()
            .zip(alignment.logits.chunks_exact(dims.n_vocab).skip(start))
            .map(|(&token, logits)| probability(&logits[..specials.end_of_text as usize], token))
            .collect();
        let positions = positions.min(dims.n_audio_ctx);
        let costs = costs(&alignment, tokens.len(), dims.n_audio_ctx, positions);
        let rows = start..tokens.len() - 1;
        let count = rows.len();
        let first = first_columns(
            &costs[rows.start * positions..rows.end * positions],
            count,
            positions,
        );

        let mut with_end = text.to_vec();
        with_end.push(specials.end_of_text);
        let words = self.tokenizer.words(&with_end, self.language);
        let mut at = 0;
        let mut timings = Vec::with_capacity(words.len());
        for word in words.iter().take(words.len().saturating_sub(1)) {
            let next = at + word.tokens.len();
            // A word of the text with the end in it cannot be; the last word is the end alone.
            let (Some(&from), Some(&to)) = (first.get(at), first.get(next)) else {
                break;
            };
            let share = &probabilities[at..next];
            timings.push(Timing {
                word: word.text.clone(),
                tokens: word.tokens.clone(),
                start: from as f64 / POSITIONS_PER_SECOND,
                end: to as f64 / POSITIONS_PER_SECOND,
                probability: share.iter().sum::<f64>() / share.len().max(1) as f64,
            });
            at = next;
        }
        Ok(timings)
    }
}

/// Probability of `token` among `logits`.
fn probability(logits: &[f32], token: Token) -> f64 {
    let top = logits.iter().copied().fold(f32::MIN, f32::max);
    let total: f64 = logits.iter().map(|&l| f64::from(l - top).exp()).sum();
    f64::from(logits[token as usize] - top).exp() / total
}

/// Minus the mean over the heads of their attention: softmax over the positions heard, normalised
/// over the tokens, median over positions. `tokens` rows of `positions`.
fn costs(alignment: &Alignment, tokens: usize, width: usize, positions: usize) -> Vec<f32> {
    let heads = alignment.scores.len() / (tokens * width).max(1);
    let mut mean = vec![0.0f32; tokens * positions];
    for scores in alignment.scores.chunks_exact(tokens * width) {
        let mut weights: Vec<Vec<f32>> = scores
            .chunks_exact(width)
            .map(|row| {
                let row = &row[..positions];
                let top = row.iter().copied().fold(f32::MIN, f32::max);
                let parts: Vec<f32> = row.iter().map(|s| (s - top).exp()).collect();
                let total: f32 = parts.iter().sum();
                parts.into_iter().map(|p| p / total).collect()
            })
            .collect();
        for position in 0..positions {
            let column = || weights.iter().map(|row| f64::from(row[position]));
            let average = column().sum::<f64>() / tokens as f64;
            let variance = column().map(|v| (v - average).powi(2)).sum::<f64>() / tokens as f64;
            // Where all tokens look the same way there is nothing to tell them apart.
            let scale = if variance > 0.0 {
                1.0 / variance.sqrt()
            } else {
                0.0
            };
            for row in &mut weights {
                row[position] = ((f64::from(row[position]) - average) * scale) as f32;
            }
        }
        for (row, mean) in weights.iter().zip(mean.chunks_exact_mut(positions)) {
            for (value, sum) in median(row).into_iter().zip(mean) {
                *sum -= value / heads as f32;
            }
        }
    }
    mean
}

/// The median of the durations that are not zero, at most [`LONGEST_MEDIAN`].
fn median_duration(timings: &[Timing]) -> f64 {
    let mut durations: Vec<f64> = timings
        .iter()
        .map(Timing::duration)
        .filter(|&d| d != 0.0)
        .collect();
    durations.sort_by(f64::total_cmp);
    let median = match durations.len() {
        0 => 0.0,
        n if n % 2 == 1 => durations[n / 2],
        n => (durations[n / 2 - 1] + durations[n / 2]) / 2.0,
    };
    median.min(LONGEST_MEDIAN)
}

/// Cuts words that are too long where a sentence ends: they hold the silence between sentences.
fn shorten_at_sentence_ends(timings: &mut [Timing], longest: f64) {
    if timings.iter().all(|t| t.duration() == 0.0) {
        return;
    }
    for i in 1..timings.len() {
        if timings[i].duration() > longest {
            if SENTENCE_ENDS.contains(timings[i].word.as_str()) {
                timings[i].end = timings[i].start + longest;
            } else if SENTENCE_ENDS.contains(timings[i - 1].word.as_str()) {
                timings[i].start = timings[i].end - longest;
            }
        }
    }
}

/// Cuts the first words after a pause, and reconciles the segment's times with its words'.
fn fit_to_segment(words: &mut [Word], segment: &mut Segment, last_speech: f64, median: f64) {
    let longest = 2.0 * median;
    let after_pause = words[0].end - last_speech > 4.0 * median;
    let too_long = words[0].end - words[0].start > longest
        || words
            .get(1)
            .is_some_and(|w| w.end - words[0].start > 2.0 * longest);
    if after_pause && too_long {
        if let [first, second, ..] = words
            && second.end - second.start > longest
        {
            let boundary = (second.end / 2.0).max(second.end - longest);
            first.end = boundary;
            second.start = boundary;
        }
        words[0].start = (words[0].end - longest).max(0.0);
    }
    if segment.start < words[0].end && segment.start - 0.5 > words[0].start {
        words[0].start = (words[0].end - median).min(segment.start).max(0.0);
    } else {
        segment.start = words[0].start;
    }
    let last = words.len() - 1;
    if segment.end > words[last].start && segment.end + 0.5 < words[last].end {
        words[last].end = (words[last].start + median).max(segment.end);
    } else {
        segment.end = words[last].end;
    }
}

/// Rounds to two decimals, exactly as the decimal expansion says.
fn to_hundredths(seconds: f64) -> f64 {
    format!("{seconds:.2}").parse().unwrap_or(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(word: &str, start: f64, end: f64) -> Timing {
        Timing {
            word: word.into(),
            tokens: vec![1],
            start,
            end,
            probability: 1.0,
        }
    }

    #[test]
    fn medians_skip_zero_durations_and_are_bounded() {
        let timings = [
            timing("a", 0.0, 0.2),
            timing("b", 0.2, 0.2),
            timing("c", 0.2, 0.6),
        ];
        assert!((median_duration(&timings) - 0.3).abs() < 1e-9);
        assert_eq!(median_duration(&[timing("a", 0.0, 5.0)]), LONGEST_MEDIAN);
        assert_eq!(median_duration(&[]), 0.0);
    }

    #[test]
    fn silence_after_a_sentence_is_cut_from_its_words() {
        let mut timings = [
            timing(" so", 0.0, 0.2),
            timing(".", 0.2, 3.0),
            timing(" he", 3.0, 6.0),
        ];
        shorten_at_sentence_ends(&mut timings, 0.4);
        assert!((timings[1].end - 0.6).abs() < 1e-9);
        assert!((timings[2].start - 5.6).abs() < 1e-9);
    }

    #[test]
    fn attention_on_a_diagonal_gives_rising_times() {
        // Two tokens of three look at positions 1 and 3 of five, of which four are heard.
        let mut scores = vec![0.0; 15];
        scores[1] = 9.0;
        scores[5 + 3] = 9.0;
        let alignment = Alignment {
            logits: Vec::new(),
            scores,
        };
        let costs = costs(&alignment, 3, 5, 3);
        assert_eq!(costs.len(), 9);
        assert!(costs[1] < 0.0 && costs[4] > 0.0);
    }

    #[test]
    fn hundredths_are_rounded_as_written() {
        assert_eq!(to_hundredths(1.005), 1.0);
        assert_eq!(to_hundredths(2.675_000_1), 2.68);
    }
}
