//! Real speech with a real checkpoint, where there is one.

use std::path::PathBuf;

use crate::command::{amanuensis, told};
use crate::support::wav::{self, Format};

/// The folder of the assets, or a line that says what is left out.
fn assets(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("AMANUENSIS_ASSETS").map(PathBuf::from);
    if folder.is_none() {
        println!("left out: {test} needs AMANUENSIS_ASSETS");
    }
    folder
}

fn transcribe(
    assets: &std::path::Path,
    input: &std::path::Path,
    more: &[&str],
) -> (i32, serde_json::Value, String) {
    let output = amanuensis()
        .args([
            "transcribe",
            "--device",
            "cpu",
            "--format",
            "json",
            "--model",
        ])
        .arg(assets.join("models/tiny.en-libri"))
        .arg(input)
        .args(more)
        .output()
        .unwrap();
    let (code, out, err) = told(output);
    (code, serde_json::from_str(&out).unwrap_or_default(), err)
}

/// The text and times that openai-whisper gives, greedy and with five beams, for WAV and for FLAC.
#[test]
fn speech_becomes_the_text_of_openai_whisper() {
    let Some(assets) = assets("speech_becomes_the_text_of_openai_whisper") else {
        return;
    };
    for (golden, beams, files) in [("greedy", "1", 2), ("beam5", "5", 1)] {
        let path = assets.join(format!("goldens/openai-whisper-{golden}.jsonl"));
        let lines = std::fs::read_to_string(path).unwrap();
        for line in lines.lines().take(files) {
            let expected: serde_json::Value = serde_json::from_str(line).unwrap();
            let file = expected["file"].as_str().unwrap();
            let input = assets.join("audio").join(file);
            let (code, json, err) = transcribe(
                &assets,
                &input,
                &["--temperature", "0", "--beam-size", beams],
            );
            assert_eq!(code, 0, "{err}");
            assert_eq!(
                json["text"].as_str(),
                expected["text"].as_str().map(str::trim),
                "{file} {golden}"
            );
            let times = |value: &serde_json::Value| -> Vec<(String, String)> {
                let rows = value["segments"].as_array().unwrap();
                rows.iter()
                    .map(|s| (format!("{:.2}", s["start"]), format!("{:.2}", s["end"])))
                    .collect()
            };
            assert_eq!(times(&json), times(&expected), "{file} {golden}");
        }
    }
}

/// A tenth of a second, silence and noise end with a well-formed result.
#[test]
fn what_is_no_speech_gives_a_sane_result() {
    let Some(assets) = assets("what_is_no_speech_gives_a_sane_result") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut state = 1u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 33) as f32 / (1u64 << 31) as f32 - 0.5) * 0.2
    };
    let noise: Vec<f32> = (0..80_000).map(|_| noise()).collect();
    for (name, samples) in [
        ("tenth", vec![0.1; 1600]),
        ("silence", vec![0.0; 80_000]),
        ("noise", noise),
    ] {
        let path = folder.path().join(format!("{name}.wav"));
        std::fs::write(&path, wav::file(16_000, &[&samples], Format::I16)).unwrap();
        let (code, json, err) =
            transcribe(&assets, &path, &["--beam-size", "1", "--temperature", "0"]);
        assert_eq!(code, 0, "{name}: {err}");
        assert_eq!(
            json["duration"].as_f64(),
            Some(samples.len() as f64 / 16_000.0),
            "{name}"
        );
        for segment in json["segments"].as_array().unwrap() {
            assert!(
                segment["start"].as_f64() <= segment["end"].as_f64(),
                "{name}: {segment}"
            );
        }
    }
}
