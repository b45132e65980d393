//! The loop over windows.

use std::ops::ControlFlow;

use super::fallback::{decode_with_fallback, is_silence};
use super::hallucination::{Verdict, judge, last_word_end};
use super::heads::alignment_heads;
use super::segments::{Cut, Window, cut};
use super::words::Aligner;
use super::{Segment, TranscribeOptions, Transcript};
use crate::decode::detect_languages;
use crate::mel::{FRAMES_PER_SECOND, HOP, LogMel, Mel};
use crate::model::{Decoder, Encoder};
use crate::tokenizer::{Task, Token, Tokenizer};
use crate::{Checkpoint, Error, Result};

/// Results at higher temperatures than this are not told to the next window.
const TRUSTED_TEMPERATURE: f32 = 0.5;

/// What a transcription reports as it goes.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The language is known, by option or by detection with its probability.
    Language(&'a str, Option<f32>),
    /// A segment is done.
    Segment(&'a Segment),
    /// Seconds of audio behind us, of how many.
    Progress(f64, f64),
}

/// A model ready to transcribe: encoder and decoder of any device, and what belongs to them.
pub struct Transcriber {
    encoder: Box<dyn Encoder>,
    decoder: Box<dyn Decoder>,
    tokenizer: Tokenizer,
    mel: LogMel,
    heads: Vec<(usize, usize)>,
}

/// Where a transcription stands.
struct State<'a> {
    options: &'a TranscribeOptions,
    language: String,
    initial: Vec<Token>,
    /// Tokens of the initial prompt and of all segments.
    tokens: Vec<Token>,
    /// Tokens before this one are not told to the next window.
    told_from: usize,
    segments: Vec<Segment>,
    last_speech: f64,
}

impl State<'_> {
    /// The tokens a window is told as said before; `context` is the decoder's positions.
    fn prompt(&self, context: usize) -> Vec<Token> {
        if !self.options.carry_initial_prompt {
            return self.tokens[self.told_from..].to_vec();
        }
        let room = (context / 2 - 1).saturating_sub(self.initial.len());
        let told = &self.tokens[self.told_from.max(self.initial.len())..];
        let mut prompt = self.initial.clone();
        // openai-whisper takes a full prompt's rest whole when no room is left; decoding cuts it.
        let from = if room == 0 {
            0
        } else {
            told.len().saturating_sub(room)
        };
        prompt.extend(&told[from..]);
        prompt
    }
}

