//! Lowered designs, beside what aie-opt made of the same designs.
//!
//! Core programs are compared in `programs.rs`.

use std::collections::BTreeSet;

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
        ("h_matmul4x4", designs::product4x4(), &[]),
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

/// What the golden of packets calls its buffers and locks, which it has no fifos for, and what fifos' are called.
const NAMES: [(&str, &str); 6] = [
    ("\"b0\"", "\"in0_cons_buff_0\""),
    ("\"b1\"", "\"in1_cons_buff_0\""),
    ("\"p0\"", "\"in0_cons_prod_lock_0\""),
    ("\"q0\"", "\"in0_cons_cons_lock_0\""),
    ("\"p1\"", "\"in1_cons_prod_lock_0\""),
    ("\"q1\"", "\"in1_cons_cons_lock_0\""),
];

/// The golden allocates one channel for both fifos of a direction, `@sin` and `@sout`, where each of ours has
/// its name for the same channel; and ours has locks at the shim, which nothing uses. The golden's DMA programs
/// have their blocks in another order: which block follows is left out, and so is the order of lines. All else
/// is the same; that chains and switches are, byte by byte, is compared with the golden's registers in `npuc`.
#[test]
fn packets_are_what_the_reference_makes_but_for_names_and_locks_of_the_shim() {
    let context = context();
    let module = parse(&context, &golden("m_tasks_packet", "physical.mlir")).unwrap();
    let theirs = lines(&module, Kernels::CoresLeftOut)
        .into_iter()
        .map(|line| {
            let named = NAMES
                .iter()
                .fold(line, |line, (there, here)| line.replace(there, here));
            let tasks = [
                ("alloc = @sin", "alloc = in"),
                ("alloc = @sout", "alloc = out"),
            ];
            tasks
                .iter()
                .fold(named, |line, (there, here)| line.replace(there, here))
        });
    let module = parse(&context, &printed("packets", designs::packets())).unwrap();
    let ours = lines(&module, Kernels::CoresLeftOut)
        .into_iter()
        .map(|line| {
            let fifos = [("in0", "in"), ("in1", "in"), ("out0", "out")];
            let task = |line: String, (fifo, way): &(&str, &str)| {
                line.replace(
                    &format!("alloc = @{fifo}_shim_alloc"),
                    &format!("alloc = {way}"),
                )
            };
            fifos.iter().fold(line, task)
        });
    let channel = |line: &str| line.trim_start().starts_with("aie.shim_dma_allocation");
    let unused = |line: &str| line.trim_start().starts_with("aie.lock(tile(0, 0))");
    let apart = |all: Vec<String>| -> (Vec<String>, Vec<String>) {
        let inside = all
            .into_iter()
            .filter(|line| !line.trim_start().starts_with('^'));
        let followed = |line: &String| line.find(", ^").or_else(|| line.find("-> ^"));
        let cut = |line: String| line[..followed(&line).unwrap_or(line.len())].to_string();
        let mut lines: Vec<String> = inside.map(cut).collect();
        lines.sort();
        lines
            .into_iter()
            .partition(|line| channel(line) || unused(line))
    };
    let (of_ours, ours) = apart(ours.collect());
    let (of_theirs, theirs) = apart(theirs.collect());
    let difference = difference(&ours.join("\n"), &theirs.join("\n"));
    assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    let (locks, channels): (Vec<String>, Vec<String>) =
        of_ours.into_iter().partition(|line| unused(line));
    assert!(locks.len() == 8 && locks.iter().all(|line| line.contains("init = 0 : i32")));
    // Which channel an allocation is for, without its name.
    let which = |all: &[String]| -> BTreeSet<String> {
        let parts = all
            .iter()
            .map(|line| line.split("sym_name").next().unwrap_or_default());
        parts.map(str::to_string).collect()
    };
    assert_eq!(which(&channels), which(&of_theirs));
}

#[test]
fn packets_and_tasks_verify_and_round_trip() {
    insta::assert_snapshot!(printed("packets", designs::packets()));
}

#[test]
fn a_lowered_design_as_mlir() {
    insta::assert_snapshot!(printed("shared_memory", designs::shared_memory()));
}
