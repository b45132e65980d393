//! The vector adder, movement and conversions in programs.

use super::harness::{Machine, OWN, run_with};
use arch::aie2::reg;

/// x0 and x1 hold these lanes, then `tail` runs.
fn with(a: &[i32; 16], b: &[i32; 16], tail: &str) -> Machine {
    let text = format!(
        "movxm p0, #{OWN}\nvlda wl0, [p0, #0]\nvlda wh0, [p0, #32]\nvlda wl1, [p0, #64]\nvlda wh1, [p0, #96]\n.nops 7\n{tail}"
    );
    run_with(&text, |bus| {
        let bytes: Vec<u8> = a.iter().chain(b).flat_map(|v| v.to_le_bytes()).collect();
        bus.put(OWN, &bytes);
    })
}

fn lanes() -> ([i32; 16], [i32; 16]) {
    let a = std::array::from_fn(|i| i as i32 * 1000 - 7000);
    let b = std::array::from_fn(|i| if i % 3 == 0 { a[i] } else { 5 - i as i32 * 40 });
    (a, b)
}

#[test]
fn additions_and_comparisons() {
    let (a, b) = lanes();
    let machine = with(
        &a,
        &b,
        "vadd.32 x2, x0, x1\nvsub.32 x3, x0, x1\nvmax_lt.s32 x4, r16, x0, x1\nvmin_ge.s32 x5, r17, x0, x1\n\
         vge.s32 r18, x0, x1\nveqz.32 r19, x3\nvabs_gtz.s32 x6, r20, x0",
    );
    let each = |f: fn(i32, i32) -> i32| (0..16).map(|i| f(a[i], b[i])).collect::<Vec<_>>();
    let bits =
        |f: fn(i32, i32) -> bool| (0..16).map(|i| u32::from(f(a[i], b[i])) << i).sum::<u32>();
    assert_eq!(machine.words(reg::X2), each(|a, b| a + b));
    assert_eq!(machine.words(reg::X3), each(|a, b| a - b));
    assert_eq!(machine.words(reg::X4), each(|a, b| a.max(b)));
    assert_eq!(machine.words(reg::X5), each(|a, b| a.min(b)));
    assert_eq!(machine.r(reg::R16), bits(|a, b| a < b));
    assert_eq!(machine.r(reg::R17), bits(|a, b| a >= b));
    assert_eq!(machine.r(reg::R18), bits(|a, b| a >= b));
    assert_eq!(machine.r(reg::R19), bits(|a, b| a == b));
    assert_eq!(machine.words(reg::X6), each(|a, _| a.abs()));
    assert_eq!(machine.r(reg::R20), bits(|a, _| a > 0));
}

#[test]
fn a_comparison_selects() {
    let (a, b) = lanes();
    let machine = with(&a, &b, "vlt.s32 r16, x0, x1\nnop\nvsel.32 x2, x0, x1, r16");
    assert_eq!(
        machine.words(reg::X2),
        (0..16).map(|i| a[i].max(b[i])).collect::<Vec<_>>()
    );
}

#[test]
fn byte_masks_take_a_pair() {
    let (a, b) = lanes();
    let machine = with(
        &a,
        &b,
        "vlt.s8 r17:r16, x0, x1\nnop\nvsel.8 x2, x0, x1, r17:r16",
    );
    let bytes = |v: &[i32; 16]| {
        v.iter()
            .flat_map(|v| v.to_le_bytes())
            .map(|b| b as i8)
            .collect::<Vec<i8>>()
    };
    let want: Vec<u8> = bytes(&a)
        .iter()
        .zip(bytes(&b))
        .map(|(a, b)| *a.max(&b) as u8)
        .collect();
    assert_eq!(machine.bytes(reg::X2), want);
}

