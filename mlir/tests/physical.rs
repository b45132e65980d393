//! Lowered designs, beside what aie-opt made of the same designs.
//!
//! Core programs are compared in `programs.rs`. Not among the designs: `m_tasks_packet`, whose buffers and locks are the golden's own and not an
//! ObjectFIFO's; `h_matmul4x4`, for its size.

use comfy_table::Table;
use npuc::array::design::Design;
use npuc::array::lower::lower;
use npuc_mlir::aie::{context, generic, parse};
use npuc_mlir::design::physical;

use super::designs;
use super::dialect::golden;
use super::logical::{difference, verified};
use super::normal::{Kernels, lines};

/// The module of a lowered design in generic form, which is what it is read back from as well.
pub(super) fn printed(name: &str, design: Design) -> String {
    let context = context();
    let verified = verified(design);
    let lowered = lower(&verified).unwrap_or_else(|e| panic!("{name}: {e}"));
    let module = physical(&context, &verified, &lowered).unwrap_or_else(|e| panic!("{name}: {e}"));
    let text = generic(&module);
    let again = parse(&context, &text).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(generic(&again), text, "{name}");
    text
}

/// A golden, its design, and parts of the golden's lines with what stands there in ours.
type Case = (
    &'static str,
    Design,
    &'static [(&'static str, &'static str)],
);

fn cases() -> Vec<Case> {
    vec![
        ("a_passthrough", designs::passthrough(), &[]),
        ("b_add2", designs::add(), &[]),
        ("c_memtile", designs::forward(), &[]),
        ("d_distribute_join", designs::distribute_join(), &[]),
        ("e_broadcast", designs::broadcast(), &[]),
        ("f_ndim", designs::layouts(), &[]),
        ("g_matmul2x2", designs::product2x2(), &[]),
        (
            "i_rtp_multisync",
            designs::parameters(),
            &[
                (
                    "[%0 : memref<64x64xi16>, %1 : memref<64x64xi16>]",
                    "[%0 : memref<4608xi16>, %1 : memref<4096xi16>]",
                ),
                ("issue_token = true, metadata = @out1", "metadata = @out1"),
            ],
        ),
        ("j_depth_skip", designs::sliding_window(), &[]),
        ("k_shared_mem", designs::shared_memory(), &[]),
        ("l_init_repeat", designs::weights(), &[]),
        ("o_pad_cascade", designs::padding(), &[]),
        ("p_1col", designs::one_column(), &[]),
    ]
}

#[test]
fn lowered_designs_are_what_the_reference_makes() {
    let context = context();
    let (mut table, mut different) = (Table::new(), Vec::new());
    table.set_header(["golden", "lines", "core programs", "differences"]);
    for (name, design, but) in cases() {
        let theirs = parse(&context, &golden(name, "physical.mlir")).unwrap();
        let mut theirs = lines(&theirs, Kernels::CoresLeftOut).join("\n");
        for (there, here) in but {
            assert_eq!(theirs.matches(there).count(), 1, "{name}: {there}");
            theirs = theirs.replace(there, here);
        }
        let module = parse(&context, &printed(name, design)).unwrap();
        let ours = lines(&module, Kernels::CoresLeftOut).join("\n");
        different.extend(difference(&ours, &theirs).map(|d| format!("{name}: {d}")));
        table.add_row([
            name,
            &ours.lines().count().to_string(),
            "apart",
            &but.len().to_string(),
        ]);
    }
    println!("{table}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn packets_and_tasks_verify_and_round_trip() {
    insta::assert_snapshot!(printed("packets", designs::packets()));
}

#[test]
fn a_lowered_design_as_mlir() {
    insta::assert_snapshot!(printed("shared_memory", designs::shared_memory()));
}
