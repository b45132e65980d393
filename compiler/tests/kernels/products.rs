//! Products of matrices against plain loops.

use half::bf16;
use npuc::kernels::matmul::bf16::Sum;
use npuc::kernels::matmul::int8::{pack_a, pack_b, pack_c, unpack_c};
use npuc::kernels::matmul::layout::Blocked;
use npuc::kernels::matmul::requant::{To, repeat_columns};
use npuc::kernels::{MatmulBf16, MatmulI8, Requant, matmul_bf16, matmul_i8, matmul_i8_requant};
use proptest::prelude::*;

use super::{bytes_of_i8, bytes_of_i32, cases, i32s, run, shifted, verified};

fn matmul_reference(shape: &MatmulI8, a: &[i8], b: &[i8], c: &[i32]) -> Vec<i32> {
    let (k, n) = (shape.k as usize, shape.n as usize);
    let mut out = c.to_vec();
    for (index, sum) in out.iter_mut().enumerate() {
        let (row, column) = (index / n, index % n);
        for step in 0..k {
            *sum += i32::from(a[row * k + step]) * i32::from(b[step * n + column]);
        }
    }
    out
}

/// Runs a product on matrices stored row by row; C and the cycles.
fn matmul(shape: MatmulI8, a: &[i8], b: &[i8], c: &[i32]) -> (Vec<i32>, u64) {
    let module = verified(matmul_i8(shape).unwrap());
    let c = match shape.accumulate {
        true => Ok(bytes_of_i32(&pack_c(&shape, c))),
        false => Err(shape.c_bytes() as usize),
    };
    let a = bytes_of_i8(&pack_a(&shape, a));
    let b = bytes_of_i8(&pack_b(&shape, b));
    let (after, cycles) = run(&module, &[Ok(a), Ok(b), c]);
    (unpack_c(&shape, &i32s(&after[2])), cycles)
}

#[test]
fn matmul_multiplies() {
    let sizes = (
        1u32..=3,
        prop::sample::select(vec![1u32, 3, 9]),
        1u32..=3,
        any::<bool>(),
    );
    let inputs = sizes.prop_flat_map(|(m, k, n, accumulate)| {
        let shape = MatmulI8 {
            m: 16 * m,
            k: 8 * k,
            n: 16 * n,
            accumulate,
        };
        let element = || prop_oneof![8 => any::<i8>(), 1 => Just(i8::MIN), 1 => Just(0i8)];
        let a = prop::collection::vec(element(), shape.a_bytes() as usize);
        let b = prop::collection::vec(element(), shape.b_bytes() as usize);
        let c = prop::collection::vec(-1_000_000i32..1_000_000, shape.c_bytes() as usize / 4);
        (Just(shape), a, b, c)
    });
    let run_case = |(shape, a, b, c): (MatmulI8, Vec<i8>, Vec<i8>, Vec<i32>)| {
        let start = match shape.accumulate {
            true => c.clone(),
            false => vec![0; c.len()],
        };
        let expected = matmul_reference(&shape, &a, &b, &start);
        prop_assert_eq!(matmul(shape, &a, &b, &c).0, expected);
        Ok(())
    };
    cases(12).run(&inputs, run_case).unwrap();
}

#[test]
fn matmul_of_the_tile_that_overlays_use() {
    let shape = MatmulI8 {
        m: 64,
        k: 64,
        n: 64,
        accumulate: false,
    };
    assert_eq!(shape.macs(), 64 * 64 * 64);
    let values = |seed: u32| -> Vec<i8> {
        let mix = |i: u32| (i.wrapping_mul(2_654_435_761).rotate_left(11) ^ seed) as i8;
        (0..64 * 64).map(mix).collect()
    };
    let (a, b) = (values(1), values(77));
    let expected = matmul_reference(&shape, &a, &b, &[0; 64 * 64]);
    let (c, cycles) = matmul(shape, &a, &b, &[]);
    assert_eq!(c, expected);
    // The multiplier alone takes 1024; what is beyond is latency and the stores of C.
    assert!(cycles < 2200, "{cycles} cycles");
}

/// Lists of 8-bit integers with more extremes than chance has.
fn i8s(len: u64) -> impl Strategy<Value = Vec<i8>> {
    let element = prop_oneof![8 => any::<i8>(), 1 => Just(i8::MIN), 1 => Just(0i8)];
    prop::collection::vec(element, len as usize)
}

