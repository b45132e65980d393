//! What the examples share: where overlays are, and recordings as samples.

use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, Result, WrapErr, miette};
use runtime::{Buffer, Device, InstructionStream, Overlay};
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

/// Samples of one dispatch of the audio overlays.
const DISPATCH: usize = 32768;

/// The folder of overlay `name`: in `target/kernels`, or where `AMANUENSIS_KERNELS` says.
pub fn kernels(name: &str) -> PathBuf {
    let folder = std::env::var_os("AMANUENSIS_KERNELS").map(PathBuf::from);
    folder
        .unwrap_or_else(|| PathBuf::from("target/kernels"))
        .join(name)
}

/// Loads overlay `name` and its stream `sequence` from `target/kernels`, or from the folder that
/// `AMANUENSIS_KERNELS` names.
///
/// # Errors
/// When a file is missing or the device refuses it.
pub fn load(device: &Device, name: &str, sequence: &str) -> Result<(Overlay, InstructionStream)> {
    let folder = kernels(name);
    let read = |file: String| {
        let path = folder.join(file);
        fs::read(&path).map_err(|e| {
            miette!(
                help = "build the overlays first: cargo xtask build-kernels",
                "cannot read {}: {e}",
                path.display()
            )
        })
    };
    let overlay = Overlay::load(device, &read(format!("{name}.xclbin"))?).into_diagnostic()?;
    let stream = InstructionStream::parse(&read(format!("insts_{sequence}.bin"))?);
    Ok((overlay, stream.into_diagnostic()?))
}

/// Sends samples through the audio overlay `name`, dispatch by dispatch; returns what comes back and
/// the cycles that it took.
///
/// # Errors
/// When the overlay does not load or a dispatch fails.
pub fn through(device: &Device, name: &str, samples: &[i16]) -> Result<(Vec<i16>, u64)> {
    let (overlay, stream) = load(device, name, "main")?;
    let (input, output) = (Buffer::zeroed(DISPATCH), Buffer::<i16>::zeroed(DISPATCH));
    let (mut returned, mut cycles) = (Vec::with_capacity(samples.len()), 0);
    for chunk in samples.chunks(DISPATCH) {
        let mut padded = chunk.to_vec();
        padded.resize(DISPATCH, 0);
        input.write(&padded).into_diagnostic()?;
        let run = overlay
            .submit(&stream, &[&input, &output])
            .into_diagnostic()?;
        cycles += run.wait().into_diagnostic()?.cycles.unwrap_or(0);
        returned.extend_from_slice(&output.read().into_diagnostic()?[..chunk.len()]);
    }
    Ok((returned, cycles))
}

/// The file called `name` among the test assets, where `AMANUENSIS_ASSETS` says.
pub fn asset(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("AMANUENSIS_ASSETS")?);
    Some(folder.join(name)).filter(|path| path.exists())
}

/// The recording given on the command line, or `jfk.wav` of the assets, or else a made-up tone;
/// and what it is, in words.
///
/// # Errors
/// When the recording cannot be read or decoded.
pub fn recording() -> Result<(Vec<i16>, String)> {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    match given.or_else(|| asset("audio/jfk.wav")) {
        Some(path) => {
            let samples =
                read_wav(&path).wrap_err_with(|| format!("cannot read {}", path.display()))?;
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            Ok((samples, name))
        }
        None => Ok((tone(5 * 16000), "a generated tone".to_owned())),
    }
}

/// Samples of a 16-bit WAV file, channels interleaved.
fn read_wav(path: &Path) -> Result<Vec<i16>> {
    let source = MediaSourceStream::new(
        Box::new(fs::File::open(path).into_diagnostic()?),
        Default::default(),
    );
    let mut hint = Hint::new();
    hint.with_extension("wav");
    let (formats, metadata) = (FormatOptions::default(), MetadataOptions::default());
    let probe = symphonia::default::get_probe();
    let mut format = probe
        .probe(&hint, source, formats, metadata)
        .into_diagnostic()?;
    let track = format
        .default_track(TrackType::Audio)
        .ok_or_else(|| miette!("no audio track"))?;
    let track_id = track.id;
    let params = track.codec_params.as_ref().and_then(|p| p.audio());
    let params = params.ok_or_else(|| miette!("no audio codec"))?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .into_diagnostic()?;
    let (mut samples, mut chunk) = (Vec::new(), Vec::<i16>::new());
    while let Some(packet) = format.next_packet().into_diagnostic()? {
        if packet.track_id == track_id {
            let decoded = decoder.decode(&packet).into_diagnostic()?;
            decoded.copy_to_vec_interleaved(&mut chunk);
            samples.extend_from_slice(&chunk);
        }
    }
    Ok(samples)
}

/// 440 Hz at 16 kHz, swelling to full scale.
fn tone(len: usize) -> Vec<i16> {
    let sample = |n: usize| {
        let swell = n as f64 / len as f64;
        (swell * f64::from(i16::MAX) * (TAU * 440.0 * n as f64 / 16000.0).sin()).round() as i16
    };
    (0..len).map(sample).collect()
}
