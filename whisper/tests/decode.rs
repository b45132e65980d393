use std::path::PathBuf;

use crate::assets::{assets, floats, integers};
use whisper::Checkpoint;
use whisper::decode::{DecodingOptions, DecodingResult, Strategy, decode};
use whisper::model::{Compute, CpuDecoder, Decoder, Features, Precision};
use whisper::tokenizer::Tokenizer;

/// Decodes jfk.wav's golden features.
fn jfk(assets: PathBuf, precision: Precision, options: &[DecodingOptions]) -> Vec<DecodingResult> {
    let checkpoint = Checkpoint::open(&assets.join("models/tiny.en-libri")).unwrap();
    let compute = Compute::new(Some(2)).unwrap();
    let mut decoder = CpuDecoder::load(&checkpoint, &compute, precision).unwrap();
    let tokenizer = Tokenizer::new(checkpoint.vocabulary().clone());
    let data = floats(&assets.join("goldens/tiny.en-libri-jfk.npz"), "encoder");
    decoder.begin(&[Features { data }]).unwrap();
    options
        .iter()
        .map(|o| decode(&mut decoder, &tokenizer, o).unwrap().remove(0))
        .collect()
}

#[test]
fn tokens_of_jfk_are_the_reference_s() {
    let Some(assets) = assets("tokens_of_jfk_are_the_reference_s") else {
        return;
    };
    let goldens = assets.join("goldens/tiny.en-libri-jfk.npz");
    let text_only = DecodingOptions {
        without_timestamps: true,
        ..Default::default()
    };
    let beam = DecodingOptions {
        strategy: Strategy::Beam {
            size: 5,
            patience: None,
        },
        ..text_only.clone()
    };
    let options = [text_only, DecodingOptions::default(), beam];
    let results = jfk(assets, Precision::F32, &options);
    let names = [
        "greedy_notimestamps",
        "greedy_timestamps",
        "beam5_notimestamps",
    ];
    for (result, name) in results.iter().zip(names) {
        let golden: Vec<u32> = integers(&goldens, &format!("tokens_{name}"))
            .into_iter()
            .map(|t| t as u32)
            .collect();
        assert_eq!(result.tokens, golden, "{name}");
    }
    let mean = floats(&goldens, "avg_logprob_greedy_notimestamps")[0];
    assert!((results[0].average_log_probability - mean).abs() < 1e-4);
    let silence = floats(&goldens, "no_speech_prob")[0];
    assert!((results[0].no_speech_probability - silence).abs() < 1e-6 + 1e-3 * silence);
}

#[test]
fn int8_writes_the_same_text_for_jfk() {
    let Some(assets) = assets("int8_writes_the_same_text_for_jfk") else {
        return;
    };
    let goldens = assets.join("goldens/tiny.en-libri-jfk.npz");
    let options = [DecodingOptions {
        without_timestamps: true,
        ..Default::default()
    }];
    let result = jfk(assets, Precision::Int8, &options).remove(0);
    let golden = integers(&goldens, "tokens_greedy_notimestamps");
    let same = result
        .tokens
        .iter()
        .zip(&golden)
        .filter(|&(&a, &b)| i64::from(a) == b)
        .count();
    assert!(
        same + 2 >= golden.len(),
        "{:?} for {golden:?}",
        result.tokens
    );
}
