//! Long audio to segments with times, as openai-whisper's `transcribe` does it.
//!
//! A window of up to 30 s is encoded, decoded (again at higher temperatures where the result is
//! poor), cut into segments at its timestamps, and the next window begins where the last whole
//! segment ended. Facts: openai-whisper `transcribe.py` and `timing.py`.

mod fallback;
mod hallucination;
mod heads;
mod options;
mod path;
mod pauses;
mod punctuation;
mod run;
mod segments;
mod words;

pub use heads::alignment_heads;
pub use options::TranscribeOptions;
pub use run::{Event, Transcriber};
pub use segments::Segment;
pub use words::Word;

/// All that was heard in one audio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The text of all segments.
    pub text: String,
    /// The segments in order.
    pub segments: Vec<Segment>,
    /// Code of the language.
    pub language: String,
    /// Seconds of audio.
    pub duration: f64,
    /// Whether the caller ended it before the audio did.
    pub interrupted: bool,
}
