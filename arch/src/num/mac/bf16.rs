//! bf16 multiply-accumulate: an exact adder for any value, and a fast path for finite ones.

use super::{AccLane, MacConf, MacError, MacMode, MacShape, Negate};
use crate::num::float::Adder;

/// One lane by the exact adder: any values, any specials.
fn lane_bf16(
    terms: impl Iterator<Item = (u16, u16)>,
    negate: Negate,
    acc1: Option<u32>,
    acc2: Option<u32>,
) -> u32 {
    let mut adder = Adder::new();
    for (a, b) in terms {
        adder.add_product(a, b, negate.product);
    }
    if let Some(acc) = acc1 {
        adder.add_f32(acc, negate.acc1);
    }
    if let Some(acc) = acc2 {
        adder.add_f32(acc, negate.acc2);
    }
    adder.sum()
}

/// An operand prepared for the fast path: exact values, and exponents as the alignment sees them
/// (a zero must never be the largest).
struct Prepared<const N: usize> {
    values: [f64; N],
    exponents: [i16; N],
}

impl<const N: usize> Prepared<N> {
    const ZERO: i16 = -4096;

    /// `None` if an element is infinite or NaN.
    #[inline(always)]
    fn new(bits: &[u32; N]) -> Option<Self> {
        let (mut values, mut exponents) = ([0.0; N], [0; N]);
        let mut largest = 0;
        for (exponent, bits) in exponents.iter_mut().zip(bits) {
            let field = (bits >> 23 & 0xFF) as i16;
            largest = largest.max(field);
            *exponent = if bits << 1 == 0 {
                Self::ZERO
            } else {
                field.max(1)
            };
        }
        for (value, bits) in values.iter_mut().zip(bits) {
            *value = f64::from(f32::from_bits(*bits));
        }
        (largest != 0xFF).then_some(Self { values, exponents })
    }
}

/// Sum of aligned terms in double precision: adding and subtracting 1.5 * 2^52 units of the grid
/// rounds a term to the grid, to nearest even, and the sums of such terms are exact.
struct Grid(f64);

impl Grid {
    /// The grid of 23 fraction bits below the f32 exponent `largest`.
    #[inline(always)]
    fn new(largest: i16) -> Self {
        let exponent = (i64::from(largest.max(-300)) - 127 - 23 + 52 + 1023) as u64;
        Self(f64::from_bits(exponent << 52 | 1 << 51))
    }

    #[inline(always)]
    fn round(&self, value: f64) -> f64 {
        (value + self.0) - self.0
    }

    /// The final rounding to f32, everything below the smallest normal number flushed to +0.
    #[inline(always)]
    fn finish(sum: f64) -> u32 {
        // Half a unit (of 24 significant bits) below 2^-126: what rounds up to it is kept.
        const FLUSHED_BELOW: f64 = f32::MIN_POSITIVE as f64 * (1.0 - 1.0 / (1u64 << 25) as f64);
        if sum.abs() < FLUSHED_BELOW {
            0
        } else {
            (sum as f32).to_bits()
        }
    }
}

/// A float VMAC on f32 accumulators: `±acc1 ±acc2 ±products`. Accumulators are 16 f32 patterns; an
/// absent one counts as 0, and `conf.zero_acc` takes acc1 away. Rounding does not depend on
/// `crRnd`: one aligned addition with 23 fraction bits, to nearest even; denormal results become
/// +0, a NaN result is 0x7F800001 or shows what the adder held.
///
/// # Errors
/// [`MacError::WrongUnit`] if `mode` has integer accumulators.
#[inline]
pub fn mac_bf16(
    mode: &MacMode,
    conf: MacConf,
    negate: Negate,
    x: &[u8; 64],
    y: &[u8; 64],
    acc1: Option<&[u32; 16]>,
    acc2: Option<&[u32; 16]>,
) -> Result<[u32; 16], MacError> {
    if mode.acc != AccLane::Fp32 {
        return Err(MacError::WrongUnit { mode: *mode });
    }
    let acc1 = if conf.zero_acc { None } else { acc1 };
    let signs = negate.with(conf);
    let (a, b) = (widen(x), widen(y));
    let fast = match mode.shape {
        MacShape::Matrix { .. } => fast_4x8x4(&a, &b, signs, acc1, acc2),
        MacShape::Elementwise { .. } => fast_elementwise(&a, &b, signs, acc1, acc2),
    };
    Ok(fast.unwrap_or_else(|| exact_bf16(mode.shape, &a, &b, signs, acc1, acc2)))
}