#[test]
fn elements_come_and_go() {
    let (a, b) = lanes();
    let machine = with(
        &a,
        &b,
        "mova r16, #3\nmova r29, #14\nmova r1, #-9\nvextract.s32 r2, x0, r16\nvinsert.32 x2, x0, r29, r1\n\
         vbcst.32 x3, r1\nvextbcst.32 x4, x0, #5\nvpush.lo.32 x5, r1, x0\nvpush.hi.32 x6, x0, r1",
    );
    assert_eq!(machine.r(reg::R2) as i32, a[3]);
    let mut inserted = a;
    inserted[14] = -9;
    assert_eq!(machine.words(reg::X2), inserted);
    assert_eq!(machine.words(reg::X3), [-9; 16]);
    assert_eq!(machine.words(reg::X4), [a[5]; 16]);
    let mut low = a;
    low.rotate_right(1);
    low[0] = -9;
    assert_eq!(machine.words(reg::X5), low);
    let mut high = a;
    high.rotate_left(1);
    high[15] = -9;
    assert_eq!(machine.words(reg::X6), high);
}

#[test]
fn shuffles_and_shifts() {
    let (a, b) = lanes();
    // T32_2x16_lo interleaves the low halves.
    let machine = with(
        &a,
        &b,
        "mova r0, #16\nmova r1, #20\nvshuffle x2, x0, x1, r0\nvshift x3, x0, x1, r1\nvmov x4, x1\nvmov bml0, x1",
    );
    let zipped: Vec<i32> = (0..8).flat_map(|i| [a[i], b[i]]).collect();
    assert_eq!(machine.words(reg::X2), zipped);
    let shifted: Vec<i32> = a[5..].iter().chain(&b[..5]).copied().collect();
    assert_eq!(machine.words(reg::X3), shifted);
    assert_eq!(
        (machine.words(reg::X4), machine.words(reg::BML0)),
        (b.to_vec(), b.to_vec())
    );
}

#[test]
fn up_shift_and_shift_round_saturate_are_inverse() {
    let (a, b) = lanes();
    let machine = with(
        &a,
        &b,
        "mova r0, #6\nmov s0, r0\nvups.s64.s32 cm0, x0, s0\nvups.s32.s16 bml1, wl0, s0\n.nops 3\n\
         vsrs.s32.s64 x2, cm0, s0\nvsrsm.s16.s32 wl3, bml1, s0",
    );
    assert_eq!(machine.words(reg::X2), a);
    assert_eq!(machine.bytes(reg::WL3), machine.bytes(reg::WL0));
}

#[test]
fn bf16_conversions_and_floor() {
    let values: [f32; 16] = std::array::from_fn(|i| (i as f32 - 8.0) * 0.75 + 0.001);
    let bits = values.map(|v| v.to_bits() as i32);
    let machine = with(
        &bits,
        &bits,
        "mova r0, #12\nmova r1, #1\nmovx crRnd, r0\nmov s0, r1\nvmov bml0, x0\n.nops 2\nvconv.bf16.fp32 wl2, bml0\n.nops 2\n\
         vconv.fp32.bf16 bmh0, wl2\nvfloor.s32.bf16 x3, wl2, s0",
    );
    let rounded = values.map(|v| {
        let near = v.to_bits() + 0x7FFF + (v.to_bits() >> 16 & 1);
        f32::from_bits(near & 0xFFFF_0000)
    });
    assert_eq!(
        machine.words(reg::BMH0),
        rounded.map(|v| v.to_bits() as i32)
    );
    assert_eq!(
        machine.words(reg::X3),
        rounded.map(|v| (2.0 * v).floor() as i32)
    );
}

#[test]
fn packing_saturates_and_unpacking_extends() {
    let (a, b) = lanes();
    let machine = with(
        &a,
        &b,
        "mova r0, #1\nmovx crSat, r0\nvpack.s8.s16 wl2, x0\n.nops 8\nvunpack.s16.s8 x3, wl2",
    );
    let halves: Vec<i16> = machine
        .bytes(reg::X0)
        .chunks(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect();
    let want: Vec<i16> = halves.iter().map(|v| (*v).clamp(-128, 127)).collect();
    let got: Vec<i16> = machine
        .bytes(reg::X3)
        .chunks(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect();
    assert_eq!(got, want);
}
