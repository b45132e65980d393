//! Tests of the multiply-accumulate unit against the chip's results and naive references.

use super::bf16::{exact_bf16, fast_4x8x4, fast_elementwise};
use super::*;
use crate::num::test_data::numbers;
use proptest::prelude::*;

fn bytes16(values: &[u16]) -> [u8; 64] {
    let mut out = [0; 64];
    for (bytes, v) in out.chunks_exact_mut(2).zip(values) {
        bytes.copy_from_slice(&v.to_le_bytes());
    }
    out
}

#[test]
fn the_configuration_word_round_trips() {
    for word in [0x308, 0x208, 0x008, 28, 60, 0x33A, 0x00FF_3FFF, 0x5A_1537] {
        assert_eq!(MacConf::decode(word).encode(), word);
    }
    let mode = MacMode::of(MacConf::decode(776)).unwrap();
    assert_eq!(mode.shape, MacShape::Matrix { m: 4, k: 8, n: 8 });
    assert_eq!(mode.conf(true, true).encode(), 776);
    let bf16 = MacMode::of(MacConf::decode(28)).unwrap();
    assert_eq!(bf16.shape, MacShape::Matrix { m: 4, k: 8, n: 4 });
    assert_eq!((bf16.conf(true, true).encode(), bf16.macs()), (28, 128));
}

#[test]
fn every_mode_fits_its_registers() {
    for mode in &MODES {
        let (x, y) = mode.operand_bytes();
        let (_, _, lanes) = mode.elements();
        assert!(x <= 64 && y <= 64, "{mode:?}");
        assert_eq!(
            lanes,
            if mode.acc == AccLane::Acc32 { 32 } else { 16 },
            "{mode:?}"
        );
        assert_eq!(MacMode::of(mode.conf(true, false)), Ok(mode));
        assert_eq!(
            MacMode::find(mode.x, mode.y, mode.acc, mode.shape),
            Some(mode)
        );
    }
}

#[test]
fn modes_without_arithmetic_are_refused_by_name() {
    let refused = MacMode::of(MacConf::decode(0x3A8)).unwrap_err();
    assert!(
        refused.to_string().contains("sparse i8 x i8, 4x16x8"),
        "{refused}"
    );
    let unknown = MacMode::of(MacConf {
        amode: 3,
        ..MacConf::default()
    })
    .unwrap_err();
    assert!(matches!(unknown, MacError::Unknown { .. }));
    let masked = MacMode::of(MacConf {
        sub_mask: 1,
        ..MacConf::decode(776)
    });
    assert!(matches!(masked, Err(MacError::NotModelled { .. })));
    let mode = MacMode::of(MacConf::decode(28)).unwrap();
    let (x, none) = ([0; 64], Negate::default());
    let wrong = mac_int(mode, MacConf::decode(28), none, &x, &x, None, None);
    assert_eq!(wrong, Err(MacError::WrongUnit { mode: *mode }));
}

#[test]
fn matrix_products_are_those_of_the_chip() {
    let text = include_str!("../../../tests/data/silicon_bf16_matmul_4x8x4_overflow.json");
    let data: serde_json::Value = serde_json::from_str(text).unwrap();
    let halves = |key: &str| {
        numbers(&data[key])
            .iter()
            .map(|v| *v as u16)
            .collect::<Vec<_>>()
    };
    let (a, b, want) = (halves("a"), halves("b"), numbers(&data["silicon"]));
    let conf = MacConf::decode(28);
    let mode = MacMode::of(conf).unwrap();
    assert_eq!(want.len(), 54 * 16);
    for ((a, b), want) in a.chunks(32).zip(b.chunks(32)).zip(want.chunks(16)) {
        let (x, y) = (bytes16(a), bytes16(b));
        let got = mac_bf16(mode, conf, Negate::default(), &x, &y, None, None).unwrap();
        assert_eq!(got, want);
    }
}

#[test]
fn zero_and_negation_of_accumulators() {
    let conf = MacConf::decode(776);
    let mode = MacMode::of(conf).unwrap();
    let x = [1; 64];
    let acc1 = [100; 32];
    let acc2 = [7; 32];
    let run = |conf, negate, acc2| mac_int(mode, conf, negate, &x, &x, Some(&acc1), acc2).unwrap();
    let none = Negate::default();
    assert_eq!(run(conf, none, None), [108; 32]);
    assert_eq!(
        run(
            MacConf {
                zero_acc: true,
                ..conf
            },
            none,
            None
        ),
        [8; 32]
    );
    assert_eq!(run(MacConf { sub0: true, ..conf }, none, None), [92; 32]);
    let both = Negate {
        product: true,
        ..none
    };
    assert_eq!(run(MacConf { sub0: true, ..conf }, both, None), [108; 32]);
    let second = Negate { acc2: true, ..none };
    assert_eq!(run(conf, second, Some(&acc2)), [101; 32]);
    let big = [0x0003_0001; 32];
    let shifted = MacConf {
        shift16: true,
        ..conf
    };
    let got = mac_int(mode, shifted, none, &x, &x, Some(&big), None).unwrap();
    assert_eq!(got, [11; 32]);
}

