//! Bytes as text.

use npuc::aie2::emit::emit;
use npuc::aie2::layout::layout;
use npuc::aie2::listing::{listing, listing_of_elf};
use proptest::prelude::*;

use super::asm::program;
use super::checker::PIPELINED;

#[test]
fn functions_labels_loops_and_cycles() {
    let text = PIPELINED.replace("20: done\n    cycles 26", "14: jl @@f\n    cycles 20");
    let text = format!("{text}\nfunc f\nblock only\n0: ret lr\ncycles 6");
    let program = program(&text);
    let image = emit(&program, &layout(&program).unwrap()).unwrap();
    insta::assert_snapshot!(listing_of_elf(&image.to_elf()), @r"
    main:
    0000    0    10  mova r0, #28 ; movxm p0, #458752
    000a    1     6  movxm p1, #462848
    0010    2     6  movxm p2, #466944
    0016    3     6  movxm ls, #128  // .l0080
    001c    4     6  movxm le, #160
    0022    5     4  mova r1, #8
    0026    6    16  vldb wl2, [p1], #32 ; vlda wl0, [p0], #32 ; mov lc, r1
    0036    7    16  vldb wh2, [p1], #32 ; vlda wh0, [p0], #32
    0046    8    16  vclr cm0
    0056    9    16  nop
    0066   10    16  nop
    0076   11     6  nop
    007c   12     4  nop
    .l0080:
    0080    0 /   6  vlda wl0, [p0], #32 ; vldb wl2, [p1], #32
    0086    1 |  10  vlda wh0, [p0], #32 ; vldb wh2, [p1], #32 ; vmac cm0, cm0, x0, x2, r0
    0090    2 |   2  nop
    0092    3 |   2  nop
    0094    4 |   2  nop
    0096    5 |  10  nop
    00a0    6 \  16  nop
    00b0    0     2  nop
    00b2    1     2  nop
    00b4    2     2  nop
    00b6    3     2  nop
    00b8    4     2  nop
    00ba    5     2  nop
    00bc    6     4  vst amll0, [p2, #0]
    00c0    7     4  vst amlh0, [p2, #32]
    00c4    8     2  nop
    00c6    9     2  nop
    00c8   10     2  nop
    00ca   11     2  nop
    00cc   12     2  nop
    00ce   13     2  nop
    00d0   14     6  jl #224  // f
    00d6   15     2  nop
    00d8   16     2  nop
    00da   17     2  nop
    00dc   18     2  nop
    00de   19     2  nop
    f:
    00e0    0     4  ret lr
    00e4    1     2  nop
    00e6    2     2  nop
    00e8    3     2  nop
    00ea    4     2  nop
    00ec    5     4  nop
    ");
}

#[test]
fn bytes_that_are_no_bundle() {
    let mut bytes = vec![0xff; 4];
    bytes.extend([1, 0, 7]);
    insta::assert_snapshot!(listing(&bytes, 0x100, &[]), @r"
    0100              .byte 0xff, 0xff
    0102              .byte 0xff, 0xff
    0104    0     2  nop
    0106              .byte 0x07
    ");
}

proptest! {
    #[test]
    fn any_bytes_are_printed(bytes in prop::collection::vec(any::<u8>(), 0..200), start: u32) {
        let text = listing(&bytes, start, &[]);
        prop_assert_eq!(text.is_empty(), bytes.is_empty());
    }
}
