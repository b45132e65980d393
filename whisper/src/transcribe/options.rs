//! What is asked of a transcription.

use crate::decode::{DecodingOptions, Strategy};
use crate::{Error, Result};

/// Options of a transcription, openai-whisper's arguments of `transcribe` with its defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscribeOptions {
    /// Options of every decoding; strategy and prompt are set for each attempt.
    pub decoding: DecodingOptions,
    /// Temperatures tried one after another while results are poor.
    pub temperatures: Vec<f32>,
    /// Beams at temperature 0; greedy where not given.
    pub beam_size: Option<usize>,
    /// Patience of the beam search.
    pub patience: Option<f32>,
    /// Samples at temperatures above 0; one where not given.
    pub best_of: Option<usize>,
    /// Above it a text repeats itself too much.
    pub compression_ratio_threshold: Option<f32>,
    /// Below it a text is too unlikely.
    pub log_probability_threshold: Option<f32>,
    /// Above it, if the text is unlikely as well, there is no speech.
    pub no_speech_threshold: Option<f32>,
    /// Whether each window is told the text before it.
    pub condition_on_previous_text: bool,
    /// Text the first window is told as if it had been said before.
    pub initial_prompt: Option<String>,
    /// Whether every window is told the initial prompt.
    pub carry_initial_prompt: bool,
    /// Whether words get times.
    pub word_timestamps: bool,
    /// Punctuation that belongs to the next word.
    pub prepend_punctuations: String,
    /// Punctuation that belongs to the previous word.
    pub append_punctuations: String,
    /// Starts and ends of the clips to transcribe, seconds; a last start runs to the end.
    pub clips: Vec<f64>,
    /// Stretches of audio that are heard side by side. Above 1, nothing may depend on what was heard
    /// before: no conditioning, no word times; and audio without `clips` is cut at pauses.
    pub batch: usize,
    /// With word times: silence longer than this around improbable words is skipped, seconds.
    pub hallucination_silence_threshold: Option<f64>,
}

impl Default for TranscribeOptions {
    fn default() -> Self {
        TranscribeOptions {
            decoding: DecodingOptions::default(),
            temperatures: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            beam_size: None,
            patience: None,
            best_of: None,
            compression_ratio_threshold: Some(2.4),
            log_probability_threshold: Some(-1.0),
            no_speech_threshold: Some(0.6),
            condition_on_previous_text: true,
            initial_prompt: None,
            carry_initial_prompt: false,
            word_timestamps: false,
            prepend_punctuations: "\"'“¿([{-".into(),
            append_punctuations: "\"'.。,，!！?？:：”)]}、".into(),
            clips: Vec::new(),
            batch: 1,
            hallucination_silence_threshold: None,
        }
    }
}

impl TranscribeOptions {
    /// Checks the options against each other.
    ///
    /// # Errors
    /// [`Error::Options`] names what does not go together.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |what: String, help| Err(Error::Options { what, help });
        match self.batch {
            0 => wrong("a batch of 0 stretches hears nothing".into(), "1 is usual"),
            1 => Ok(()),
            n if self.condition_on_previous_text => wrong(
                format!("{n} stretches heard side by side cannot be told each other's text"),
                "do not condition on previous text, or take a batch of 1",
            ),
            n if self.word_timestamps => wrong(
                format!("words get no times in a batch of {n} stretches"),
                "take a batch of 1",
            ),
            _ => Ok(()),
        }
    }

    /// The strategy at a temperature: beams only at 0, several samples only above.
    pub(super) fn strategy(&self, temperature: f32) -> Strategy {
        if temperature > 0.0 {
            return Strategy::Sample {
                temperature,
                best_of: self.best_of.unwrap_or(1),
            };
        }
        match self.beam_size {
            Some(size) => Strategy::Beam {
                size,
                patience: self.patience,
            },
            None => Strategy::Greedy,
        }
    }
}
