//! Addressing, loads, stores and the conversions fused with them.

use super::harness::{FlatBus, Machine, OWN, run_with};
use arch::aie2::reg;

fn ramp(bus: &mut FlatBus) {
    let bytes: Vec<u8> = (0..=255).collect();
    bus.put(OWN, &bytes);
}

/// The first bytes of 32-byte blocks a walk visits, for `steps` loads of one address mode.
fn walk(setup: &str, load: &str, steps: usize) -> Vec<u32> {
    let loads: String = (0..steps)
        .map(|k| format!("{}\n", load.replace("rX", &format!("r{k}"))))
        .collect();
    let machine = run_with(&format!("movxm p0, #{OWN}\n{setup}\n{loads}"), |bus| {
        for k in 0..1024u32 {
            bus.put(OWN + 4 * k, &(4 * k).to_le_bytes());
        }
    });
    let regs = [
        reg::R0,
        reg::R1,
        reg::R2,
        reg::R3,
        reg::R4,
        reg::R5,
        reg::R6,
        reg::R7,
        reg::R8,
        reg::R9,
        reg::R10,
        reg::R11,
        reg::R12,
        reg::R13,
    ];
    regs[..steps].iter().map(|r| machine.r(*r)).collect()
}

#[test]
fn one_dimensional_modes() {
    assert_eq!(walk("mova m0, #20", "lda rX, [p0], m0", 4), [0, 20, 40, 60]);
    assert_eq!(walk("mova dj0, #8", "lda rX, [p0, dj0]", 2), [8, 8]);
    assert_eq!(walk("", "lda rX, [p0], #12", 3), [0, 12, 24]);
    assert_eq!(walk("", "lda rX, [p0, #16]", 2), [16, 16]);
    assert_eq!(
        walk("padda [p0], #64", "lda rX, [p0], #-4", 3),
        [64, 60, 56]
    );
}

#[test]
fn a_two_dimensional_walk_is_two_nested_loops() {
    // 3 elements of step 4, rows 64 apart.
    let setup = "mova dn1, #2\nmova dj1, #4\nmova m1, #56\nmova dc1, #0";
    let want: Vec<u32> = (0..9).map(|k| k / 3 * 64 + k % 3 * 4).collect();
    assert_eq!(walk(setup, "lda.2d rX, [p0], d1", 9), want);
}

#[test]
fn a_three_dimensional_walk_is_three_nested_loops() {
    // 2 of step 4, 3 of step 32, then step 512.
    let setup = "mova dn0, #1\nmova dj0, #4\nmova dc0, #0\nmova dn4, #2\nmova dj4, #28\nmova dc4, #0\nmova m0, #444";
    let want: Vec<u32> = (0..14)
        .map(|k| k / 6 * 512 + k / 2 % 3 * 32 + k % 2 * 4)
        .collect();
    assert_eq!(walk(setup, "lda.3d rX, [p0], d0", 14), want);
}

#[test]
fn the_stack_grows_upward_and_locals_lie_below() {
    let text = format!(
        "movxm sp, #{OWN}\npaddb [sp], #64\nmova r0, #7\nst r0, [sp, #-8]\nlda r1, [sp, #-8]\n.nops 6\nmov r2, sp"
    );
    let machine = run_with(&text, |_| {});
    assert_eq!((machine.r(reg::R1), machine.r(reg::R2)), (7, OWN + 64));
    assert_eq!(machine.bus.at(OWN + 56, 4), [7, 0, 0, 0]);
}

#[test]
fn narrow_loads_extend() {
    let text = format!(
        "movxm p0, #{OWN}\nlda.s8 r0, [p0, #1]\nlda.u8 r1, [p0, #1]\nlda.s16 r2, [p0, #2]\nlda.u16 r3, [p0, #2]"
    );
    let machine = run_with(&text, |bus| bus.put(OWN, &[0, 0xFE, 0x34, 0x92]));
    let got = [reg::R0, reg::R1, reg::R2, reg::R3].map(|r| machine.r(r) as i32);
    assert_eq!(got, [-2, 254, 0x9234 - 0x1_0000, 0x9234]);
}

#[test]
fn narrow_stores_change_only_their_bytes_and_land_late() {
    let text = |gap: usize| {
        format!(
            "movxm p0, #{OWN}\nmova r0, #17\nmova r1, #34\nst.s8 r0, [p0, #1]\n.nops 8\nst.s16 r1, [p0, #2]\n.nops {gap}\nlda r2, [p0, #0]"
        )
    };
    let run = |gap| run_with(&text(gap), |bus| bus.put(OWN, &[0xFF; 4])).r(reg::R2);
    assert_eq!(run(5), 0xFFFF_11FF, "distance 6");
    assert_eq!(run(6), 0x0022_11FF, "distance 7");
}

#[test]
fn vectors_masks_and_accumulators_move_as_they_are() {
    let text = format!(
        "movxm p0, #{OWN}\nmovxm p1, #{}\nvlda wl3, [p0, #32]\nvldb wh3, [p0, #0]\nvlda amhl2, [p0, #64]\n\
         lda q1, [p0, #16]\n.nops 7\nvst wl3, [p1], #32\nvst wh3, [p1], #32\nvst amhl2, [p1], #32\nst q1, [p1], #16\n\
         vst.128 wl3, [p1, #0]",
        OWN + 0x200
    );
    let machine = run_with(&text, ramp);
    let bytes = |from: u8, n: u8| (from..from + n).collect::<Vec<u8>>();
    let at = |offset: u32, n: usize| machine.bus.at(OWN + 0x200 + offset, n).to_vec();
    assert_eq!((at(0, 32), at(32, 32)), (bytes(32, 32), bytes(0, 32)));
    assert_eq!((at(64, 32), at(96, 16)), (bytes(64, 32), bytes(16, 16)));
    // p1 is 16 bytes past a multiple of 32: allowed for 128 bits.
    assert_eq!((at(112, 16), at(128, 16)), (bytes(32, 16), vec![0; 16]));
}

