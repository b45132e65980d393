//! The loop: feed, filter, choose, until every window is complete; then the best sequence of each.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::beam::Beam;
use super::filters::Filters;
use super::greedy::{Random, likeliest, sample};
use super::language::{LanguageGuess, detect_languages};
use super::prompt::{Prompt, prompt};
use super::scores::log_sum_exp;
use super::{DecodingOptions, DecodingResult, Strategy};
use crate::Result;
use crate::model::Decoder;
use crate::tokenizer::{Token, Tokenizer};

/// One sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    /// Tokens sampled, without the end.
    pub(super) tokens: Vec<Token>,
    /// Sum of their log-probabilities, and the end's.
    pub(super) sum: f32,
    /// Whether the end was chosen.
    pub(super) ended: bool,
}

/// How one window's tokens are chosen.
enum Search {
    Greedy,
    Sample { temperature: f32, random: Random },
    Beam(Beam),
}

/// One window on its way.
struct Window {
    search: Search,
    rows: Vec<Row>,
    complete: bool,
}

impl Window {
    fn new(options: &DecodingOptions) -> Self {
        let (search, rows) = match options.strategy {
            Strategy::Greedy => (Search::Greedy, 1),
            Strategy::Sample {
                temperature,
                best_of,
            } => {
                let random = Random::new(options.seed);
                (
                    Search::Sample {
                        temperature,
                        random,
                    },
                    best_of,
                )
            }
            Strategy::Beam { size, patience } => (Search::Beam(Beam::new(size, patience)), 1),
        };
        Window {
            search,
            rows: vec![Row::default(); rows],
            complete: false,
        }
    }

    /// Rows that are fed to the decoder.
    fn running(&self) -> impl Iterator<Item = usize> {
        let complete = self.complete;
        let open = self
            .rows
            .iter()
            .enumerate()
            .filter(move |(_, r)| !complete && !r.ended);
        open.map(|(i, _)| i)
    }

    /// Chooses a token for each running row; `logits` has one line for each of them. Gives for
    /// every row that runs on the line it came from.
    fn advance(&mut self, logits: &[&[f32]], end: Token) -> Vec<usize> {
        if let Search::Beam(beam) = &mut self.search {
            let sources = beam.advance(&mut self.rows, logits, end);
            self.complete = beam.complete() || self.rows.is_empty();
            return if self.complete { Vec::new() } else { sources };
        }
        let running: Vec<usize> = self.running().collect();
        let mut sources = Vec::with_capacity(running.len());
        for (line, (&index, logits)) in running.iter().zip(logits).enumerate() {
            let (token, log) = match &mut self.search {
                Search::Sample {
                    temperature,
                    random,
                } => sample(logits, *temperature, random),
                Search::Greedy | Search::Beam(_) => likeliest(logits),
            };
            let row = &mut self.rows[index];
            row.sum += log;
            if token == end {
                row.ended = true;
            } else {
                row.tokens.push(token);
                sources.push(line);
            }
        }
        self.complete = sources.is_empty();
        sources
    }

    /// The sequence with the highest log-probability for its length.
    fn best(self, length_penalty: Option<f32>) -> Row {
        let rows = match self.search {
            Search::Beam(beam) => beam.finish(self.rows),
            Search::Greedy | Search::Sample { .. } => self.rows,
        };
        let score = |row: &Row| {
            let length = row.tokens.len() as f64;
            let penalty = match length_penalty {
                None => length.max(1.0),
                Some(alpha) => ((5.0 + length) / 6.0).powf(alpha.into()),
            };
            f64::from(row.sum) / penalty
        };
        let mut best = Row::default();
        let mut top = f64::NEG_INFINITY;
        for (i, row) in rows.into_iter().enumerate() {
            let value = score(&row);
            if i == 0 || value > top {
                (best, top) = (row, value);
            }
        }
        best
    }
}

/// Decodes every window the decoder holds. Their features stay there, for another attempt.
///
/// # Errors
/// If options contradict each other, a language is unknown, the prompt is too long, or the decoder
/// fails.
pub fn decode(
    decoder: &mut dyn Decoder,
    tokenizer: &Tokenizer,
    options: &DecodingOptions,
) -> Result<Vec<DecodingResult>> {
    options.check()?;
    decoder.rewind();
    let count = decoder.rows();
    if count == 0 {
        return Ok(Vec::new());
    }
    let guesses = languages(decoder, tokenizer, options, count)?;
    let context = decoder.dimensions().n_text_ctx;
    let prompts = guesses
        .iter()
        .map(|guess| prompt(tokenizer, options, &guess.language, context))
        .collect::<Result<Vec<_>>>()?;
    let (windows, silence) = run(decoder, tokenizer, options, &prompts)?;
    let results = windows
        .into_iter()
        .zip(guesses)
        .zip(silence)
        .map(|((window, guess), no_speech_probability)| {
            let row = window.best(options.length_penalty);
            let text = tokenizer.decode(&row.tokens).trim().to_owned();
            DecodingResult {
                language: guess.language,
                language_probabilities: guess.probabilities,
                average_log_probability: row.sum / (row.tokens.len() + 1) as f32,
                no_speech_probability,
                temperature: options.strategy.temperature(),
                compression_ratio: compression_ratio(&text),
                tokens: row.tokens,
                text,
            }
        })
        .collect();
    decoder.rewind();
    Ok(results)
}

