//! What a core refuses, and how it says so.

use super::harness::{Machine, OWN, ended, fault};
use emulator::core::{FaultKind, Symbols};
use formats::elf::{CoreElf, Symbol, SymbolKind};

fn text(program: &str) -> String {
    fault(program).to_string()
}

#[test]
fn undefined_registers_are_named_with_their_use() {
    insta::assert_snapshot!(text("lda r0, [p3, #0]"), @r#"
    core (1,2) at 0x00000 `lda r0, [p3, #0]`, cycle 0: p3 is used in an address but was never given a defined value
    help: write it first; results arrive after the latency of their instruction
    "#);
    insta::assert_snapshot!(text("jz r5, #0"), @r#"
    core (1,2) at 0x00000 `jz r5, #0`, cycle 0: r5 is used to branch but was never given a defined value
    help: write it first; results arrive after the latency of their instruction
    "#);
    insta::assert_snapshot!(text("acq #48, r7"), @r#"
    core (1,2) at 0x00000 `acq #48, r7`, cycle 0: r7 is used as a lock operand but was never given a defined value
    help: write it first; results arrive after the latency of their instruction
    "#);
    let store = format!("movxm p0, #{OWN}\nvadd.32 x1, x2, x3\n.nops 4\nvst wh1, [p0, #0]");
    insta::assert_snapshot!(text(&store), @r#"
    core (1,2) at 0x00012 `vst wh1, [p0, #0]`, cycle 6: wh1 is used as a stored value but was never given a defined value
    help: write it first; results arrive after the latency of their instruction
    "#);
    let conf = "mova r0, #0\nvbcst.8 x0, r0\n.nops 3\nvmul cm0, x0, x0, r9";
    insta::assert_snapshot!(text(conf), @r#"
    core (1,2) at 0x0000e `vmul cm0, x0, x0, r9`, cycle 5: r9 is used to steer an operation but was never given a defined value
    help: write it first; results arrive after the latency of their instruction
    "#);
}

#[test]
fn a_use_before_the_latency_of_the_first_load_is_a_fault() {
    let program = |gap: usize| {
        let text = format!("movxm p0, #{OWN}\nlda p1, [p0, #0]\n.nops {gap}\nlda r0, [p1, #0]");
        let mut machine = Machine::new(&ended(&text));
        machine.bus.put(OWN, &OWN.to_le_bytes());
        machine.finish()
    };
    assert!(matches!(
        program(5).unwrap_err().kind,
        FaultKind::Undefined { .. }
    ));
    assert_eq!(program(6), Ok(()));
}

#[test]
fn addresses_are_checked() {
    insta::assert_snapshot!(text("movxm p0, #458755\nlda r0, [p0, #0]"), @r#"
    core (1,2) at 0x00006 `lda r0, [p0, #0]`, cycle 1: address 0x70003 is not a multiple of the access size 4
    help: align the buffer and its strides
    "#);
    insta::assert_snapshot!(text("movxm p0, #458768\nvlda wl0, [p0, #0]"), @r#"
    core (1,2) at 0x00006 `vlda wl0, [p0, #0]`, cycle 1: address 0x70010 is not a multiple of the access size 32
    help: align the buffer and its strides
    "#);
    insta::assert_snapshot!(text("movxm p0, #0\nlda r0, [p0, #0]"), @r#"
    core (1,2) at 0x00006 `lda r0, [p0, #0]`, cycle 1: address 0x00000 is outside the data window 0x40000..0x80000
    help: own memory begins at 0x70000, neighbours at 0x40000 (south), 0x50000 (west), 0x60000 (north)
    "#);
}

#[test]
fn control_flow_is_checked() {
    insta::assert_snapshot!(text("j #0\nj #0"), @r#"
    core (1,2) at 0x00006 `j #0`, cycle 1: a branch in a delay slot of another
    help: leave five bundles without a branch after every branch, taken or not
    "#);
    insta::assert_snapshot!(text("movxm p0, #16384\nj p0\n.nops 5"), @r#"
    core (1,2) at 0x04000, cycle 7: execution runs past the end of the program memory (16384 bytes)
    help: end the program with `done` and a jump to itself
    "#);
    insta::assert_snapshot!(text("movxm p0, #1\nj p0\n.nops 5"), @r#"
    core (1,2) at 0x00001, cycle 7: a bundle begins at an even address
    help: check the branch target and that the program was loaded completely
    "#);
    let near = "movxm ls, #start\nmovxm le, #start\nmova lc, #2\n.align\nstart:\nnop |16";
    insta::assert_snapshot!(text(near), @r#"
    core (1,2) at 0x00010 `nopb ; nopa ; nops ; nopxm ; nopv`, cycle 3: hardware loop to 0x00010: its last bundle begins 4 bytes after LS, LE or LC was written, 112 are needed
    help: align the first and last bundle to 16 bytes, widen the last one to 16 bytes, and set the loop up 112 bytes ahead
    "#);
    let small = "movxm ls, #start\nmovxm le, #start\nmova lc, #2\n.nops 60\n.align\nstart:\nnop";
    insta::assert_snapshot!(text(small), @r#"
    core (1,2) at 0x00090 `nop`, cycle 67: hardware loop to 0x00090: its last bundle is 2 bytes long at 0x00090
    help: align the first and last bundle to 16 bytes, widen the last one to 16 bytes, and set the loop up 112 bytes ahead
    "#);
}

#[test]
fn narrow_stores_at_the_end_of_a_loop_are_refused() {
    let program = format!(
        "movxm p0, #{OWN}\nmova r0, #1\nmovxm ls, #start\nmovxm le, #start\nmova lc, #2\n.nops 60\n.align\n\
         start:\nst.s8 r0, [p0, #0] |16"
    );
    assert!(text(&program).contains("an 8- or 16-bit store in its last bundle may be lost"));
}

#[test]
fn garbage_is_no_bundle() {
    let mut machine = Machine::new("nop");
    assert!(machine.core.write_program(2, &[0xFF; 16]));
    let fault = machine.finish().unwrap_err();
    assert!(
        matches!(fault.kind, FaultKind::Undecodable { .. }),
        "{fault}"
    );
    assert_eq!((fault.pc, fault.bundle.as_str(), fault.cycle), (2, "", 1));
}

#[test]
fn two_results_in_one_register_at_one_time_are_a_fault() {
    // The product arrives in stage 2, the sum of the next bundle in its stage 1.
    let program = "mova r0, #1\nmul r1, r0, r0\nadd r1, r0, r0";
    insta::assert_snapshot!(text(program), @r#"
    core (1,2) at 0x00008 `add r1, r0, r0`, cycle 2: two results arrive in r1 in the same cycle
    help: issue the two instructions so that their results differ in time
    "#);
}

#[test]
fn what_is_not_modelled_is_refused_by_name() {
    insta::assert_snapshot!(text("movxm p0, #458752\nlda.tm r0, [p0]"), @r#"
    core (1,2) at 0x00006 `lda.tm r0, [p0]`, cycle 1: LDA_TM (`lda.tm $dst, [$ptr]`) is not modelled
    help: use another instruction, or add it to emulator/src/core
    "#);
    let sparse = "mova r0, #936\nmova r1, #0\nvbcst.8 x0, r1\n.nops 3\nvmul cm0, x0, x0, r0";
    insta::assert_snapshot!(text(sparse), @r#"
    core (1,2) at 0x00012 `vmul cm0, x0, x0, r0`, cycle 6: multiplier mode sparse i8 x i8, 4x16x8 (amode 0, bmode 1, variant 5, sub_mask 0x0) is not modelled
    help: use a dense mode of arch::num::mac::MODES
    "#);
}

#[test]
fn control_values_without_meaning_are_refused() {
    let program = "mova r0, #5\nmova r1, #0\nmovx crRnd, r0\nmov s0, r1\nvclr cm0\n.nops 8\nvsrs.s16.s32 x0, cm0, s0";
    insta::assert_snapshot!(text(program), @r#"
    core (1,2) at 0x00024 `vsrs.s16.s32 x0, cm0, s0`, cycle 13: crRnd holds 5, which has no meaning here
    help: rounding modes are 0..=3 and 8..=13; 12 rounds to nearest even
    "#);
    let mode = "mova r0, #48\nmova r1, #0\nvbcst.8 x0, r1\n.nops 3\nvshuffle x1, x0, x0, r0";
    insta::assert_snapshot!(text(mode), @r#"
    core (1,2) at 0x00012 `vshuffle x1, x0, x0, r0`, cycle 6: r0 holds 48, which has no meaning here
    help: shuffle modes are 0..=47
    "#);
}

#[test]
fn halves_that_an_operation_ignores_may_be_undefined() {
    // vmul i8 4x8x8 looks at the low half of its first operand only.
    let program = format!(
        "movxm p0, #{OWN}\nmova r0, #776\nmova r1, #1\nvlda wl0, [p0, #0]\nvbcst.8 x1, r1\n.nops 7\n\
         vmul cm0, x0, x1, r0\n.nops 5\nvst amll0, [p0, #0]"
    );
    assert_eq!(Machine::new(&ended(&program)).finish(), Ok(()));
    let swapped = program.replace("x0, x1, r0", "x1, x0, r0");
    let fault = Machine::new(&ended(&swapped)).finish().unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Undefined { .. }), "{fault}");
}

#[test]
fn lock_ids_beyond_the_windows_are_refused() {
    insta::assert_snapshot!(text("mova r0, #-1\nmova r1, #64\nacq r1, r0"), @r#"
    core (1,2) at 0x00008 `acq r1, r0`, cycle 2: lock 64: a core reaches locks 0..=63
    help: check the lock's number and its values
    "#);
}

#[test]
fn a_program_that_falls_off_its_end_is_stopped_there() {
    let mut machine = Machine::new("mova r0, #1\nmova r1, #2");
    let fault = machine.finish().unwrap_err();
    insta::assert_snapshot!(fault, @r#"
    core (1,2) at 0x00008, cycle 2: no program was loaded there
    help: end the program with `done` and a jump to itself; check the branch target
    "#);
}

#[test]
fn a_stack_that_grows_over_a_buffer_is_a_fault() {
    let program = |bytes: u32| {
        let text = format!("movxm sp, #{OWN}\npaddb [sp], #{bytes}\npaddb [sp], #-{bytes}");
        let mut machine = Machine::new(&ended(&text));
        machine.core.set_buffers(vec![OWN + 0x400, OWN + 0x100]);
        machine.finish()
    };
    assert_eq!(program(0x100), Ok(()));
    insta::assert_snapshot!(program(0x120).unwrap_err(), @r#"
    core (1,2) at 0x00006 `paddb [sp], #288`, cycle 1: the stack grows from 0x70000 to 0x70120, over the buffer at 0x70100
    help: give the worker a larger stack, or the kernel fewer values to keep
    "#);
}

/// What ends a core's run, for every kind of mistake that a program can make with memory, locks and its
/// own code: each names core, address, function, bundle and cycle.
#[test]
fn every_fault_is_placed() {
    let function = |name: &str, addr, size| Symbol {
        name: name.into(),
        addr,
        size,
        kind: SymbolKind::Function,
        global: true,
    };
    let elf = CoreElf {
        symbols: vec![function("__start", 0, 6), function("kernel", 6, 0x3ffa)],
        ..CoreElf::default()
    };
    let placed = |text: &str| {
        let mut machine = Machine::new(text);
        machine.core.set_buffers(vec![OWN + 0x100]);
        machine.core.set_symbols(Symbols::of(&elf));
        machine.finish().expect_err(text).to_string()
    };
    let first = "movxm p0, #458752\n";
    let rows = [
        (
            "stack overflow into a buffer",
            format!("movxm sp, #{OWN}\npaddb [sp], #288"),
        ),
        ("program that ends without `done`", format!("{first}nop")),
        (
            "jump past the program memory",
            "movxm p0, #16384\nj p0\n.nops 5".into(),
        ),
        (
            "read of a register nobody wrote",
            format!("{first}st r7, [p0, #0]"),
        ),
        (
            "use before the latency of a load",
            format!("{first}lda r1, [p0, #0]\nnop\nst r1, [p0, #4]"),
        ),
        (
            "misaligned address",
            "movxm p0, #458754\nlda r0, [p0, #0]".into(),
        ),
        (
            "address in no window",
            "movxm p0, #262140\nlda r0, [p0, #0]".into(),
        ),
        (
            "lock beyond the windows",
            "movxm r1, #64\nmova r0, #-1\nacq r1, r0".into(),
        ),
    ];
    let table: Vec<_> = rows
        .iter()
        .map(|(what, text)| format!("{what}\n    {}", placed(text).replace('\n', "\n    ")))
        .collect();
    for row in &table {
        assert!(
            row.contains("core (1,2) at 0x") && row.contains(", cycle "),
            "{row}"
        );
        assert!(
            row.contains(" in kernel+0x") || row.contains("past the end"),
            "{row}"
        );
    }
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn faults_name_the_function_where_names_are_known() {
    let function = |name: &str, addr, size| Symbol {
        name: name.into(),
        addr,
        size,
        kind: SymbolKind::Function,
        global: true,
    };
    let elf = CoreElf {
        symbols: vec![function("__start", 0, 6), function("kernel", 6, 0x40)],
        ..CoreElf::default()
    };
    let mut machine = Machine::new(&ended("movxm p0, #458755\nnop\nlda r0, [p0, #0]"));
    machine.core.set_symbols(Symbols::of(&elf));
    insta::assert_snapshot!(machine.finish().unwrap_err(), @r#"
    core (1,2) at 0x00008 in kernel+0x2 `lda r0, [p0, #0]`, cycle 2: address 0x70003 is not a multiple of the access size 4
    help: align the buffer and its strides
    "#);
}
