//! Branches, delay slots, ports, and bytes that are not the program.

use npuc::aie2::checker::{Fault, check};
use npuc::aie2::emit::emit;
use npuc::aie2::layout::layout;

use super::{complaints, program, verdict};

#[test]
fn two_writers_of_a_port_in_one_cycle() {
    let text = "
        func main p0
        block only
        0: lda r0, [p0, #0]
        6: mova r1, #1
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 6, 0x000e `mova r1, #1`: needs RWa in stage 1, when the bundle at 0x0000 has it
    help: issue one of them in another cycle
    ");
}

#[test]
fn two_writers_of_a_port_across_a_branch() {
    let text = "
        func main p0
        block first
        -> second
        0: j @second
        5: lda r0, [p0, #0]
        cycles 6
        block second
        5: mova r1, #1
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 1 cycle 5, 0x002a `mova r1, #1`: needs RWa in stage 1, when the bundle at 0x0010 has it
    help: issue one of them in another cycle
    ");
}

#[test]
fn two_writers_of_a_register_by_different_ports() {
    let text = "
        func main p0 r1
        block only
        0: lda r0, [p0, #0]
        6: add r0, r1, r1
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 6, 0x000e `add r0, r1, r1`: r0 is written in this cycle by the bundles at 0x0000 and 0x000e
    help: issue one of them in another cycle
    ");
}

#[test]
fn a_branch_in_a_delay_slot() {
    let text = "
        func main r0
        block only
        -> only
        0: jnz r0, @only
        3: j @only
        cycles 9";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 3, 0x000a `j #0`: a branch in delay slot 3 of the branch at 0x0000
    help: the 5 bundles after a branch hold no other
    ");
}

#[test]
fn delay_slots_filled_from_another_block() {
    let text = "
        func main r0
        block first
        -> first second
        0: jnz r0, @first
        cycles 4
        block second
        0: add r0, r0, r0
        20: done
        cycles 26";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 0, 0x0000 `jnz r0, #0`: only 3 of the 5 delay slots belong to the block
    help: bundles after a branch run whatever it decides; keep them in its block
    ");
}

#[test]
fn bundles_behind_a_branch() {
    let text = "
        func main r0
        block first
        -> first second
        0: jnz r0, @first
        6: add r0, r0, r0
        block second
        0: done
        cycles 6";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 0, 0x0000 `jnz r0, #0`: 1 bundles of the block stand behind the delay slots
    help: end the block with them
    ");
}

#[test]
fn ways_that_the_program_does_not_name() {
    let text = "
        func main r0
        block first
        -> second
        0: jnz r0, @first
        cycles 6
        block second
        0: add r0, r0, r0";
    insta::assert_snapshot!(complaints(text), @r"
    `main` block 0 cycle 5, 0x000e `nop`: control goes to block 0 and block 1, the program says block 1
    help: name each way out of the block once
    `main` block 1 cycle 0, 0x0010 `add r0, r0, r0`: control goes to the end of the function, the program says no block
    help: name each way out of the block once
    ");
}

#[test]
fn bytes_of_another_instruction() {
    let text = "func main\nblock a\n0: mova r0, #1\n1: done\ncycles 7";
    let (one, other) = (program(text), program(&text.replace("#1", "#2")));
    let map = layout(&one).unwrap();
    let bytes = emit(&other, &map).unwrap().text;
    let errors = check(&bytes, &one, &map).unwrap_err();
    insta::assert_snapshot!(errors[0], @r"
    `main` block 0 cycle 0, 0x0000 `mova r0, #2`: the program has `MOVA_lda_cg r0, #1` here, the bytes have `mova r0, #2`
    help: emit the program again
    ");
}

#[test]
fn bytes_of_no_bundle_or_of_another_size() {
    let program = program("func main\nblock a\n0: mova r0, #1\n1: done\ncycles 7");
    let map = layout(&program).unwrap();
    let bytes = emit(&program, &map).unwrap().text;
    let fault = |bytes: &[u8]| check(bytes, &program, &map).unwrap_err().remove(0).fault;
    let mut garbled = bytes.clone();
    garbled[..4].fill(0xff);
    assert!(matches!(
        fault(&garbled),
        Fault::Undecodable(_) | Fault::Layout { .. }
    ));
    assert!(matches!(
        fault(&bytes[..bytes.len() - 2]),
        Fault::Undecodable(_)
    ));
    assert!(matches!(
        fault(&[&bytes[..], &[1, 0]].concat()),
        Fault::Layout { .. }
    ));
    assert!(matches!(fault(&vec![1; 20_000]), Fault::TooLarge(20_000)));
}

#[test]
fn an_instruction_left_out_or_twice() {
    let mut program =
        program("func main\nblock a\n0: mova r0, #1\n1: mova r1, #2\n2: done\ncycles 8");
    program.funcs[0].blocks[0].cycles[1] = vec![0];
    let errors = verdict(&program).unwrap_err();
    let faults: Vec<_> = errors.iter().map(|e| &e.fault).collect();
    assert!(matches!(
        faults[..],
        [
            Fault::Scheduled { inst: 0, times: 2 },
            Fault::Scheduled { inst: 1, times: 0 }
        ]
    ));
}

#[test]
fn a_target_that_is_not_aligned() {
    let text = "
        func main r0
        block first
        0: add r0, r0, r0
        block second
        -> second third
        0: jnz r0, @second
        cycles 6
        block third
        0: done
        cycles 6";
    let program = program(text);
    let mut map = layout(&program).unwrap();
    // The first bundle shrinks from 16 bytes to 4.
    let shrink = |at: &mut u32| *at = at.saturating_sub(12);
    for block in &mut map.funcs[0].blocks {
        shrink(&mut block.start);
        block
            .bundles
            .iter_mut()
            .for_each(|b| shrink(&mut b.address));
    }
    map.funcs[0].blocks[0].bundles[0].size = 4;
    shrink(&mut map.funcs[0].end);
    shrink(&mut map.size);
    let bytes = emit(&program, &map).unwrap().text;
    let errors = check(&bytes, &program, &map).unwrap_err();
    insta::assert_snapshot!(errors[0], @r"
    `main` block 1 cycle 0, 0x0004 `jnz r0, #4`: the branch target 0x0004 is no multiple of 16
    help: grow bundles in front of it
    ");
}