/// bf16 lanes as f32 patterns.
#[inline(always)]
fn widen(bytes: &[u8; 64]) -> [u32; 32] {
    let mut out = [0; 32];
    for (wide, half) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *wide = u32::from(u16::from_le_bytes([half[0], half[1]])) << 16;
    }
    out
}

/// Every lane by the exact adder.
pub(super) fn exact_bf16(
    shape: MacShape,
    a: &[u32; 32],
    b: &[u32; 32],
    signs: Negate,
    acc1: Option<&[u32; 16]>,
    acc2: Option<&[u32; 16]>,
) -> [u32; 16] {
    let pair = |i: usize, j: usize| ((a[i] >> 16) as u16, (b[j] >> 16) as u16);
    std::array::from_fn(|lane| {
        let (acc1, acc2) = (acc1.map(|a| a[lane]), acc2.map(|a| a[lane]));
        match shape {
            MacShape::Matrix { k, n, .. } => {
                let terms = (0..k).map(|t| pair(lane / n * k + t, t * n + lane % n));
                lane_bf16(terms, signs, acc1, acc2)
            }
            MacShape::Elementwise { lanes, terms } => {
                let terms = (0..terms).map(|t| pair(lane + t * lanes, lane + t * lanes));
                lane_bf16(terms, signs, acc1, acc2)
            }
        }
    })
}

/// An accumulator with its sign applied, zeros if absent; `None` if it holds a special value.
#[inline(always)]
fn prepared_acc(acc: Option<&[u32; 16]>, negate: bool) -> Option<Prepared<16>> {
    let Some(acc) = acc else {
        return Some(Prepared {
            values: [0.0; 16],
            exponents: [Prepared::<16>::ZERO; 16],
        });
    };
    let flip = u32::from(negate) << 31;
    let mut flipped = *acc;
    for bits in &mut flipped {
        *bits ^= flip;
    }
    Prepared::new(&flipped)
}

/// The 4x8x4 product; `None` if a special value takes part.
pub(super) fn fast_4x8x4(
    a: &[u32; 32],
    b: &[u32; 32],
    signs: Negate,
    acc1: Option<&[u32; 16]>,
    acc2: Option<&[u32; 16]>,
) -> Option<[u32; 16]> {
    let (a, b) = (Prepared::new(a)?, Prepared::new(b)?);
    let (acc1, acc2) = (
        prepared_acc(acc1, signs.acc1)?,
        prepared_acc(acc2, signs.acc2)?,
    );
    let sign = if signs.product { -1.0 } else { 1.0 };
    let mut out = [0; 16];
    for m in 0..4 {
        let mut largest: [i16; 4] =
            std::array::from_fn(|n| acc1.exponents[4 * m + n].max(acc2.exponents[4 * m + n]));
        for k in 0..8 {
            let exponent = a.exponents[8 * m + k] - 127;
            for (largest, b) in largest.iter_mut().zip(&b.exponents[4 * k..]) {
                *largest = (*largest).max(exponent + b);
            }
        }
        let grid = largest.map(Grid::new);
        let mut sum: [f64; 4] = std::array::from_fn(|n| {
            grid[n].round(acc1.values[4 * m + n]) + grid[n].round(acc2.values[4 * m + n])
        });
        for k in 0..8 {
            let value = a.values[8 * m + k] * sign;
            for ((sum, grid), b) in sum.iter_mut().zip(&grid).zip(&b.values[4 * k..]) {
                *sum += grid.round(value * b);
            }
        }
        for (out, sum) in out[4 * m..].iter_mut().zip(sum) {
            *out = Grid::finish(sum);
        }
    }
    Some(out)
}

/// The elementwise product of two terms; `None` if a special value takes part.
pub(super) fn fast_elementwise(
    a: &[u32; 32],
    b: &[u32; 32],
    signs: Negate,
    acc1: Option<&[u32; 16]>,
    acc2: Option<&[u32; 16]>,
) -> Option<[u32; 16]> {
    let (a, b) = (Prepared::new(a)?, Prepared::new(b)?);
    let (acc1, acc2) = (
        prepared_acc(acc1, signs.acc1)?,
        prepared_acc(acc2, signs.acc2)?,
    );
    let sign = if signs.product { -1.0 } else { 1.0 };
    Some(std::array::from_fn(|i| {
        let exponent = |i: usize| a.exponents[i] + b.exponents[i] - 127;
        let products = exponent(i).max(exponent(i + 16));
        let grid = Grid::new(products.max(acc1.exponents[i]).max(acc2.exponents[i]));
        let product = |i: usize| grid.round(sign * a.values[i] * b.values[i]);
        let accumulators = grid.round(acc1.values[i]) + grid.round(acc2.values[i]);
        Grid::finish(product(i) + product(i + 16) + accumulators)
    }))
}
