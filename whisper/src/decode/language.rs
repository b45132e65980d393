//! Which language is spoken.

use super::scores::log_sum_exp;
use crate::model::Decoder;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// The languages of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct LanguageGuess {
    /// Code of the likeliest.
    pub code: &'static str,
    /// Probabilities of all, in the order of their tokens.
    pub probabilities: Vec<(&'static str, f32)>,
}

/// Detects the language of every window the decoder holds, from the token after the start.
///
/// # Errors
/// [`Error::Language`] if the model knows none; errors of the decoder.
pub fn detect_languages(
    decoder: &mut dyn Decoder,
    tokenizer: &Tokenizer,
) -> Result<Vec<LanguageGuess>> {
    if !tokenizer.multilingual() || tokenizer.languages().next().is_none() {
        return Err(Error::Language {
            name: "detected".into(),
            known: "English only".into(),
        });
    }
    decoder.rewind();
    let start = tokenizer.specials().start;
    let size = decoder.dimensions().n_vocab;
    let starts = vec![start; decoder.rows()];
    let logits = decoder.step(&starts, &[0])?;
    let first = start as usize + 1;
    let count = tokenizer.languages().count();
    let guesses = logits
        .chunks_exact(size)
        .map(|row| {
            let row = &row[first..first + count];
            let all = log_sum_exp(row);
            let probabilities: Vec<_> = tokenizer
                .languages()
                .zip(row.iter().map(|l| (l - all).exp()))
                .collect();
            let mut best = probabilities[0];
            for &(code, probability) in &probabilities {
                if probability > best.1 {
                    best = (code, probability);
                }
            }
            LanguageGuess {
                code: best.0,
                probabilities,
            }
        })
        .collect();
    decoder.rewind();
    Ok(guesses)
}
