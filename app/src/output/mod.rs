//! Transcripts and the files they become.
//!
//! `Transcript -> txt | srt | vtt | tsv | json -> file, replaced at once (atomic)`
//!
//! Text, subtitles and tables are made piece by piece ([`Format::header`], [`Format::segment`]), so that
//! they can be shown while the transcription runs; JSON is made when it is over. Every output names
//! what made it: JSON and VTT inside, the others through [`Provenance::line`] on the standard error.

mod atomic;
mod json;
mod subtitles;

use std::fmt;
use std::path::{Path, PathBuf};

pub use atomic::{OutputError, replace};

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Format {
    /// Plain text, a line for each segment.
    Txt,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles; with word timestamps each word carries its time.
    Vtt,
    /// Start and end in milliseconds and text, separated by tabs.
    Tsv,
    /// Everything, in the shape of OpenAI's `verbose_json`.
    Json,
}

/// A word and when it is spoken.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// The word as the tokens spell it, usually with a space in front.
    pub text: String,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
    /// Mean probability of its tokens, 0 to 1.
    pub probability: f64,
}

/// A stretch of speech between two timestamps.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
    /// The text as the tokens spell it, usually with a space in front.
    pub text: String,
    /// The tokens, timestamps included.
    pub tokens: Vec<u32>,
    /// Position of the window it was decoded in, in mel frames of 10 ms.
    pub seek: usize,
    /// Temperature the window was decoded with.
    pub temperature: f64,
    /// Mean log-probability of the window's tokens.
    pub avg_logprob: f64,
    /// Length of the window's text over its length compressed; high when it repeats itself.
    pub compression_ratio: f64,
    /// Probability that the window holds no speech.
    pub no_speech_prob: f64,
    /// The words with their times; empty unless asked for.
    pub words: Vec<Word>,
}

/// What made a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The model: directory or file, as named.
    pub model: String,
    /// The device that ran the encoder.
    pub encoder_device: String,
    /// The device that ran the decoder.
    pub decoder_device: String,
    /// The kernels that did the arithmetic.
    pub kernels: String,
}

impl Provenance {
    /// The device, or the two where encoder and decoder ran on different ones.
    pub fn device(&self) -> String {
        if self.encoder_device == self.decoder_device {
            self.encoder_device.clone()
        } else {
            format!(
                "{} (encoder), {} (decoder)",
                self.encoder_device, self.decoder_device
            )
        }
    }

    /// One line that says it all.
    pub fn line(&self) -> String {
        format!(
            "amanuensis {}; model {}; device {}; kernels {}",
            env!("CARGO_PKG_VERSION"),
            one_line(&self.model),
            self.device(),
            self.kernels
        )
    }
}

/// A finished transcription.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// `transcribe` or `translate`.
    pub task: String,
    /// Code of the language spoken, such as `en`.
    pub language: String,
    /// English name of the language, such as `english`.
    pub language_name: String,
    /// Length of the audio in seconds.
    pub duration: f64,
    /// The segments in order.
    pub segments: Vec<Segment>,
    /// Whether words were asked for.
    pub has_words: bool,
    /// Whether the end was reached; not so after an interruption.
    pub complete: bool,
    /// What made it.
    pub provenance: Provenance,
}

impl Transcript {
    /// The whole text.
    pub fn text(&self) -> String {
        let joined: String = self.segments.iter().map(|s| s.text.as_str()).collect();
        joined.trim().to_owned()
    }
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 5] = [Self::Txt, Self::Srt, Self::Vtt, Self::Tsv, Self::Json];

    /// Extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Tsv => "tsv",
            Self::Json => "json",
        }
    }

    /// Whether segments can be written before the whole is known.
    pub fn streams(self) -> bool {
        self != Self::Json
    }

    /// Whether the form itself has room for the provenance.
    pub fn names_provenance(self) -> bool {
        matches!(self, Self::Vtt | Self::Json)
    }

    /// What stands before the first segment.
    pub fn header(self, provenance: &Provenance) -> String {
        match self {
            Self::Vtt => subtitles::vtt_header(provenance),
            Self::Tsv => "start\tend\ttext\n".to_owned(),
            _ => String::new(),
        }
    }

    /// Segment number `index`, counted from 0. Empty for [`Format::Json`].
    pub fn segment(self, index: usize, segment: &Segment) -> String {
        match self {
            Self::Txt => format!("{}\n", one_line(segment.text.trim())),
            Self::Srt => subtitles::srt_cue(index, segment),
            Self::Vtt => subtitles::vtt_cue(segment),
            Self::Tsv => format!(
                "{}\t{}\t{}\n",
                millis(segment.start),
                millis(segment.end),
                one_line(segment.text.trim()).replace('\t', " ")
            ),
            Self::Json => String::new(),
        }
    }

    /// The whole file.
    pub fn render(self, transcript: &Transcript) -> String {
        if self == Self::Json {
            return json::render(transcript);
        }
        let mut out = self.header(&transcript.provenance);
        for (index, segment) in transcript.segments.iter().enumerate() {
            out.push_str(&self.segment(index, segment));
        }
        out
    }

    /// The file for `input` in `folder`: same stem, own extension.
    pub fn path_in(self, folder: &Path, stem: &str) -> PathBuf {
        folder.join(format!("{stem}.{}", self.extension()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// Milliseconds, rounded.
fn millis(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

/// Line breaks would end a cue, a row or a note early.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}
