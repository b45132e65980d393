//! Conversions between lane types: up-shift, shift-round-saturate, pack, unpack, bf16 and f32.
//! Lane orders are straight: lane i of the result comes from lane i of the source.

use crate::core::fault::{FaultKind, Outcome, Role};
use crate::core::machine::Machine;
use crate::core::op::{Conversion, Sign, Srs, UpShift, VectorDst};
use crate::core::pipe::{Late, Work};
use crate::core::regs::{Scalar, Source};
use arch::num::{self, Rounding, Saturation};

/// Stage in which VSRS and VST.SRS report overflow.
const SRS_FLAG_STAGE: u8 = 3;

/// Lane `i` of `BITS` bits (4, 8, 16, 32 or 64), extended.
#[inline(always)]
fn lane<const BITS: u32>(bytes: &[u8], i: usize, signed: bool) -> i64 {
    let raw = match BITS {
        4 => u64::from(bytes[i / 2] >> (4 * (i % 2)) & 15),
        8 => u64::from(bytes[i]),
        16 => u64::from(u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]])),
        32 => u64::from(u32::from_le_bytes(std::array::from_fn(|k| {
            bytes[4 * i + k]
        }))),
        _ => u64::from_le_bytes(std::array::from_fn(|k| bytes[8 * i + k])),
    };
    num::round::truncate(raw as i64, BITS, signed)
}

/// Overwrites lane `i` of `BITS` bits with the low bits of `value`.
#[inline(always)]
fn put<const BITS: u32>(bytes: &mut [u8], i: usize, value: i64) {
    if BITS == 4 {
        let shift = 4 * (i % 2);
        let byte = &mut bytes[i / 2];
        *byte = *byte & !(15 << shift) | (value as u8 & 15) << shift;
    } else {
        let n = BITS as usize / 8;
        bytes[n * i..n * (i + 1)].copy_from_slice(&value.to_le_bytes()[..n]);
    }
}

/// Calls `f` for every lane of `from`, `FROM` bits wide, and puts what it returns into lanes of `TO`
/// bits.
#[inline(always)]
fn each<const FROM: u32, const TO: u32>(
    from: &[u8],
    to: &mut [u8],
    signed: bool,
    mut f: impl FnMut(i64) -> i64,
) {
    for i in 0..(from.len() * 8 / FROM as usize).min(to.len() * 8 / TO as usize) {
        put::<TO>(to, i, f(lane::<FROM>(from, i, signed)));
    }
}

/// [`each`] for widths known only when the program runs. Pairs that no instruction has leave `to`
/// as it is.
#[inline(always)]
fn lanes(
    (from_bits, to_bits): (u8, u8),
    from: &[u8],
    to: &mut [u8],
    signed: bool,
    f: impl FnMut(i64) -> i64,
) {
    match (from_bits, to_bits) {
        (4, 8) => each::<4, 8>(from, to, signed, f),
        (8, 4) => each::<8, 4>(from, to, signed, f),
        (8, 16) => each::<8, 16>(from, to, signed, f),
        (16, 8) => each::<16, 8>(from, to, signed, f),
        (8, 32) => each::<8, 32>(from, to, signed, f),
        (16, 32) => each::<16, 32>(from, to, signed, f),
        (16, 64) => each::<16, 64>(from, to, signed, f),
        (32, 64) => each::<32, 64>(from, to, signed, f),
        (32, 8) => each::<32, 8>(from, to, signed, f),
        (32, 16) => each::<32, 16>(from, to, signed, f),
        (64, 16) => each::<64, 16>(from, to, signed, f),
        (64, 32) => each::<64, 32>(from, to, signed, f),
        _ => {}
    }
}

/// Lanes of `bits` bits widened to twice that.
pub(super) fn unpack(data: &[u8; 32], bits: u8, signed: bool) -> [u8; 64] {
    let mut out = [0; 64];
    lanes((bits, 2 * bits), data, &mut out, signed, |v| v);
    out
}

