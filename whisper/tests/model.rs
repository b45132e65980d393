use std::path::PathBuf;
use std::sync::Arc;

use crate::assets::{assets, distance, floats, integers};
use whisper::Checkpoint;
use whisper::model::{Compute, CpuDecoder, CpuEncoder, Decoder, Encoder, Features, Precision};
use whisper::tokenizer::Tokenizer;

/// The test model and the goldens of jfk.wav.
struct Setup {
    checkpoint: Checkpoint,
    compute: Arc<Compute>,
    goldens: PathBuf,
}

fn setup(test: &str) -> Option<Setup> {
    let assets = assets(test)?;
    Some(Setup {
        checkpoint: Checkpoint::open(&assets.join("models/tiny.en-libri")).unwrap(),
        compute: Compute::new(Some(2)).unwrap(),
        goldens: assets.join("goldens/tiny.en-libri-jfk.npz"),
    })
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum: f64 = logits.iter().map(|&l| f64::from(l - top).exp()).sum();
    logits
        .iter()
        .map(|&l| f64::from(l - top) - sum.ln())
        .collect()
}

fn golden_features(setup: &Setup) -> Features {
    Features {
        data: floats(&setup.goldens, "encoder"),
    }
}

#[test]
fn encoder_output_of_jfk_is_the_reference_s() {
    let Some(setup) = setup("encoder_output_of_jfk_is_the_reference_s") else {
        return;
    };
    let mel = floats(&setup.goldens, "mel");
    let golden = floats(&setup.goldens, "encoder");
    // Values reach about 20. f32 differs in the order of sums; int8 is held to its mean error.
    let mut encoder = CpuEncoder::load(&setup.checkpoint, &setup.compute, Precision::F32).unwrap();
    let off = distance(&encoder.encode(&mel).unwrap().data, &golden);
    assert!(off < 2e-3, "largest difference {off}");
    let mut encoder = CpuEncoder::load(&setup.checkpoint, &setup.compute, Precision::Int8).unwrap();
    let bytes = encoder.encode(&mel).unwrap().data;
    let error: f32 = bytes
        .iter()
        .zip(&golden)
        .map(|(a, b)| (a - b).powi(2))
        .sum();
    let power: f32 = golden.iter().map(|v| v * v).sum();
    let relative = (error / power).sqrt();
    assert!(relative < 0.05, "relative error of int8 {relative}");
}

#[test]
fn first_logits_of_jfk_are_the_reference_s() {
    let Some(setup) = setup("first_logits_of_jfk_are_the_reference_s") else {
        return;
    };
    let mut decoder = CpuDecoder::load(&setup.checkpoint, &setup.compute, Precision::F32).unwrap();
    decoder.begin(&[golden_features(&setup)]).unwrap();
    for kind in ["notimestamps", "timestamps"] {
        let prompt = integers(&setup.goldens, &format!("prompt_{kind}"));
        let prompt: Vec<u32> = prompt.iter().map(|&t| t as u32).collect();
        decoder.rewind();
        let logits = decoder.step(&prompt, &[prompt.len() - 1]).unwrap();
        let golden = floats(&setup.goldens, &format!("logits_first_{kind}"));
        let off = distance(logits, &golden);
        assert!(off < 1e-3, "{kind}: largest difference {off}");
    }
}

#[test]
fn teacher_forced_log_probabilities_of_jfk_are_the_reference_s() {
    let Some(setup) = setup("teacher_forced_log_probabilities_of_jfk_are_the_reference_s") else {
        return;
    };
    let tokens = integers(&setup.goldens, "tokens_raw_argmax_with_prompt_and_eot");
    let golden = floats(&setup.goldens, "logprob_teacher_forced_raw");
    let tokens: Vec<u32> = tokens.iter().map(|&t| t as u32).collect();
    let mut decoder = CpuDecoder::load(&setup.checkpoint, &setup.compute, Precision::F32).unwrap();
    decoder.begin(&[golden_features(&setup)]).unwrap();
    let vocabulary = decoder.dimensions().n_vocab;
    // All at once, and token by token with the cache.
    let wanted: Vec<usize> = (0..tokens.len()).collect();
    let whole = decoder.step(&tokens, &wanted).unwrap().to_vec();
    decoder.rewind();
    let start = tokens.len() - 1 - golden.len();
    for (at, pair) in tokens.windows(2).enumerate() {
        let alone = decoder.step(&pair[..1], &[0]).unwrap();
        let all = &whole[at * vocabulary..(at + 1) * vocabulary];
        assert!(distance(alone, all) < 1e-3, "position {at}");
        if at >= start {
            let got = log_softmax(alone)[pair[1] as usize] as f32;
            let expected = golden[at - start];
            assert!(
                (got - expected).abs() < 1e-3,
                "position {at}: {got}, should be {expected}"
            );
        }
    }
}

#[test]
fn the_tokenizer_computes_the_suppressed_tokens_of_the_configuration() {
    let Some(assets) = assets("the_tokenizer_computes_the_suppressed_tokens_of_the_configuration")
    else {
        return;
    };
    let model = assets.join("models/tiny.en-libri");
    let checkpoint = Checkpoint::open(&model).unwrap();
    let tokenizer = Tokenizer::new(checkpoint.vocabulary().clone());
    let s = *tokenizer.specials();
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(model.join("config.json")).unwrap()).unwrap();
    let listed: Vec<u64> = config["suppress_tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_u64().unwrap())
        .collect();
    let mut computed: Vec<u64> = tokenizer
        .non_speech_tokens()
        .iter()
        .map(|&t| t.into())
        .collect();
    for token in [
        s.start,
        s.translate,
        s.transcribe,
        s.start_of_lm,
        s.start_of_previous,
        s.no_speech,
    ] {
        computed.push(token.into());
    }
    assert_eq!(computed, listed);
    assert_eq!(tokenizer.encode(" "), [220]);
    assert_eq!(
        tokenizer.encode(" And so my fellow Americans"),
        [843, 523, 616, 5891, 3399]
    );
}
