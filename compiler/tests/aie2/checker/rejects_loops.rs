//! Hardware loops.

use npuc::aie2::checker::check;
use npuc::aie2::emit::emit;
use npuc::aie2::layout::{LayoutMap, layout};

use super::accepts::PIPELINED;
use super::{complaints, program};

/// What the checker says after `change` has moved a correct layout.
fn moved(change: impl Fn(&mut LayoutMap)) -> String {
    let program = program(PIPELINED);
    let mut map = layout(&program).unwrap();
    change(&mut map);
    let mut at = 0;
    for func in &mut map.funcs {
        func.start = at;
        for block in &mut func.blocks {
            block.start = at;
            for bundle in &mut block.bundles {
                bundle.address = at;
                at += bundle.size;
            }
        }
        func.end = at;
    }
    map.size = at;
    let bytes = emit(&program, &map).unwrap().text;
    let errors = check(&bytes, &program, &map).unwrap_err();
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_last_bundle_that_is_no_whole_packet() {
    let said = moved(|map| map.funcs[0].blocks[1].bundles.last_mut().unwrap().size = 14);
    insta::assert_snapshot!(said, @r"
    `main` block 1 cycle 6, 0x00a0 `nop`: the last bundle of a loop takes 14 bytes
    help: it must take 16
    ");
}

#[test]
fn a_start_and_an_end_that_are_not_aligned() {
    let said = moved(|map| map.funcs[0].blocks[0].bundles[0].size = 14);
    insta::assert_snapshot!(said, @r"
    `main` block 1 cycle 6, 0x00a4 `nop`: the loop start 0x0084 is no multiple of 16
    help: grow bundles in front of it
    `main` block 1 cycle 6, 0x00a4 `nop`: the last bundle of a loop 0x00a4 is no multiple of 16
    help: grow bundles in front of it
    ");
}

#[test]
fn an_end_too_close_to_the_setup() {
    let said = moved(|map| {
        let head = &mut map.funcs[0].blocks[0].bundles;
        let sizes: Vec<u32> = head.iter().map(|b| b.size).collect();
        let (last, rest) = head.split_last_mut().unwrap();
        last.size = 16;
        rest.iter_mut().skip(9).for_each(|b| b.size = 2);
        let sum: u32 = rest.iter().map(|b| b.size).sum();
        let missing = (16 - sum % 16) % 16;
        rest[10].size += missing.min(14);
        assert_ne!(sizes, rest.iter().map(|b| b.size).collect::<Vec<_>>());
    });
    insta::assert_snapshot!(said, @r"
    `main` block 1 cycle 6, 0x0090 `nop`: the loop ends 106 bytes after a write of LS, LE or LC, at least 112 are needed
    help: write them earlier or grow bundles between
    ");
}

#[test]
fn registers_that_are_not_set_or_set_for_another_loop() {
    for (line, wanted) in [
        ("3: movxm ls, @body\n", "ls does not hold"),
        ("4: movxm le, @body.last\n", "le does not hold"),
        ("6: mov lc, r1\n", "lc does not hold"),
    ] {
        let said = complaints(&PIPELINED.replace(line, ""));
        assert!(said.contains(wanted), "{said}");
    }
    let said = complaints(&PIPELINED.replace("@body.last", "@head.last"));
    assert!(said.contains("le does not hold the address"), "{said}");
}

#[test]
fn a_loop_that_is_entered_again_without_a_count() {
    let text = PIPELINED.replace(
        "block tail",
        "block mid\n20: add r2, r2, r2\nblock again loop\n0: add r2, r2, r2\nblock tail",
    );
    let text = text.replace("func main", "func main r2");
    let said = complaints(&text);
    assert!(
        said.contains("lc does not hold a loop count that no loop has used"),
        "{said}"
    );
}

#[test]
fn a_branch_in_the_body() {
    let text = PIPELINED.replace("block tail", "2: jl @@f\ncycles 10\nblock tail");
    let said = complaints(&format!("{text}\nfunc f\nblock a\n0: ret lr\ncycles 6"));
    assert!(said.contains("`JL` in a loop body"), "{said}");
}

#[test]
fn a_partial_word_store_in_the_last_bundle() {
    let text = PIPELINED.replace("block tail", "12: st.s8 r0, [p0, #0]\nblock tail");
    let said = complaints(&text);
    assert!(
        said.contains("in the last bundle of a loop\nhelp: hardware can drop it there"),
        "{said}"
    );
}