#[test]
fn loads_that_widen() {
    let text = format!(
        "movxm p0, #{OWN}\nmova r0, #2\nmov s0, r0\nmova m0, #0\nvlda.ups.s32.s8 cm0, s0, [p0, #0]\n\
         vlda.ups.s64.s32 bml1, s0, [p0, #0]\nvlda.conv.fp32.bf16 bmh1, [p0, #0]\nvldb.unpack.s16.s8 x2, [p0], m0"
    );
    let data: Vec<u8> = (0..32).map(|k: u8| k.wrapping_mul(37)).collect();
    let machine = run_with(&text, |bus| bus.put(OWN, &data));
    let bytes: Vec<i32> = data.iter().map(|v| i32::from(*v as i8)).collect();
    assert_eq!(
        machine.words(reg::CM0),
        bytes.iter().map(|v| v << 2).collect::<Vec<_>>()
    );
    let wide: Vec<i64> = machine
        .bytes(reg::BML1)
        .chunks(8)
        .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    let words: Vec<i64> = data
        .chunks(4)
        .map(|b| i64::from(i32::from_le_bytes(b.try_into().unwrap())) << 2)
        .collect();
    assert_eq!(wide, words);
    let floats: Vec<u32> = machine.words(reg::BMH1).iter().map(|v| *v as u32).collect();
    let halves: Vec<u32> = data
        .chunks(2)
        .map(|b| u32::from(u16::from_le_bytes([b[0], b[1]])) << 16)
        .collect();
    assert_eq!(floats, halves);
    let unpacked: Vec<i32> = machine
        .bytes(reg::X2)
        .chunks(2)
        .map(|b| i32::from(i16::from_le_bytes([b[0], b[1]])))
        .collect();
    assert_eq!(unpacked, bytes);
}

#[test]
fn stores_that_narrow() {
    // 32 accumulators 0, 3, 6, ...; shift 1, nearest even, saturating.
    let text = format!(
        "movxm p0, #{OWN}\nmovxm p1, #{}\nmova r0, #1\nmov s0, r0\nmova r1, #12\nmovx crRnd, r1\nmovx crSat, r0\nmova r2, #0\nmov s1, r2\n\
         vlda.ups.s32.s16 bml0, s1, [p0], #32\nvlda.ups.s32.s16 bmh0, s1, [p0], #32\nvlda wl4, [p0, #-64]\nvlda wh4, [p0, #-32]\n.nops 9\n\
         vst.srs.s8.s32 cm0, s0, [p1], #32\nvst.srs.s16.s32 bml0, s0, [p1], #32\nvst.pack.s8.s16 x4, [p1], #32\n",
        OWN + 0x200
    );
    let values: Vec<i16> = (0..32).map(|k: i16| 3 * (k - 10) * k).collect();
    let machine = run_with(&text, |bus| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        bus.put(OWN, &bytes);
    });
    let half = |v: i16| {
        let (floor, odd) = (v >> 1, v & 1);
        floor + if odd == 1 && floor & 1 == 1 { 1 } else { 0 }
    };
    let at = |offset: u32| machine.bus.at(OWN + 0x200 + offset, 32).to_vec();
    let clamp = |v: i16| v.clamp(-128, 127) as i8 as u8;
    assert_eq!(
        at(0),
        values.iter().map(|v| clamp(half(*v))).collect::<Vec<_>>()
    );
    let wide: Vec<u8> = values[..16]
        .iter()
        .flat_map(|v| half(*v).to_le_bytes())
        .collect();
    assert_eq!(at(32), wide);
    assert_eq!(at(64), values.iter().map(|v| clamp(*v)).collect::<Vec<_>>());
    assert_eq!(machine.r(reg::SRSRS_OF), 1, "the first store clamped");
}

/// A table of `entries` of `bytes` bytes, every 16 bytes twice.
fn table(entries: u32, bytes: u32) -> Vec<u8> {
    let plain: Vec<u8> = (0..entries * bytes).map(|k| (k * 7 % 251) as u8).collect();
    plain
        .chunks(16)
        .flat_map(|line| [line, line].concat())
        .collect()
}

#[test]
fn look_ups_find_entries_through_doubled_indices() {
    for (bytes, form) in [(2u32, "4x16"), (4, "4x32"), (8, "4x64")] {
        let (ab, cd) = (OWN + 0x1000, OWN + 0x5000);
        let entries = [0u32, 5, 17, 31, 30, 2, 9, 16];
        let text = format!(
            "movxm p0, #{OWN}\nvlda wl0, [p0, #0]\n.nops 6\nvldb.{form}.lo wl1, wl0\nvldb.{form}.hi wl2, wl0"
        );
        let machine: Machine = run_with(&text, |bus| {
            bus.put(ab, &table(32, bytes));
            bus.put(cd, &table(32, bytes));
            for (k, entry) in entries.iter().enumerate() {
                let base = if k % 4 < 2 { ab } else { cd };
                let index = base + 2 * bytes * entry;
                bus.put(OWN + 4 * k as u32, &index.to_le_bytes());
            }
        });
        for (k, entry) in entries.iter().enumerate() {
            let register = machine.bytes(if k < 4 { reg::WL1 } else { reg::WL2 });
            let got = &register[8 * (k % 4)..][..bytes as usize];
            let want: Vec<u8> = (entry * bytes..(entry + 1) * bytes)
                .map(|k| (k * 7 % 251) as u8)
                .collect();
            assert_eq!(got, want, "{form} entry {entry}");
        }
    }
}