#[test]
fn accumulator_addition_carries_only_in_wide_lanes() {
    let mut acc = [0; 32];
    acc[0] = u32::MAX;
    let mut one = [0; 32];
    one[0] = 1;
    let narrow = add_acc(
        MacConf::default(),
        Negate::default(),
        Some(&acc),
        Some(&one),
    );
    assert_eq!(&narrow[..2], [0, 0]);
    let wide = MacConf {
        amode: 1,
        ..MacConf::default()
    };
    let sum = add_acc(wide, Negate::default(), Some(&acc), Some(&one));
    assert_eq!(&sum[..2], [0, 1]);
}

/// Integer modes written down once more, by index, in 128-bit arithmetic.
fn naive(mode: &MacMode, conf: MacConf, x: &[u8; 64], y: &[u8; 64], lane: usize) -> i128 {
    let get = |l: Lane, signed: bool, bytes: &[u8; 64], i: usize| {
        let mut v = 0i128;
        for bit in 0..l.bits() {
            let at = i * l.bits() + bit;
            let set = i128::from(bytes[at / 8] >> (at % 8) & 1);
            let top = bit + 1 == l.bits() && signed;
            v += if top { -(set << bit) } else { set << bit };
        }
        v
    };
    let product =
        |i: usize, j: usize| get(mode.x, conf.sgn_x, x, i) * get(mode.y, conf.sgn_y, y, j);
    match mode.shape {
        MacShape::Matrix { k, n, .. } => (0..k)
            .map(|t| product(lane / n * k + t, t * n + lane % n))
            .sum(),
        MacShape::Elementwise { lanes, terms } => (0..terms)
            .map(|t| product(lane + t * lanes, lane + t * lanes))
            .sum(),
    }
}

fn bf16() -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => (any::<u16>(), 110u16..140).prop_map(|(v, e)| v & 0x807F | e << 7),
        1 => (any::<u16>(), 0u16..4).prop_map(|(v, e)| v & 0x807F | e << 7),
        1 => (any::<u16>(), 60u16..70).prop_map(|(v, e)| v & 0x807F | e << 7),
        1 => Just(0u16),
        1 => Just(0x8000u16),
    ]
}

proptest! {
    #[test]
    fn integer_modes_agree_with_a_naive_reference(
        x in prop::array::uniform32(any::<u16>()),
        y in prop::array::uniform32(any::<u16>()),
        acc in prop::array::uniform32(any::<u32>()),
        (sgn_x, sgn_y, sub0) in any::<(bool, bool, bool)>(),
    ) {
        let (x, y) = (bytes16(&x), bytes16(&y));
        for mode in MODES.iter().filter(|m| m.acc != AccLane::Fp32) {
            let conf = MacConf { sub0, ..mode.conf(sgn_x, sgn_y) };
            let got = mac_int(mode, conf, Negate::default(), &x, &y, Some(&acc), None).unwrap();
            let (_, _, lanes) = mode.elements();
            for lane in 0..lanes {
                let product = naive(mode, conf, &x, &y, lane);
                let product = if sub0 { -product } else { product };
                if mode.acc == AccLane::Acc32 {
                    let want = (i128::from(acc[lane]) + product) as u32;
                    prop_assert_eq!(got[lane], want, "{:?} lane {}", mode, lane);
                } else {
                    let join = |w: &[u32]| u64::from(w[2 * lane]) | u64::from(w[2 * lane + 1]) << 32;
                    let want = (i128::from(join(&acc)) + product) as u64;
                    prop_assert_eq!(join(&got), want, "{:?} lane {}", mode, lane);
                }
            }
        }
    }

    #[test]
    fn the_fast_float_path_is_the_exact_one(
        a in prop::array::uniform32(bf16()),
        b in prop::array::uniform32(bf16()),
        acc in prop::array::uniform16(prop_oneof![
            bf16().prop_map(|v| u32::from(v) << 16),
            (any::<u32>(), 100u32..140).prop_map(|(v, e)| v & 0x807F_FFFF | e << 23),
        ]),
        other in prop::array::uniform16((any::<u32>(), 0u32..254).prop_map(|(v, e)| v & 0x807F_FFFF | e << 23)),
        (product, acc1, acc2) in any::<(bool, bool, bool)>(),
    ) {
        let signs = Negate { product, acc1, acc2 };
        let wide = |v: &[u16; 32]| v.map(|v| u32::from(v) << 16);
        let (a, b) = (wide(&a), wide(&b));
        for (acc1, acc2) in [(None, None), (Some(&acc), None), (Some(&acc), Some(&other))] {
            let matrix = MacShape::Matrix { m: 4, k: 8, n: 4 };
            prop_assert_eq!(
                fast_4x8x4(&a, &b, signs, acc1, acc2).unwrap(),
                exact_bf16(matrix, &a, &b, signs, acc1, acc2)
            );
            let elementwise = MacShape::Elementwise { lanes: 16, terms: 2 };
            prop_assert_eq!(
                fast_elementwise(&a, &b, signs, acc1, acc2).unwrap(),
                exact_bf16(elementwise, &a, &b, signs, acc1, acc2)
            );
        }
    }
}
