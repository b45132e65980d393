//! Movement of vectors and elements.

use super::UNSTATED;
use crate::core::fault::{FaultKind, Outcome, Role};
use crate::core::machine::{Machine, all};
use crate::core::op::{Movement, ScalarDst, Sign, VectorDst};
use crate::core::regs::{Scalar, Source};
use arch::num::round::truncate;
use arch::num::{ShuffleMode, shuffle};

impl Machine {
    pub(super) fn movement(&mut self, to: &VectorDst, movement: &Movement) -> Outcome<()> {
        let (out, defined) = match *movement {
            Movement::Copy { from } => {
                let (data, defined) = self.read::<128>(from);
                let bytes = &data[..usize::from(to.to.units) * 32];
                self.pipe
                    .stage(to.stage)
                    .vector(to.to, to.path, bytes, defined);
                return Ok(());
            }
            Movement::CopyMask { from } => {
                let (mut data, defined) = self.read::<32>(from);
                data[16..].fill(UNSTATED);
                self.pipe
                    .stage(to.stage)
                    .vector(to.to, to.path, &data, defined);
                return Ok(());
            }
            Movement::Shuffle { a, b, mode } => {
                let mode = self.shuffle_mode(mode)?;
                let ((a, a_defined), (b, b_defined)) = (self.read::<64>(a), self.read::<64>(b));
                let inputs = a_defined | b_defined << 2;
                let defined = match inputs {
                    0b1111 => 0b11,
                    _ => permuted(mode.permutation(), inputs),
                };
                (shuffle(mode, &a, &b), defined)
            }
            Movement::Broadcast { bits, value } => self.broadcast(bits, value),
            Movement::BroadcastShuffle { bits, value, mode } => {
                let mode = self.shuffle_mode(mode)?;
                if mode.number() == 0 {
                    let name = "vbcstshfl with shuffle mode 0".to_string();
                    return FaultKind::NotModelled { name }.fail();
                }
                let (data, defined) = self.broadcast(bits, value);
                (shuffle(mode, &data, &[0; 64]), defined)
            }
            Movement::ExtractBroadcast { bits, from, index } => {
                let index = self.need_src(index, Role::Control)?;
                let (data, defined) = self.read::<64>(from);
                let (at, n) = element(bits, index);
                let defined = if defined >> (at / 32) & 1 != 0 {
                    0b11
                } else {
                    0
                };
                let element = &data[at..at + n];
                (std::array::from_fn(|i| element[i % n]), defined)
            }
            Movement::Insert {
                bits,
                from,
                index,
                value,
            } => {
                let index = self.need(index, Role::Control)?;
                let (mut data, mut defined) = self.read::<64>(from);
                let (value, known) = self.element_value(bits, value);
                let (at, n) = element(bits, index);
                data[at..at + n].copy_from_slice(&value[..n]);
                if !known {
                    defined &= !(1 << (at / 32));
                }
                (data, defined)
            }
            Movement::PushLow { bits, from, value } => {
                let (data, defined) = self.read::<64>(from);
                let (value, known) = self.element_value(bits, value);
                let n = usize::from(bits) / 8;
                let mut out = [0; 64];
                out[..n].copy_from_slice(&value[..n]);
                out[n..].copy_from_slice(&data[..64 - n]);
                let low = u8::from(defined & 1 != 0 && known);
                (out, low | u8::from(defined == 0b11) << 1)
            }
            Movement::PushHigh { bits, from, value } => {
                let (data, defined) = self.read::<64>(from);
                let (value, known) = self.element_value(bits, value);
                let n = usize::from(bits) / 8;
                let mut out = [0; 64];
                out[..64 - n].copy_from_slice(&data[n..]);
                out[64 - n..].copy_from_slice(&value[..n]);
                let high = u8::from(defined & 2 != 0 && known);
                (out, u8::from(defined == 0b11) | high << 1)
            }
            Movement::Shift { a, b, bytes } => {
                let amount = self.need(bytes, Role::Control)?;
                let help = "a vector shifts by 0 to 64 bytes";
                let bad = || FaultKind::Reserved {
                    reg: bytes.name(),
                    value: amount,
                    help,
                };
                let by = usize::try_from(amount)
                    .ok()
                    .filter(|by| *by <= 64)
                    .ok_or_else(bad)?;
                let ((a, a_defined), (b, b_defined)) = (self.read::<64>(a), self.read::<64>(b));
                let mut both = [0; 128];
                both[..64].copy_from_slice(&a);
                both[64..].copy_from_slice(&b);
                let sources: [u8; 64] = std::array::from_fn(|i| (i + by) as u8);
                let out = std::array::from_fn(|i| both[i + by]);
                (out, permuted(&sources, a_defined | b_defined << 2))
            }
        };
        self.pipe
            .stage(to.stage)
            .vector(to.to, to.path, &out, defined);
        Ok(())
    }

