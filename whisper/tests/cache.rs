//! Encoder and decoder against the network by the book.

use proptest::prelude::*;

use crate::assets::distance;
use crate::plain::Plain;
use crate::small::{CHANNELS, Random, Small};
use whisper::Checkpoint;
use whisper::decode::{DecodingOptions, Strategy as Choice, decode};
use whisper::model::{Compute, CpuDecoder, CpuEncoder, Decoder, Encoder, Features, Precision};
use whisper::tokenizer::Tokenizer;

fn load(small: Small) -> Checkpoint {
    let dir = tempfile::tempdir().unwrap();
    small.write(dir.path());
    // Tensors are read through the open file, which outlives its name.
    Checkpoint::open(dir.path()).unwrap()
}

fn features(small: Small, windows: usize) -> Vec<Features> {
    let mut random = Random(small.seed ^ 0x5555);
    let size = small.audio_positions * small.width;
    let one = |_| Features {
        data: (0..size).map(|_| 2.0 * random.next()).collect(),
    };
    (0..windows).map(one).collect()
}

#[test]
fn the_encoder_computes_the_network() {
    for (seed, width, heads) in [(1, 32, 4), (2, 24, 3)] {
        let small = Small {
            seed,
            width,
            heads,
            ..Default::default()
        };
        let compute = Compute::new(Some(2)).unwrap();
        let mut encoder = CpuEncoder::load(&load(small), &compute, Precision::F32).unwrap();
        let mut random = Random(9);
        let mel: Vec<f32> = (0..CHANNELS * 2 * small.audio_positions)
            .map(|_| random.next())
            .collect();
        let off = distance(
            &encoder.encode(&mel).unwrap().data,
            &Plain::new(small).encode(&mel),
        );
        assert!(off < 1e-4, "width {width}: largest difference {off}");
        assert!(encoder.encode(&mel[1..]).is_err());
    }
}

#[test]
fn alignment_gives_the_logits_of_a_plain_pass() {
    let small = Small::default();
    let compute = Compute::new(Some(1)).unwrap();
    let mut decoder = CpuDecoder::load(&load(small), &compute, Precision::F32).unwrap();
    let mut plain = Plain::new(small);
    let windows = features(small, 1);
    decoder.begin(&windows).unwrap();
    plain.begin(&windows).unwrap();
    let tokens = [257, 7, 8, 9, 256];
    let got = decoder.align(&tokens, &[(1, 2), (0, 3)]).unwrap();
    assert!(distance(&got.logits, &plain.align(&tokens, &[]).unwrap().logits) < 1e-3);
    assert_eq!(got.scores.len(), 2 * tokens.len() * small.audio_positions);
    let swapped = decoder.align(&tokens, &[(0, 3), (1, 2)]).unwrap();
    let half = got.scores.len() / 2;
    assert_eq!(got.scores[..half], swapped.scores[half..]);
    assert_eq!(decoder.rows(), 1);
}

#[test]
fn wrong_input_is_refused() {
    let small = Small::default();
    let compute = Compute::new(Some(1)).unwrap();
    let mut decoder = CpuDecoder::load(&load(small), &compute, Precision::F32).unwrap();
    assert!(decoder.step(&[1], &[0]).is_err());
    decoder.begin(&features(small, 2)).unwrap();
    assert!(decoder.step(&[1], &[0]).is_err());
    assert!(decoder.step(&[1, 1], &[1]).is_err());
    assert!(decoder.step(&[1, 100_000], &[0]).is_err());
    assert!(decoder.step(&[1; 66], &[0]).is_err());
    assert!(decoder.reorder(&[2]).is_err());
    assert!(decoder.step(&[1; 64], &[0]).is_ok());
    assert!(decoder.step(&[1; 2], &[0]).is_err());
    assert!(decoder.begin(&[Features { data: vec![0.0; 3] }]).is_err());
}

fn strategies() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::Greedy),
        (0.2f32..1.0, 1usize..4).prop_map(|(temperature, best_of)| Choice::Sample {
            temperature,
            best_of
        }),
        (1usize..5, proptest::option::of(0.6f32..2.0))
            .prop_map(|(size, patience)| Choice::Beam { size, patience }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..Default::default() })]

    /// The same tokens, whether histories are cached and moved or computed anew each time.
    #[test]
    fn the_cache_changes_nothing(
        seed in 0u64..1000,
        (heads, head_width) in (1usize..4, 4usize..9),
        windows in 1usize..3,
        strategy in strategies(),
        without_timestamps: bool,
        multilingual: bool,
        detect: bool,
        prompt in proptest::collection::vec(0u32..256, 0..5),
        length_penalty in proptest::option::of(0.0f32..1.0),
    ) {
        let small = Small {
            seed, heads, width: heads * head_width, layers: 1 + (seed % 2) as usize,
            audio_positions: 20, text_positions: 24, multilingual, ..Default::default()
        };
        let checkpoint = load(small);
        let tokenizer = Tokenizer::new(checkpoint.vocabulary().clone());
        let compute = Compute::new(Some(2)).unwrap();
        let mut cached = CpuDecoder::load(&checkpoint, &compute, Precision::F32).unwrap();
        let mut plain = Plain::new(small);
        let windows = features(small, windows);
        cached.begin(&windows).unwrap();
        plain.begin(&windows).unwrap();
        let options = DecodingOptions {
            strategy, without_timestamps, prompt, length_penalty, seed,
            language: (!detect).then(|| "fr".to_owned()),
            ..Default::default()
        };
        let expected = decode(&mut plain, &tokenizer, &options).unwrap();
        let got = decode(&mut cached, &tokenizer, &options).unwrap();
        prop_assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(&expected) {
            prop_assert_eq!(&got.tokens, &expected.tokens);
            prop_assert_eq!(&got.language, &expected.language);
            let off = got.average_log_probability - expected.average_log_probability;
            prop_assert!(off.abs() < 1e-3, "log-probabilities differ by {}", off);
            prop_assert!((got.no_speech_probability - expected.no_speech_probability).abs() < 1e-4);
        }
    }
}
