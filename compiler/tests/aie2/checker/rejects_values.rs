//! Reads that do not find what they name.

use super::{accepts::PIPELINED, complaints};

#[test]
fn a_use_one_cycle_too_early() {
    let text = "
        func main
        block only
        0: movxm p0, #458752
        1: lda r0, [p0, #0]
        7: add r1, r0, r0
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 7, 0x0014 `add r1, r0, r0`: `ADD` reads r0 in stage 1 and should find value 2, but is 1 cycle early
    help: issue the read later or the write earlier
    ");
}

#[test]
fn a_result_is_forwarded_only_between_readers_and_writers_of_one_path() {
    let text = "
        func main
        block only
        0: vadd.32 x0, x1, x1
        1: vadd.32 x2, x0, x0
        2: vst wl2, [p0, #0]
        20: done
        cycles 26";
    let text = text
        .replace("x1", "x2")
        .replace("func main", "func main p0 x2");
    insta::assert_snapshot!(complaints(&text), @r"
    `main` block 0 cycle 2, 0x0008 `vst wl2, [p0, #0]`: `VST_dmw_sts_w_ag_idx_imm` reads wl2 in stage 1 and should find value 4, but is 1 cycle early
    help: issue the read later or the write earlier
    ");
}

#[test]
fn a_value_written_over() {
    let text = "
        func main
        block only
        0: mova r0, #1
        3: mova r1, #2
        9: add r2, r0, r1
        20: done
        cycles 26";
    let mut program = super::program(text);
    // The second value gets the first one's register, as a wrong allocation would.
    let block = &mut program.funcs[0].blocks[0];
    for inst in &mut block.insts {
        for operand in &mut inst.operands {
            if let npuc::aie2::mir::MOperand::Reg { reg, .. } = operand
                && *reg == arch::aie2::reg::R1
            {
                *reg = arch::aie2::reg::R0;
            }
        }
    }
    let errors = super::verdict(&program).unwrap_err();
    insta::assert_snapshot!(errors[0], @r"
    `main` block 0 cycle 9, 0x0016 `add r2, r0, r0`: `ADD` reads r0 in stage 1 and should find value 1, but the bundle at 0x0008 wrote something else
    help: give one of the two values another register
    ");
}

#[test]
fn a_write_under_way_that_lands_before_an_older_value_is_read() {
    let text = "
        func main p0 r0
        block only
        0: lda r1, [p0, #4] !2
        8: add r2, r1, r0
        1: lda r0, [p0, #8] !2
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 8, 0x0014 `add r2, r1, r0`: `ADD` reads r0 in stage 1 and should find value 2, but the bundle at 0x0004 wrote something else
    help: give one of the two values another register
    ");
}

#[test]
fn a_write_that_lands_before_the_block_before_has_read() {
    let text = "
        func main p0 r0
        block first
        0: st.s8 r0, [p0, #0] !1
        block second
        4: movx r0, #1
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 1 cycle 4, 0x000c `movx r0, #1`: `MOVX_alu_cg` writes r0 1 cycles before the bundle at 0x0000 of the block before has read it
    help: issue it later
    ");
    let later = text.replace("4: movx", "5: movx");
    assert!(
        complaints(&later).starts_with("CheckReport"),
        "{}",
        complaints(&later)
    );
}

#[test]
fn a_loop_that_needs_a_value_earlier_than_the_back_edge_brings_it() {
    let text = PIPELINED.replace("1: vmac cm0", "0: vmac cm0");
    insta::assert_snapshot!(complaints(&text), @r"
    `main` block 1 cycle 0, 0x0080 `vlda wl0, [p0], #32 ; vldb wl2, [p1], #32 ; vmac cm0, cm0, x0, x2, r0`: `VMAC_vmac_cm_core_dense` reads x0 in stage 1 and should find value 19 part 1, but is 1 cycle early
    help: issue the read later or the write earlier
    `main` block 1 cycle 0, 0x0080 `vlda wl0, [p0], #32 ; vldb wl2, [p1], #32 ; vmac cm0, cm0, x0, x2, r0`: `VMAC_vmac_cm_core_dense` reads x2 in stage 1 and should find value 20 part 1, but is 1 cycle early
    help: issue the read later or the write earlier
    ");
}

#[test]
fn ways_that_bring_different_values() {
    let text = "
        func main r0
        block head
        -> other join
        0: mova r1, #2
        2: jz r0, @join
        cycles 8
        block other
        0: mova r2, #3
        block join
        0: add r3, r1, r0
        20: done
        cycles 26";
    let mut program = super::program(text);
    let npuc::aie2::mir::MOperand::Reg { reg, .. } =
        &mut program.funcs[0].blocks[1].insts[0].operands[0]
    else {
        panic!("mova writes a register")
    };
    *reg = arch::aie2::reg::R1;
    let errors = super::verdict(&program).unwrap_err();
    insta::assert_snapshot!(errors[0], @r"
    `main` block 2 cycle 0, 0x0020 `add r3, r1, r0`: `ADD` reads r1 in stage 1 and should find value 4, but the ways to it disagree
    help: bring the value into this register on every way
    ");
}

#[test]
fn a_control_register_written_too_late() {
    let text = "
        func main p0 cm0 s0
        block only
        0: mova r0, #12
        1: mov crRnd, r0
        1: vst.srs.s16.s32 bml0, s0, [p0], #32
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 1, 0x0004 `vst.srs.s16.s32 bml0, s0, [p0], #32 ; mov crRnd, r0`: `VST_SRS_S16_S32_ag_pstm_nrm_imm` reads crRnd in stage 1 and should find what program order left there, but is 1 cycle early
    help: issue the read later or the write earlier
    ");
}

#[test]
fn a_function_that_loses_what_it_must_keep() {
    let text = "
        func main
        block only
        0: jl @@f
        20: done
        cycles 26
        func f
        block only
        0: ret lr
        1: mova r16, #1
        2: paddb [sp], #32
        cycles 6";
    insta::assert_snapshot!(complaints(text), @r"
    `f` block 0 cycle 0, 0x0040 `ret lr`: returns without the caller's r16
    help: save and restore it
    `f` block 0 cycle 0, 0x0040 `ret lr`: returns without the caller's sp
    help: save and restore it
    ");
}

#[test]
fn a_return_address_lost_in_a_call() {
    let text = "
        func main
        block only
        0: jl @@f
        20: done
        cycles 26
        func f
        block only
        0: jl @@g
        6: ret lr
        cycles 12
        func g
        block only
        0: ret lr
        cycles 6";
    insta::assert_snapshot!(complaints(text), @r"
    `f` block 0 cycle 6, 0x0050 `ret lr`: `RET` reads lr in stage 1 and should find what the caller left there, but the bundle at 0x0040 wrote something else
    help: give one of the two values another register
    ");
}

#[test]
fn arguments_missing_or_under_way() {
    let text = "
        func main p0
        block only
        0: jl @@f r0
        1: lda r0, [p0, #0]
        20: done
        cycles 26
        func f r0 r1
        block only
        0: ret lr
        1: add r0, r0, r1
        cycles 6";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 0, 0x0000 `jl #80`: r0 is still to be written 2 cycles after control leaves the function
    help: issue it so early that it is done with the last delay slot
    `main` block 0 cycle 0, 0x0000 `jl #80`: `f` takes r1, the other side of the call does not name it
    help: name it on both sides
    `main` block 0 cycle 0, 0x0000 `jl #80`: `JL` reads r0 in stage 7 and should find value 2, but nothing wrote it
    help: write it first
    ");
}

#[test]
fn a_saved_register_overwritten_on_the_stack() {
    let text = "
        func main
        block only
        0: jl @@f
        20: done
        cycles 26
        func f lr r0
        block only
        0: paddb [sp], #32
        1: st lr, [sp, #-32] !9
        2: st r0, [sp, #-32] !9
        10: lda lr, [sp, #-32] !9
        17: ret lr
        18: paddb [sp], #-32
        cycles 23";
    let said = complaints(&text.replace("@@f", "@@f r0").replace("main", "main r0"));
    insta::assert_snapshot!(said, @r"
    `f` block 0 cycle 17, 0x006a `ret lr`: `RET` reads lr in stage 1 and should find what the caller left there, but the bundle at 0x005a wrote something else
    help: give one of the two values another register
    ");
}

#[test]
fn accesses_that_meet_on_the_stack_under_two_objects() {
    let text = "
        func main
        block only
        0: jl @@f
        20: done
        cycles 26
        func f lr r0
        block only
        0: paddb [sp], #32
        1: st lr, [sp, #-32] !9
        2: st r0, [sp, #-28] !8
        10: lda lr, [sp, #-32] !9
        11: lda r1, [sp, #-28] !7
        18: ret lr
        19: paddb [sp], #-32
        cycles 24";
    let said = complaints(&text.replace("@@f", "@@f r0").replace("main", "main r0"));
    assert!(said.contains("touch different objects"), "{said}");
    let right = text.replace("!7", "!8");
    let said = complaints(&right.replace("@@f", "@@f r0").replace("main", "main r0"));
    assert!(!said.contains("touch different objects"), "{said}");
}

#[test]
fn a_result_forwarded_to_a_reader_of_the_older_value() {
    let text = "
        func main r0 x0 x2 cm0 cm2
        block only
        5: vmac cm1, cm0, x0, x2, r0
        3: vmac cm0, cm2, x0, x2, r0
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 5, 0x000c `vmac cm1, cm0, x0, x2, r0`: `VMAC_vmac_cm_core_dense` reads cm0 in stage 3 and should find value 4, but the bundle at 0x0006 forwards what follows it
    help: issue the writer a cycle later
    ");
    let later = text.replace("3: vmac", "4: vmac");
    assert!(
        complaints(&later).starts_with("CheckReport"),
        "{}",
        complaints(&later)
    );
}
