//! Every WAV sample format, channel count and length.

use amanuensis::audio::AudioReader;
use std::io::Cursor;

use crate::support::signal::{max_error, sine};
use crate::support::wav::{self, Format};

fn read(bytes: Vec<u8>) -> Vec<f32> {
    AudioReader::from_stream(Cursor::new(bytes), "test")
        .unwrap()
        .read_to_end()
        .unwrap()
}

#[test]
fn every_sample_format_is_read_to_its_precision() {
    let signal = sine(440.0, 0.9, 16_000, 0.3);
    for format in Format::ALL {
        let samples = read(wav::file(16_000, &[&signal], format));
        let error = max_error(&samples, &signal);
        assert!(error <= format.step(), "{format:?}: {error}");
    }
}

#[test]
fn channels_are_averaged() {
    let left = sine(440.0, 0.8, 16_000, 0.1);
    let silent = vec![0.0; left.len()];
    let half: Vec<f32> = left.iter().map(|x| x / 2.0).collect();
    let samples = read(wav::file(16_000, &[&left, &silent], Format::F32));
    assert!(max_error(&samples, &half) < 1e-7);
}

#[test]
fn any_length_comes_out_whole() {
    for length in [1, 2, 100, 1151, 1152, 1153, 2305, 16_000] {
        let signal = vec![0.25; length];
        assert_eq!(
            read(wav::file(16_000, &[&signal], Format::I16)),
            signal,
            "{length} samples"
        );
    }
}

#[test]
fn values_that_are_no_numbers_are_silence_and_loud_ones_are_limited() {
    let samples = read(wav::file(
        16_000,
        &[&[f32::NAN, f32::INFINITY, 1e30, -3.0, 0.5]],
        Format::F32,
    ));
    assert_eq!(samples, [0.0, 0.0, 1.0, -1.0, 0.5]);
}

#[test]
fn headers_are_reported() {
    let bytes = wav::file(22_050, &[&[0.0; 2205], &[0.0; 2205]], Format::I24);
    let reader = AudioReader::from_stream(Cursor::new(bytes), "test").unwrap();
    let info = reader.info();
    assert_eq!(info.container, "wave");
    assert_eq!(info.codec, "pcm_s24le");
    assert_eq!((info.rate, info.channels), (Some(22_050), Some(2)));
    assert!((info.seconds.unwrap() - 0.1).abs() < 1e-9);
}
