//! Audio to segments, with the model and the devices that were chosen.
//!
//! `AudioReader -> pieces -> whisper::transcribe::Transcriber -> segments`
//!
//! Audio up to [`PIECE_SECONDS`] is transcribed in one go, exactly as openai-whisper does it. Longer
//! audio goes through in pieces, so that memory stays bounded: a piece ends with the last segment that
//! begins half a minute before its end, the next one begins there and is told the text before it.

use std::ops::ControlFlow;
use std::path::Path;

use whisper::Checkpoint;
use whisper::model::{Compute, CpuDecoder, CpuEncoder, Decoder, Encoder, Precision};
use whisper::tokenizer::{Task, language_code, language_name};
use whisper::transcribe::{Event, TranscribeOptions, Transcriber};

use crate::audio::{AudioError, AudioReader, SAMPLE_RATE};
use crate::cli::{self, DecodingOptions};
use crate::device::{Device, DeviceError, Placement, Step};
use crate::exit::{CommandError, Exit};
use crate::output::{Provenance, Segment, Transcript, Word};
use crate::watch::{Spent, Watched};

/// The longest audio that is held at once, in seconds.
pub const PIECE_SECONDS: usize = 1800;

/// The window of the model in seconds: nothing that begins this close to the end of a piece is final.
const WINDOW_SECONDS: f64 = 30.0;

/// Characters of the text before that a piece is told; the model has room for some 220 tokens.
const TOLD_CHARACTERS: usize = 1000;

/// A loaded model on its devices.
pub struct Engine {
    transcriber: Transcriber,
    provenance: Provenance,
    piece: usize,
    spent: Spent,
}

/// What a transcription reports as it goes.
pub enum Report<'a> {
    /// A segment is final.
    Segment(&'a Segment),
    /// Seconds of audio behind us.
    Progress(f64),
}

/// How a transcription went: what was heard, and what stopped it early, if anything.
pub struct Outcome {
    /// All segments.
    pub transcript: Transcript,
    /// Reading or computing failed after what `transcript` holds.
    pub failure: Option<CommandError>,
}

impl Engine {
    /// Loads a model.
    ///
    /// # Errors
    /// The model is missing, damaged or does not fit its vocabulary; a device lacks a step.
    pub fn load(
        path: &Path,
        placement: &Placement,
        precision: cli::Precision,
        threads: Option<u16>,
    ) -> Result<Self, CommandError> {
        let model_error = |error: whisper::Error| CommandError::new(Exit::Model, error);
        let precision = match precision {
            cli::Precision::F32 => Precision::F32,
            cli::Precision::Int8 => Precision::Int8,
        };
        let compute = Compute::new(threads.map(usize::from))
            .map_err(|error| CommandError::new(Exit::Failed, error))?;
        let checkpoint = Checkpoint::open(path).map_err(model_error)?;
        let spent = Spent::default();
        let encoder: Box<dyn Encoder> = match placement.encoder {
            Device::Cpu => {
                Box::new(CpuEncoder::load(&checkpoint, &compute, precision).map_err(model_error)?)
            }
            device => return Err(lacks(device, Step::Encoder)),
        };
        let decoder: Box<dyn Decoder> = match placement.decoder {
            Device::Cpu => {
                Box::new(CpuDecoder::load(&checkpoint, &compute, precision).map_err(model_error)?)
            }
            device => return Err(lacks(device, Step::Decoder)),
        };
        let (float, byte) = compute.kernels();
        Ok(Self {
            transcriber: Transcriber::new(
                &checkpoint,
                Box::new(Watched::new(encoder, &spent.encoder)),
                Box::new(Watched::new(decoder, &spent.decoder)),
            )
            .map_err(model_error)?,
            provenance: Provenance {
                model: path.display().to_string(),
                encoder_device: placement.encoder.to_string(),
                decoder_device: placement.decoder.to_string(),
                kernels: match precision {
                    Precision::F32 => format!("host f32 ({float})"),
                    Precision::Int8 => format!("host int8 ({byte}), f32 ({float})"),
                },
            },
            piece: PIECE_SECONDS,
            spent,
        })
    }

    /// Takes pieces of another length, at least two windows, in seconds.
    #[must_use]
    pub fn with_piece(mut self, seconds: usize) -> Self {
        self.piece = seconds.max(60);
        self
    }

    /// Time spent in encoder and decoder so far.
    pub fn spent(&self) -> &Spent {
        &self.spent
    }

