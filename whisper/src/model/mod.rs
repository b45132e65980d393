//! The network on the host: encoder and decoder, two separate steps.
//!
//! Everything above (decoding, transcription) knows only the [`Encoder`] and [`Decoder`] traits, so
//! that each step can run on another device. Shapes are row-major; widths are those of
//! [`Dimensions`].

mod attention;
mod cache;
mod compute;
mod decoder;
mod encoder;
mod linear;
mod vector;

use crate::tokenizer::Token;
use crate::{Dimensions, Result};

pub use compute::{Compute, Precision};
pub use decoder::CpuDecoder;
pub use encoder::CpuEncoder;

/// What the encoder makes of one 30 s window: `n_audio_ctx` rows of `n_audio_state` values.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// The values, row by row.
    pub data: Vec<f32>,
}

/// Log-mel windows to features.
pub trait Encoder: Send {
    /// Sizes of the model.
    fn dimensions(&self) -> &Dimensions;

    /// Encodes one window of `n_mels` channels of `2 * n_audio_ctx` frames, channel by channel.
    ///
    /// # Errors
    /// If the window has another size, or the device fails.
    fn encode(&mut self, mel: &[f32]) -> Result<Features>;
}

/// Scores of one window's tokens against its audio, for word times.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// `tokens` rows of `n_vocab` logits.
    pub logits: Vec<f32>,
    /// For each head asked for, `tokens` rows of `n_audio_ctx` attention scores before the softmax.
    pub scores: Vec<f32>,
}

/// Tokens to logits, for several rows (beams, samples, windows) in step.
///
/// Every row belongs to a window and has its own history of the same length.
pub trait Decoder: Send {
    /// Sizes of the model.
    fn dimensions(&self) -> &Dimensions;

    /// Takes new windows, one row each, with empty histories.
    ///
    /// # Errors
    /// If features have another size, or the device fails.
    fn begin(&mut self, windows: &[Features]) -> Result<()>;

    /// Empties the histories and goes back to one row for each window, whose features stay.
    fn rewind(&mut self);

    /// Rows now.
    fn rows(&self) -> usize;

    /// Appends the same number of tokens to every row (`tokens` holds row after row) and gives the
    /// logits after the tokens at `wanted` of them: rows x wanted x `n_vocab`.
    ///
    /// # Errors
    /// If a token is not in the vocabulary, the positions are used up, or the device fails.
    fn step(&mut self, tokens: &[Token], wanted: &[usize]) -> Result<&[f32]>;

    /// Makes row `i` what row `sources[i]` was; the number of rows may change.
    ///
    /// # Errors
    /// If a source is not a row.
    fn reorder(&mut self, sources: &[usize]) -> Result<()>;

    /// Rewinds, feeds `tokens` to the first window and gives logits and attention scores of the
    /// cross-attention `heads` (layer, head) for every token. Rewinds again at the end.
    ///
    /// # Errors
    /// As [`Self::step`].
    fn align(&mut self, tokens: &[Token], heads: &[(usize, usize)]) -> Result<Alignment>;
}
