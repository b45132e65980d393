//! Order of memory, locks and streams.

use super::complaints;

#[test]
fn a_load_before_the_store_that_it_follows() {
    let text = "
        func main p0 r0
        block only
        3: st r0, [p0, #0] !1
        3: lda r1, [p0, #0] !1
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 3, 0x0006 `lda r1, [p0, #0] ; st r0, [p0, #0]`: `LDA_dms_lda_idx_imm` issues 0 cycles after `ST_dms_sts_idx_imm` at 0x0006, 1 are needed (1 too early)
    help: they may touch the same memory, and would do so in the wrong order
    ");
    let apart = text.replace("lda r1, [p0, #0] !1", "lda r1, [p0, #0] !2");
    assert!(
        complaints(&apart).starts_with("CheckReport"),
        "{}",
        complaints(&apart)
    );
}

#[test]
fn a_load_too_soon_after_a_late_store_of_the_block_before() {
    let text = "
        func main p0 cm0 s0
        block first
        0: vst.srs.s16.s32 bml0, s0, [p0], #32 !1
        block second
        0: lda r1, [p0, #-32] !1
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 1 cycle 0, 0x0004 `lda r1, [p0, #-32]`: `LDA_dms_lda_idx_imm` issues 1 cycles after `VST_SRS_S16_S32_ag_pstm_nrm_imm` at 0x0000, 3 are needed (2 too early)
    help: they may touch the same memory, and would do so in the wrong order
    ");
}

#[test]
fn memory_too_soon_before_and_after_a_lock() {
    let text = "
        func main p0 r0
        block only
        0: st r0, [p0, #0] !1
        3: rel #48, r0
        7: acq #49, r0
        10: lda r1, [p0, #0] !2
        30: done
        cycles 36";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 3, 0x0008 `rel #48, r0`: `REL_mLockId_imm` issues 3 cycles after `ST_dms_sts_idx_imm` at 0x0000, 4 are needed (1 too early)
    help: memory must be accessed before the lock changes hands
    `main` block 0 cycle 10, 0x001a `lda r1, [p0, #0]`: `LDA_dms_lda_idx_imm` issues 3 cycles after `ACQ_mLockId_imm` at 0x0012, 4 are needed (1 too early)
    help: memory must be accessed after the lock has been taken
    ");
}

#[test]
fn a_load_hoisted_over_a_lock() {
    let text = "
        func main p0 r0
        block only
        9: acq #49, r0
        0: lda r1, [p0, #0] !2
        30: done
        cycles 36";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 0, 0x0000 `lda r1, [p0, #0]`: `LDA_dms_lda_idx_imm` issues -9 cycles after `ACQ_mLockId_imm` at 0x0014, 4 are needed (13 too early)
    help: memory must be accessed after the lock has been taken
    ");
}

#[test]
fn locks_too_close() {
    let text = "
        func main r0
        block only
        0: rel #48, r0
        3: rel #49, r0
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 3, 0x0008 `rel #49, r0`: `REL_mLockId_imm` issues 3 cycles after `REL_mLockId_imm` at 0x0000, 4 are needed (1 too early)
    help: the lock interface takes one request at a time
    `main` block 0 cycle 3, 0x0008 `rel #49, r0`: needs Semaphore in stage 2, when the bundle at 0x0000 has it
    help: issue one of them in another cycle
    ");
}

#[test]
fn what_makes_the_core_wait_in_another_order_than_the_program() {
    let text = "
        func main r0
        block only
        12: acq #49, r0
        0: mov ms, r0
        40: done
        cycles 46";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 0, 0x0000 `mov ms, r0`: `MOV_mv_scl2ms` issues -12 cycles after `ACQ_mLockId_imm` at 0x001a, 1 are needed (13 too early)
    help: what makes the core wait keeps its order
    ");
}

#[test]
fn any_access_in_the_window_of_a_partial_word_store() {
    let text = "
        func main p0 r0
        block only
        0: st.s8 r0, [p0, #0] !1
        6: st r0, [p0, #64] !2
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 6, 0x000e `st r0, [p0, #64]`: needs PartWordStore in stage 1, when the bundle at 0x0000 has it
    help: issue one of them in another cycle
    `main` block 0 cycle 6, 0x000e `st r0, [p0, #64]`: needs RRv in stage 1, when the bundle at 0x0000 has it
    help: issue one of them in another cycle
    `main` block 0 cycle 6, 0x000e `st r0, [p0, #64]`: needs Store in stage 2, when the bundle at 0x0000 has it
    help: issue one of them in another cycle
    ");
}

#[test]
fn a_description_that_hides_a_store() {
    let mut program =
        super::program("func main p0 r0\nblock only\n0: st r0, [p0, #0] !1\n20: done\ncycles 26");
    let access = program.funcs[0].blocks[0].insts[0].memory.as_mut().unwrap();
    access.write = false;
    insta::assert_snapshot!(super::verdict(&program).unwrap_err()[0], @r"
    `main` block 0 cycle 0, 0x0000 `st r0, [p0, #0]`: the program says that `ST_dms_sts_idx_imm` only reads memory, its form does not
    help: describe the form's accesses as they are
    ");
}

#[test]
fn a_store_while_a_converting_store_uses_the_interface() {
    let text = "
        func main p0 p1 wl0 bml0
        block only
        0: vst.conv.bf16.fp32 bml0, [p0], #32 !1
        2: vst wl0, [p1], #32 !2
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 2, 0x0006 `vst wl0, [p1], #32`: needs Store in stage 2, when the bundle at 0x0000 has it
    help: issue one of them in another cycle
    ");
}