/// A window's language and where it comes from.
struct Spoken {
    language: String,
    probabilities: Option<Vec<(&'static str, f32)>>,
}

fn languages(
    decoder: &mut dyn Decoder,
    tokenizer: &Tokenizer,
    options: &DecodingOptions,
    count: usize,
) -> Result<Vec<Spoken>> {
    let given = match &options.language {
        Some(code) => Some(code.clone()),
        None => (!tokenizer.multilingual()).then(|| "en".to_owned()),
    };
    if let Some(language) = given {
        let spoken = || Spoken {
            language: language.clone(),
            probabilities: None,
        };
        return Ok((0..count).map(|_| spoken()).collect());
    }
    let detected = |guess: LanguageGuess| Spoken {
        language: guess.code.to_owned(),
        probabilities: Some(guess.probabilities),
    };
    Ok(detect_languages(decoder, tokenizer)?
        .into_iter()
        .map(detected)
        .collect())
}

/// Runs all windows to their end; gives them with their probabilities of silence.
fn run(
    decoder: &mut dyn Decoder,
    tokenizer: &Tokenizer,
    options: &DecodingOptions,
    prompts: &[Prompt],
) -> Result<(Vec<Window>, Vec<f32>)> {
    let dims = *decoder.dimensions();
    let specials = *tokenizer.specials();
    let filters = Filters::new(tokenizer, options, dims.n_audio_ctx);
    let mut windows: Vec<Window> = prompts.iter().map(|_| Window::new(options)).collect();
    let begin = prompts[0].tokens.len();
    let start = prompts[0].start;

    let tokens: Vec<Token> = prompts
        .iter()
        .flat_map(|p| p.tokens.iter().copied())
        .collect();
    let both = decoder.step(&tokens, &[start, begin - 1])?;
    let mut silence = Vec::with_capacity(prompts.len());
    let mut logits = Vec::with_capacity(both.len());
    for (window, pair) in windows.iter().zip(both.chunks_exact(2 * dims.n_vocab)) {
        let (at_start, last) = pair.split_at(dims.n_vocab);
        let no_speech = at_start[specials.no_speech as usize] - log_sum_exp(at_start);
        silence.push(no_speech.exp());
        for _ in window.running() {
            logits.extend_from_slice(last);
        }
    }
    // Samples of one window begin with the same history.
    let spread: Vec<usize> = windows
        .iter()
        .enumerate()
        .flat_map(|(i, w)| std::iter::repeat_n(i, w.rows.len()))
        .collect();
    decoder.reorder(&spread)?;

    let sample_length = options.sample_length.unwrap_or(dims.n_text_ctx / 2);
    for sampled in 1..=sample_length {
        let (sources, next) = advance_all(
            &mut windows,
            &filters,
            &mut logits,
            dims.n_vocab,
            specials.end_of_text,
        );
        if next.is_empty() || begin + sampled > dims.n_text_ctx || sampled == sample_length {
            break;
        }
        let moved =
            sources.len() != decoder.rows() || sources.iter().enumerate().any(|(i, &s)| i != s);
        if moved {
            decoder.reorder(&sources)?;
        }
        let fresh = decoder.step(&next, &[0])?;
        logits.clear();
        logits.extend_from_slice(fresh);
    }
    Ok((windows, silence))
}

/// One choice in every window: the decoder's rows that run on, and their new tokens.
fn advance_all(
    windows: &mut [Window],
    filters: &Filters,
    logits: &mut [f32],
    vocabulary: usize,
    end: Token,
) -> (Vec<usize>, Vec<Token>) {
    let mut sources = Vec::new();
    let mut next = Vec::new();
    let mut lines = logits.chunks_exact_mut(vocabulary);
    let mut base = 0;
    for window in windows {
        let running: Vec<usize> = window.running().collect();
        let mut own: Vec<&mut [f32]> = lines.by_ref().take(running.len()).collect();
        for (&row, logits) in running.iter().zip(&mut own) {
            filters.apply(&window.rows[row].tokens, logits);
        }
        if !running.is_empty() {
            let own: Vec<&[f32]> = own.iter().map(|l| &**l).collect();
            sources.extend(
                window
                    .advance(&own, end)
                    .into_iter()
                    .map(|line| base + line),
            );
            next.extend(
                window
                    .running()
                    .filter_map(|row| window.rows[row].tokens.last().copied()),
            );
        }
        base += running.len();
    }
    (sources, next)
}

/// Length of a text's bytes over their length in zlib: high where it repeats itself.
pub fn compression_ratio(text: &str) -> f32 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish());
    match written {
        Ok(bytes) => text.len() as f32 / bytes.len().max(1) as f32,
        Err(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_compresses() {
        assert!(compression_ratio(&"and so on ".repeat(30)) > 8.0);
        assert!(compression_ratio("my fellow Americans") < 1.0);
        assert_eq!(compression_ratio(""), 0.0);
    }

    #[test]
    fn ranking_weighs_length() {
        let row = |tokens: usize, sum: f32| Row {
            tokens: vec![1; tokens],
            sum,
            ended: true,
        };
        let window = |rows: &[Row]| Window {
            search: Search::Greedy,
            rows: rows.to_vec(),
            complete: true,
        };
        let rows = [row(2, -1.0), row(8, -2.0)];
        assert_eq!(window(&rows).best(None).tokens.len(), 8);
        assert_eq!(window(&rows).best(Some(0.0)).tokens.len(), 2);
        assert_eq!(
            window(&rows).best(Some(1.0)).tokens.len(),
            8 - 6 * usize::from(-1.0 / (7.0 / 6.0) > -2.0 / (13.0 / 6.0))
        );
    }
}
