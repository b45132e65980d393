//! The exposed pipeline: a result is there after its latency, and not one cycle earlier.

use super::harness::{Machine, OWN, run, run_with};
use arch::aie2::reg;

/// A load with `gap` nops before the register is read again.
fn load_then_read(gap: usize) -> u32 {
    let text = format!("movxm p0, #{OWN}\nmova r0, #1\nlda r0, [p0, #0]\n.nops {gap}\nmov r1, r0");
    run_with(&text, |bus| bus.put(OWN, &77u32.to_le_bytes())).r(reg::R1)
}

#[test]
fn a_loaded_value_arrives_seven_cycles_later() {
    assert_eq!(load_then_read(5), 1, "distance 6");
    assert_eq!(load_then_read(6), 77, "distance 7");
}

#[test]
fn a_product_arrives_one_cycle_after_a_sum() {
    let program = |gap: usize| {
        format!("mova r0, #3\nmova r1, #5\nmova r2, #0\nmul r2, r0, r1\n.nops {gap}\nmov r3, r2")
    };
    assert_eq!(run(&program(0)).r(reg::R3), 0);
    assert_eq!(run(&program(1)).r(reg::R3), 15);
    let sum = "mova r0, #3\nmova r2, #0\nadd r2, r0, r0\nmov r3, r2";
    assert_eq!(run(sum).r(reg::R3), 6);
}

#[test]
fn instructions_of_one_bundle_read_the_old_values() {
    let text = "mova r0, #1\nmova r1, #2\nmova r2, #0\nmova r0, #9 ; add r2, r0, r1";
    let machine = run(text);
    assert_eq!((machine.r(reg::R0), machine.r(reg::R2)), (9, 3));
}

#[test]
fn moves_of_the_vector_adder_forward_to_the_next_bundle() {
    let setup = "mova r0, #3\nvbcst.32 x0, r0\n.nops 4\n";
    let chain = "vadd.32 x1, x0, x0\nvadd.32 x2, x1, x1";
    assert_eq!(run(&format!("{setup}{chain}")).words(reg::X2), [12; 16]);
}

#[test]
fn a_multiplier_operand_is_not_forwarded() {
    // A shuffle result is readable by vmac two bundles later, not one.
    let program = |gap: usize| {
        format!(
            "mova r0, #1\nmova r1, #2\nmova r2, #776\nmova r3, #22\nvbcst.8 x0, r0\nvbcst.8 x1, r1\n\
             vbcst.8 x2, r0\n.nops 4\nvshuffle x0, x1, x1, r3\n.nops {gap}\nvmul cm0, x0, x2, r2"
        )
    };
    assert_eq!(run(&program(0)).words(reg::CM0), [8; 32]);
    assert_eq!(run(&program(1)).words(reg::CM0), [16; 32]);
}

/// Two accumulations into one register, `gap` nops between them.
fn accumulate(gap: usize, suffix: &str, register: &str, conf: u32, one: u32) -> Vec<u8> {
    let text = format!(
        "movxm r0, #{one}\nmova r2, #{conf}\nvbcst.16 x0, r0\nvbcst.16 x1, r0\nvclr {register}\n\
         .nops 8\nvmac{suffix} {register}, {register}, x0, x1, r2\n.nops {gap}\n\
         vmac{suffix} {register}, {register}, x0, x1, r2"
    );
    let machine = run(&text);
    let reg = if suffix.is_empty() {
        reg::CM0
    } else {
        reg::BML0
    };
    machine.bytes(reg)
}

#[test]
fn integer_accumulators_are_forwarded_and_float_ones_are_not() {
    let first = |bytes: Vec<u8>| u32::from_le_bytes(bytes[..4].try_into().unwrap());
    // i16 x i16, 32 elementwise lanes: 3 * 3.
    let mac = |gap| first(accumulate(gap, "", "cm0", 0x338, 3));
    assert_eq!((mac(0), mac(1)), (9, 18), "distances 1 and 2");
    // bf16, 16 elementwise lanes of two terms: 2 * 1.5 * 1.5.
    let mac = |gap| f32::from_bits(first(accumulate(gap, ".f", "bml0", 60, 0x3FC0)));
    assert_eq!((mac(2), mac(3)), (4.5, 9.0), "distances 3 and 4");
}

#[test]
fn a_pointer_moves_for_the_next_bundle() {
    let text = format!(
        "movxm p0, #{OWN}\nlda r0, [p0], #4\nlda r1, [p0], #4\nlda r2, [p0, #0]\npadda [p0], #16\nmov r3, p0"
    );
    let machine = run_with(&text, |bus| {
        bus.put(OWN, &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    });
    assert_eq!([reg::R0, reg::R1, reg::R2].map(|r| machine.r(r)), [1, 2, 3]);
    assert_eq!(machine.r(reg::R3), OWN + 24);
}

#[test]
fn a_store_is_seen_by_a_load_in_the_next_bundle_and_not_by_one_beside_it() {
    let text = format!(
        "movxm p0, #{OWN}\nmovxm p1, #{OWN}\nmova r0, #5\nlda r1, [p0, #0] ; st r0, [p1, #0]\nlda r2, [p0, #0]"
    );
    let machine = run_with(&text, |bus| bus.put(OWN, &[9, 0, 0, 0]));
    assert_eq!((machine.r(reg::R1), machine.r(reg::R2)), (9, 5));
}

#[test]
fn a_converting_store_lands_two_cycles_later_than_a_plain_one() {
    let program = |gap: usize| {
        format!(
            "movxm p0, #{OWN}\nmova r0, #0\nmov s0, r0\nvclr cm0\n.nops 8\n\
             vst.srs.s16.s32 bml0, s0, [p0, #0]\n.nops {gap}\nlda r1, [p0, #0]"
        )
    };
    let run = |gap| run_with(&program(gap), |bus| bus.put(OWN, &[7, 0, 0, 0])).r(reg::R1);
    assert_eq!((run(1), run(2)), (7, 0), "distances 2 and 3");
}

/// Two loads a bundle for eight bundles, `apart` bytes between the two addresses.
fn pairs_of_loads(apart: u32) -> Machine {
    let (first, second) = (OWN, OWN + apart);
    let text = format!("movxm p0, #{first}\nmovxm p1, #{second}\n")
        + &"vlda wl0, [p0, #0] ; vldb wl1, [p1, #0]\n".repeat(8);
    run(&text)
}

#[test]
fn loads_that_meet_in_a_bank_cost_a_cycle_each() {
    let apart = |bytes| pairs_of_loads(bytes).core.counts();
    assert_eq!(apart(0x4000).memory_stalls, 0, "in another pair of banks");
    assert_eq!(apart(0x40).memory_stalls, 8, "in the same");
    assert_eq!(apart(0x40).busy, apart(0x4000).busy);
}

#[test]
fn a_wait_for_a_bank_changes_no_result() {
    let text = format!(
        "movxm p0, #{OWN}\nmovxm p1, #{}\nmova r2, #1\nlda r0, [p0, #0]\n\
         vlda wl0, [p0, #0] ; vldb wl1, [p1, #0]\n.nops 5\nmov r2, r0\n.nops 8",
        OWN + 0x40
    );
    let machine = run_with(&text, |bus| bus.put(OWN, &77u32.to_le_bytes()));
    assert_eq!(machine.core.counts().memory_stalls, 1);
    assert_eq!(machine.r(reg::R2), 77, "the whole pipeline waits");
}
