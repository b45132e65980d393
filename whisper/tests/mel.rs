use crate::assets::{assets, distance, floats, samples};
use whisper::mel::{LogMel, WINDOW_SAMPLES};

/// Both in f32, with differently ordered sums: they differ by a few last bits of the logarithm.
const TOLERANCE: f32 = 2e-5;

#[test]
fn log_mel_of_jfk_is_the_reference_s() {
    let Some(assets) = assets("log_mel_of_jfk_is_the_reference_s") else {
        return;
    };
    let audio = samples(&assets.join("audio/jfk.wav"));
    assert_eq!(audio.len(), 176_000);
    let plan = LogMel::new(80);
    let mel = plan.spectrogram(&audio, WINDOW_SAMPLES);
    let golden = floats(&assets.join("goldens/tiny.en-libri-jfk.npz"), "mel");
    let off = distance(&mel.window(0, 3000, 3000), &golden);
    assert!(off < TOLERANCE, "largest difference {off}");
}
