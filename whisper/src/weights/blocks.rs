//! How tensors are stored: plain floats, and ggml's blocks of 32 values.
//!
//! Facts: ggml `ggml-common.h` and `ggml-quants.c` (block layouts), `ggml.h` (type numbers).

use half::{bf16, f16};

/// Values in one ggml block.
const BLOCK: usize = 32;

/// The storage of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// 32-bit floats.
    F32,
    /// IEEE half floats.
    F16,
    /// bfloat16.
    Bf16,
    /// Blocks of f16 scale and 16 bytes of nibbles, offset 8.
    Q4_0,
    /// Blocks of f16 scale, f16 minimum and 16 bytes of nibbles.
    Q4_1,
    /// As Q4_0 with a fifth bit each in 4 bytes, offset 16.
    Q5_0,
    /// As Q4_1 with a fifth bit each in 4 bytes.
    Q5_1,
    /// Blocks of f16 scale and 32 signed bytes.
    Q8_0,
}

impl Storage {
    /// ggml's type number.
    pub(super) fn from_ggml(number: u32) -> Option<Self> {
        Some(match number {
            0 => Storage::F32,
            1 => Storage::F16,
            2 => Storage::Q4_0,
            3 => Storage::Q4_1,
            6 => Storage::Q5_0,
            7 => Storage::Q5_1,
            8 => Storage::Q8_0,
            30 => Storage::Bf16,
            _ => return None,
        })
    }

    /// Values and bytes of one indivisible piece.
    pub(super) fn block(self) -> (usize, usize) {
        match self {
            Storage::F32 => (1, 4),
            Storage::F16 | Storage::Bf16 => (1, 2),
            Storage::Q4_0 => (BLOCK, 18),
            Storage::Q4_1 => (BLOCK, 20),
            Storage::Q5_0 => (BLOCK, 22),
            Storage::Q5_1 => (BLOCK, 24),
            Storage::Q8_0 => (BLOCK, 34),
        }
    }

    /// Bytes of `count` values, or none if they do not fill whole blocks.
    pub(super) fn bytes(self, count: usize) -> Option<usize> {
        let (values, bytes) = self.block();
        if !count.is_multiple_of(values) {
            return None;
        }
        (count / values).checked_mul(bytes)
    }

    /// Widens `count` values to f32; `bytes` holds exactly [`Self::bytes`].
    pub(super) fn to_f32(self, bytes: &[u8], count: usize) -> Vec<f32> {
        let mut out = Vec::with_capacity(count);
        let (_, size) = self.block();
        for piece in bytes.chunks_exact(size) {
            match self {
                Storage::F32 => {
                    out.push(f32::from_le_bytes([piece[0], piece[1], piece[2], piece[3]]))
                }
                Storage::F16 => out.push(half_at(piece, 0)),
                Storage::Bf16 => out.push(bf16::from_le_bytes([piece[0], piece[1]]).to_f32()),
                Storage::Q8_0 => {
                    let scale = half_at(piece, 0);
                    out.extend(piece[2..].iter().map(|&q| f32::from(q as i8) * scale));
                }
                Storage::Q4_0 => {
                    let scale = half_at(piece, 0);
                    nibbles(&piece[2..], 0, |q| out.push((q as f32 - 8.0) * scale));
                }
                Storage::Q4_1 => {
                    let (scale, low) = (half_at(piece, 0), half_at(piece, 2));
                    nibbles(&piece[4..], 0, |q| out.push(q as f32 * scale + low));
                }
                Storage::Q5_0 => {
                    let scale = half_at(piece, 0);
                    nibbles(&piece[6..], word_at(piece, 2), |q| {
                        out.push((q as f32 - 16.0) * scale);
                    });
                }
                Storage::Q5_1 => {
                    let (scale, low) = (half_at(piece, 0), half_at(piece, 2));
                    nibbles(&piece[8..], word_at(piece, 4), |q| {
                        out.push(q as f32 * scale + low);
                    });
                }
            }
        }
        out
    }
}

fn half_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

fn word_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The 32 values of 16 bytes, low nibbles first, each with its bit of `fifth` above.
fn nibbles(bytes: &[u8], fifth: u32, mut take: impl FnMut(u32)) {
    for (i, byte) in bytes.iter().enumerate() {
        take(u32::from(byte & 15) | (fifth >> i & 1) << 4);
    }
    for (i, byte) in bytes.iter().enumerate() {
        take(u32::from(byte >> 4) | (fifth >> (i + 16) & 1) << 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(head: &[f32], rest: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = head
            .iter()
            .flat_map(|&h| f16::from_f32(h).to_le_bytes())
            .collect();
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn blocks_widen_to_the_values_they_stand_for() {
        let q8: Vec<u8> = (0..32).map(|i| (i - 16) as i8 as u8).collect();
        let values = Storage::Q8_0.to_f32(&block(&[0.5], &q8), 32);
        assert_eq!(values[0], -8.0);
        assert_eq!(values[31], 7.5);

        // Byte i holds i in the low and 15 - i in the high nibble.
        let packed: Vec<u8> = (0..16u8).map(|i| i | (15 - i) << 4).collect();
        let values = Storage::Q4_0.to_f32(&block(&[2.0], &packed), 32);
        assert_eq!((values[0], values[15], values[16]), (-16.0, 14.0, 14.0));
        let values = Storage::Q4_1.to_f32(&block(&[2.0, -1.0], &packed), 32);
        assert_eq!((values[0], values[15], values[16]), (-1.0, 29.0, 29.0));

        // The fifth bit is set for value 1 and for value 31.
        let fifth = (1u32 << 1 | 1 << 31).to_le_bytes();
        let mut rest = fifth.to_vec();
        rest.extend(&packed);
        let values = Storage::Q5_0.to_f32(&block(&[1.0], &rest), 32);
        assert_eq!(
            (values[0], values[1], values[16], values[31]),
            (-16.0, 1.0, -1.0, 0.0)
        );
        let values = Storage::Q5_1.to_f32(&block(&[1.0, 0.25], &rest), 32);
        assert_eq!((values[0], values[1], values[31]), (0.25, 17.25, 16.25));
    }

    #[test]
    fn partial_blocks_have_no_size() {
        assert_eq!(Storage::Q5_1.bytes(64), Some(48));
        assert_eq!(Storage::Q5_1.bytes(63), None);
        assert_eq!(Storage::Bf16.bytes(3), Some(6));
    }
}
