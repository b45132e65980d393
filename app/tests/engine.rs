//! The model over the audio: pieces, interruptions, failures on the way.

use std::io::{Cursor, Read};
use std::ops::ControlFlow;

use amanuensis::audio::AudioReader;
use amanuensis::cli::{Cli, Command, DecodingOptions, Precision};
use amanuensis::device::{Device, Placement};
use amanuensis::engine::{Engine, Outcome, Report};
use amanuensis::exit::Exit;
use clap::Parser;

use crate::support::parrot;
use crate::support::wav::{self, Format};

fn engine() -> Engine {
    let placement = Placement {
        encoder: Device::Cpu,
        decoder: Device::Cpu,
        reason: None,
    };
    Engine::load(parrot::folder(), &placement, Precision::F32, Some(1)).unwrap()
}

fn decoding(arguments: &[&str]) -> DecodingOptions {
    let base = [
        "amanuensis",
        "transcribe",
        "x.wav",
        "--beam-size",
        "1",
        "--no-condition-on-previous-text",
    ];
    match Cli::parse_from(base.iter().chain(arguments)).command {
        Command::Transcribe(transcribe) => transcribe.decoding,
        other => panic!("{other:?}"),
    }
}

fn silence(seconds: usize) -> Vec<u8> {
    wav::file(8_000, &[&vec![0.0; seconds * 8_000]], Format::U8)
}

fn transcribe(engine: &mut Engine, bytes: Vec<u8>) -> Outcome {
    let options = engine.options(&decoding(&[])).unwrap();
    let mut reader = AudioReader::from_stream(Cursor::new(bytes), "test").unwrap();
    engine
        .transcribe(&mut reader, &options, &mut |_| ControlFlow::Continue(()))
        .unwrap()
}

#[test]
fn every_window_is_heard_once() {
    let transcript = transcribe(&mut engine(), silence(7)).transcript;
    let heard: Vec<(f64, f64, &str)> = transcript
        .segments
        .iter()
        .map(|s| (s.start, s.end, s.text.as_str()))
        .collect();
    let expected = [0.0, 2.0, 4.0, 6.0].map(|t| (t, t + 1.5, parrot::WORDS));
    assert_eq!(heard, expected);
    assert!(transcript.complete);
    assert_eq!(
        (&*transcript.language, &*transcript.language_name),
        ("en", "english")
    );
    assert_eq!(transcript.duration, 7.0);
    assert_eq!(transcript.text(), "Amen.Amen.Amen.Amen.");
}

/// In pieces of a minute nothing is lost, doubled or moved, wherever the pieces meet.
#[test]
fn pieces_join_without_a_seam() {
    let whole = transcribe(&mut engine(), silence(200)).transcript;
    let mut last = None;
    let mut engine = engine().with_piece(60);
    let options = engine.options(&decoding(&[])).unwrap();
    let mut reader = AudioReader::from_stream(Cursor::new(silence(200)), "test").unwrap();
    let outcome = engine.transcribe(&mut reader, &options, &mut |report| {
        if let Report::Segment(segment) = report {
            assert!(last.is_none_or(|end| segment.start >= end));
            last = Some(segment.end);
        }
        ControlFlow::Continue(())
    });
    let pieces = outcome.unwrap().transcript;
    assert_eq!(pieces.duration, 200.0);
    let times = |t: &amanuensis::output::Transcript| -> Vec<f64> {
        t.segments.iter().map(|s| s.start).collect()
    };
    // A new piece begins where the last segment ended, so windows shift by half a second there.
    assert!(pieces.segments.len() >= whole.segments.len());
    assert!(
        times(&pieces)
            .windows(2)
            .all(|pair| pair[0] + 1.5 <= pair[1] && pair[1] - pair[0] <= 2.0)
    );
    assert_eq!(times(&whole).len(), 100);
}

#[test]
fn an_interruption_keeps_what_was_heard() {
    let mut engine = engine();
    let options = engine.options(&decoding(&[])).unwrap();
    let mut reader = AudioReader::from_stream(Cursor::new(silence(60)), "test").unwrap();
    let mut count = 0;
    let outcome = engine
        .transcribe(&mut reader, &options, &mut |report| {
            count += usize::from(matches!(report, Report::Segment(_)));
            if count == 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!(outcome.transcript.segments.len(), 3);
    assert!(!outcome.transcript.complete);
    assert!(outcome.failure.is_none());
}

/// A stream that fails after ten seconds: these are transcribed, and the failure is told.
#[test]
fn a_stream_that_fails_gives_what_came_before() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("the cable was pulled")),
                count => Ok(count),
            }
        }
    }
    let mut bytes = wav::header(16_000, 1, Format::I16, u32::MAX);
    bytes.extend(vec![0; 10 * 32_000]);
    let mut engine = engine();
    let options = engine.options(&decoding(&[])).unwrap();
    let mut reader = AudioReader::from_stream(Failing(Cursor::new(bytes)), "net").unwrap();
    let outcome = engine
        .transcribe(&mut reader, &options, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.exit, Exit::Input);
    assert!(
        failure.to_string().contains("the cable was pulled"),
        "{failure}"
    );
    assert_eq!(outcome.transcript.segments.len(), 5);
    assert!(!outcome.transcript.complete);
}

#[test]
fn words_lie_within_their_segment() {
    let mut engine = engine();
    let options = engine.options(&decoding(&["--word-timestamps"])).unwrap();
    let mut reader = AudioReader::from_stream(Cursor::new(silence(2)), "test").unwrap();
    let outcome = engine.transcribe(&mut reader, &options, &mut |_| ControlFlow::Continue(()));
    let transcript = outcome.unwrap().transcript;
    assert!(transcript.has_words);
    let words: Vec<&str> = transcript.segments[0]
        .words
        .iter()
        .map(|w| w.text.as_str())
        .collect();
    assert_eq!(words.concat(), parrot::WORDS);
    assert!(
        transcript.segments[0]
            .words
            .iter()
            .all(|w| w.start <= w.end && w.end <= 2.0)
    );
}

#[test]
fn options_that_do_not_fit_the_model_are_refused() {
    let engine = engine();
    let hide = |text: String| text.replace(parrot::folder().to_str().unwrap(), "MODEL");
    let refused = |arguments: &[&str]| {
        let error = engine.options(&decoding(arguments)).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        hide(error.to_string())
    };
    insta::assert_snapshot!(refused(&["--language", "german"]), @"the model MODEL knows English only, not german");
    insta::assert_snapshot!(refused(&["--language", "klingon"]), @r#""klingon" is not a language Whisper knows"#);
    insta::assert_snapshot!(refused(&["--task", "translate"]), @"the model MODEL does not translate");
    insta::assert_snapshot!(refused(&["--suppress-tokens", "-1,9999"]), @"token 9999 to suppress is not in the vocabulary of 1864");
    assert!(
        engine
            .options(&decoding(&["--language", "English"]))
            .is_ok()
    );
}
