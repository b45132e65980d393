use std::ops::ControlFlow;
use std::path::Path;

use crate::assets::{assets, samples};
use whisper::Checkpoint;
use whisper::model::{Compute, CpuDecoder, CpuEncoder, Precision};
use whisper::transcribe::{Event, TranscribeOptions, Transcriber, Transcript};

/// What openai-whisper wrote for one file.
struct Golden {
    file: String,
    json: serde_json::Value,
}

fn goldens(assets: &Path, name: &str) -> Vec<Golden> {
    let text = std::fs::read_to_string(assets.join("goldens").join(name)).unwrap();
    text.lines()
        .map(|line| {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            let file = json["file"].as_str().unwrap().to_owned();
            Golden { file, json }
        })
        .collect()
}

fn transcriber(assets: &Path, precision: Precision) -> Transcriber {
    let checkpoint = Checkpoint::open(&assets.join("models/tiny.en-libri")).unwrap();
    let compute = Compute::new(Some(2)).unwrap();
    let encoder = CpuEncoder::load(&checkpoint, &compute, precision).unwrap();
    let decoder = CpuDecoder::load(&checkpoint, &compute, precision).unwrap();
    Transcriber::new(&checkpoint, Box::new(encoder), Box::new(decoder)).unwrap()
}

/// As the goldens were made: temperature 0 alone.
fn options(beam_size: Option<usize>) -> TranscribeOptions {
    TranscribeOptions {
        temperatures: vec![0.0],
        beam_size,
        ..Default::default()
    }
}

fn hear(transcriber: &mut Transcriber, audio: &[f32], options: &TranscribeOptions) -> Transcript {
    transcriber
        .transcribe(audio, options, &mut |_| ControlFlow::Continue(()))
        .unwrap()
}

/// Files whose text, tokens or times differ from the reference's.
fn differing(assets: &Path, name: &str, beam_size: Option<usize>, step: usize) -> Vec<String> {
    let mut transcriber = transcriber(assets, Precision::F32);
    goldens(assets, name)
        .into_iter()
        .step_by(step)
        .filter_map(|golden| {
            let audio = samples(&assets.join("audio").join(&golden.file));
            let heard = hear(&mut transcriber, &audio, &options(beam_size));
            let segments = golden.json["segments"].as_array().unwrap();
            let same = golden.json["text"] == heard.text
                && segments.len() == heard.segments.len()
                && segments.iter().zip(&heard.segments).all(|(g, h)| {
                    g["tokens"] == serde_json::json!(h.tokens)
                        && (g["start"].as_f64().unwrap() - h.start).abs() < 0.011
                        && (g["end"].as_f64().unwrap() - h.end).abs() < 0.011
                        && (g["avg_logprob"].as_f64().unwrap()
                            - f64::from(h.average_log_probability))
                        .abs()
                            < 1e-3
                });
            (!same).then(|| format!("{}: {} / {}", golden.file, golden.json["text"], heard.text))
        })
        .collect()
}

const GREEDY: &str = "openai-whisper-greedy.jsonl";
const BEAM: &str = "openai-whisper-beam5.jsonl";

#[test]
fn some_clips_are_heard_as_by_the_reference() {
    let Some(assets) = assets("some_clips_are_heard_as_by_the_reference") else {
        return;
    };
    assert_eq!(differing(&assets, GREEDY, None, 20), Vec::<String>::new());
    assert_eq!(differing(&assets, BEAM, Some(5), 29), Vec::<String>::new());
}

#[test]
#[ignore = "minutes: cargo test --release -p amanuensis-whisper -- --ignored every_clip"]
fn every_clip_is_heard_as_by_the_reference() {
    let Some(assets) = assets("every_clip_is_heard_as_by_the_reference") else {
        return;
    };
    assert_eq!(differing(&assets, GREEDY, None, 1), Vec::<String>::new());
    assert_eq!(differing(&assets, BEAM, Some(5), 1), Vec::<String>::new());
}

#[test]
fn odd_audio_gives_sane_results() {
    let Some(assets) = assets("odd_audio_gives_sane_results") else {
        return;
    };
    let mut transcriber = transcriber(&assets, Precision::Int8);
    let heard = hear(&mut transcriber, &[], &options(None));
    assert_eq!(
        (heard.text.as_str(), heard.segments.len(), heard.duration),
        ("", 0, 0.0)
    );
    let short = hear(&mut transcriber, &[0.01; 1600], &options(None));
    assert!(
        short
            .segments
            .iter()
            .all(|s| s.start <= s.end && s.end <= 30.0),
        "{short:?}"
    );

    // Words lie within their segments' order, and a caller may stop early.
    let audio = samples(&assets.join("audio/jfk.wav"));
    let with_words = TranscribeOptions {
        word_timestamps: true,
        ..options(None)
    };
    let heard = hear(&mut transcriber, &audio, &with_words);
    let words: Vec<_> = heard.segments.iter().flat_map(|s| &s.words).collect();
    assert!(words.len() > 15, "{words:?}");
    assert!(words.iter().all(|w| w.start <= w.end && w.end <= 11.0));
    assert!(
        words.windows(2).all(|w| w[0].start <= w[1].start),
        "{words:?}"
    );
    let joined: String = words.iter().map(|w| w.word.as_str()).collect();
    assert_eq!(joined.trim(), heard.text.trim());

    let mut twice = audio.clone();
    twice.extend(std::iter::repeat_n(0.0, 20 * 16_000));
    twice.extend(&audio);
    let mut segments = 0;
    let stopped = transcriber
        .transcribe(&twice, &options(None), &mut |event| match event {
            Event::Segment(_) => {
                segments += 1;
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
    assert!(stopped.interrupted && segments == 1 && !stopped.segments.is_empty());
}
