//! Containers and codecs: each gives the tone that was put in.

use amanuensis::audio::{AudioError, AudioReader, SAMPLE_RATE};
use std::io::Cursor;

use crate::support::signal::{max_error, sine, tone_and_rest};
use crate::support::{fixture, flac};

/// Name, container, codec, seconds, how much the codec may add to the tone. LAME scales by 0.95 at
/// low rates.
const TONES: [(&str, &str, &str, f64, f64); 10] = [
    ("tone.mp3", "mp3", "mp3", 1.0, 0.01),
    ("tone.m4a", "isomp4", "aac", 0.5, 0.01),
    ("tone-faststart.m4a", "isomp4", "aac", 0.5, 0.01),
    ("tone.aac", "aac", "aac", 0.5, 0.01),
    ("tone.ogg", "ogg", "vorbis", 1.0, 0.01),
    ("tone.webm", "matroska", "vorbis", 1.0, 0.01),
    ("tone-opus.webm", "matroska", "opus", 1.0, 0.01),
    ("tone.mkv", "matroska", "pcm_s16le", 0.25, 0.0005),
    ("tone-alac.m4a", "isomp4", "alac", 0.25, 0.0005),
    ("tone-adpcm.wav", "wave", "adpcm_ima_wav", 0.5, 0.02),
];

fn check(mut reader: AudioReader, seconds: f64, allowed: f64) {
    let name = reader.name().to_owned();
    let samples = reader.read_to_end().unwrap();
    let length = samples.len() as f64 / f64::from(SAMPLE_RATE);
    assert!(
        (length - seconds).abs() < 0.09,
        "{name}: {length} s instead of {seconds} s"
    );
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let (amplitude, rest) = tone_and_rest(middle, 440.0, SAMPLE_RATE);
    assert!(
        (0.47..0.51).contains(&amplitude),
        "{name}: amplitude {amplitude}"
    );
    assert!(rest < allowed, "{name}: {rest} beside the tone");
}

#[test]
fn files_give_their_tone() {
    for (name, container, codec, seconds, allowed) in TONES {
        let reader = AudioReader::open(&fixture(name)).unwrap();
        let info = reader.info();
        assert_eq!(
            (&*info.container, &*info.codec),
            (container, codec),
            "{name}"
        );
        check(reader, seconds, allowed);
    }
}

/// The same through a pipe, an M4A with its index at the end included.
#[test]
fn streams_give_their_tone() {
    for (name, _, _, seconds, allowed) in TONES {
        let file = std::fs::File::open(fixture(name)).unwrap();
        check(
            AudioReader::from_stream(file, name).unwrap(),
            seconds,
            allowed,
        );
    }
}

#[test]
fn flac_is_exact() {
    let signal = sine(440.0, 0.7, 16_000, 1.0);
    let second = sine(1000.0, 0.2, 16_000, 1.0);
    for channels in [vec![&signal[..]], vec![&signal, &second]] {
        let mean: Vec<f32> = (0..signal.len())
            .map(|n| channels.iter().map(|c| c[n]).sum::<f32>() / channels.len() as f32)
            .collect();
        let bytes = flac::file(16_000, &channels);
        let mut reader = AudioReader::from_stream(Cursor::new(bytes), "flac").unwrap();
        assert_eq!(reader.info().codec, "flac");
        let samples = reader.read_to_end().unwrap();
        assert!(max_error(&samples, &mean) <= 1.0 / 32768.0);
    }
}

#[test]
fn a_codec_that_is_not_decoded_is_refused() {
    let mut bytes = std::fs::read(fixture("tone-opus.webm")).unwrap();
    let at = bytes.windows(6).position(|w| w == b"A_OPUS").unwrap();
    bytes[at..at + 6].copy_from_slice(b"A_DTS\0");
    let Err(error) = AudioReader::from_stream(Cursor::new(bytes), "talk.webm") else {
        panic!("DTS is not decoded");
    };
    assert!(matches!(error, AudioError::Codec { .. }), "{error}");
    insta::assert_snapshot!(error.to_string());
}
