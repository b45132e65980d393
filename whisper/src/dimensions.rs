//! The sizes of a Whisper model, bounded before anything is allocated by them.

use crate::{Error, Result};

/// Mel frames of one 30 s window.
pub(crate) const WINDOW_FRAMES: usize = 3000;

/// Timestamp tokens: 0.00 s to 30.00 s in steps of 0.02 s.
pub(crate) const TIMESTAMPS: usize = 1501;

/// Tokens between the text tokens and the timestamps, without the languages: end of text, start of
/// transcript, translate, transcribe, start of LM, start of previous text, no speech, no timestamps.
pub(crate) const SPECIALS: usize = 8;

/// Sizes of a model, named as in openai-whisper's `ModelDimensions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Mel channels: 80, or 128 for large-v3 and its children.
    pub n_mels: usize,
    /// Encoder positions, 1500 for 30 s.
    pub n_audio_ctx: usize,
    /// Width of the encoder.
    pub n_audio_state: usize,
    /// Attention heads of the encoder.
    pub n_audio_head: usize,
    /// Encoder layers.
    pub n_audio_layer: usize,
    /// Rows of the token embedding.
    pub n_vocab: usize,
    /// Decoder positions, 448.
    pub n_text_ctx: usize,
    /// Width of the decoder.
    pub n_text_state: usize,
    /// Attention heads of the decoder.
    pub n_text_head: usize,
    /// Decoder layers.
    pub n_text_layer: usize,
}

impl Dimensions {
    /// Checks every size against generous bounds, so that a damaged file cannot ask for absurd
    /// allocations.
    ///
    /// # Errors
    /// [`Error::Dimension`] names the first size outside its bounds.
    pub(crate) fn check(self) -> Result<Self> {
        let bounds: [(&'static str, usize, usize, usize); 10] = [
            ("n_mels", self.n_mels, 1, 512),
            ("n_audio_ctx", self.n_audio_ctx, 1, WINDOW_FRAMES / 2),
            ("n_audio_state", self.n_audio_state, 1, 8192),
            ("n_audio_head", self.n_audio_head, 1, 256),
            ("n_audio_layer", self.n_audio_layer, 1, 256),
            ("n_vocab", self.n_vocab, 1, 1 << 20),
            ("n_text_ctx", self.n_text_ctx, 4, 1 << 16),
            ("n_text_state", self.n_text_state, 1, 8192),
            ("n_text_head", self.n_text_head, 1, 256),
            ("n_text_layer", self.n_text_layer, 1, 256),
        ];
        for (name, found, low, high) in bounds {
            if found < low || found > high {
                return Err(Error::Dimension {
                    name,
                    found,
                    expected: format!("{low} to {high}"),
                });
            }
        }
        for (name, state, heads) in [
            ("n_audio_state", self.n_audio_state, self.n_audio_head),
            ("n_text_state", self.n_text_state, self.n_text_head),
        ] {
            if state % heads != 0 {
                return Err(Error::Dimension {
                    name,
                    found: state,
                    expected: format!("a multiple of its {heads} heads"),
                });
            }
        }
        if self.n_audio_state != self.n_text_state {
            return Err(Error::Dimension {
                name: "n_text_state",
                found: self.n_text_state,
                expected: format!("n_audio_state, {}", self.n_audio_state),
            });
        }
        Ok(self)
    }

    /// Mel frames of one window: twice the encoder positions, for the second convolution halves.
    pub fn window_frames(&self) -> usize {
        self.n_audio_ctx * 2
    }

    /// Width of one attention head of the encoder.
    pub fn audio_head_width(&self) -> usize {
        self.n_audio_state / self.n_audio_head
    }

    /// Width of one attention head of the decoder.
    pub fn text_head_width(&self) -> usize {
        self.n_text_state / self.n_text_head
    }
}
