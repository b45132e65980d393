//! Containers and codecs, by symphonia.

use std::io::ErrorKind;
use std::sync::LazyLock;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, ReadBytes, SeekBuffered};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};
use symphonia_adapter_libopus::OpusDecoder;

use super::error::clock;
use super::source::Source;
use super::wav_layout::WavLayout;
use super::{AudioError, AudioInfo, mix};

/// symphonia's own decoders, and libopus, for which it has none.
static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<OpusDecoder>();
    codecs
});

/// The longest silence put in place of one damaged packet, in seconds.
const MAX_GAP: f64 = 1.0;

/// One decoded track, mixed to one channel.
pub(super) struct Decoder {
    name: String,
    info: AudioInfo,
    /// `None` when the end is reached.
    format: Option<Box<dyn FormatReader>>,
    codec: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    wav: Option<WavLayout>,
    /// The frame after the last packet, in the track's time base.
    next_ts: i64,
    rate: Option<u32>,
    frames: u64,
    packets: u64,
    damaged: u64,
    last_damage: Option<Error>,
    cut_off: bool,
    planes: Vec<Vec<f32>>,
    warnings: Vec<String>,
}

impl Decoder {
    pub(super) fn new(source: Source, name: &str) -> Result<Self, AudioError> {
        let stream = MediaSourceStream::new(source.media, Default::default());
        let format = symphonia::default::get_probe()
            .probe(
                &Hint::new(),
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .map_err(|error| probe_error(name, error))?;
        let container = format.format_info().short_name.to_owned();
        let track = pick_track(format.as_ref())
            .ok_or_else(|| AudioError::NoTrack {
                name: name.to_owned(),
                container: container.clone(),
            })?
            .clone();
        let (codec, params) = open_codec(&track, name, &container)?;
        let info = AudioInfo {
            container,
            codec: codec.codec_info().short_name.to_owned(),
            rate: params.sample_rate,
            channels: params.channels.as_ref().map(|c| c.count()),
            seconds: announced_seconds(&track, &params),
        };
        Ok(Self {
            name: name.to_owned(),
            rate: info.rate,
            info,
            format: Some(format),
            codec,
            track: track.id,
            time_base: track.time_base,
            wav: source.wav,
            next_ts: 0,
            frames: 0,
            packets: 0,
            damaged: 0,
            last_damage: None,
            cut_off: false,
            planes: Vec::new(),
            warnings: Vec::new(),
        })
    }

    pub(super) fn info(&self) -> &AudioInfo {
        &self.info
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The next decoded piece with its sample rate; `None` at the end.
    pub(super) fn next_mono(&mut self) -> Result<Option<(u32, Vec<f32>)>, AudioError> {
        loop {
            let Some(packet) = self.next_packet()? else {
                self.note_warnings();
                return Ok(None);
            };
            self.packets += 1;
            let end = packet.pts.get().checked_add_unsigned(packet.dur.get());
            self.next_ts = end.unwrap_or(self.next_ts);
            let piece = match self.codec.decode(&packet) {
                Ok(buffer) => {
                    let spec = buffer.spec().clone();
                    buffer.copy_to_vecs_planar(&mut self.planes);
                    let weights = mix::weights(spec.channels(), self.planes.len());
                    self.rate = Some(spec.rate());
                    (spec.rate(), mix::down(&self.planes, &weights))
                }
                Err(error) => {
                    self.damaged += 1;
                    self.last_damage = Some(error);
                    let Some(rate) = self.rate else { continue };
                    (rate, vec![0.0; self.gap(packet.dur, rate)])
                }
            };
            if self.damaged < self.packets {
                self.frames += piece.1.len() as u64;
                if !piece.1.is_empty() {
                    return Ok(Some(piece));
                }
            }
        }
    }

    /// Frames of silence that keep the time when a packet is lost.
    fn gap(&self, duration: Duration, rate: u32) -> usize {
        let seconds = self
            .time_base
            .and_then(|base| base.calc_duration(duration))
            .map_or(0.0, |time| time.as_secs_f64());
        (seconds.clamp(0.0, MAX_GAP) * f64::from(rate)) as usize
    }

    fn next_packet(&mut self) -> Result<Option<Packet>, AudioError> {
        loop {
            let Some(format) = self.format.as_mut() else {
                return Ok(None);
            };
            match format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.format = None;
                    return Ok(None);
                }
                Err(Error::ResetRequired) => {
                    let container = &self.info.container;
                    let Some(track) = pick_track(format.as_ref()).cloned() else {
                        self.format = None;
                        return Ok(None);
                    };
                    self.codec = open_codec(&track, &self.name, container)?.0;
                    self.track = track.id;
                    self.time_base = track.time_base;
                }
                Err(Error::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                    return Err(AudioError::Read {
                        name: self.name.clone(),
                        source: error,
                    });
                }
                Err(error) => {
                    self.cut_off = true;
                    if !matches!(error, Error::IoError(_)) {
                        self.last_damage = Some(error);
                    }
                    return Ok(self.wav_tail());
                }
            }
        }
    }

