//! Long inputs pass in blocks, through pipes as well.

use amanuensis::audio::{AudioReader, SAMPLE_RATE};
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::wav::{self, Format};

/// A WAV stream of unknown length that gives its bytes on demand and counts them.
struct Endless {
    header: Cursor<Vec<u8>>,
    left: u64,
    given: Arc<AtomicU64>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut count = self.header.read(buffer)?;
        if count == 0 {
            count = (buffer.len() as u64).min(self.left) as usize;
            buffer[..count].fill(0);
            self.left -= count as u64;
        }
        self.given.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[test]
fn ten_minutes_are_never_held_whole() {
    let given = Arc::new(AtomicU64::new(0));
    let ten_minutes = 600 * 44_100 * 2;
    let stream = Endless {
        header: Cursor::new(wav::header(44_100, 1, Format::I16, u32::MAX)),
        left: ten_minutes,
        given: given.clone(),
    };
    let mut reader = AudioReader::from_stream(stream, "pipe").unwrap();
    let (mut largest, mut ahead) = (0, 0);
    while let Some(block) = reader.next_block().unwrap() {
        largest = largest.max(block.len());
        let used = (reader.seconds_read() * 88_200.0) as u64;
        ahead = ahead.max(given.load(Ordering::Relaxed).saturating_sub(used));
    }
    assert!(largest < 16_000, "a block of {largest} samples");
    assert!(ahead < 256 * 1024, "{ahead} bytes were read ahead");
    assert!((reader.seconds_read() - 600.0).abs() < 0.001);
    assert_eq!(reader.warnings(), [] as [String; 0]);
}

/// A recorder that writes to a pipe announces no length; nothing of the end may be lost.
#[test]
fn a_stream_of_unknown_length_is_whole() {
    for length in [1, 500, 1152, 20_000, 20_001] {
        let signal: Vec<f32> = (0..length).map(|n| (n % 100) as f32 / 128.0).collect();
        for channels in [1, 2, 6] {
            let planes = vec![&signal[..]; channels];
            let data = wav::file(SAMPLE_RATE, &planes, Format::I16).split_off(44);
            let mut bytes = wav::header(SAMPLE_RATE, channels as u16, Format::I16, u32::MAX);
            bytes.extend(data);
            let mut reader = AudioReader::from_stream(Cursor::new(bytes), "pipe").unwrap();
            let samples = reader.read_to_end().unwrap();
            assert_eq!(samples.len(), length, "{channels} channels");
            assert!(crate::support::signal::max_error(&samples, &signal) < 1e-4);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_as_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    let writer = {
        let path = path.clone();
        let bytes = wav::file(SAMPLE_RATE, &[&[0.5; 5000]], Format::F32);
        std::thread::spawn(move || std::fs::write(path, bytes).unwrap())
    };
    let samples = AudioReader::open(&path).unwrap().read_to_end().unwrap();
    writer.join().unwrap();
    assert_eq!(samples, [0.5; 5000]);
}
