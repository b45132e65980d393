//! Addresses: alignment by larger bundles, loop ends and distances, limits.

use arch::aie2::rules::{LOOP_SETUP_BYTES, TARGET_ALIGN};
use npuc::aie2::layout::{LayoutError, LayoutMap, layout};
use npuc::aie2::mir::Label;
use npuc::aie2::{emit::emit, mir::BlockId};
use proptest::prelude::*;

use super::asm::program;

fn sizes(map: &LayoutMap, block: usize) -> Vec<u32> {
    map.funcs[0].blocks[block]
        .bundles
        .iter()
        .map(|b| b.size)
        .collect()
}

#[test]
fn bundles_take_the_smallest_format() {
    let program = program(
        "func main
         block only
         0: lda r0, [p0, #0]
         1: add r1, r2, r3
         1: lda r4, [p0, #4]
         2: vmac cm0, cm0, x0, x2, r0
         9: done
         cycles 15",
    );
    let map = layout(&program).unwrap();
    let mut bytes = vec![4, 6, 4];
    bytes.extend([2; 6]);
    bytes.push(4);
    bytes.extend([2; 5]);
    // 40 bytes; eight more reach a multiple of 16, by as many of the last bundles as that takes.
    assert_eq!(map.size, 48);
    assert_eq!(sizes(&map, 0)[..9], bytes[..9]);
    assert_eq!(emit(&program, &map).unwrap().text.len(), 48);
}

#[test]
fn branch_targets_returns_and_functions_are_aligned() {
    let program = program(
        "func main
         block a
         0: mova r0, #1
         block b
         -> c b
         0: add r0, r0, r0
         1: jnz r0, @b
         cycles 7
         block c
         0: jl @@f
         7: done
         cycles 13
         func f
         block only
         0: ret lr
         cycles 6",
    );
    let map = layout(&program).unwrap();
    let main = &map.funcs[0];
    assert_eq!(main.blocks[1].start % TARGET_ALIGN, 0);
    assert_eq!(main.blocks[2].bundles[6].address % TARGET_ALIGN, 0);
    assert_eq!(map.funcs[1].start % TARGET_ALIGN, 0);
    assert_eq!((main.start, main.end), (0, map.funcs[1].start));
    assert_eq!(map.size % TARGET_ALIGN, 0);
    assert!(
        main.blocks
            .iter()
            .flat_map(|b| &b.bundles)
            .all(|b| b.cycle.is_some())
    );
    let label = |name: &str| map.resolve(0, &Label::Func(name.to_string()));
    assert_eq!((label("f"), label("g")), (Some(map.funcs[1].start), None));
}

const LOOP: &str = "
    func main
    block head
    0: mova r0, #7
    1: movxm ls, @body
    2: movxm le, @body.last
    3: mov lc, r0
    block body loop
    0: add r1, r1, r1
    1: add r1, r1, r1
    block tail
    0: done
    cycles 6";

#[test]
fn loops_end_in_a_whole_packet_far_behind_their_setup() {
    let program = program(LOOP);
    let map = layout(&program).unwrap();
    let blocks = &map.funcs[0].blocks;
    let (start, last) = (blocks[1].start, blocks[1].bundles.last().unwrap());
    assert_eq!(
        (start % TARGET_ALIGN, last.address % TARGET_ALIGN, last.size),
        (0, 0, 16)
    );
    assert!(last.address - blocks[0].bundles[3].address >= LOOP_SETUP_BYTES);
    // The write of LC and the first bundle of the body cannot hold 112 bytes: five more are put in.
    assert_eq!(
        blocks[0]
            .bundles
            .iter()
            .filter(|b| b.cycle.is_none())
            .count(),
        5
    );
    assert_eq!(
        map.resolve(0, &Label::LastBundle(BlockId(1))),
        Some(last.address)
    );
}

#[test]
fn a_loop_entered_by_a_branch_must_keep_its_distance_itself() {
    let jump =
        "-> body\n3: j @body\n8: mov lc, r0\nblock mid\n0: done\ncycles 6\n-> body\nblock body";
    let text = LOOP
        .replace("3: mov lc, r0\n", "")
        .replace("block body", jump);
    let error = layout(&program(&text)).unwrap_err();
    assert!(
        matches!(
            error,
            LayoutError::LoopTooClose {
                block: 2,
                writer: 0,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_bundle_with_lng_and_alu_has_no_format() {
    let text = "func main\nblock a\n0: movxm p0, #4096\n0: add r0, r0, r0";
    insta::assert_snapshot!(layout(&program(text)).unwrap_err(), @r"
    function `main`, block 0, cycle 0: no bundle holds movxm (lng), add (alu)
    help: a bundle takes one instruction a slot, and lng takes the room of alu and mv
    ");
}

#[test]
fn a_program_beyond_program_memory_is_refused() {
    let mut text = "func main\nblock a\n".to_string();
    for cycle in 0..4200 {
        text.push_str(&format!("{cycle}: add r0, r0, r0\n"));
    }
    text.push_str("func small\nblock a\n0: ret lr\ncycles 6");
    insta::assert_snapshot!(layout(&program(&text)).unwrap_err(), @r"
    the program takes 16816 bytes, 432 more than the 16384 of program memory: `main` 16800, `small` 16
    help: unroll less in the largest function, or give its work to another core
    ");
}

#[test]
fn bundles_put_in_keep_a_prologue_next_to_its_loop() {
    let text = "
        func main p0 p1
        block head
        0: movxm ls, @body
        1: movxm le, @body.last
        2: mova r0, #9
        3: mov lc, r0
        6: vlda wl0, [p0], #32
        block body loop
        1: vst wl0, [p1], #32
        0: vlda wl0, [p0], #32
        block tail
        0: done
        cycles 6";
    let text = text
        .replace("cycles 7", "cycles 2")
        .replace("6: vst", "1: vst");
    let map = layout(&program(&text)).unwrap();
    let head = &map.funcs[0].blocks[0].bundles;
    let cycles: Vec<_> = head.iter().map(|b| b.cycle).collect();
    let put_in = |n| std::iter::repeat_n(None, n);
    let wanted = (0..6).map(Some).chain(put_in(2)).chain([Some(6)]);
    assert_eq!(cycles, wanted.collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn any_bundles_reach_any_alignment(blocks in prop::collection::vec(prop::collection::vec(0..6usize, 1..12), 1..6)) {
        let bundles = ["", "add r0, r0, r0", "vlda wl0, [p0], #32", "movxm p1, #4096", "vst wl0, [p0], #32", "vmac cm0, cm0, x0, x2, r0"];
        let mut text = "func main\n".to_string();
        for (b, block) in blocks.iter().enumerate() {
            text += &format!("block b{b}\n-> b{b}\n");
            for (cycle, k) in block.iter().enumerate().filter(|(_, k)| **k > 0) {
                text += &format!("{cycle}: {}\n", bundles[*k]);
            }
            text += &format!("{}: j @b{b}\ncycles {}\n", block.len(), block.len() + 6);
        }
        let program = program(&text);
        let map = layout(&program).unwrap();
        let mut at = 0;
        for block in &map.funcs[0].blocks {
            prop_assert_eq!((block.start, block.start % TARGET_ALIGN), (at, 0));
            for bundle in &block.bundles {
                prop_assert_eq!(bundle.address, at);
                at += bundle.size;
            }
        }
        prop_assert_eq!(map.size, at);
        prop_assert_eq!(emit(&program, &map).unwrap().text.len() as u32, at);
    }
}
