//! A WAV writer for every sample format the tests need.

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
}

impl Format {
    pub(crate) const ALL: [Self; 6] = [
        Self::U8,
        Self::I16,
        Self::I24,
        Self::I32,
        Self::F32,
        Self::F64,
    ];

    fn bits(self) -> u16 {
        match self {
            Self::U8 => 8,
            Self::I16 => 16,
            Self::I24 => 24,
            Self::I32 | Self::F32 => 32,
            Self::F64 => 64,
        }
    }

    /// The largest error of a stored sample.
    pub(crate) fn step(self) -> f32 {
        match self {
            Self::U8 => 1.0 / 128.0,
            Self::I16 => 1.0 / 32768.0,
            _ => 1e-6,
        }
    }

    fn store(self, x: f32, out: &mut Vec<u8>) {
        let scaled = |bits: u32| (f64::from(x) * f64::from(1u32 << (bits - 1))).round();
        match self {
            Self::U8 => out.push((scaled(8) as i32 + 128).clamp(0, 255) as u8),
            Self::I16 => out.extend((scaled(16) as i16).to_le_bytes()),
            Self::I24 => out.extend(&(scaled(24) as i32).to_le_bytes()[..3]),
            Self::I32 => out.extend((scaled(32) as i32).to_le_bytes()),
            Self::F32 => out.extend(x.to_le_bytes()),
            Self::F64 => out.extend(f64::from(x).to_le_bytes()),
        }
    }
}

/// A header that announces `data_bytes` of samples. `u32::MAX` means unknown, as a recorder writes it to a
/// pipe.
pub(crate) fn header(rate: u32, channels: u16, format: Format, data_bytes: u32) -> Vec<u8> {
    let tag: u16 = if matches!(format, Format::F32 | Format::F64) {
        3
    } else {
        1
    };
    let align = channels * format.bits() / 8;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(data_bytes.saturating_add(36).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.wrapping_mul(u32::from(align)).to_le_bytes());
    bytes.extend(align.to_le_bytes());
    bytes.extend(format.bits().to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(data_bytes.to_le_bytes());
    bytes
}

/// A whole file; `channels` hold samples of equal number.
pub(crate) fn file(rate: u32, channels: &[&[f32]], format: Format) -> Vec<u8> {
    let mut data = Vec::new();
    for n in 0..channels[0].len() {
        for channel in channels {
            format.store(channel[n], &mut data);
        }
    }
    let mut bytes = header(rate, channels.len() as u16, format, data.len() as u32);
    bytes.extend(data);
    bytes
}
