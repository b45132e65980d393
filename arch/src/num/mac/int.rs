//! Integer multiply-accumulate and accumulator addition.

use super::matrix::matrix_4x8x8;
use super::{AccLane, Lane, MacConf, MacError, MacMode, MacShape, Negate};
use crate::num::round;

/// Element `i` of a register, sign- or zero-extended.
#[inline(always)]
fn element(lane: Lane, signed: bool, bytes: &[u8; 64], i: usize) -> i64 {
    let raw = match lane {
        Lane::I4 => u32::from(bytes[i / 2] >> (4 * (i % 2)) & 15),
        Lane::I8 => u32::from(bytes[i]),
        Lane::I16 | Lane::Bf16 => u32::from(u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]])),
        Lane::I32 => u32::from_le_bytes(std::array::from_fn(|b| bytes[4 * i + b])),
    };
    round::truncate(i64::from(raw), lane.bits() as u32, signed)
}

/// The sums of products of an integer mode, one for each accumulator lane; exact modulo 2^64.
fn products(mode: &MacMode, conf: MacConf, x: &[u8; 64], y: &[u8; 64]) -> [i64; 32] {
    let mut out = [0; 32];
    let (nx, ny, _) = mode.elements();
    let (mut a, mut b) = ([0i64; 128], [0i64; 128]);
    for (i, a) in a.iter_mut().enumerate().take(nx) {
        *a = element(mode.x, conf.sgn_x, x, i);
    }
    for (i, b) in b.iter_mut().enumerate().take(ny) {
        *b = element(mode.y, conf.sgn_y, y, i);
    }
    match mode.shape {
        MacShape::Matrix { m, k, n } => {
            for i in 0..m {
                for j in 0..n {
                    out[i * n + j] = (0..k).map(|t| a[i * k + t] * b[t * n + j]).sum();
                }
            }
        }
        MacShape::Elementwise { lanes, terms } => {
            for (i, out) in out.iter_mut().enumerate().take(lanes) {
                *out = (0..terms)
                    .map(|t| a[i + t * lanes] * b[i + t * lanes])
                    .sum();
            }
        }
    }
    out
}

/// An integer VMAC: `±acc1 ±acc2 ±products`, lanes wrapping. Accumulators are 1024 bits as 32-bit
/// words, lowest first; an absent accumulator counts as 0, and `conf.zero_acc` takes acc1 away.
///
/// # Errors
/// [`MacError::WrongUnit`] if `mode` has f32 accumulators.
#[inline]
pub fn mac_int(
    mode: &MacMode,
    conf: MacConf,
    negate: Negate,
    x: &[u8; 64],
    y: &[u8; 64],
    acc1: Option<&[u32; 32]>,
    acc2: Option<&[u32; 32]>,
) -> Result<[u32; 32], MacError> {
    let acc1 = if conf.zero_acc { None } else { acc1 };
    let signs = negate.with(conf);
    match mode.acc {
        AccLane::Fp32 => Err(MacError::WrongUnit { mode: *mode }),
        AccLane::Acc32 => {
            let sums: [i32; 32] = if mode.x == Lane::I8
                && mode.y == Lane::I8
                && matches!(mode.shape, MacShape::Matrix { .. })
            {
                matrix_4x8x8(x, y, conf.sgn_x, conf.sgn_y)
            } else {
                products(mode, conf, x, y).map(|v| v as i32)
            };
            let mut out = [0; 32];
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = if signs.product {
                    sum.wrapping_neg()
                } else {
                    sum
                } as u32;
            }
            accumulate32(&mut out, acc1, signs.acc1, conf.shift16);
            accumulate32(&mut out, acc2, signs.acc2, false);
            Ok(out)
        }
        AccLane::Acc64 => {
            let sums = products(mode, conf, x, y);
            let mut out = [0; 32];
            for (i, words) in out.chunks_exact_mut(2).enumerate() {
                let v = if signs.product {
                    sums[i].wrapping_neg()
                } else {
                    sums[i]
                };
                words.copy_from_slice(&[v as u32, (v >> 32) as u32]);
            }
            accumulate64(&mut out, acc1, signs.acc1, conf.shift16);
            accumulate64(&mut out, acc2, signs.acc2, false);
            Ok(out)
        }
    }
}

/// Adds an accumulator to `out` in 32-bit lanes.
#[inline]
fn accumulate32(out: &mut [u32; 32], acc: Option<&[u32; 32]>, negate: bool, shift16: bool) {
    let Some(acc) = acc else { return };
    let shift = if shift16 { 16 } else { 0 };
    for (out, acc) in out.iter_mut().zip(acc) {
        let v = (*acc as i32 >> shift) as u32;
        *out = if negate {
            out.wrapping_sub(v)
        } else {
            out.wrapping_add(v)
        };
    }
}

/// Adds an accumulator to `out` in 64-bit lanes.
#[inline]
fn accumulate64(out: &mut [u32; 32], acc: Option<&[u32; 32]>, negate: bool, shift16: bool) {
    let Some(acc) = acc else { return };
    let shift = if shift16 { 16 } else { 0 };
    let join = |w: &[u32]| (u64::from(w[0]) | u64::from(w[1]) << 32) as i64;
    for (out, acc) in out.chunks_exact_mut(2).zip(acc.chunks_exact(2)) {
        let v = join(acc) >> shift;
        let sum = if negate {
            join(out).wrapping_sub(v)
        } else {
            join(out).wrapping_add(v)
        };
        out.copy_from_slice(&[sum as u32, (sum >> 32) as u32]);
    }
}

/// The integer accumulator instructions without a product (VADD, VSUB, VNEG and their kin):
/// `±acc1 ±acc2` in the lanes `conf.amode` names (1: 64 bit, otherwise 32 bit).
pub fn add_acc(
    conf: MacConf,
    negate: Negate,
    acc1: Option<&[u32; 32]>,
    acc2: Option<&[u32; 32]>,
) -> [u32; 32] {
    let acc1 = if conf.zero_acc { None } else { acc1 };
    let mut out = [0; 32];
    let accumulate = if conf.amode == 1 {
        accumulate64
    } else {
        accumulate32
    };
    let signs = negate.with(conf);
    accumulate(&mut out, acc1, signs.acc1, conf.shift16);
    accumulate(&mut out, acc2, signs.acc2, false);
    out
}