    /// What serves.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Checks options against the model and puts them in its terms.
    ///
    /// # Errors
    /// The model does not know the language, or does not translate.
    pub fn options(&self, given: &DecodingOptions) -> Result<TranscribeOptions, CommandError> {
        let mut options = TranscribeOptions {
            temperatures: given.temperature.clone(),
            beam_size: match given.beam_size {
                Some(1) => None,
                size => Some(size.unwrap_or(5).into()),
            },
            best_of: Some(given.best_of.into()),
            patience: given.patience,
            compression_ratio_threshold: Some(given.compression_ratio_threshold),
            log_probability_threshold: Some(given.logprob_threshold),
            no_speech_threshold: Some(given.no_speech_threshold),
            condition_on_previous_text: !given.no_condition_on_previous_text,
            initial_prompt: given.initial_prompt.clone(),
            word_timestamps: given.word_timestamps,
            batch: given.batch.into(),
            ..TranscribeOptions::default()
        };
        if given.batch > 1 && !given.no_condition_on_previous_text {
            return Err(CommandError::usage(
                format!(
                    "{} stretches heard side by side cannot be told each other's text",
                    given.batch
                ),
                "add --no-condition-on-previous-text, or leave --batch out",
            ));
        }
        if given.batch > 1 && given.word_timestamps {
            return Err(CommandError::usage(
                format!("words get no times in a batch of {} stretches", given.batch),
                "leave out --batch or --word-timestamps",
            ));
        }
        let tokenizer = self.transcriber.tokenizer();
        let decoding = &mut options.decoding;
        decoding.length_penalty = given.length_penalty;
        decoding.seed = given.seed;
        decoding.without_timestamps = given.without_timestamps;
        decoding.suppress_non_speech = given.suppress_tokens.contains(&-1);
        for &token in given.suppress_tokens.iter().filter(|&&token| token != -1) {
            let known = u32::try_from(token).ok();
            let known = known.filter(|&token| (token as usize) < tokenizer.size());
            decoding.suppress.insert(known.ok_or_else(|| {
                CommandError::usage(
                    format!(
                        "token {token} to suppress is not in the vocabulary of {}",
                        tokenizer.size()
                    ),
                    "give numbers of tokens, or -1",
                )
            })?);
        }
        decoding.task = match given.task {
            cli::Task::Transcribe => Task::Transcribe,
            cli::Task::Translate if tokenizer.multilingual() => Task::Translate,
            cli::Task::Translate => {
                return Err(CommandError::usage(
                    format!("the model {} does not translate", self.provenance.model),
                    "take a multilingual model, one without .en in its name",
                ));
            }
        };
        if let Some(name) = &given.language {
            decoding.language = Some(self.language(name)?);
        }
        Ok(options)
    }

    fn language(&self, name: &str) -> Result<String, CommandError> {
        let tokenizer = self.transcriber.tokenizer();
        let unknown = |what: String| {
            CommandError::usage(
                what,
                "give a code such as en or a name such as english, or leave it out to have it detected",
            )
        };
        let code = language_code(name)
            .ok_or_else(|| unknown(format!("{name:?} is not a language Whisper knows")))?;
        let model = &self.provenance.model;
        if !tokenizer.multilingual() && code != "en" {
            return Err(unknown(format!(
                "the model {model} knows English only, not {name}"
            )));
        }
        if tokenizer.multilingual() && !tokenizer.languages().any(|known| known == code) {
            return Err(unknown(format!("the model {model} does not know {name}")));
        }
        Ok(code.to_owned())
    }

