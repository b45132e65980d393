//! The multiply-accumulate unit in programs.

use super::harness::{Machine, OWN, run_with};
use arch::aie2::reg;

/// A deterministic sequence of bytes.
fn noise(n: usize) -> Vec<u8> {
    let mut state = 12345u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..n).map(|_| next()).collect()
}

/// A at OWN, B at OWN + 0x100; x0 = A, x1 = B, x2 = second B, then `tail`.
fn product(tail: &str, a: &[u8], b: &[u8]) -> Machine {
    let (pa, pb) = (OWN, OWN + 0x100);
    let text = format!(
        "movxm p0, #{pa}\nmovxm p1, #{pb}\nvlda wl0, [p0, #0]\nvlda wh0, [p0, #32]\nvldb wl1, [p1], #32\n\
         vldb wl2, [p1, #0]\nvldb wh1, [p1], #32\n.nops 8\n{tail}"
    );
    run_with(&text, |bus| {
        bus.put(pa, a);
        bus.put(pb, b);
    })
}

/// Row-major 4x8 times 8x8.
fn naive_4x8x8(a: &[i32], b: &[i32]) -> Vec<i32> {
    let cell = |m: usize, n: usize| (0..8).map(|k| a[m * 8 + k] * b[k * 8 + n]).sum();
    (0..32).map(|i| cell(i / 8, i % 8)).collect()
}

#[test]
fn an_i8_matrix_step_of_every_signedness() {
    let (a, b) = (noise(64), noise(128)[64..].to_vec());
    let signed = |v: &[u8]| v.iter().map(|v| i32::from(*v as i8)).collect::<Vec<_>>();
    let unsigned = |v: &[u8]| v.iter().map(|v| i32::from(*v)).collect::<Vec<_>>();
    let run = |conf: u32| {
        product(&format!("mova r0, #{conf}\nvmul cm0, x0, x1, r0"), &a, &b).words(reg::CM0)
    };
    assert_eq!(run(776), naive_4x8x8(&signed(&a[..32]), &signed(&b)));
    assert_eq!(run(0x208), naive_4x8x8(&signed(&a[..32]), &unsigned(&b)));
    assert_eq!(run(0x008), naive_4x8x8(&unsigned(&a[..32]), &unsigned(&b)));
}

#[test]
fn accumulation_and_its_negations() {
    let (a, b) = (noise(64), noise(128)[64..].to_vec());
    let start =
        "mova r0, #776\nmova r1, #777\nvmul cm1, x0, x1, r0\nvmul cm2, x0, x1, r0\n.nops 6\n";
    let words = |tail: &str| {
        let machine = product(&format!("{start}{tail}"), &a, &b);
        (machine.words(reg::CM0), machine.words(reg::CM1))
    };
    let factor = |tail: &str| {
        let (out, unit) = words(tail);
        let k = out[0] / unit[0];
        assert!(out.iter().zip(&unit).all(|(o, u)| *o == k * u), "{tail}");
        k
    };
    assert_eq!(factor("vmac cm0, cm1, x0, x1, r0"), 2);
    assert_eq!(factor("vmac cm0, cm1, x0, x1, r1"), 1, "zero_acc");
    assert_eq!(factor("vmsc cm0, cm1, x0, x1, r0"), 0);
    assert_eq!(factor("vnegmul cm0, x0, x1, r0"), -1);
    assert_eq!(factor("vnegmac cm0, cm1, x0, x1, r0"), -2);
    assert_eq!(factor("vnegmsc cm0, cm1, x0, x1, r0"), 0);
    assert_eq!(
        factor("vmov cm0, cm1\n.nops 1\nvaddmac cm0, cm0, cm2, x0, x1, r0"),
        3
    );
    assert_eq!(
        factor("vmov cm0, cm1\n.nops 1\nvsubmac cm0, cm0, cm2, x0, x1, r0"),
        1
    );
    assert_eq!(
        factor("vmov cm0, cm1\n.nops 1\nvaddmsc cm0, cm0, cm2, x0, x1, r0"),
        1
    );
    assert_eq!(
        factor("vmov cm0, cm1\n.nops 1\nvsubmsc cm0, cm0, cm2, x0, x1, r0"),
        -1
    );
    assert_eq!(factor("vadd cm0, cm1, cm2, r0"), 2);
    assert_eq!(factor("vsub cm0, cm1, cm2, r0"), 0);
    assert_eq!(factor("vnegadd cm0, cm1, cm2, r0"), -2);
    assert_eq!(factor("vneg cm0, cm1, r0"), -1);
    assert_eq!(factor("vmov cm0, cm1"), 1);
    assert_eq!(factor("vmov.d cm0, cm1"), 1);
    assert_eq!(factor("vclr cm0"), 0);
}

#[test]
fn a_chain_of_matrix_steps_accumulates_two_bundles_apart() {
    let (a, b) = (noise(64), noise(128)[64..].to_vec());
    let step = "vmac cm0, cm0, x0, x1, r0\nnop\n".repeat(5);
    let machine = product(&format!("mova r0, #776\nvclr cm0\n.nops 4\n{step}"), &a, &b);
    let signed = |v: &[u8]| v.iter().map(|v| i32::from(*v as i8)).collect::<Vec<_>>();
    let want: Vec<i32> = naive_4x8x8(&signed(&a[..32]), &signed(&b))
        .iter()
        .map(|v| 5 * v)
        .collect();
    assert_eq!(machine.words(reg::CM0), want);
}

#[test]
fn a_bf16_matrix_step_of_exact_values() {
    // Small integers: every product and sum is exact, whatever the order.
    let small: Vec<f32> = noise(64).iter().map(|v| f32::from(*v as i8 / 16)).collect();
    let (a, b) = small.split_at(32);
    let bytes = |v: &[f32]| -> Vec<u8> {
        v.iter()
            .flat_map(|v| ((v.to_bits() >> 16) as u16).to_le_bytes())
            .collect()
    };
    let tail = "mova r0, #28\nvmul.f bml0, x0, x1, r0\n.nops 5\nvmac.f bmh0, bml0, x0, x1, r0\n.nops 5\n\
                vadd.f bml1, bml0, bmh0, r0\nvsub.f bmh1, bml0, bmh0, r0\nvneg.f bml2, bml0, r0";
    let machine = product(tail, &bytes(a), &bytes(b));
    let want: Vec<f32> = (0..16)
        .map(|i| (0..8).map(|k| a[i / 4 * 8 + k] * b[k * 4 + i % 4]).sum())
        .collect();
    let floats = |reg| -> Vec<f32> {
        machine
            .words(reg)
            .iter()
            .map(|v| f32::from_bits(*v as u32))
            .collect()
    };
    let scaled = |k: f32| want.iter().map(|v| v * k).collect::<Vec<f32>>();
    assert_eq!(floats(reg::BML0), want);
    assert_eq!(floats(reg::BMH0), scaled(2.0));
    assert_eq!(floats(reg::BML1), scaled(3.0));
    assert_eq!(floats(reg::BMH1), scaled(-1.0));
    assert_eq!(floats(reg::BML2), scaled(-1.0));
}
