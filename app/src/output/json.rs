//! JSON in the shape of OpenAI's `verbose_json`.
//!
//! Source of the shape: OpenAI API reference, "The transcription object (Verbose JSON)". Beside its
//! fields stand `language_code`, `complete`, `amanuensis`, and each word's `probability`.

use serde::Serialize;

use super::Transcript;

#[derive(Serialize)]
struct Document<'a> {
    task: &'a str,
    language: &'a str,
    language_code: &'a str,
    duration: f64,
    text: String,
    segments: Vec<SegmentRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<WordRow<'a>>>,
    complete: bool,
    amanuensis: Maker<'a>,
}

#[derive(Serialize)]
struct SegmentRow<'a> {
    id: usize,
    seek: usize,
    start: f64,
    end: f64,
    text: &'a str,
    tokens: &'a [u32],
    temperature: f64,
    avg_logprob: f64,
    compression_ratio: f64,
    no_speech_prob: f64,
}

#[derive(Serialize)]
struct WordRow<'a> {
    word: &'a str,
    start: f64,
    end: f64,
    probability: f64,
}

#[derive(Serialize)]
struct Maker<'a> {
    version: &'static str,
    model: &'a str,
    device: String,
    encoder_device: &'a str,
    decoder_device: &'a str,
    kernels: &'a str,
}

pub(super) fn render(transcript: &Transcript) -> String {
    let made_by = &transcript.provenance;
    let words = transcript.has_words.then(|| {
        let all = transcript.segments.iter().flat_map(|s| &s.words);
        all.map(|word| WordRow {
            word: &word.text,
            start: round(word.start, 3),
            end: round(word.end, 3),
            probability: round(word.probability, 4),
        })
        .collect()
    });
    let document = Document {
        task: &transcript.task,
        language: &transcript.language_name,
        language_code: &transcript.language,
        duration: round(transcript.duration, 3),
        text: transcript.text(),
        segments: transcript
            .segments
            .iter()
            .enumerate()
            .map(|(id, segment)| SegmentRow {
                id,
                seek: segment.seek,
                start: round(segment.start, 3),
                end: round(segment.end, 3),
                text: &segment.text,
                tokens: &segment.tokens,
                temperature: round(segment.temperature, 3),
                avg_logprob: round(segment.avg_logprob, 6),
                compression_ratio: round(segment.compression_ratio, 6),
                no_speech_prob: segment.no_speech_prob,
            })
            .collect(),
        words,
        complete: transcript.complete,
        amanuensis: Maker {
            version: env!("CARGO_PKG_VERSION"),
            model: &made_by.model,
            device: made_by.device(),
            encoder_device: &made_by.encoder_device,
            decoder_device: &made_by.decoder_device,
            kernels: &made_by.kernels,
        },
    };
    match serde_json::to_string_pretty(&document) {
        Ok(text) => text + "\n",
        Err(error) => unreachable!("strings and numbers always serialize: {error}"),
    }
}

/// Rounded to so many decimals, so that files do not show the noise of binary fractions.
fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}
