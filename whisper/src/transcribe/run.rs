//! The loop over windows.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::fallback::{decode_with_fallback, is_silence};
use super::hallucination::{Verdict, judge, last_word_end};
use super::heads::alignment_heads;
use super::pauses::between_pauses;
use super::segments::{Cut, Window, cut};
use super::words::Aligner;
use super::{Segment, TranscribeOptions, Transcript};
use crate::decode::{DecodingResult, detect_languages};
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

/// A stretch of audio that is heard window after window.
struct Chain {
    seek: usize,
    end: usize,
    /// Segments that wait for the chains before this one.
    heard: Vec<Segment>,
}

/// What became of a window.
struct Settled {
    segments: Vec<Segment>,
    /// Frame to go on at.
    next: usize,
    /// Whether it is not to be told to the next window.
    forget: bool,
}

impl Settled {
    fn nothing(next: usize) -> Self {
        Settled {
            segments: Vec::new(),
            next,
            forget: false,
        }
    }
}

impl State<'_> {
    /// Chains that may be heard at once: their windows must be told the same.
    fn room(&self) -> usize {
        let prompt_is_due = !self.initial.is_empty() && self.told_from == 0;
        if prompt_is_due && !self.options.carry_initial_prompt {
            1
        } else {
            self.options.batch
        }
    }

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
        options.check()?;
        let plan = self.mel.clone();
        let frames = self.encoder.dimensions().window_frames();
        let mel = plan.spectrogram(samples, frames * HOP);
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
        let spans = if options.clips.is_empty() && options.batch > 1 {
            between_pauses(samples, frames)
        } else {
            clips(&options.clips, content)
        };
        let mut waiting = spans.into_iter().filter(|&(start, _)| start < content);
        let mut chains: VecDeque<Chain> = VecDeque::new();
        let mut flow = report(Event::Language(&state.language, probability));
        while flow.is_continue() {
            let room = state.room();
            while chains.len() < room
                && let Some((seek, end)) = waiting.next()
            {
                chains.push_back(Chain {
                    seek,
                    end: end.min(content),
                    heard: Vec::new(),
                });
            }
            if chains.is_empty() {
                break;
            }
            let forget = self.advance(&mel, content, &mut chains, &mut state)?;
            flow = deliver(&mut chains, &mut state, duration, report);
            if forget || room > 1 {
                state.told_from = state.tokens.len();
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

    /// Hears the next window of every chain. Gives whether what was heard is not to be told to the
    /// next ones.
    fn advance(
        &mut self,
        mel: &Mel<'_>,
        content: usize,
        chains: &mut VecDeque<Chain>,
        state: &mut State<'_>,
    ) -> Result<bool> {
        let dims = *self.encoder.dimensions();
        let frames = dims.window_frames();
        let mut open: Vec<&mut Chain> = chains.iter_mut().filter(|c| c.seek < c.end).collect();
        let windows: Vec<Window> = open
            .iter()
            .map(|chain| Window {
                seek: chain.seek,
                size: frames.min(chain.end - chain.seek),
                rate: FRAMES_PER_SECOND as f64,
                stride: 2,
            })
            .collect();
        let features = windows
            .iter()
            .map(|w| self.encoder.encode(&mel.window(w.seek, w.size, frames)))
            .collect::<Result<Vec<_>>>()?;
        let results = decode_with_fallback(
            &mut *self.decoder,
            &self.tokenizer,
            state.options,
            &state.language,
            state.prompt(dims.n_text_ctx),
            features,
        )?;
        let mut forget = false;
        for ((chain, window), result) in open.iter_mut().zip(windows).zip(&results) {
            let settled = self.settle(window, result, content, state)?;
            // Always onwards, whatever times the model wrote.
            chain.seek = settled.next.max(window.seek + 1);
            chain.heard.extend(settled.segments);
            forget |= settled.forget;
        }
        Ok(forget)
    }

    /// The language, from the first window where it is not given.
    fn language(
        &mut self,
        mel: &Mel<'_>,
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

    /// What a decoded window holds, and where to go on.
    fn settle(
        &mut self,
        window: Window,
        result: &DecodingResult,
        content: usize,
        state: &mut State<'_>,
    ) -> Result<Settled> {
        let options = state.options;
        let frames = self.encoder.dimensions().window_frames();
        if is_silence(options, result) {
            return Ok(Settled::nothing(window.seek + window.size));
        }
        let Cut {
            mut segments,
            advance,
            ends_alone,
        } = cut(&self.tokenizer, window, result);
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
                    Verdict::Skip(frame) => return Ok(Settled::nothing(frame)),
                    Verdict::Cut(kept, frame) => {
                        segments.truncate(kept);
                        next = frame;
                    }
                }
            }
            state.last_speech = last_word_end(&segments).unwrap_or(before);
        }
        for segment in &mut segments {
            if segment.start == segment.end || segment.text.trim().is_empty() {
                segment.text.clear();
                segment.tokens.clear();
                segment.words.clear();
            }
        }
        Ok(Settled {
            segments,
            next,
            forget: !options.condition_on_previous_text || result.temperature > TRUSTED_TEMPERATURE,
        })
    }
}

/// Hands out what the first chain has heard, and what those behind it have once it is done.
fn deliver(
    chains: &mut VecDeque<Chain>,
    state: &mut State<'_>,
    duration: f64,
    report: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut flow = ControlFlow::Continue(());
    while let Some(chain) = chains.front_mut() {
        let from = state.segments.len();
        for mut segment in chain.heard.drain(..) {
            segment.id = state.segments.len();
            state.tokens.extend(&segment.tokens);
            state.segments.push(segment);
        }
        for segment in &state.segments[from..] {
            if flow.is_continue() {
                flow = report(Event::Segment(segment));
            }
        }
        if flow.is_continue() {
            flow = report(Event::Progress(seconds(chain.seek).min(duration), duration));
        }
        if chain.seek < chain.end || flow.is_break() {
            break;
        }
        chains.pop_front();
    }
    flow
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
