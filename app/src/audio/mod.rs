//! Audio files and streams as blocks of 16 kHz mono samples.
//!
//! `bytes -> container and codec (decode) -> one channel (mix) -> 16 kHz (resample) -> blocks`
//!
//! Nothing is held whole: a block leaves as soon as its samples are there, and a ten-hour file costs
//! the same memory as a short one. The one exception is an MP4 or M4A that arrives through a pipe: its
//! index may stand at its end, so it is kept in an unnamed temporary file first.

mod decode;
mod error;
mod mix;
mod resample;
mod source;
mod wav_layout;

use std::path::Path;

pub use error::AudioError;
pub use resample::Resampler;

use decode::Decoder;
use source::Source;

/// The sample rate every model here takes, in hertz.
pub const SAMPLE_RATE: u32 = 16_000;

/// The lowest sample rate that is read, in hertz.
pub const MIN_RATE: u32 = 1_000;

/// The highest sample rate that is read, in hertz.
pub const MAX_RATE: u32 = 768_000;

/// What a file's headers say of it, before a sample is decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioInfo {
    /// Short name of the container, such as `wave` or `ogg`.
    pub container: String,
    /// Short name of the codec, such as `pcm_s16le` or `flac`.
    pub codec: String,
    /// Sample rate in hertz, where the headers give it.
    pub rate: Option<u32>,
    /// Number of channels, where the headers give it.
    pub channels: Option<usize>,
    /// Length in seconds that the headers announce. A pipe's headers often announce none.
    pub seconds: Option<f64>,
}

/// Reads a file or stream as blocks of mono samples in [-1, 1] at [`SAMPLE_RATE`].
///
/// As an iterator it gives blocks until the end or the first error.
pub struct AudioReader {
    name: String,
    decoder: Decoder,
    resampler: Option<Resampler>,
    frames: u64,
    samples: u64,
    finished: bool,
}

impl AudioReader {
    /// Opens a file; a named pipe or a device file is read as a stream.
    ///
    /// # Errors
    /// The path cannot be read or is a directory; the content is empty, not audio, or in a codec
    /// that is not decoded here.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        Self::new(Source::open(path)?, &path.display().to_string())
    }

    /// Reads the standard input.
    ///
    /// # Errors
    /// As [`AudioReader::open`].
    pub fn stdin() -> Result<Self, AudioError> {
        Self::from_stream(std::io::stdin(), "standard input")
    }

    /// Reads any stream of bytes; `name` is used in errors.
    ///
    /// # Errors
    /// As [`AudioReader::open`].
    pub fn from_stream(
        stream: impl std::io::Read + Send + Sync + 'static,
        name: &str,
    ) -> Result<Self, AudioError> {
        Self::new(Source::from_stream(Box::new(stream), name)?, name)
    }

    fn new(source: Source, name: &str) -> Result<Self, AudioError> {
        Ok(Self {
            name: name.to_owned(),
            decoder: Decoder::new(source, name)?,
            resampler: None,
            frames: 0,
            samples: 0,
            finished: false,
        })
    }

    /// What the headers say.
    pub fn info(&self) -> &AudioInfo {
        self.decoder.info()
    }

    /// The name errors carry: the path, or what the stream was called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds of audio handed out so far.
    pub fn seconds_read(&self) -> f64 {
        self.samples as f64 / f64::from(SAMPLE_RATE)
    }

    /// What was wrong with the file without stopping it: an early end, damaged packets. Complete
    /// once the end is reached.
    pub fn warnings(&self) -> &[String] {
        self.decoder.warnings()
    }

    /// The next block, never empty; `None` at the end.
    ///
    /// # Errors
    /// Reading fails, the sample rate is outside [`MIN_RATE`]..=[`MAX_RATE`], nothing in the file can
    /// be decoded, or the file holds no samples at all.
    pub fn next_block(&mut self) -> Result<Option<Vec<f32>>, AudioError> {
        let mut out = Vec::new();
        while out.is_empty() && !self.finished {
            match self.decoder.next_mono()? {
                Some((rate, mono)) => self.push(rate, &mono, &mut out)?,
                None => self.finish(&mut out)?,
            }
        }
        for sample in &mut out {
            *sample = sample.clamp(-1.0, 1.0);
        }
        self.samples += out.len() as u64;
        Ok((!out.is_empty()).then_some(out))
    }

    fn push(&mut self, rate: u32, mono: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        self.frames += mono.len() as u64;
        if self
            .resampler
            .as_ref()
            .is_none_or(|r| r.input_rate() != rate)
        {
            if let Some(mut previous) = self.resampler.take() {
                previous.finish(out);
            }
            let resampler = Resampler::new(rate).ok_or_else(|| AudioError::Rate {
                name: self.name.clone(),
                rate,
            })?;
            self.resampler = Some(resampler);
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.push(mono, out);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), AudioError> {
        self.finished = true;
        if let Some(resampler) = &mut self.resampler {
            resampler.finish(out);
        }
        if self.frames == 0 {
            return Err(self.decoder.nothing_decoded());
        }
        Ok(())
    }

    /// Reads what is left into one vector, for short files and tests.
    ///
    /// # Errors
    /// As [`AudioReader::next_block`].
    pub fn read_to_end(&mut self) -> Result<Vec<f32>, AudioError> {
        let mut all = Vec::new();
        while let Some(block) = self.next_block()? {
            all.extend_from_slice(&block);
        }
        Ok(all)
    }
}

impl Iterator for AudioReader {
    type Item = Result<Vec<f32>, AudioError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.next_block().transpose();
        if matches!(item, Some(Err(_))) {
            self.finished = true;
        }
        item
    }
}
