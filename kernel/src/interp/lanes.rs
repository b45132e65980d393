//! Vector operations on the bits of registers.

use arch::num::{self, Negate, Saturation};

use crate::ir::{MacMode, SrsMode};
use crate::types::{AccLane, Elem};

/// Bytes of the widest register, an accumulator of 1024 bits.
pub(super) const WIDEST: usize = 128;

/// Contents of a vector or accumulator register, lane 0 first; what its type does not reach is 0.
pub(super) type Bits = [u8; WIDEST];

/// The low bits of `scalar` in every lane.
pub(super) fn splat(elem: Elem, lanes: u16, scalar: i32) -> Bits {
    let mut bits = [0; WIDEST];
    for lane in 0..lanes.into() {
        set(&mut bits, elem.bytes(), lane, scalar.into());
    }
    bits
}

/// Twice `half` bytes as one.
pub(super) fn concat(half: usize, lo: &Bits, hi: &Bits) -> Bits {
    let mut bits = *lo;
    bits[half..2 * half].copy_from_slice(&hi[..half]);
    bits
}

/// `half` bytes of twice as many.
pub(super) fn half(half: usize, whole: &Bits, high: bool) -> Bits {
    let mut bits = [0; WIDEST];
    let from = if high { half } else { 0 };
    bits[..half].copy_from_slice(&whole[from..from + half]);
    bits
}

/// Shift-round-saturate of each lane.
pub(super) fn srs(
    (lane, elem): (AccLane, Elem),
    lanes: u16,
    acc: &Bits,
    shift: u32,
    mode: SrsMode,
) -> Bits {
    let mut bits = [0; WIDEST];
    for i in 0..lanes.into() {
        let value = get(acc, lane.bits() / 8, i, true);
        let (width, signed) = (elem.bits(), mode.signed);
        let (value, _) = num::srs(value, shift, mode.rounding, mode.range, width, signed);
        set(&mut bits, elem.bytes(), i, value);
    }
    bits
}

/// Up-shift of each element.
pub(super) fn ups(
    (elem, lane): (Elem, AccLane),
    lanes: u16,
    vector: &Bits,
    shift: u32,
    signed: bool,
) -> Bits {
    let mut bits = [0; WIDEST];
    for i in 0..lanes.into() {
        let value = get(vector, elem.bytes(), i, signed);
        let (value, _) = num::ups(value, shift, Saturation::Wrap, lane.bits());
        set(&mut bits, lane.bits() / 8, i, value);
    }
    bits
}

/// Product of A and B, added to an accumulator where there is one, each negated where `negate` says
/// so.
pub(super) fn mac(
    mode: MacMode,
    (a_signed, b_signed): (bool, bool),
    negate: Negate,
    acc: Option<&Bits>,
    (a, b): (&Bits, &Bits),
) -> Bits {
    let hardware = mode.hardware();
    let conf = hardware.conf(a_signed, b_signed);
    let (a, b) = (first_64(a), first_64(b));
    // The mode's own unit is chosen here, so that neither call can be of the wrong one.
    let words = match hardware.acc {
        num::AccLane::Fp32 => {
            let acc = acc.map(words::<16>);
            let sum = num::mac_bf16(hardware, conf, negate, &a, &b, acc.as_ref(), None);
            sum.map(|words| words.to_vec())
        }
        num::AccLane::Acc32 | num::AccLane::Acc64 => {
            let acc = acc.map(words::<32>);
            let sum = num::mac_int(hardware, conf, negate, &a, &b, acc.as_ref(), None);
            sum.map(|words| words.to_vec())
        }
    };
    let mut bits = [0; WIDEST];
    for (to, word) in bits.chunks_exact_mut(4).zip(words.unwrap_or_default()) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bits
}

/// The low 512 bits.
pub(super) fn first_64(bits: &Bits) -> [u8; 64] {
    std::array::from_fn(|i| bits[i])
}

