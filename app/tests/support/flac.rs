//! A FLAC writer that compresses nothing: every subframe is verbatim.
//!
//! Source of the format: RFC 9639.

/// A 16-bit file of whole blocks and a shorter last one.
pub(crate) fn file(rate: u32, channels: &[&[f32]]) -> Vec<u8> {
    const BLOCK: usize = 4096;
    let frames = channels[0].len();
    let mut info = Bits::default();
    info.put(BLOCK as u64, 16);
    info.put(BLOCK as u64, 16);
    info.put(0, 24);
    info.put(0, 24);
    info.put(u64::from(rate), 20);
    info.put(channels.len() as u64 - 1, 3);
    info.put(15, 5);
    info.put(frames as u64, 36);
    info.put(0, 64);
    info.put(0, 64);
    let mut out = b"fLaC\x80\0\0\x22".to_vec();
    out.extend(info.bytes);
    for (number, start) in (0..frames).step_by(BLOCK).enumerate() {
        let size = BLOCK.min(frames - start);
        let mut frame = Bits::default();
        frame.put(0b11_1111_1111_1110, 14);
        frame.put(0, 2);
        frame.put(0b0111, 4);
        frame.put(0, 4);
        frame.put(channels.len() as u64 - 1, 4);
        frame.put(0b100, 3);
        frame.put(0, 1);
        assert!(number < 128, "one byte of coded number");
        frame.put(number as u64, 8);
        frame.put(size as u64 - 1, 16);
        let crc = crc(&frame.bytes, 8, 0x07);
        frame.put(u64::from(crc), 8);
        for channel in channels {
            frame.put(0b0000_0010, 8);
            for &x in &channel[start..start + size] {
                let sample = (x * 32768.0).round() as i16;
                frame.put(u64::from(sample as u16), 16);
            }
        }
        let crc = self::crc(&frame.bytes, 16, 0x8005);
        frame.put(u64::from(crc), 16);
        out.extend(frame.bytes);
    }
    out
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u64, count: u32) {
        for bit in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if value >> bit & 1 == 1
                && let Some(last) = self.bytes.last_mut()
            {
                *last |= 0x80 >> (self.used % 8);
            }
            self.used += 1;
        }
    }
}

fn crc(bytes: &[u8], width: u32, polynomial: u32) -> u32 {
    let top = 1u32 << (width - 1);
    let mask = (top << 1).wrapping_sub(1);
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << (width - 8), |crc, _| {
            let shifted = crc << 1 & mask;
            if crc & top == 0 {
                shifted
            } else {
                shifted ^ polynomial
            }
        })
    })
}