    /// The last, short packet of a WAV that ends early.
    fn wav_tail(&mut self) -> Option<Packet> {
        let format = self.format.take()?;
        let wav = self.wav?;
        let mut stream = format.into_inner();
        let end = stream.pos();
        let frames = u64::try_from(self.next_ts).ok()?;
        let begin = frames.checked_mul(wav.frame)?.checked_add(wav.data_start)?;
        let whole = end.checked_sub(begin)? / wav.frame;
        if whole == 0 || stream.seek_buffered(begin) != begin {
            return None;
        }
        let bytes = stream
            .read_boxed_slice(usize::try_from(whole * wav.frame).ok()?)
            .ok()?;
        Some(Packet::new(
            self.track,
            Timestamp::new(self.next_ts),
            Duration::new(whole),
            bytes,
        ))
    }

    fn note_warnings(&mut self) {
        if !self.warnings.is_empty() || self.frames == 0 {
            return;
        }
        let decoded = self.rate.map_or(0.0, |r| self.frames as f64 / f64::from(r));
        match self.info.seconds {
            Some(announced) if decoded + 1.0 < announced => self.warnings.push(format!(
                "{} ends after {} of the {} its header announces",
                self.name,
                clock(decoded),
                clock(announced)
            )),
            None if self.cut_off && self.last_damage.is_some() => {
                self.warnings
                    .push(format!("{} breaks off after {}", self.name, clock(decoded)))
            }
            _ => {}
        }
        if self.damaged > 0 {
            self.warnings.push(format!(
                "{} of the {} packets in {} are damaged and count as silence",
                self.damaged, self.packets, self.name
            ));
        }
    }

    /// Why there are no samples, once the end is reached without one.
    pub(super) fn nothing_decoded(&mut self) -> AudioError {
        let name = self.name.clone();
        match (self.last_damage.take(), self.info.seconds) {
            (Some(error), _) if self.packets > 0 => AudioError::Damaged {
                name,
                codec: self.info.codec.clone(),
                packets: self.packets,
                detail: detail(&error),
            },
            (Some(error), _) => AudioError::Header {
                name,
                detail: detail(&error),
            },
            (None, Some(seconds)) if seconds > 0.0 => AudioError::HeaderOnly {
                name,
                announced: clock(seconds),
            },
            _ => AudioError::NoSamples { name },
        }
    }
}

fn pick_track(format: &dyn FormatReader) -> Option<&Track> {
    format
        .default_track(TrackType::Audio)
        .or_else(|| format.first_track(TrackType::Audio))
}

fn open_codec(
    track: &Track,
    name: &str,
    container: &str,
) -> Result<(Box<dyn AudioDecoder>, AudioCodecParameters), AudioError> {
    let refused = |codec: String| AudioError::Codec {
        name: name.to_owned(),
        container: container.to_owned(),
        codec,
    };
    let Some(CodecParameters::Audio(params)) = &track.codec_params else {
        return Err(refused("unknown".to_owned()));
    };
    let codec = CODECS
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|error| {
            refused(match params.codec {
                CODEC_ID_NULL_AUDIO => "unknown".to_owned(),
                known if CODECS.get_audio_decoder(known).is_some() => {
                    format!("{known} ({})", detail(&error))
                }
                other => other.to_string(),
            })
        })?;
    Ok((codec, params.clone()))
}

fn announced_seconds(track: &Track, params: &AudioCodecParameters) -> Option<f64> {
    if let (Some(frames), Some(rate)) = (track.num_frames, params.sample_rate)
        && rate > 0
    {
        return Some(frames as f64 / f64::from(rate));
    }
    let time = track.time_base?.calc_duration(track.duration?)?;
    Some(time.as_secs_f64())
}

fn probe_error(name: &str, error: Error) -> AudioError {
    let name = name.to_owned();
    match error {
        Error::Unsupported(reason) if reason.contains("no suitable format reader") => {
            AudioError::NotAudio { name }
        }
        Error::IoError(source) if source.kind() != ErrorKind::UnexpectedEof => {
            AudioError::Read { name, source }
        }
        error => AudioError::Header {
            name,
            detail: detail(&error),
        },
    }
}

fn detail(error: &Error) -> String {
    match error {
        Error::IoError(source) if source.kind() == ErrorKind::UnexpectedEof => {
            "it ends too early".to_owned()
        }
        error => error.to_string(),
    }
}