/// 16 bf16 to f32.
pub(super) fn to_f32(data: &[u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    for (wide, narrow) in out.chunks_exact_mut(4).zip(data.chunks_exact(2)) {
        let bits = num::bf16_to_f32(u16::from_le_bytes([narrow[0], narrow[1]]));
        wide.copy_from_slice(&bits.to_le_bytes());
    }
    out
}

/// Lanes of a vector up-shifted into accumulator lanes; whether one was clamped.
fn up_shift(
    data: &[u8],
    widths: UpShift,
    signed: bool,
    amount: u32,
    sat: Saturation,
) -> ([u8; 128], bool) {
    let (mut out, mut overflow) = ([0; 128], false);
    lanes(
        (widths.from_bits, widths.acc_bits),
        data,
        &mut out,
        signed,
        |value| {
            let (value, clamped) = num::ups(value, amount, sat, u32::from(widths.acc_bits));
            overflow |= clamped;
            value
        },
    );
    (out, overflow)
}

/// Definedness of `to` units whose lanes come in order from `from` units.
fn spread(defined: u8, from: u8, to: u8) -> u8 {
    let mut out = 0;
    for k in 0..to {
        let (first, last) = (k * from / to, ((k + 1) * from - 1) / to);
        let whole = (first..=last).all(|u| defined >> u & 1 != 0);
        out |= u8::from(whole) << k;
    }
    out
}

impl Machine {
    fn saturation(&self) -> Outcome<Saturation> {
        let value = self.need(Scalar::SAT, Role::Control)?;
        match Saturation::from_bits(value) {
            Some(sat) => Ok(sat),
            None => FaultKind::Reserved {
                reg: Scalar::SAT.name(),
                value,
                help: "0 wraps, 1 saturates, 3 saturates symmetrically",
            }
            .fail(),
        }
    }

    fn rounding(&self) -> Outcome<Rounding> {
        let value = self.need(Scalar::RND, Role::Control)?;
        match Rounding::from_bits(value) {
            Some(mode) => Ok(mode),
            None => FaultKind::Reserved {
                reg: Scalar::RND.name(),
                value,
                help: "rounding modes are 0..=3 and 8..=13; 12 rounds to nearest even",
            }
            .fail(),
        }
    }

    /// Shift-round-saturate of the accumulator lanes in the first `units` units of `acc`.
    pub(super) fn srs(
        &mut self,
        acc: &[u8; 128],
        units: u8,
        widths: Srs,
        shift: Scalar,
    ) -> Outcome<[u8; 64]> {
        let (rounding, sat) = (self.rounding()?, self.saturation()?);
        let signed = self.signed(widths.sign)?;
        let shift = self.need(shift, Role::Control)?;
        let (mut out, mut overflow) = ([0; 64], false);
        let acc = &acc[..usize::from(units) * 32];
        let to_bits = u32::from(widths.to_bits);
        lanes(
            (widths.acc_bits, widths.to_bits),
            acc,
            &mut out,
            true,
            |value| {
                let (value, clamped) = num::srs(value, shift, rounding, sat, to_bits, signed);
                overflow |= clamped;
                value
            },
        );
        if overflow {
            self.pipe.stage(SRS_FLAG_STAGE).latch(Scalar::SRS_OVERFLOW);
        }
        Ok(out)
    }

    pub(super) fn pack(&self, from: &[u8; 64], bits: u8, sign: Sign) -> Outcome<[u8; 32]> {
        let (signed, sat) = (self.signed(sign)?, self.saturation()?);
        let mut out = [0; 32];
        lanes((2 * bits, bits), from, &mut out, signed, |value| {
            num::srs(value, 0, Rounding::Floor, sat, u32::from(bits), signed).0
        });
        Ok(out)
    }

    pub(super) fn to_bf16(&self, from: &[u8; 64]) -> Outcome<[u8; 32]> {
        let rounding = self.rounding()?;
        let mut out = [0; 32];
        for (narrow, wide) in out.chunks_exact_mut(2).zip(from.chunks_exact(4)) {
            let bits = u32::from_le_bytes([wide[0], wide[1], wide[2], wide[3]]);
            narrow.copy_from_slice(&num::f32_to_bf16(bits, rounding).to_le_bytes());
        }
        Ok(out)
    }

    pub(super) fn convert(&mut self, to: &VectorDst, conversion: &Conversion) -> Outcome<()> {
        let (bytes, from, defined) = match *conversion {
            Conversion::UpShift {
                from,
                up_shift: widths,
                shift,
            } => {
                let signed = self.signed(widths.sign)?;
                let (sat, amount) = (self.saturation()?, self.need(shift, Role::Control)?);
                let (data, defined) = self.read::<64>(from);
                let data = &data[..usize::from(from.span.units) * 32];
                let (out, overflow) = up_shift(data, widths, signed, amount, sat);
                if overflow {
                    self.pipe.stage(1).latch(Scalar::UPS_OVERFLOW);
                }
                (out, from, defined)
            }
            Conversion::Srs { from, srs, shift } => {
                let (acc, defined) = self.read::<128>(from);
                (
                    wide(&self.srs(&acc, from.span.units, srs, shift)?),
                    from,
                    defined,
                )
            }
            Conversion::Pack { from, bits, sign } => {
                let (data, defined) = self.read::<64>(from);
                (wide(&self.pack(&data, bits, sign)?), from, defined)
            }
            Conversion::ToF32 { from } => {
                let (data, defined) = self.read::<32>(from);
                (wide(&to_f32(&data)), from, defined)
            }
            Conversion::ToBf16 { from } => {
                let (data, defined) = self.read::<64>(from);
                (wide(&self.to_bf16(&data)?), from, defined)
            }
            Conversion::Floor { from, shift } => {
                // The shift is a signed number of 6 bits.
                let shift = (self.need(shift, Role::Control)? << 26) as i32 >> 26;
                let (data, defined) = self.read::<32>(from);
                let mut out = [0; 128];
                for (lane, narrow) in out.chunks_exact_mut(4).zip(data.chunks_exact(2)) {
                    let bits = u16::from_le_bytes([narrow[0], narrow[1]]);
                    lane.copy_from_slice(&num::floor_bf16(bits, shift).to_le_bytes());
                }
                (out, from, defined)
            }
        };
        let defined = spread(defined, from.span.units, to.to.units);
        let bytes = &bytes[..usize::from(to.to.units) * 32];
        self.pipe
            .stage(to.stage)
            .vector(to.to, to.path, bytes, defined);
        Ok(())
    }

    pub(super) fn unpack_later(
        &mut self,
        to: &VectorDst,
        from: Source,
        bits: u8,
        sign: Sign,
        from_stage: u8,
    ) -> Outcome<()> {
        let stages = to.stage - from_stage;
        let work = Work::UnpackRegister {
            to: to.to,
            path: to.path,
            from,
            bits,
            sign,
            stages,
        };
        let late = Late {
            pc: self.origin,
            work,
        };
        self.pipe.stage(from_stage).late.push(late);
        Ok(())
    }

    /// The two later steps of a load with up-shift.
    pub(super) fn up_shift_loaded(&mut self, work: &Work) -> Outcome<()> {
        match *work {
            Work::UpShift {
                to,
                up_shift,
                shift,
                stages,
                data,
            } => {
                let signed = self.signed(up_shift.sign)?;
                let amount = self.need(shift, Role::Control)?;
                let stages = stages - 1;
                let work = Work::UpShiftEnd {
                    to,
                    up_shift,
                    signed,
                    amount,
                    stages,
                    data,
                };
                let late = Late {
                    pc: self.origin,
                    work,
                };
                self.pipe.stage(2).late.push(late);
            }
            Work::UpShiftEnd {
                to,
                up_shift: widths,
                signed,
                amount,
                stages,
                data,
            } => {
                let (out, overflow) = up_shift(&data, widths, signed, amount, self.saturation()?);
                if overflow {
                    self.pipe.now().latch(Scalar::UPS_OVERFLOW);
                }
                let defined = crate::core::machine::all(to.units);
                let bytes = &out[..usize::from(to.units) * 32];
                self.pipe.stage(stages + 1).vector(to, None, bytes, defined);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The bytes followed by zeros.
fn wide(bytes: &[u8]) -> [u8; 128] {
    let mut out = [0; 128];
    out[..bytes.len()].copy_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nibbles_unpack_low_half_first() {
        let mut data = [0; 32];
        data[0] = 0x8F;
        assert_eq!(unpack(&data, 4, true)[..2], [0xFF, 0xF8]);
        assert_eq!(unpack(&data, 4, false)[..2], [0x0F, 0x08]);
    }

    #[test]
    fn definedness_spreads_with_the_lanes() {
        assert_eq!(spread(0b01, 1, 4), 0b1111);
        assert_eq!(spread(0b01, 2, 4), 0b0011);
        assert_eq!(spread(0b0111, 4, 2), 0b01);
        assert_eq!(spread(0b0111, 4, 1), 0);
    }
}