impl Transcriber {
    /// Puts a model together from a checkpoint's tokenizer and steps on any device.
    ///
    /// # Errors
    /// [`Error::Options`] if encoder and decoder belong to different models.
    pub fn new(
        checkpoint: &Checkpoint,
        encoder: Box<dyn Encoder>,
        decoder: Box<dyn Decoder>,
    ) -> Result<Self> {
        let dims = *checkpoint.dimensions();
        if *encoder.dimensions() != dims || *decoder.dimensions() != dims {
            return Err(Error::Options {
                what: "encoder, decoder and checkpoint have different sizes".into(),
                help: "load all of them from the same model",
            });
        }
        let multilingual = checkpoint.vocabulary().multilingual();
        let heads = match checkpoint.alignment_heads() {
            Some(heads) if !heads.is_empty() => heads.to_vec(),
            _ => alignment_heads(&dims, multilingual),
        };
        Ok(Transcriber {
            encoder,
            decoder,
            tokenizer: Tokenizer::new(checkpoint.vocabulary().clone()),
            mel: LogMel::new(dims.n_mels),
            heads,
        })
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Transcribes 16 kHz samples. `report` hears of every step and may end it; what is done until
    /// then is given.
    ///
    /// # Errors
    /// If options contradict each other or a device fails.
    pub fn transcribe(
        &mut self,
        samples: &[f32],
        options: &TranscribeOptions,
        report: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Transcript> {
        let frames = self.encoder.dimensions().window_frames();
        let mel = self.mel.spectrogram(samples, frames * HOP);
        let content = mel.frames().saturating_sub(frames);
        let duration = seconds(content);
        let (language, probability) = self.language(&mel, options)?;
        let initial = match &options.initial_prompt {
            Some(text) => self.tokenizer.encode(&format!(" {}", text.trim())),
            None => Vec::new(),
        };
        let mut state = State {
            options,
            language,
            tokens: initial.clone(),
            initial,
            told_from: 0,
            segments: Vec::new(),
            last_speech: 0.0,
        };
        let mut flow = report(Event::Language(&state.language, probability));
        'clips: for (start, end) in clips(&options.clips, content) {
            let mut seek = start;
            while seek < end.min(content) {
                if flow.is_break() {
                    break 'clips;
                }
                let window = Window {
                    seek,
                    size: frames.min(content - seek).min(end - seek),
                    rate: FRAMES_PER_SECOND as f64,
                    stride: 2,
                };
                let done = state.segments.len();
                let next = self.window(&mel, window, content, &mut state)?;
                for segment in &state.segments[done..] {
                    if flow.is_continue() {
                        flow = report(Event::Segment(segment));
                    }
                }
                // Always onwards, whatever times the model wrote.
                seek = next.max(seek + 1);
                if flow.is_continue() {
                    flow = report(Event::Progress(seconds(seek.min(content)), duration));
                }
            }
        }
        Ok(Transcript {
            text: self.tokenizer.decode(&state.tokens[state.initial.len()..]),
            segments: state.segments,
            language: state.language,
            duration,
            interrupted: flow.is_break(),
        })
    }

    /// The language, from the first window where it is not given.
    fn language(
        &mut self,
        mel: &Mel,
        options: &TranscribeOptions,
    ) -> Result<(String, Option<f32>)> {
        if let Some(code) = &options.decoding.language {
            self.tokenizer.start_sequence(code, Task::Transcribe)?;
            return Ok((code.clone(), None));
        }
        if !self.tokenizer.multilingual() {
            return Ok(("en".into(), None));
        }
        let frames = self.encoder.dimensions().window_frames();
        let features = self.encoder.encode(&mel.window(0, frames, frames))?;
        self.decoder.begin(&[features])?;
        let guesses = detect_languages(&mut *self.decoder, &self.tokenizer)?;
        let guess = guesses.first();
        let code = guess.map_or("en", |g| g.code);
        let known = guess.and_then(|g| g.probabilities.iter().find(|(c, _)| *c == code));
        Ok((code.to_owned(), known.map(|(_, p)| *p)))
    }

    /// Hears one window; gives the frame to go on at.
    fn window(
        &mut self,
        mel: &Mel,
        window: Window,
        content: usize,
        state: &mut State<'_>,
    ) -> Result<usize> {
        let options = state.options;
        let dims = *self.encoder.dimensions();
        let frames = dims.window_frames();
        let features = self
            .encoder
            .encode(&mel.window(window.seek, window.size, frames))?;
        self.decoder.begin(&[features])?;
        let prompt = state.prompt(dims.n_text_ctx);
        let result = decode_with_fallback(
            &mut *self.decoder,
            &self.tokenizer,
            options,
            &state.language,
            prompt,
        )?;
        if is_silence(options, &result) {
            return Ok(window.seek + window.size);
        }
        let Cut {
            mut segments,
            advance,
            ends_alone,
        } = cut(&self.tokenizer, window, &result);
        let mut next = window.seek + advance;
        if options.word_timestamps {
            let mut aligner = Aligner {
                decoder: &mut *self.decoder,
                tokenizer: &self.tokenizer,
                heads: &self.heads,
                options,
                language: &state.language,
            };
            let before = state.last_speech;
            let offset = seconds(window.seek);
            let mut spoken = before;
            aligner.add_words(&mut segments, window.size, offset, &mut spoken)?;
            let word_end = last_word_end(&segments).filter(|&end| end > offset && !ends_alone);
            if let Some(end) = word_end {
                next = frame(end);
            }
            if let Some(threshold) = options.hallucination_silence_threshold {
                if let Some(end) = word_end {
                    let rest = seconds(window.seek + frames) - end;
                    next = if rest > threshold {
                        frame(end)
                    } else {
                        window.seek + window.size
                    };
                }
                match judge(&segments, window, threshold, before, content, frames) {
                    Verdict::Keep => {}
                    Verdict::Skip(frame) => return Ok(frame),
                    Verdict::Cut(kept, frame) => {
                        segments.truncate(kept);
                        next = frame;
                    }
                }
            }
            state.last_speech = last_word_end(&segments).unwrap_or(before);
        }
        for mut segment in segments {
            if segment.start == segment.end || segment.text.trim().is_empty() {
                segment.text.clear();
                segment.tokens.clear();
                segment.words.clear();
            }
            segment.id = state.segments.len();
            state.tokens.extend(&segment.tokens);
            state.segments.push(segment);
        }
        if !options.condition_on_previous_text || result.temperature > TRUSTED_TEMPERATURE {
            state.told_from = state.tokens.len();
        }
        Ok(next)
    }
}

fn seconds(frames: usize) -> f64 {
    frames as f64 / FRAMES_PER_SECOND as f64
}

/// The frame nearest to a time, the even one of two.
fn frame(seconds: f64) -> usize {
    (seconds * FRAMES_PER_SECOND as f64)
        .round_ties_even()
        .max(0.0) as usize
}

/// Pairs of start and end frames; the last end is that of the audio unless given.
fn clips(times: &[f64], content: usize) -> Vec<(usize, usize)> {
    let mut points: Vec<usize> = times.iter().map(|&t| frame(t)).collect();
    if points.is_empty() {
        points.push(0);
    }
    if points.len() % 2 == 1 {
        points.push(content);
    }
    let pairs = points.chunks_exact(2).map(|pair| (pair[0], pair[1]));
    pairs.filter(|(start, end)| start < end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_come_in_pairs_and_end_with_the_audio() {
        assert_eq!(clips(&[], 1100), [(0, 1100)]);
        assert_eq!(clips(&[2.5], 1100), [(250, 1100)]);
        assert_eq!(clips(&[1.0, 2.0, 3.0, 4.0], 1100), [(100, 200), (300, 400)]);
        assert_eq!(clips(&[5.0, 2.0], 1100), []);
    }
}
