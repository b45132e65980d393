//! Correct programs.

use arch::aie2::reg;
use npuc::aie2::checker::{Fault, Found};
use npuc::aie2::mir::{Edge, MInst, MOperand, Program, ValueId};

use super::{complaints, program, verdict};

/// A loop of loads, products and stores with its loads still under way across the back edge.
pub(crate) const PIPELINED: &str = "
    func main
    block head
    0: mova r0, #28
    0: movxm p0, #458752
    1: movxm p1, #462848
    2: movxm p2, #466944
    3: movxm ls, @body
    4: movxm le, @body.last
    5: mova r1, #8
    6: mov lc, r1
    6: vlda wl0, [p0], #32 !1
    6: vldb wl2, [p1], #32 !2
    7: vlda wh0, [p0], #32 !1
    7: vldb wh2, [p1], #32 !2
    8: vclr cm0
    cycles 13
    block body loop
    1: vmac cm0, cm0, x0, x2, r0
    0: vlda wl0, [p0], #32 !1
    0: vldb wl2, [p1], #32 !2
    1: vlda wh0, [p0], #32 !1
    1: vldb wh2, [p1], #32 !2
    cycles 7
    block tail
    6: vst amll0, [p2, #0] !3
    7: vst amlh0, [p2, #32] !3
    20: done
    cycles 26";

#[test]
fn straight_line_code() {
    let report = verdict(&program(
        "func main
         block only
         0: movxm p0, #458752
         1: lda r0, [p0, #0] !1
         2: lda r1, [p0, #4] !1
         9: mul r2, r0, r1
         11: st r2, [p0, #8] !1
         18: done
         cycles 24",
    ))
    .unwrap();
    assert_eq!((report.bundles, report.insts, report.reads), (24, 6, 6));
}

#[test]
fn a_pipelined_loop() {
    assert!(
        complaints(PIPELINED).starts_with("CheckReport"),
        "{}",
        complaints(PIPELINED)
    );
}

#[test]
fn branches_join_and_values_keep_their_register() {
    let text = "
        func main
        block head
        -> other join
        0: mova r0, #1
        1: mova r1, #2
        2: jz r0, @join
        cycles 8
        block other
        0: mova r1, #3
        block join
        -> join
        0: add r2, r1, r0
        1: j @join
        cycles 7";
    assert!(
        complaints(text).starts_with("CheckReport"),
        "{}",
        complaints(text)
    );
}

#[test]
fn calls_pass_values_and_keep_registers() {
    let text = "
        func main
        block only
        0: paddb [sp], #32
        0: mova r16, #5
        1: mova r0, #7
        2: jl @@double r0 -> r0
        8: add r1, r0, r16
        20: done
        cycles 26
        func double r0
        block only
        1: add r0, r0, r0
        0: ret lr -> r0
        cycles 6";
    assert!(
        complaints(text).starts_with("CheckReport"),
        "{}",
        complaints(text)
    );
}

#[test]
fn a_function_saves_what_it_must_keep() {
    let text = "
        func main
        block only
        0: jl @@f
        20: done
        cycles 26
        func f lr
        block only
        0: paddb [sp], #32
        1: st lr, [sp, #-32] !9
        4: jl @@g
        10: lda lr, [sp, #-32] !9
        17: ret lr
        18: paddb [sp], #-32
        cycles 23
        func g
        block only
        0: ret lr
        cycles 6";
    assert!(
        complaints(text).starts_with("CheckReport"),
        "{}",
        complaints(text)
    );
}

/// A loop of one bundle with seven loads of one register under way at any time.
fn one_bundle_loop() -> Program {
    let mut text = "
        func main p0 p1
        block head
        0: movxm ls, @body
        1: movxm le, @body.last
        2: mova r0, #9
        3: mov lc, r0
        "
    .to_string();
    for k in 6..13 {
        text += &format!("{k}: vlda wl0, [p0], #32 !1\n");
    }
    text += "block body loop\n0: vst wl0, [p1], #32 !2\n0: vlda wl0, [p0], #32 !1\nblock tail\n";
    for k in 0..7 {
        text += &format!("{k}: vst wl0, [p1], #32 !2\n");
    }
    text += "20: done\ncycles 26";
    let mut program = program(&text);
    // A load's value is one pass older behind each back edge, until it is the one that is stored.
    let age = |k: usize| ValueId(1000 + k as u32);
    let set = |inst: &mut MInst, id: ValueId| {
        for operand in &mut inst.operands {
            if let MOperand::Reg {
                reg: reg::WL0,
                value,
                ..
            } = operand
            {
                *value = Some(id);
            }
        }
    };
    let blocks = &mut program.funcs[0].blocks;
    let loads = blocks[0].insts.iter_mut().filter(|i| i.op.is_load());
    loads
        .enumerate()
        .for_each(|(k, inst)| set(inst, age(107 - k)));
    set(&mut blocks[1].insts[0], age(7));
    set(&mut blocks[1].insts[1], age(0));
    let stores = blocks[2].insts.iter_mut().filter(|i| i.op.is_store());
    stores
        .enumerate()
        .for_each(|(k, inst)| set(inst, age(7 - k)));
    let wl0 = |e: &mut Edge| e.renames.retain(|(_, to)| *to != ValueId(0) && to.0 < 1000);
    for block in blocks.iter_mut() {
        block.successors.iter_mut().for_each(wl0);
    }
    blocks[0].successors[0]
        .renames
        .extend((1..=7).map(|k| (age(100 + k), age(k))));
    for edge in &mut blocks[1].successors {
        edge.renames.extend((0..7).map(|k| (age(k), age(k + 1))));
    }
    program
}

#[test]
fn loads_of_one_register_follow_each_other_through_the_pipeline() {
    verdict(&one_bundle_loop()).unwrap_or_else(|e| panic!("{}", e[0]));
    // A cycle between the loads and the loop: the first pass finds the second load's value.
    let mut program = one_bundle_loop();
    let head = &mut program.funcs[0].blocks[0];
    head.cycles.push(Vec::new());
    let errors = verdict(&program).unwrap_err();
    assert!(
        matches!(
            errors[0].fault,
            Fault::Read {
                found: Found::Unknown,
                ..
            }
        ),
        "{}",
        errors[0]
    );
}

#[test]
fn an_indirect_branch_goes_where_its_register_says() {
    let text = "
        func main p1
        block head
        0: mova r0, #9
        1: movxm p0, @body
        block body
        -> body tail
        0: jnzd r0, r0, p0
        cycles 6
        block tail
        6: done
        cycles 12";
    assert!(
        complaints(text).starts_with("CheckReport"),
        "{}",
        complaints(text)
    );
    let unknown = complaints(&text.replace("jnzd r0, r0, p0", "jnzd r0, r0, p1"));
    assert!(
        unknown.contains("a register that is not known to hold a label"),
        "{unknown}"
    );
}
