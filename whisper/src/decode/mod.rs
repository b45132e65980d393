//! From features to text, as openai-whisper defines it.
//!
//! `prompt` puts together what the decoder is fed first, `filters` forbid tokens by rule, `greedy`
//! and `beam` choose the next ones, `task` runs the loop over windows and picks the best sequence.
//! Facts: openai-whisper `decoding.py`.

mod beam;
mod filters;
mod greedy;
mod language;
mod options;
mod prompt;
mod scores;
mod task;

pub use language::{LanguageGuess, detect_languages};
pub use options::{DecodingOptions, DecodingResult, Strategy};
pub use task::{compression_ratio, decode};
