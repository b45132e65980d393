//! Where the test assets are, and readers for them.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The folder named by AMANUENSIS_ASSETS, or one line that `test` is left out.
pub(crate) fn assets(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("AMANUENSIS_ASSETS").map(PathBuf::from);
    if found.is_none() {
        println!("{test}: left out, AMANUENSIS_ASSETS is not set");
    }
    found
}

/// One array of an npz file as f32 values.
pub(crate) fn floats(npz: &Path, name: &str) -> Vec<f32> {
    array(npz, name)
}

/// One array of an npz file as integers.
pub(crate) fn integers(npz: &Path, name: &str) -> Vec<i64> {
    array(npz, name)
}

fn array<T: npyz::Deserialize>(npz: &Path, name: &str) -> Vec<T> {
    let file = BufReader::new(File::open(npz).unwrap());
    let mut archive = npyz::npz::NpzArchive::new(file).unwrap();
    let npy = archive.by_name(name).unwrap().expect(name);
    npy.into_vec().unwrap()
}

/// The largest absolute difference.
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).abs())
        .fold(0.0, f32::max)
}

/// The samples of a 16 kHz mono file, as openai-whisper sees them: 16-bit values / 32768.
pub(crate) fn samples(path: &Path) -> Vec<f32> {
    use symphonia::core::formats::TrackType;
    let source = symphonia::core::io::MediaSourceStream::new(
        Box::new(File::open(path).unwrap()),
        Default::default(),
    );
    let mut format = symphonia::default::get_probe()
        .probe(
            &Default::default(),
            source,
            Default::default(),
            Default::default(),
        )
        .unwrap();
    let track = format.default_track(TrackType::Audio).unwrap();
    let id = track.id;
    let params = track
        .codec_params
        .as_ref()
        .unwrap()
        .audio()
        .unwrap()
        .clone();
    assert_eq!(params.sample_rate, Some(16_000));
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&params, &Default::default())
        .unwrap();
    let mut all = Vec::new();
    let mut some = Vec::new();
    while let Some(packet) = format.next_packet().unwrap() {
        if packet.track_id == id {
            decoder
                .decode(&packet)
                .unwrap()
                .copy_to_vec_interleaved(&mut some);
            all.extend_from_slice(&some);
        }
    }
    all
}
