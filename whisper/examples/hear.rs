//! Transcribes 16 kHz mono files and prints one JSON line for each, with the seconds each step took.
//!
//! `cargo run --release -p amanuensis-whisper --example hear -- MODEL FILE... [--beam N] [--int8]
//! [--translate] [--words] [--language CODE] [--prompt TEXT] [--fallback] [--no-previous]
//! [--all-speech] [--length N] [--threads N]`

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use whisper::Checkpoint;
use whisper::model::{Compute, CpuDecoder, CpuEncoder, Encoder, Precision};
use whisper::tokenizer::{Task, language_code};
use whisper::transcribe::{TranscribeOptions, Transcriber};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let mut paths = Vec::new();
    let mut options = TranscribeOptions {
        temperatures: vec![0.0],
        ..Default::default()
    };
    let (mut precision, mut threads) = (Precision::F32, None);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--beam" => options.beam_size = Some(value()?.parse()?),
            "--length" => options.decoding.sample_length = Some(value()?.parse()?),
            "--all-speech" => options.no_speech_threshold = None,
            "--threads" => threads = Some(value()?.parse()?),
            "--language" => {
                let name = value()?;
                let code = language_code(&name).ok_or(format!("no language {name}"))?;
                options.decoding.language = Some(code.into());
            }
            "--prompt" => options.initial_prompt = Some(value()?),
            "--int8" => precision = Precision::Int8,
            "--translate" => options.decoding.task = Task::Translate,
            "--words" => options.word_timestamps = true,
            "--fallback" => options.temperatures = vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            "--no-previous" => options.condition_on_previous_text = false,
            _ => paths.push(word),
        }
    }
    let [model, files @ ..] = &paths[..] else {
        return Err("give a model and files".into());
    };
    let start = Instant::now();
    let checkpoint = Checkpoint::open(Path::new(model))?;
    let compute = Compute::new(threads)?;
    let mut encoder = CpuEncoder::load(&checkpoint, &compute, precision)?;
    let decoder = CpuDecoder::load(&checkpoint, &compute, precision)?;
    eprintln!(
        "loaded in {:.2} s, {compute:?}",
        start.elapsed().as_secs_f64()
    );
    let dims = *checkpoint.dimensions();
    let silence = vec![0.0; dims.n_mels * dims.window_frames()];
    for _ in 0..2 {
        let start = Instant::now();
        encoder.encode(&silence)?;
        eprintln!(
            "a window is encoded in {:.3} s",
            start.elapsed().as_secs_f64()
        );
    }
    let mut transcriber = Transcriber::new(&checkpoint, Box::new(encoder), Box::new(decoder))?;
    for file in files {
        let audio = samples(Path::new(file))?;
        let start = Instant::now();
        let heard = transcriber.transcribe(&audio, &options, &mut |_| ControlFlow::Continue(()))?;
        let tokens: usize = heard.segments.iter().map(|s| s.tokens.len()).sum();
        eprintln!(
            "{file}: {:.2} s of audio, {tokens} tokens in {:.3} s",
            heard.duration,
            start.elapsed().as_secs_f64()
        );
        let segments: Vec<_> = heard
            .segments
            .iter()
            .map(|s| {
                let words: Vec<_> = s
                    .words
                    .iter()
                    .map(|w| serde_json::json!({"word": w.word, "start": w.start, "end": w.end, "probability": w.probability}))
                    .collect();
                serde_json::json!({
                    "start": s.start, "end": s.end, "text": s.text, "tokens": s.tokens,
                    "avg_logprob": s.average_log_probability, "no_speech_prob": s.no_speech_probability,
                    "compression_ratio": s.compression_ratio, "temperature": s.temperature, "words": words,
                })
            })
            .collect();
        let line = serde_json::json!({
            "file": file, "language": heard.language, "text": heard.text, "segments": segments,
        });
        println!("{line}");
    }
    Ok(())
}

/// The samples of a 16 kHz mono file.
fn samples(path: &Path) -> Result<Vec<f32>, Failure> {
    use symphonia::core::formats::TrackType;
    let source = symphonia::core::io::MediaSourceStream::new(
        Box::new(File::open(path)?),
        Default::default(),
    );
    let mut format = symphonia::default::get_probe().probe(
        &Default::default(),
        source,
        Default::default(),
        Default::default(),
    )?;
    let track = format
        .default_track(TrackType::Audio)
        .ok_or("no audio track")?;
    let id = track.id;
    let params = track
        .codec_params
        .as_ref()
        .and_then(|p| p.audio())
        .ok_or("no audio codec")?;
    if params.sample_rate != Some(16_000) || params.channels.as_ref().map(|c| c.count()) != Some(1)
    {
        return Err("only 16 kHz mono is read here".into());
    }
    let mut decoder =
        symphonia::default::get_codecs().make_audio_decoder(params, &Default::default())?;
    let (mut all, mut some) = (Vec::new(), Vec::new());
    while let Some(packet) = format.next_packet()? {
        if packet.track_id == id {
            decoder.decode(&packet)?.copy_to_vec_interleaved(&mut some);
            all.extend_from_slice(&some);
        }
    }
    Ok(all)
}
