//! Each form, to the letter.

use amanuensis::output::{Format, Provenance, Segment, Transcript, Word};
use proptest::prelude::*;

fn provenance() -> Provenance {
    Provenance {
        model: "models/tiny.en".into(),
        encoder_device: "cpu".into(),
        decoder_device: "cpu".into(),
        kernels: "host f32".into(),
    }
}

fn segment(start: f64, end: f64, text: &str) -> Segment {
    Segment {
        start,
        end,
        text: text.into(),
        tokens: vec![50363, 843, 11, 50463],
        seek: 0,
        temperature: 0.2,
        avg_logprob: -0.287_654_321,
        compression_ratio: 1.25,
        no_speech_prob: 0.015_625,
        words: Vec::new(),
    }
}

fn word(text: &str, start: f64, end: f64) -> Word {
    Word {
        text: text.into(),
        start,
        end,
        probability: 0.875,
    }
}

fn transcript(words: bool) -> Transcript {
    let mut segments = vec![
        segment(0.0, 2.5, " Ask not what <you> & I --> want."),
        segment(3599.9996, 3601.25, " Tabs\tand\nlines end."),
    ];
    if words {
        segments[0].words = vec![
            word(" Ask", 0.1, 0.4),
            word(" not", 0.4, 0.75),
            word(" <what>", 0.75, 2.3),
        ];
        segments[1].words = vec![word(" Tabs", 3600.0, 3601.0)];
    }
    Transcript {
        task: "transcribe".into(),
        language: "en".into(),
        language_name: "english".into(),
        duration: 3601.25,
        segments,
        has_words: words,
        complete: true,
        provenance: provenance(),
    }
}

#[test]
fn txt() {
    insta::assert_snapshot!(Format::Txt.render(&transcript(false)));
}

#[test]
fn srt() {
    insta::assert_snapshot!(Format::Srt.render(&transcript(false)));
}

#[test]
fn vtt() {
    insta::assert_snapshot!(Format::Vtt.render(&transcript(false)));
}

#[test]
fn tsv() {
    insta::assert_snapshot!(Format::Tsv.render(&transcript(false)));
}

#[test]
fn json() {
    insta::assert_snapshot!(Format::Json.render(&transcript(false)));
}

#[test]
fn srt_with_words_keeps_to_their_times() {
    insta::assert_snapshot!(Format::Srt.render(&transcript(true)));
}

#[test]
fn vtt_with_words_times_each() {
    insta::assert_snapshot!(Format::Vtt.render(&transcript(true)));
}

#[test]
fn json_with_words() {
    let text = Format::Json.render(&transcript(true));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value["words"]).unwrap());
}

/// Silence gives files without segments that are still well-formed.
#[test]
fn nothing_said() {
    let mut silence = transcript(true);
    silence.segments.clear();
    let all: Vec<String> = Format::ALL
        .iter()
        .map(|format| format!("--- {format}\n{}", format.render(&silence)))
        .collect();
    insta::assert_snapshot!(all.concat());
}

#[test]
fn two_devices_are_both_named() {
    let mut made_by = provenance();
    made_by.encoder_device = "npu".into();
    assert!(
        made_by
            .line()
            .ends_with("; device npu (encoder), cpu (decoder); kernels host f32"),
        "{}",
        made_by.line()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// No text can break out of its line, cue, row or string.
    #[test]
    fn any_text_keeps_the_structure(text in any::<String>(), start in 0.0f64..1e5, length in 0.0f64..30.0) {
        let mut one = transcript(false);
        one.segments = vec![segment(start, start + length, &text)];
        one.provenance.model = text.clone();
        prop_assert_eq!(Format::Txt.render(&one).matches('\n').count(), 1);
        let tsv = Format::Tsv.render(&one);
        prop_assert_eq!(tsv.matches('\n').count(), 2);
        prop_assert_eq!(tsv.matches('\t').count(), 4);
        for format in [Format::Srt, Format::Vtt] {
            prop_assert_eq!(format.render(&one).matches("-->").count(), 1);
        }
        prop_assert_eq!(Format::Vtt.render(&one).matches("\n\n").count(), 3);
        let json: serde_json::Value = serde_json::from_str(&Format::Json.render(&one)).unwrap();
        prop_assert_eq!(json["segments"][0]["text"].as_str(), Some(text.as_str()));
        prop_assert_eq!(json["text"].as_str(), Some(text.trim()));
    }
}
