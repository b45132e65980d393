//! The designs that the reference tools refuse, each refused here with an error of its own, before
//! lowering; the one that cannot be routed, by the router.
//!
//! Names are those of the reference's inputs. What it says of them, for comparison: too many channels,
//! a descriptor too many, memory exceeded, strides of part words, sizes and strides out of range, no
//! legal routing, releases of what is not held, dimensions, offsets.

use std::fmt::Write;

use npuc::array::design::Design;
use npuc::array::lower::lower;
use npuc::array::verify::verify;

/// Fifos, and what else a design has.
const BAD: &[(&str, &str)] = &[
    (
        "bad1_too_many_channels",
        "fifo i0: i32[16] depth 2 (0,0) -> (0,2)
         fifo i1: i32[16] depth 2 (0,0) -> (0,2)
         fifo i2: i32[16] depth 2 (0,0) -> (0,2)",
    ),
    (
        "bad2_bd_overflow",
        "fifo i0: i32[16] depth 9 (0,0) -> (0,2)
         fifo i1: i32[16] depth 8 (0,0) -> (0,2)",
    ),
    (
        "bad3_memory_overflow",
        "fifo i0: i32[4096] depth 4 (0,0) -> (0,2)
         worker (0,2) stack 1024 { }",
    ),
    (
        "bad4_stride",
        "fifo a: i16[256] depth 2 (0,0) -> (0,1)
         fifo b: i16[256] depth 2 (0,1) to_stream [16:1, 16:16] -> (0,2)
         link a -> b",
    ),
    (
        "bad5_wrap",
        "fifo a: i32[4096] depth 2 (0,0) -> (0,1)
         fifo b: i32[4096] depth 2 (0,1) to_stream [2:1, 2048:2] -> (0,2)
         link a -> b",
    ),
    (
        "bad6_routing",
        "fifo f0: i32[8] depth 1 (0,2) -> (0,1)
         fifo f1: i32[8] depth 1 (0,2) -> (0,1)
         fifo f2: i32[8] depth 1 (1,2) -> (0,1)
         fifo f3: i32[8] depth 1 (1,2) -> (0,1)
         fifo f4: i32[8] depth 1 (2,2) -> (0,1)
         fifo f5: i32[8] depth 1 (2,2) -> (0,1)
         fifo f6: i32[8] depth 1 (3,2) -> (1,1)
         fifo f7: i32[8] depth 1 (3,2) -> (1,1)
         fifo f8: i32[8] depth 1 (0,3) -> (1,1)
         fifo f9: i32[8] depth 1 (0,3) -> (1,1)
         fifo f10: i32[8] depth 1 (1,3) -> (1,1)
         fifo f11: i32[8] depth 1 (1,3) -> (1,1)
         fifo f12: i32[8] depth 1 (2,3) -> (2,1)
         fifo f13: i32[8] depth 1 (2,3) -> (2,1)
         fifo f14: i32[8] depth 1 (3,3) -> (2,1)
         fifo f15: i32[8] depth 1 (3,3) -> (2,1)
         fifo f16: i32[8] depth 1 (0,4) -> (2,1)
         fifo f17: i32[8] depth 1 (0,4) -> (2,1)
         fifo f18: i32[8] depth 1 (1,4) -> (3,1)
         fifo f19: i32[8] depth 1 (1,4) -> (3,1)
         fifo f20: i32[8] depth 1 (2,4) -> (3,1)
         fifo f21: i32[8] depth 1 (2,4) -> (3,1)
         fifo f22: i32[8] depth 1 (3,4) -> (3,1)
         fifo f23: i32[8] depth 1 (3,4) -> (3,1)",
    ),
    (
        "bad7_shim_wrap",
        "fifo i0: i32[64] depth 2 (0,0) -> (0,2)
         sequence main(a: i32[2097152]) {
           transfer i0 a offset 0 sizes [1, 2, 1024, 4] strides [0, 16384, 8, 1]
         }",
    ),
    (
        "bad8_shim_stride",
        "fifo i0: i16[64] depth 2 (0,0) -> (0,2)
         sequence main(a: i16[4096]) {
           transfer i0 a offset 0 sizes [1, 1, 64, 64] strides [0, 0, 1, 64]
         }",
    ),
    (
        "bad9_release_too_many",
        "fifo i0: i32[64] depth 2 (0,0) -> (0,2)
         worker (0,2) stack 1024 {
           acquire i0 consume 1
           release i0 consume 2
           acquire i0 consume 1
         }",
    ),
    (
        "bad10_five_dims",
        "fifo i0: i32[128] depth 2 (0,2) to_stream [2:64, 2:32, 2:16, 16:1] -> (0,0)",
    ),
    (
        "bad11_shim_dims_repeat",
        "fifo i0: i32[64] depth 2 (0,0) -> (0,2)
         sequence main(a: i32[2097152]) {
           transfer i0 a offset 0 sizes [65, 2, 2, 64] strides [2097152, 64, 128, 1]
         }",
    ),
    (
        "bad12_join_offsets",
        "fifo a: i32[16] depth 2 (0,2) -> (0,1)
         fifo b: i32[16] depth 2 (0,3) -> (0,1)
         fifo o: i32[32] depth 2 (0,1) -> (0,0)
         link a, b -> o",
    ),
    (
        "bad13_core_not_4byte",
        "fifo a: i16[15] depth 2 (0,0) -> (0,2)",
    ),
    (
        "bad14_stride_too_big",
        "fifo a: i32[10000] depth 1 (0,2) to_stream [2:8193, 2:1] -> (0,0)",
    ),
];

#[test]
fn what_the_reference_refuses_is_refused() {
    let mut messages = String::new();
    for (name, parts) in BAD {
        let text = format!("design bad on npu1 columns 4 {{\n{parts}\n}}");
        let design: Design = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
        let error = match verify(design) {
            Err(error) => error.to_string(),
            Ok(verified) => {
                assert_eq!(*name, "bad6_routing", "gets past the verifier");
                lower(&verified).expect_err("not routed").to_string()
            }
        };
        writeln!(messages, "# {name}\n{error}\n").unwrap();
    }
    insta::assert_snapshot!(messages);
}