    pub(super) fn extract(
        &mut self,
        to: ScalarDst,
        bits: u8,
        sign: Sign,
        from: Source,
        index: Scalar,
    ) -> Outcome<()> {
        let index = self.need(index, Role::Control)?;
        let signed = self.signed(sign)?;
        let (data, defined) = self.read::<64>(from);
        let (at, n) = element(bits, index);
        let mut raw = [0; 8];
        raw[..n].copy_from_slice(&data[at..at + n]);
        let value = truncate(i64::from_le_bytes(raw), u32::from(bits), signed);
        let defined = defined >> (at / 32) & 1 != 0;
        let slot = self.pipe.stage(to.stage);
        slot.scalar(to.to, value as u32, defined);
        if bits == 64 {
            slot.scalar(to.to.odd(), (value >> 32) as u32, defined);
        }
        Ok(())
    }

    fn shuffle_mode(&self, mode: Scalar) -> Outcome<ShuffleMode> {
        let value = self.need(mode, Role::Control)?;
        let help = "shuffle modes are 0..=47";
        let bad = || FaultKind::Reserved {
            reg: mode.name(),
            value,
            help,
        };
        Ok(ShuffleMode::from_number(value).ok_or_else(bad)?)
    }

    /// The bytes of a scalar (of a pair, for 64 bits) and whether it is defined.
    fn element_value(&self, bits: u8, value: Scalar) -> ([u8; 8], bool) {
        let mut raw = u64::from(self.regs.get(value));
        let mut defined = self.regs.defined(value);
        if bits == 64 {
            raw |= u64::from(self.regs.get(value.odd())) << 32;
            defined &= self.regs.defined(value.odd());
        }
        (raw.to_le_bytes(), defined)
    }

    fn broadcast(&self, bits: u8, value: Scalar) -> ([u8; 64], u8) {
        let (value, defined) = self.element_value(bits, value);
        let n = usize::from(bits) / 8;
        (
            std::array::from_fn(|i| value[i % n]),
            if defined { all(2) } else { 0 },
        )
    }
}

/// First byte and size of element `index`, counted modulo the number of elements.
fn element(bits: u8, index: u32) -> (usize, usize) {
    let bytes = usize::from(bits) / 8;
    (index as usize % (64 / bytes) * bytes, bytes)
}

/// Definedness of the two halves of a permutation of four input units.
fn permuted(sources: &[u8; 64], inputs: u8) -> u8 {
    let half = |bytes: &[u8]| bytes.iter().all(|s| inputs >> (s / 32) & 1 != 0);
    u8::from(half(&sources[..32])) | u8::from(half(&sources[32..])) << 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_count_modulo_the_lanes() {
        assert_eq!(element(16, 33), (2, 2));
        assert_eq!(element(64, 7), (56, 8));
        assert_eq!(element(8, 64), (0, 1));
    }

    #[test]
    fn a_shuffle_is_as_defined_as_what_it_shows() {
        let take_first = ShuffleMode::from_name("T512_1x2_lo").unwrap();
        assert_eq!(permuted(take_first.permutation(), 0b0011), 0b11);
        assert_eq!(permuted(take_first.permutation(), 0b1110), 0b10);
        let evens = ShuffleMode::from_name("T8_64x2_lo").unwrap();
        assert_eq!(permuted(evens.permutation(), 0b0011), 0b01);
    }
}
