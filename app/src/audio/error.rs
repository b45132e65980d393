//! What can be wrong with an audio file.

use thiserror::Error;

use super::{MAX_RATE, MIN_RATE};

/// Why a file or stream gives no samples.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum AudioError {
    /// The path cannot be opened.
    #[error(
        "cannot open {name}: {source}\nhelp: check that the path exists and that you may read it"
    )]
    Open {
        name: String,
        source: std::io::Error,
    },

    /// The path names a directory.
    #[error("{name} is a directory, not an audio file\nhelp: name the files in it instead")]
    Directory { name: String },

    /// Reading stopped with an error of the operating system.
    #[error(
        "reading {name} failed: {source}\nhelp: the file system or the pipe broke off; copy the file to a local disk and try again"
    )]
    Read {
        name: String,
        source: std::io::Error,
    },

    /// Not one byte.
    #[error(
        "{name} is empty: 0 bytes\nhelp: check that the recording or the download was finished"
    )]
    Empty { name: String },

    /// No known container starts in the first megabyte.
    #[error(
        "{name} is not audio in a known format\nhelp: wav, aiff, flac, mp3, m4a/mp4, aac, ogg and mkv/webm are read; convert others first, for example: ffmpeg -i INPUT output.wav"
    )]
    NotAudio { name: String },

    /// A known container with broken headers.
    #[error(
        "{name} begins like audio, but its headers are damaged: {detail}\nhelp: the file is cut off or corrupt; fetch it again, or repair it with: ffmpeg -i INPUT output.wav"
    )]
    Header { name: String, detail: String },

    /// A container without a sound track.
    #[error(
        "{name} ({container}) has no audio track\nhelp: check that this is the file you mean; a video without sound gives no text"
    )]
    NoTrack { name: String, container: String },

    /// A codec that is not decoded here.
    #[error(
        "{name} ({container}) is in a codec that is not decoded here: {codec}\nhelp: convert it first: ffmpeg -i INPUT output.wav"
    )]
    Codec {
        name: String,
        container: String,
        codec: String,
    },

    /// Packets were there, and none could be decoded.
    #[error(
        "{name} ({codec}) is damaged: none of its {packets} packets can be decoded: {detail}\nhelp: fetch the file again, or repair it with: ffmpeg -i INPUT output.wav"
    )]
    Damaged {
        name: String,
        codec: String,
        packets: u64,
        detail: String,
    },

    /// Headers announce audio, and none follows.
    #[error(
        "{name} announces {announced} of audio but holds no samples\nhelp: the file was cut off after its header; check that the recording or the download was finished"
    )]
    HeaderOnly { name: String, announced: String },

    /// A well-formed file of length zero.
    #[error("{name} holds no samples\nhelp: check that something was recorded")]
    NoSamples { name: String },

    /// A sample rate outside what is resampled.
    #[error(
        "{name} has a sample rate of {rate} Hz, outside {MIN_RATE} to {MAX_RATE} Hz\nhelp: the header is probably damaged; if not, resample it first: ffmpeg -i INPUT -ar 16000 output.wav"
    )]
    Rate { name: String, rate: u32 },
}

/// Hours, minutes and seconds, as people write them: `10:00:00.000`.
pub(super) fn clock(seconds: f64) -> String {
    let millis = (seconds.max(0.0) * 1000.0).round() as u64;
    let (hours, rest) = (millis / 3_600_000, millis % 3_600_000);
    format!(
        "{hours}:{:02}:{:02}.{:03}",
        rest / 60_000,
        rest / 1000 % 60,
        rest % 1000
    )
}
