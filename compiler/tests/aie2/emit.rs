//! Programs that cannot be written.

use npuc::aie2::emit::emit;
use npuc::aie2::layout::layout;
use npuc::aie2::mir::{Label, MOperand};

use super::asm::program;

#[test]
fn a_bundle_that_its_size_does_not_hold() {
    let program = program("func main\nblock a\n0: movxm p0, #4096\n1: done\ncycles 7");
    let mut map = layout(&program).unwrap();
    map.funcs[0].blocks[0].bundles[0].size = 4;
    insta::assert_snapshot!(emit(&program, &map).unwrap_err(), @r"
    function `main`, block 0, address 0x0000: no format of 4 bytes holds lng
    help: lay the program out again after changing it
    ");
}

#[test]
fn a_call_of_a_function_that_is_not_there() {
    let mut program = program("func main\nblock a\n0: jl @@main\n6: done\ncycles 12");
    let label = MOperand::Label(Label::Func("gone".to_string()));
    program.funcs[0].blocks[0].insts[0].operands[0] = label;
    let map = layout(&program).unwrap();
    insta::assert_snapshot!(emit(&program, &map).unwrap_err(), @r#"
    function `main`, block 0, address 0x0000: Func("gone") has no bundle
    help: define it in this program
    "#);
}

#[test]
fn a_register_that_the_operand_cannot_name() {
    let mut program = program("func main\nblock a\n0: add r0, r1, r2\n1: done\ncycles 7");
    let MOperand::Reg { reg, .. } = &mut program.funcs[0].blocks[0].insts[0].operands[1] else {
        panic!("add reads a register")
    };
    *reg = arch::aie2::reg::P0;
    let map = layout(&program).unwrap();
    insta::assert_snapshot!(emit(&program, &map).unwrap_err(), @r"
    function `main`, block 0, address 0x0000: operand mRx0 of ADD cannot be p0
    help: eR takes 32 registers, r0 to r31
    ");
}

#[test]
fn a_layout_of_another_program() {
    let long = program("func main\nblock a\n0: add r0, r1, r2\n1: done\ncycles 7");
    let short = program("func main\nblock a\n0: add r0, r1, r2");
    insta::assert_snapshot!(emit(&short, &layout(&long).unwrap()).unwrap_err(), @r"
    function `main`, block 0, address 0x0004: the layout belongs to another program
    help: lay the program out again after changing it
    ");
}