#[test]
fn requantised_products_follow_the_fixed_point_form() {
    // Along k without a loop and with one.
    let k = prop_oneof![1u32..=2, 8u32..=12];
    let sizes = (1u32..=2, k, 1u32..=2, any::<bool>());
    let inputs = sizes.prop_flat_map(|(m, k, n, accumulate)| {
        let shape = MatmulI8 {
            m: 16 * m,
            k: 8 * k,
            n: 16 * n,
            accumulate,
        };
        let columns = shape.n as usize;
        let requant = (0u32..=8, 0u32..=24, prop::option::of(0u32..=31));
        (
            Just(shape),
            requant,
            i8s(shape.a_bytes()),
            i8s(shape.b_bytes()),
            prop::collection::vec(-100_000i32..100_000, columns),
            prop::collection::vec(any::<i16>(), columns),
            prop::collection::vec(-100_000i32..100_000, shape.c_bytes() as usize / 4),
        )
    });
    cases(8)
        .run(
            &inputs,
            |(shape, (shift_in, shift_out, exponent), a, b, bias, scale, partial)| {
                let to = exponent.map_or(To::I8, |exponent| To::Bf16 { exponent });
                let requant = Requant {
                    shift_in,
                    shift_out,
                    to,
                };
                let module = verified(matmul_i8_requant(shape, requant).unwrap());
                let elements = partial.len();
                let scales = repeat_columns(&scale).into_iter();
                let mut buffers = vec![
                    Ok(bytes_of_i8(&pack_a(&shape, &a))),
                    Ok(bytes_of_i8(&pack_b(&shape, &b))),
                    Ok(bytes_of_i32(&repeat_columns(&bias))),
                    Ok(scales.flat_map(i16::to_le_bytes).collect()),
                    Err(elements * if exponent.is_some() { 2 } else { 1 }),
                ];
                let start = match shape.accumulate {
                    true => partial,
                    false => vec![0; elements],
                };
                if shape.accumulate {
                    buffers.push(Ok(bytes_of_i32(&pack_c(&shape, &start))));
                }
                let (after, _) = run(&module, &buffers);
                let sums = matmul_reference(&shape, &a, &b, &start);
                let columns = bias.iter().zip(&scale).cycle();
                let expected = sums.iter().zip(columns).map(|(sum, (bias, scale))| {
                    let sum = i64::from(*sum) + i64::from(*bias);
                    let q = shifted(sum, shift_in).clamp(-32768, 32767);
                    shifted(q * i64::from(*scale), shift_out)
                });
                let order = Blocked::c(shape.m, shape.n, 8);
                match exponent {
                    None => {
                        let got: Vec<u8> = order.unpack(&after[4]);
                        let expected = expected.map(|r| r.clamp(-128, 127) as u8);
                        prop_assert_eq!(got, expected.collect::<Vec<_>>());
                    }
                    Some(exponent) => {
                        let words = after[4].chunks_exact(2);
                        let words: Vec<u16> =
                            words.map(|w| u16::from_le_bytes([w[0], w[1]])).collect();
                        let expected = expected.map(|r| {
                            let value =
                                r.clamp(-32768, 32767) as f32 / f64::from(exponent).exp2() as f32;
                            bf16::from_f32(value).to_bits()
                        });
                        prop_assert_eq!(order.unpack(&words), expected.collect::<Vec<_>>());
                    }
                }
                Ok(())
            },
        )
        .unwrap();
}

/// A sum of products, and the sum of their sizes.
fn dot(a: &[f32], b: &[f32], k: usize, n: usize, index: usize) -> (f64, f64) {
    let (row, column) = (index / n, index % n);
    let terms = (0..k).map(|s| f64::from(a[row * k + s]) * f64::from(b[s * n + column]));
    terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()))
}

#[test]
fn products_of_bf16_are_as_exact_as_their_sums() {
    let forms = [Sum::F32, Sum::Accumulate, Sum::Bf16, Sum::PartialToBf16];
    let sizes = (
        1u32..=2,
        1u32..=4,
        1u32..=2,
        prop::sample::select(forms.to_vec()),
    );
    let inputs = sizes.prop_flat_map(|(m, k, n, sum)| {
        let shape = MatmulBf16 {
            m: 16 * m,
            k: 8 * k,
            n: 16 * n,
            sum,
        };
        let values = |len: u32| prop::collection::vec(-8.0f32..8.0, len as usize);
        let (a, b) = (values(shape.m * shape.k), values(shape.k * shape.n));
        (Just(shape), a, b, values(shape.m * shape.n))
    });
    cases(8)
        .run(&inputs, |(shape, a, b, start)| {
            let rounded = |values: Vec<f32>| -> Vec<f32> {
                values
                    .into_iter()
                    .map(|v| bf16::from_f32(v).to_f32())
                    .collect()
            };
            let (a, b) = (rounded(a), rounded(b));
            let narrow = |values: &[f32]| -> Vec<u8> {
                values
                    .iter()
                    .flat_map(|v| bf16::from_f32(*v).to_le_bytes())
                    .collect()
            };
            let wide: Vec<u8> = shape
                .c()
                .pack(&start)
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect();
            let module = verified(matmul_bf16(shape).unwrap());
            let mut buffers = vec![
                Ok(narrow(&shape.a().pack(&a))),
                Ok(narrow(&shape.b().pack(&b))),
                match shape.sum {
                    Sum::Accumulate => Ok(wide.clone()),
                    _ => Err(start.len() * if shape.is_narrow() { 2 } else { 4 }),
                },
            ];
            if shape.sum == Sum::PartialToBf16 {
                buffers.push(Ok(wide));
            }
            let (after, _) = run(&module, &buffers);
            let got: Vec<f32> = match shape.is_narrow() {
                true => {
                    let words = after[2].chunks_exact(2);
                    words
                        .map(|w| bf16::from_le_bytes([w[0], w[1]]).to_f32())
                        .collect()
                }
                false => {
                    let words = after[2].chunks_exact(4);
                    words
                        .map(|w| f32::from_le_bytes([w[0], w[1], w[2], w[3]]))
                        .collect()
                }
            };
            let added = matches!(shape.sum, Sum::Accumulate | Sum::PartialToBf16);
            let steps = f64::from(shape.k / 8 + 1);
            for (index, got) in shape.c().unpack(&got).into_iter().enumerate() {
                let (k, n) = (shape.k as usize, shape.n as usize);
                let (sum, size) = dot(&a, &b, k, n, index);
                let before = if added { f64::from(start[index]) } else { 0.0 };
                let (sum, size) = (sum + before, size + before.abs());
                // Nine terms a step, each off by half a unit of 2^-23 of the largest.
                let mut allowed = size * steps * 5.0 * (-23f64).exp2();
                if shape.is_narrow() {
                    allowed += sum.abs() * (-8f64).exp2();
                }
                let off = (f64::from(got) - sum).abs();
                prop_assert!(off <= allowed, "{index}: {got}, exact {sum}");
            }
            Ok(())
        })
        .unwrap();
}
