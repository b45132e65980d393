//! The 4x8x8 product of 8-bit numbers, the mode kernels live on, as fast as the host does it.
//!
//! x86-64 always has instructions that multiply eight 16-bit numbers and add neighbours; elsewhere the
//! products are made in f32, which every processor multiplies in vectors.

/// Sums of products of a 4x8 and an 8x8 matrix of 8-bit numbers, row by row; exact.
#[inline]
pub(super) fn matrix_4x8x8(x: &[u8; 64], y: &[u8; 64], sgn_x: bool, sgn_y: bool) -> [i32; 32] {
    #[cfg(target_arch = "x86_64")]
    #[expect(
        unsafe_code,
        reason = "measured: the product is a fifth of the emulator's time"
    )]
    // SAFETY: the function wants SSE2 of the processor and no more; every x86-64 has it.
    return unsafe { pairs::matrix_4x8x8(x, y, sgn_x, sgn_y) };
    #[cfg(not(target_arch = "x86_64"))]
    floats::matrix_4x8x8(x, y, sgn_x, sgn_y)
}

/// By products of pairs.
#[cfg(target_arch = "x86_64")]
mod pairs {
    use core::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_madd_epi16,
        _mm_setzero_si128, _mm_shuffle_epi32, _mm_srai_epi16, _mm_unpackhi_epi16,
        _mm_unpackhi_epi64, _mm_unpacklo_epi8, _mm_unpacklo_epi16,
    };

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn matrix_4x8x8(x: &[u8; 64], y: &[u8; 64], sgn_x: bool, sgn_y: bool) -> [i32; 32] {
        // Rows 2t and 2t + 1 of y, taking turns: the first four columns, and the others.
        let mut pairs = [(_mm_setzero_si128(), _mm_setzero_si128()); 4];
        for (t, (low, high)) in pairs.iter_mut().enumerate() {
            let (even, odd) = (row(y, 2 * t, sgn_y), row(y, 2 * t + 1, sgn_y));
            (*low, *high) = (_mm_unpacklo_epi16(even, odd), _mm_unpackhi_epi16(even, odd));
        }
        let mut out = [0; 32];
        let (rows, _) = out.as_chunks_mut::<8>();
        for (i, out) in rows.iter_mut().enumerate() {
            let a = row(x, i, sgn_x);
            let terms = [
                _mm_shuffle_epi32::<0x00>(a),
                _mm_shuffle_epi32::<0x55>(a),
                _mm_shuffle_epi32::<0xAA>(a),
                _mm_shuffle_epi32::<0xFF>(a),
            ];
            let (mut low, mut high) = (_mm_setzero_si128(), _mm_setzero_si128());
            for (term, (b_low, b_high)) in terms.into_iter().zip(pairs) {
                low = _mm_add_epi32(low, _mm_madd_epi16(term, b_low));
                high = _mm_add_epi32(high, _mm_madd_epi16(term, b_high));
            }
            let [a, b, c, d] = lanes(low);
            let [e, f, g, h] = lanes(high);
            *out = [a, b, c, d, e, f, g, h];
        }
        out
    }

    /// Eight bytes as 16-bit lanes.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn row(bytes: &[u8; 64], i: usize, signed: bool) -> __m128i {
        let (rows, _) = bytes.as_chunks::<8>();
        let eight = _mm_cvtsi64_si128(i64::from_le_bytes(rows[i]));
        if signed {
            _mm_srai_epi16::<8>(_mm_unpacklo_epi8(eight, eight))
        } else {
            _mm_unpacklo_epi8(eight, _mm_setzero_si128())
        }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn lanes(v: __m128i) -> [i32; 4] {
        let (low, high) = (
            _mm_cvtsi128_si64(v),
            _mm_cvtsi128_si64(_mm_unpackhi_epi64(v, v)),
        );
        [
            low as i32,
            (low >> 32) as i32,
            high as i32,
            (high >> 32) as i32,
        ]
    }
}

/// In f32: products of 8-bit numbers and the sums of eight of them stay below 2^24, hence are exact.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod floats {
    pub(super) fn matrix_4x8x8(x: &[u8; 64], y: &[u8; 64], sgn_x: bool, sgn_y: bool) -> [i32; 32] {
        const BIAS: f32 = 12_582_912.0;
        let (mut a, mut b) = ([0f32; 32], [0f32; 64]);
        widen(&mut a, x, sgn_x);
        widen(&mut b, y, sgn_y);
        let mut out = [0; 32];
        for (out, a) in out.chunks_exact_mut(8).zip(a.chunks_exact(8)) {
            let mut sums = [0f32; 8];
            for (a, b) in a.iter().zip(b.chunks_exact(8)) {
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum += a * b;
                }
            }
            for (out, sum) in out.iter_mut().zip(&sums) {
                // With 1.5 * 2^23 added, the low bits of the pattern are the integer.
                *out = (*sum + BIAS).to_bits().wrapping_sub(BIAS.to_bits()) as i32;
            }
        }
        out
    }

    /// 8-bit lanes as f32.
    #[inline(always)]
    fn widen(out: &mut [f32], bytes: &[u8; 64], signed: bool) {
        if signed {
            for (out, byte) in out.iter_mut().zip(bytes) {
                *out = f32::from(*byte as i8);
            }
        } else {
            for (out, byte) in out.iter_mut().zip(bytes) {
                *out = f32::from(*byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_gives_what_plain_loops_give() {
        let mut state = 0x2545_F491u32;
        let mut next = |extreme: bool| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if extreme {
                [0, 127, 128, 255][state as usize % 4]
            } else {
                state as u8
            }
        };
        for round in 0..64 {
            let x: [u8; 64] = core::array::from_fn(|_| next(round % 2 == 0));
            let y: [u8; 64] = core::array::from_fn(|_| next(round % 2 == 0));
            for (sgn_x, sgn_y) in [(false, false), (false, true), (true, false), (true, true)] {
                let number = |byte: u8, signed| {
                    if signed {
                        i32::from(byte as i8)
                    } else {
                        i32::from(byte)
                    }
                };
                let want: [i32; 32] = core::array::from_fn(|i| {
                    let term =
                        |t| number(x[i / 8 * 8 + t], sgn_x) * number(y[t * 8 + i % 8], sgn_y);
                    (0..8).map(term).sum()
                });
                assert_eq!(matrix_4x8x8(&x, &y, sgn_x, sgn_y), want);
                assert_eq!(floats::matrix_4x8x8(&x, &y, sgn_x, sgn_y), want);
            }
        }
    }
}
