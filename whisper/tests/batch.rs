//! Stretches heard side by side against the same ones heard one after another.

use std::ops::ControlFlow;

use proptest::prelude::*;

use crate::small::{Random, Small};
use whisper::Checkpoint;
use whisper::model::{Compute, CpuDecoder, CpuEncoder, Precision};
use whisper::transcribe::{Event, TranscribeOptions, Transcriber, Transcript};

/// Seconds of a small model's window.
const WINDOW: f64 = 0.4;

fn transcriber(seed: u64) -> Transcriber {
    let small = Small {
        seed,
        width: 24,
        audio_positions: 20,
        text_positions: 24,
        ..Default::default()
    };
    let dir = tempfile::tempdir().unwrap();
    small.write(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let compute = Compute::new(Some(2)).unwrap();
    let encoder = CpuEncoder::load(&checkpoint, &compute, Precision::F32).unwrap();
    let decoder = CpuDecoder::load(&checkpoint, &compute, Precision::F32).unwrap();
    Transcriber::new(&checkpoint, Box::new(encoder), Box::new(decoder)).unwrap()
}

/// Noise that comes and goes.
fn audio(seed: u64, seconds: f64) -> Vec<f32> {
    let mut random = Random(seed);
    (0..(seconds * 16_000.0) as usize)
        .map(|i| random.next() * (0.5 + 0.5 * (i as f32 / 900.0).sin()))
        .collect()
}

/// The transcript, and the segments as they were reported.
fn hear(
    transcriber: &mut Transcriber,
    samples: &[f32],
    options: &TranscribeOptions,
) -> (Transcript, Vec<whisper::transcribe::Segment>) {
    let mut reported = Vec::new();
    let heard = transcriber
        .transcribe(samples, options, &mut |event| {
            if let Event::Segment(segment) = event {
                reported.push(segment.clone());
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    (heard, reported)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..Default::default() })]

    #[test]
    fn a_batch_hears_what_is_heard_in_turn(
        seed in 0u64..1000,
        batch in 2usize..5,
        lengths in proptest::collection::vec(0.05f64..1.2 * WINDOW, 2..6),
        beam_size in proptest::option::of(2usize..4),
        temperatures in prop_oneof![Just(vec![0.0]), Just(vec![0.5]), Just(vec![0.0, 0.8])],
        without_timestamps: bool,
        prompted: bool,
    ) {
        let mut transcriber = transcriber(seed);
        let mut clips = Vec::new();
        let mut at = 0.0;
        for length in lengths {
            clips.extend([at, at + length]);
            at += length;
        }
        let mut options = TranscribeOptions {
            condition_on_previous_text: false,
            initial_prompt: prompted.then(|| "so".to_owned()),
            beam_size,
            temperatures,
            best_of: Some(2),
            no_speech_threshold: None,
            log_probability_threshold: Some(-4.0),
            clips,
            ..Default::default()
        };
        options.decoding.language = Some("de".into());
        options.decoding.without_timestamps = without_timestamps;
        options.decoding.sample_length = Some(6);
        let samples = audio(seed, at);
        let in_turn = hear(&mut transcriber, &samples, &options);
        prop_assert!(!in_turn.0.segments.is_empty());
        options.batch = batch;
        let together = hear(&mut transcriber, &samples, &options);
        let texts = |t: &(Transcript, Vec<_>)| t.0.segments.iter().map(|s| {
            (s.id, s.seek, s.tokens.clone(), s.start, s.end, s.temperature)
        }).collect::<Vec<_>>();
        prop_assert_eq!(texts(&together), texts(&in_turn));
        prop_assert_eq!(&together.0.text, &in_turn.0.text);
        prop_assert_eq!(&together.0.segments, &together.1);
    }
}

#[test]
fn long_audio_is_cut_at_pauses_and_heard_whole() {
    let mut transcriber = transcriber(3);
    let mut options = TranscribeOptions {
        condition_on_previous_text: false,
        temperatures: vec![0.0],
        no_speech_threshold: None,
        batch: 3,
        ..Default::default()
    };
    options.decoding.without_timestamps = true;
    options.decoding.sample_length = Some(4);
    let (heard, _) = hear(&mut transcriber, &audio(3, 5.3 * WINDOW), &options);
    let mut seeks: Vec<usize> = heard.segments.iter().map(|s| s.seek).collect();
    seeks.dedup();
    assert_eq!(seeks[0], 0);
    for pair in seeks.windows(2) {
        assert!(pair[0] < pair[1] && pair[1] - pair[0] <= 40, "{seeks:?}");
    }
    assert!(seeks.last().unwrap() + 40 >= (heard.duration * 100.0) as usize);
}

#[test]
fn what_needs_an_order_is_refused_in_a_batch() {
    let mut transcriber = transcriber(1);
    let conditioned = TranscribeOptions {
        batch: 2,
        ..Default::default()
    };
    let with_words = TranscribeOptions {
        word_timestamps: true,
        condition_on_previous_text: false,
        ..conditioned.clone()
    };
    for options in [conditioned, with_words] {
        let refused = transcriber.transcribe(&[], &options, &mut |_| ControlFlow::Continue(()));
        assert!(refused.unwrap_err().to_string().contains("help: "));
    }
}
