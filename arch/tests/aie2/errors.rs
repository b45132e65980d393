//! What a user reads when an instruction, a bundle or bytes are wrong.

use arch::aie2::{
    Bundle, Format, Inst, Operand, Slot, decode_bundle, encode_bundle, op, parse_bundle,
    parse_inst, reg,
};

fn of_text(text: &str) -> String {
    parse_bundle(text, None)
        .expect_err("the text is wrong")
        .to_string()
}

fn of_operands(op: arch::aie2::Opcode, operands: &[Operand]) -> String {
    Inst::new(op, operands)
        .expect_err("an operand is wrong")
        .to_string()
}

#[test]
fn operands() {
    let r = |reg| Operand::Reg(reg);
    insta::assert_snapshot!(of_operands(op::ABS, &[r(reg::R0)]), @r"
    ABS has 2 operands, 1 given
    help: its form is `abs $mRx, $mRx0`
    ");
    insta::assert_snapshot!(of_operands(op::ABS, &[r(reg::R0), r(reg::P0)]), @r"
    operand mRx0 of ABS cannot be p0
    help: eR takes 32 registers, r0 to r31
    ");
    insta::assert_snapshot!(of_operands(op::ABS, &[r(reg::R0), Operand::Imm(4)]), @r"
    operand mRx0 of ABS is a register, not the immediate 4
    help: its form is `abs $mRx, $mRx0`
    ");
    let load = op::LDA_dms_lda_idx_imm;
    insta::assert_snapshot!(of_operands(load, &[r(reg::R0), r(reg::P0), r(reg::M0)]), @r"
    operand imm of LDA_dms_lda_idx_imm is an immediate, not the register m0
    help: its form is `lda $mLdaScl, [$ptr, $imm]`
    ");
    insta::assert_snapshot!(of_operands(load, &[r(reg::R0), r(reg::P0), Operand::Imm(6)]), @r"
    operand imm of LDA_dms_lda_idx_imm cannot be 6
    help: it takes multiples of 4 from -128 to 124
    ");
    let post = op::LDA_dms_lda_pstm_nrm_imm;
    insta::assert_snapshot!(
        of_operands(post, &[r(reg::R0), r(reg::P1), r(reg::P0), Operand::Imm(4)]),
        @r"
    operand ptr_out of LDA_dms_lda_pstm_nrm_imm is p1
    help: it must be p0 here
    ");
}

#[test]
fn bundles() {
    insta::assert_snapshot!(of_text("add r0, r1, r2 ; sub r3, r4, r5"), @r"
    `add r0, r1, r2 ; sub r3, r4, r5` is no bundle: ADD and SUB both need slot alu
    help: issue them in two bundles
    ");
    insta::assert_snapshot!(of_text("movxm r0, #1 ; add r1, r2, r3"), @r"
    `movxm r0, #1 ; add r1, r2, r3` is no bundle: no bundle format holds the slots alu+lng
    help: lng excludes alu and mv, nop goes alone or with lng
    ");
    let add = parse_inst("add r0, r1, r2").expect("an instruction");
    let format = Format::from_name("I32_LDA");
    insta::assert_snapshot!(encode_bundle(&[add], format).expect_err("no alu"), @r"
    format I32_LDA has no slot alu
    help: it has lda
    ");
    let bundle = Bundle::new(&[Slot::Vec.nop()], None).expect("a bundle");
    assert!(bundle.with_size(6).is_ok(), "a nop needs no slot");
    let vmac = parse_bundle("vmac cm0, cm0, x0, x1, r0", None).expect("a bundle");
    insta::assert_snapshot!(vmac.with_size(6).expect_err("no such format"), @r"
    no bundle format of 6 bytes holds the slots vec
    help: sizes in bytes that do: 4 8 10 12 14 16
    ");
}

#[test]
fn text() {
    insta::assert_snapshot!(of_text(" ; "), @r"
    no instruction in the text
    help: an empty bundle is written `nop`
    ");
    insta::assert_snapshot!(of_text("addd r0, r1, r2"), @r"
    no instruction is called `addd`
    help: there is `add`
    ");
    insta::assert_snapshot!(of_text("lda r0, [p0"), @r"
    `lda r0, [p0` has no encoding
    help: a form is `lda $dst, [$ptr], $mod`
    ");
    insta::assert_snapshot!(of_text("abs r0, p1"), @r"
    `abs r0, p1`: operand mRx0 of ABS cannot be p1
    help: eR takes 32 registers, r0 to r31
    ");
    insta::assert_snapshot!(of_text("lda r0, [p0], #6"), @r"
    `lda r0, [p0], #6`: operand imm of LDA_dms_lda_pstm_nrm_imm cannot be 6
    help: it takes multiples of 4 from -256 to 252
    ");
    insta::assert_snapshot!(of_text("xyz"), @r"
    no instruction is called `xyz`
    help: instructions are listed in arch/data/aie2.isa
    ");
    insta::assert_snapshot!(of_text("vaddmac cm0, cm1, cm2, x0, x1, r0"), @r"
    `vaddmac cm0, cm1, cm2, x0, x1, r0`: operand acc1 of VADDMAC_vmac_bm_core_dense is cm1
    help: it must be cm0 here
    ");
}

#[test]
fn bytes() {
    let of = |bytes: &[u8]| decode_bundle(bytes).expect_err("no bundle").to_string();
    insta::assert_snapshot!(of(&[]), @r"
    no bytes are left where a bundle should begin
    help: program text must end with a whole bundle
    ");
    insta::assert_snapshot!(of(&[0x19, 0]), @r"
    the bundle has 4 bytes, 2 are left
    help: program text must end with a whole bundle
    ");
    insta::assert_snapshot!(of(&[0x19, 0, 0, 0xf8]), @r"
    no bundle format of 4 bytes matches 0xf8000019
    help: check that decoding starts at the first byte of a bundle
    ");
    insta::assert_snapshot!(of(&[0x19, 0x24, 0, 0x10]), @r"
    no instruction of slot alu has the word 0x48
    help: check that decoding starts at the first byte of a bundle
    ");
}
