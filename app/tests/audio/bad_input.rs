//! What is wrong with a file is said by name, and nothing panics.

use amanuensis::audio::AudioReader;
use proptest::prelude::*;
use std::io::{Cursor, Read};

use crate::support::wav::{self, Format};
use crate::support::{fixture, flac};

/// The error of opening or reading, with its help.
fn refusal(bytes: Vec<u8>) -> String {
    AudioReader::from_stream(Cursor::new(bytes), "talk.wav")
        .and_then(|mut reader| reader.read_to_end())
        .expect_err("the input is bad")
        .to_string()
}

#[test]
fn text_is_not_audio() {
    insta::assert_snapshot!(refusal(
        b"Dear diary, nothing was recorded today.".repeat(10)
    ));
}

#[test]
fn nothing_is_empty() {
    insta::assert_snapshot!(refusal(Vec::new()));
}

#[test]
fn ten_hours_announced_and_none_there() {
    let bytes = 36_000 * 16_000 * 2;
    insta::assert_snapshot!(refusal(wav::header(16_000, 1, Format::I16, bytes)));
}

#[test]
fn a_recording_of_length_zero() {
    insta::assert_snapshot!(refusal(wav::header(16_000, 1, Format::I16, 0)));
}

#[test]
fn a_header_cut_off() {
    let mut bytes = wav::header(16_000, 1, Format::I16, 1000);
    bytes.truncate(30);
    insta::assert_snapshot!(refusal(bytes));
}

#[test]
fn an_absurd_sample_rate() {
    let bytes = wav::file(4_000_000_000, &[&[0.0; 100]], Format::I16);
    insta::assert_snapshot!(refusal(bytes));
}

#[test]
fn damaged_packets_throughout() {
    let mut bytes = flac::file(16_000, &[&vec![0.25; 30_000]]);
    let frames = bytes.len();
    for byte in &mut bytes[42 + 12..frames] {
        *byte = byte.wrapping_mul(31).wrapping_add(97);
    }
    let text = refusal(bytes);
    assert!(
        text.contains("damaged") || text.contains("holds no samples"),
        "{text}"
    );
}

#[test]
fn a_path_that_is_not_there() {
    let Err(error) = AudioReader::open("no/such/file.wav".as_ref()) else {
        panic!("there is no such file");
    };
    insta::assert_snapshot!(error);
}

#[test]
fn a_directory() {
    let Err(error) = AudioReader::open("/".as_ref()) else {
        panic!("a directory is not audio");
    };
    insta::assert_snapshot!(error);
}

#[test]
fn a_stream_that_breaks_off_with_an_error() {
    struct Broken(Cursor<Vec<u8>>);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("the cable was pulled")),
                count => Ok(count),
            }
        }
    }
    let bytes = wav::file(16_000, &[&[0.1; 200_000]], Format::I16);
    let mut reader =
        AudioReader::from_stream(Broken(Cursor::new(bytes[..300_000].to_vec())), "net").unwrap();
    let error = reader.read_to_end().expect_err("the stream breaks");
    insta::assert_snapshot!(error);
}

/// A file that ends early is used as far as it goes, and the warning says how far that is.
#[test]
fn a_truncated_file_gives_what_is_there() {
    let bytes = wav::file(16_000, &[&[0.1; 160_000]], Format::I16);
    let mut reader =
        AudioReader::from_stream(Cursor::new(bytes[..44 + 2 * 48_001].to_vec()), "cut.wav")
            .unwrap();
    assert_eq!(reader.read_to_end().unwrap().len(), 48_001);
    insta::assert_snapshot!(reader.warnings().join("\n"), @"cut.wav ends after 0:00:03.000 of the 0:00:10.000 its header announces");
}

#[test]
fn a_damaged_stretch_keeps_the_time() {
    let mut bytes = flac::file(16_000, &[&[0.25; 40_960]]);
    for byte in &mut bytes[30_000..30_100] {
        *byte ^= 0x5a;
    }
    let mut reader = AudioReader::from_stream(Cursor::new(bytes), "scratched.flac").unwrap();
    let samples = reader.read_to_end().unwrap();
    assert!(samples.len() >= 40_960 - 2 * 4096, "{}", samples.len());
}

/// More channels than a block of samples has bytes.
#[test]
fn a_wav_of_too_many_channels_is_refused() {
    let mut bytes = wav::file(44_100, &[&[0.25; 5000]], Format::I16);
    bytes[23] = 128;
    assert!(AudioReader::from_stream(Cursor::new(bytes), "wide.wav").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn damaged_files_never_panic(
        which in 0usize..11,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let names = ["tone.mp3", "tone.m4a", "tone.aac", "tone.ogg", "tone.webm", "tone.mkv",
            "tone-alac.m4a", "tone-adpcm.wav", "tone-faststart.m4a"];
        let mut bytes = match names.get(which) {
            Some(name) => std::fs::read(fixture(name)).unwrap(),
            None if which == 9 => flac::file(16_000, &[&[0.25; 5000]]),
            None => wav::file(44_100, &[&[0.25; 5000]], Format::I16),
        };
        for (index, value) in edits {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        if let Ok(mut reader) = AudioReader::from_stream(Cursor::new(bytes), "damaged") {
            let mut seconds = 0.0;
            while let Ok(Some(_)) = reader.next_block() {
                seconds = reader.seconds_read();
                if seconds > 600.0 {
                    break;
                }
            }
            prop_assert!(seconds <= 600.0, "{} s from a few kilobytes", seconds);
        }
    }
}