    /// Transcribes a file or stream to its end, or until `report` breaks.
    ///
    /// # Errors
    /// The audio gives not one sample. What goes wrong later is in the outcome, beside what was
    /// heard before.
    pub fn transcribe(
        &mut self,
        reader: &mut AudioReader,
        options: &TranscribeOptions,
        report: &mut dyn FnMut(Report<'_>) -> ControlFlow<()>,
    ) -> Result<Outcome, AudioError> {
        let mut run = Run {
            limit: self.piece * SAMPLE_RATE as usize,
            samples: Vec::new(),
            offset: 0,
            options: options.clone(),
            segments: Vec::new(),
            broken: false,
        };
        let mut failure = None;
        let mut last = false;
        while !last && !run.broken && failure.is_none() {
            last = match run.fill(reader) {
                Ok(last) => last,
                Err(error) if run.samples.is_empty() && run.segments.is_empty() => {
                    return Err(error);
                }
                Err(error) => {
                    failure = Some(error.into());
                    true
                }
            };
            if let Err(error) = run.piece(&mut self.transcriber, last, report) {
                failure = Some(CommandError::new(Exit::Failed, error));
            }
        }
        let language = run.options.decoding.language.unwrap_or_default();
        Ok(Outcome {
            transcript: Transcript {
                task: match options.decoding.task {
                    Task::Transcribe => "transcribe".to_owned(),
                    Task::Translate => "translate".to_owned(),
                },
                language_name: language_name(&language).unwrap_or(&language).to_owned(),
                language,
                duration: reader.seconds_read(),
                segments: run.segments,
                has_words: options.word_timestamps,
                complete: !run.broken && failure.is_none(),
                provenance: self.provenance.clone(),
            },
            failure,
        })
    }
}

/// A transcription under way.
struct Run {
    limit: usize,
    samples: Vec<f32>,
    /// Position of the first of `samples` in the audio.
    offset: usize,
    options: TranscribeOptions,
    segments: Vec<Segment>,
    broken: bool,
}

impl Run {
    /// Reads until a piece is full; `true` at the end of the audio.
    fn fill(&mut self, reader: &mut AudioReader) -> Result<bool, AudioError> {
        while self.samples.len() < self.limit {
            match reader.next_block()? {
                Some(block) => self.samples.extend_from_slice(&block),
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Transcribes the piece that is held, and lets go of what is final.
    fn piece(
        &mut self,
        transcriber: &mut Transcriber,
        last: bool,
        report: &mut dyn FnMut(Report<'_>) -> ControlFlow<()>,
    ) -> whisper::Result<()> {
        let held = self.samples.len() as f64 / f64::from(SAMPLE_RATE);
        let settled = if last {
            f64::INFINITY
        } else {
            held - WINDOW_SECONDS
        };
        let begin = self.offset as f64 / f64::from(SAMPLE_RATE);
        let mut options = self.options.clone();
        if !self.segments.is_empty() && options.condition_on_previous_text {
            options.initial_prompt = Some(told(&self.segments));
        }
        let mut end = 0.0f64;
        let (segments, broken, language) = (
            &mut self.segments,
            &mut self.broken,
            &mut self.options.decoding.language,
        );
        transcriber.transcribe(&self.samples, &options, &mut |event| {
            let flow = match event {
                Event::Language(code, _) => {
                    *language = Some(code.to_owned());
                    ControlFlow::Continue(())
                }
                Event::Segment(segment) if segment.start >= settled => {
                    return ControlFlow::Break(());
                }
                Event::Segment(segment) => {
                    end = end.max(segment.end);
                    if segment.text.trim().is_empty() {
                        return ControlFlow::Continue(());
                    }
                    let segment = shifted(segment, begin);
                    let flow = report(Report::Segment(&segment));
                    segments.push(segment);
                    flow
                }
                Event::Progress(done, _) => report(Report::Progress(begin + done)),
            };
            *broken |= flow.is_break();
            flow
        })?;
        if !last {
            let resume = end.max(settled).min(held);
            let count = (resume * f64::from(SAMPLE_RATE)) as usize;
            let count = count.min(self.samples.len());
            self.samples.drain(..count);
            self.offset += count;
        }
        Ok(())
    }
}

fn lacks(device: Device, step: Step) -> CommandError {
    DeviceError::Steps {
        device,
        steps: step.to_string(),
    }
    .into()
}

/// The end of the text so far, from a word's beginning.
fn told(segments: &[Segment]) -> String {
    let text: String = segments.iter().map(|s| s.text.as_str()).collect();
    let skip = text.chars().count().saturating_sub(TOLD_CHARACTERS);
    if skip == 0 {
        return text;
    }
    let tail: String = text.chars().skip(skip).collect();
    match tail.split_once(' ') {
        Some((_, whole_words)) => whole_words.to_owned(),
        None => tail,
    }
}

/// A segment of a piece that begins `begin` seconds into the audio.
fn shifted(segment: &whisper::transcribe::Segment, begin: f64) -> Segment {
    Segment {
        start: begin + segment.start,
        end: begin + segment.end,
        text: segment.text.clone(),
        tokens: segment.tokens.clone(),
        seek: (begin * 100.0).round() as usize + segment.seek,
        temperature: f64::from(segment.temperature),
        avg_logprob: f64::from(segment.average_log_probability),
        compression_ratio: f64::from(segment.compression_ratio),
        no_speech_prob: f64::from(segment.no_speech_probability),
        words: segment
            .words
            .iter()
            .map(|word| Word {
                text: word.word.clone(),
                start: begin + word.start,
                end: begin + word.end,
                probability: word.probability,
            })
            .collect(),
    }
}
