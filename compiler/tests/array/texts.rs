//! Text forms of designs and of what they are lowered to.

use npuc::array::lower::lower;
use npuc::array::program::entry_function;
use npuc::array::verify::verify;

use super::designs;

#[test]
fn a_design_as_text() {
    let design = designs::layouts();
    insta::assert_snapshot!(design);
}

#[test]
fn a_lowered_design_as_text() {
    let lowered = lower(&verify(designs::passthrough()).unwrap()).unwrap();
    insta::assert_snapshot!(lowered);
}

#[test]
fn a_sliding_window_has_a_pass_before_its_loop() {
    let lowered = lower(&verify(designs::sliding_window()).unwrap()).unwrap();
    let core = lowered.core(designs::tile(2, 4)).unwrap();
    insta::assert_snapshot!(core);
}

#[test]
fn a_core_program_as_kernel_ir() {
    let lowered = lower(&verify(designs::passthrough()).unwrap()).unwrap();
    let function = entry_function(&lowered.cores[0]);
    insta::assert_snapshot!(function);
}
