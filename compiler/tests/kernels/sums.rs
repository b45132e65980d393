//! Sums of tensors against plain loops.

use half::bf16;
use npuc::kernels::{Addend, add};
use proptest::prelude::*;

use super::{cases, run, verified};

/// Elements of 8 to 32 bits as bytes.
fn sum(addend: Addend, x: &[u8], y: &[u8]) -> Vec<u8> {
    let size = addend.elem().bytes() as usize;
    let pairs = x.chunks_exact(size).zip(y.chunks_exact(size));
    let word = |b: &[u8]| [b[0], b[1], b[2], b[3]];
    let sums = pairs.flat_map(|(x, y)| match addend {
        Addend::I8 => (x[0] as i8)
            .saturating_add(y[0] as i8)
            .to_le_bytes()
            .to_vec(),
        Addend::Bf16 => {
            let value = |b: &[u8]| bf16::from_le_bytes([b[0], b[1]]).to_f32();
            bf16::from_f32(value(x) + value(y)).to_le_bytes().to_vec()
        }
        Addend::F32 => {
            let sum = f32::from_le_bytes(word(x)) + f32::from_le_bytes(word(y));
            sum.to_le_bytes().to_vec()
        }
        Addend::I32 => {
            let (x, y) = (i32::from_le_bytes(word(x)), i32::from_le_bytes(word(y)));
            x.wrapping_add(y).to_le_bytes().to_vec()
        }
    });
    sums.collect()
}

#[test]
fn sums_are_those_of_plain_loops() {
    let inputs = (
        prop::sample::select(Addend::ALL.to_vec()),
        1u32..24,
        any::<u32>(),
    );
    cases(40)
        .run(&inputs, |(addend, blocks, seed)| {
            let elements = blocks * addend.lanes();
            let bytes = |seed: u32| -> Vec<u8> {
                let values = (0..elements).map(|i| {
                    let mix = (i + 1).wrapping_mul(2_654_435_761).rotate_left(11) ^ seed;
                    // Floats of 16 bits at most, whose sums f32 holds.
                    (mix, f32::from(mix as i16) / 256.0)
                });
                let element = |(mix, float): (u32, f32)| match addend {
                    Addend::I8 => vec![mix as u8],
                    Addend::Bf16 => bf16::from_f32(float).to_le_bytes().to_vec(),
                    Addend::F32 => float.to_le_bytes().to_vec(),
                    Addend::I32 => mix.to_le_bytes().to_vec(),
                };
                values.flat_map(element).collect()
            };
            let (x, y) = (bytes(seed), bytes(!seed.rotate_left(5)));
            let module = verified(add(addend, elements).unwrap());
            let (after, _) = run(&module, &[Ok(x.clone()), Ok(y.clone()), Err(x.len())]);
            prop_assert_eq!(&after[2], &sum(addend, &x, &y));
            Ok(())
        })
        .unwrap();
}
