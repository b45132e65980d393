//! What is asked of decoding, and what comes out.

use std::collections::BTreeSet;

use crate::tokenizer::{Task, Token};
use crate::{Error, Result};

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strategy {
    /// The likeliest token each time.
    Greedy,
    /// Samples at a temperature above zero; the best of several sequences is taken.
    Sample {
        /// Divides the logits.
        temperature: f32,
        /// Sequences sampled.
        best_of: usize,
    },
    /// The likeliest sequences side by side.
    Beam {
        /// Sequences kept.
        size: usize,
        /// Finished sequences to wait for, as a multiple of `size`; 1 unless given.
        patience: Option<f32>,
    },
}

impl Strategy {
    /// The temperature, 0 where nothing is sampled.
    pub fn temperature(&self) -> f32 {
        match *self {
            Strategy::Sample { temperature, .. } => temperature,
            Strategy::Greedy | Strategy::Beam { .. } => 0.0,
        }
    }
}

/// Options of one decoding, openai-whisper's `DecodingOptions`.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodingOptions {
    /// Transcribe or translate; English-only models transcribe.
    pub task: Task,
    /// Code of the language; detected where not given.
    pub language: Option<String>,
    /// How tokens are chosen.
    pub strategy: Strategy,
    /// Most tokens to sample; half of the decoder's positions where not given.
    pub sample_length: Option<usize>,
    /// Exponent of the length penalty (0 to 1); sequences are ranked by their mean otherwise.
    pub length_penalty: Option<f32>,
    /// Tokens of the text before, of which the last that fit are used.
    pub prompt: Vec<Token>,
    /// Tokens the transcript begins with.
    pub prefix: Vec<Token>,
    /// Tokens never chosen, besides the special ones.
    pub suppress: BTreeSet<Token>,
    /// Whether annotations (brackets, music) are never chosen.
    pub suppress_non_speech: bool,
    /// Whether the transcript may not begin with a space or its end.
    pub suppress_blank: bool,
    /// Whether to write text without times.
    pub without_timestamps: bool,
    /// Latest time of the first timestamp, seconds.
    pub max_initial_timestamp: Option<f32>,
    /// Start of the random numbers for sampling, of every window alike: what a window samples does not
    /// depend on those beside it.
    pub seed: u64,
}

impl Default for DecodingOptions {
    fn default() -> Self {
        DecodingOptions {
            task: Task::Transcribe,
            language: None,
            strategy: Strategy::Greedy,
            sample_length: None,
            length_penalty: None,
            prompt: Vec::new(),
            prefix: Vec::new(),
            suppress: BTreeSet::new(),
            suppress_non_speech: true,
            suppress_blank: true,
            without_timestamps: false,
            max_initial_timestamp: Some(1.0),
            seed: 0,
        }
    }
}

impl DecodingOptions {
    /// Checks the options against each other.
    ///
    /// # Errors
    /// [`Error::Options`] names what is out of range.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String, help| Err(Error::Options { what, help });
        match self.strategy {
            Strategy::Greedy => {}
            Strategy::Sample {
                temperature,
                best_of,
            } => {
                if !(temperature > 0.0 && temperature.is_finite()) {
                    return wrong(
                        format!("temperature {temperature} cannot be sampled at"),
                        "use greedy or beam search for temperature 0",
                    );
                }
                if !(1..=256).contains(&best_of) {
                    return wrong(format!("best of {best_of} is not 1 to 256"), "5 is usual");
                }
            }
            Strategy::Beam { size, patience } => {
                if !(1..=256).contains(&size) {
                    return wrong(format!("beam size {size} is not 1 to 256"), "5 is usual");
                }
                let patience = patience.unwrap_or(1.0);
                let candidates = size as f32 * patience;
                if !(0.5..=65_536.0).contains(&candidates) {
                    return wrong(
                        format!(
                            "patience {patience} with {size} beams waits for {candidates} sequences"
                        ),
                        "1.0 is usual",
                    );
                }
            }
        }
        match self.length_penalty {
            Some(penalty) if !(0.0..=1.0).contains(&penalty) => wrong(
                format!("length penalty {penalty} is not 0 to 1"),
                "leave it out to rank by the mean",
            ),
            _ => Ok(()),
        }
    }
}

/// What became of one window, openai-whisper's `DecodingResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodingResult {
    /// Code of the language, given or detected; `en` for English-only models.
    pub language: String,
    /// Probabilities of all languages, where one was detected.
    pub language_probabilities: Option<Vec<(&'static str, f32)>>,
    /// Tokens of the transcript, with timestamps.
    pub tokens: Vec<Token>,
    /// Text of the transcript, without the space at its start.
    pub text: String,
    /// Mean log-probability of the tokens and the end.
    pub average_log_probability: f32,
    /// Probability that there is no speech.
    pub no_speech_probability: f32,
    /// Temperature of the sampling.
    pub temperature: f32,
    /// Length of the text over its length when compressed.
    pub compression_ratio: f32,
}