/// The low bits as words.
pub(super) fn words<const N: usize>(bits: &Bits) -> [u32; N] {
    std::array::from_fn(|i| u32::from_le_bytes(std::array::from_fn(|b| bits[4 * i + b])))
}

/// A lane of `bytes` bytes.
pub(super) fn get(bits: &Bits, bytes: u32, lane: usize, signed: bool) -> i64 {
    let bytes = bytes as usize;
    let mut word = [0; 8];
    word[..bytes].copy_from_slice(&bits[lane * bytes..(lane + 1) * bytes]);
    let unused = 64 - 8 * bytes as u32;
    let word = u64::from_le_bytes(word) << unused;
    match signed {
        true => word as i64 >> unused,
        false => (word >> unused) as i64,
    }
}

/// Overwrites a lane of `bytes` bytes.
pub(super) fn set(bits: &mut Bits, bytes: u32, lane: usize, value: i64) {
    let bytes = bytes as usize;
    bits[lane * bytes..(lane + 1) * bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Rounding;

    #[test]
    fn halves_make_the_whole() {
        let whole: Bits = std::array::from_fn(|i| if i < 64 { i as u8 } else { 0 });
        let (lo, hi) = (half(32, &whole, false), half(32, &whole, true));
        assert_eq!((lo[0], lo[31], lo[32]), (0, 31, 0));
        assert_eq!((hi[0], hi[31], hi[32]), (32, 63, 0));
        assert_eq!(concat(32, &lo, &hi), whole);
    }

    #[test]
    fn splat_keeps_low_bits() {
        let bits = splat(Elem::I16, 16, 0x1234_fffe);
        assert_eq!(&bits[..4], [0xfe, 0xff, 0xfe, 0xff]);
        assert_eq!(&bits[28..34], [0xfe, 0xff, 0xfe, 0xff, 0, 0]);
    }

    #[test]
    fn srs_undoes_ups() {
        let mut vector = [0; WIDEST];
        for (lane, value) in [(0, -5), (1, 127), (31, -128)] {
            set(&mut vector, 1, lane, value);
        }
        let acc = ups((Elem::I8, AccLane::I32), 32, &vector, 4, true);
        assert_eq!(get(&acc, 4, 31, true), -2048);
        let mode = SrsMode {
            rounding: Rounding::ConvEven,
            range: Saturation::Saturate,
            signed: true,
        };
        assert_eq!(srs((AccLane::I32, Elem::I8), 32, &acc, 4, mode), vector);
        let halved = srs((AccLane::I32, Elem::I8), 32, &acc, 5, mode);
        assert_eq!(
            get(&halved, 1, 0, true),
            -2,
            "-2.5 goes to the even neighbour"
        );
        assert_eq!(
            get(&halved, 1, 1, true),
            64,
            "63.5 goes to the even neighbour"
        );
        let unsigned = ups((Elem::I8, AccLane::I32), 32, &vector, 0, false);
        assert_eq!(get(&unsigned, 4, 31, true), 128);
    }

    #[test]
    fn product_of_blocks() {
        let (mut a, mut b) = ([0; WIDEST], [0; WIDEST]);
        // Row 1 of A is 1, 2, 0, ...; column 3 of B is 10, -20, 0, ...
        set(&mut a, 1, 8, 1);
        set(&mut a, 1, 9, 2);
        set(&mut b, 1, 3, 10);
        set(&mut b, 1, 8 + 3, -20);
        let plain = Negate::default();
        let mode = MacMode::I8M4K8N8;
        let acc = mac(mode, (true, true), plain, None, (&a, &b));
        assert_eq!(get(&acc, 4, 8 + 3, true), -30);
        let acc = mac(mode, (true, true), plain, Some(&acc), (&a, &b));
        assert_eq!(get(&acc, 4, 8 + 3, true), -60);
        let unsigned = mac(mode, (true, false), plain, None, (&a, &b));
        assert_eq!(get(&unsigned, 4, 8 + 3, true), 10 + 2 * 236);
    }
}
