//! Scalar instructions.

use super::harness::run;
use arch::aie2::reg;

/// The result of `op r2, r0, r1`.
fn binary(op: &str, a: i32, b: i32) -> i32 {
    let text = format!("movxm r0, #{a}\nmovxm r1, #{b}\n{op} r2, r0, r1");
    run(&text).r(reg::R2) as i32
}

#[test]
fn binary_operations() {
    for (a, b) in [(5, 3), (-7, 2), (i32::MIN, -1), (0, 0), (i32::MAX, 1)] {
        assert_eq!(binary("add", a, b), a.wrapping_add(b));
        assert_eq!(binary("sub", a, b), a.wrapping_sub(b));
        assert_eq!(binary("mul", a, b), a.wrapping_mul(b));
        assert_eq!(binary("and", a, b), a & b);
        assert_eq!(binary("or", a, b), a | b);
        assert_eq!(binary("xor", a, b), a ^ b);
        assert_eq!(binary("eq", a, b), i32::from(a == b));
        assert_eq!(binary("ne", a, b), i32::from(a != b));
        assert_eq!(binary("lt", a, b), i32::from(a < b));
        assert_eq!(binary("ge", a, b), i32::from(a >= b));
        assert_eq!(binary("ltu", a, b), i32::from((a as u32) < b as u32));
        assert_eq!(binary("geu", a, b), i32::from(a as u32 >= b as u32));
    }
    assert_eq!(binary("lshl", -16, -4), 0x0FFF_FFFF);
    assert_eq!(binary("ashl", -16, -4), -1);
    assert_eq!(binary("ashl", 3, 4), 48);
}

#[test]
fn unary_operations() {
    let of = |op: &str, v: i64| run(&format!("movxm r0, #{v}\n{op} r1, r0")).r(reg::R1) as i32;
    assert_eq!(of("abs", -5), 5);
    assert_eq!((of("eqz", 0), of("nez", 0)), (1, 0));
    assert_eq!((of("extend.s8", 0x1FF), of("extend.u8", 0x1FF)), (-1, 255));
    assert_eq!(
        (of("extend.s16", 0x18000), of("extend.u16", 0x18000)),
        (-32768, 32768)
    );
    assert_eq!((of("clz", 1), of("clb", -1)), (31, 32));
}

#[test]
fn wide_sums_use_the_carry() {
    let text = "movxm r0, #-1\nmova r1, #1\nmova r2, #0\nadd r3, r0, r1\nadc r4, r2, r2\n\
                sub r5, r2, r1\nsbc r6, r2, r2";
    let machine = run(text);
    assert_eq!((machine.r(reg::R3), machine.r(reg::R4)), (0, 1));
    assert_eq!(
        (machine.r(reg::R5), machine.r(reg::R6)),
        (u32::MAX, u32::MAX)
    );
}

#[test]
fn selection_looks_at_r27() {
    let text = |v: u32| {
        format!(
            "mova r0, #1\nmova r1, #2\nmova r27, #{v}\nsel.eqz r2, r0, r1, r27\nsel.nez r3, r0, r1, r27"
        )
    };
    let of = |v| {
        let machine = run(&text(v));
        (machine.r(reg::R2), machine.r(reg::R3))
    };
    assert_eq!((of(0), of(7)), ((1, 2), (2, 1)));
}

#[test]
fn thirty_two_division_steps_divide() {
    let steps = "divs r0, r31, r0, r1\n".repeat(32);
    let machine = run(&format!(
        "movxm r0, #1000003\nmova r1, #17\nmova r31, #0\n{steps}"
    ));
    assert_eq!(
        (machine.r(reg::R0), machine.r(reg::R31)),
        (1_000_003 / 17, 1_000_003 % 17)
    );
}

#[test]
fn pointers_and_modifiers_keep_twenty_bits() {
    let machine =
        run("movxm r0, #-4\nmov p0, r0\nmov m0, r0\nmov r1, p0\npadda [p0], m0\nmov r2, p0");
    assert_eq!(
        (machine.r(reg::R1), machine.r(reg::R2)),
        (0xF_FFFC, 0xF_FFF8)
    );
}

#[test]
fn delayed_moves_arrive_in_their_stage() {
    let text =
        |gap: usize| format!("mova r0, #7\nmova r1, #0\nmov.d3 r1, r0\n.nops {gap}\nmov r2, r1");
    assert_eq!((run(&text(2)).r(reg::R2), run(&text(3)).r(reg::R2)), (0, 7));
}

#[test]
fn the_core_knows_its_tile() {
    let machine = run("mov r0, CORE_ID");
    assert_eq!(machine.r(reg::R0), 2 | 1 << 16);
}
