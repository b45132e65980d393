//! Designs with their ObjectFIFOs, beside what the reference reads.

use comfy_table::Table;
use npuc::array::design::Design;
use npuc::array::verify::{Verified, verify};
use npuc::cli::placed_design;
use npuc::overlays;
use npuc_mlir::aie::{context, generic, parse};
use npuc_mlir::design::logical;

use super::designs;
use super::dialect::golden;
use super::normal::{Kernels, lines};
use super::physical::printed;

pub(super) fn verified(design: Design) -> Verified {
    verify(design).unwrap_or_else(|e| panic!("{e}"))
}

/// A golden, its design, and what the two differ in.
struct Case {
    golden: &'static str,
    design: Design,
    kernels: Kernels,
    /// Parts of the golden's lines, and what stands there in ours; each occurs once.
    but: &'static [(&'static str, &'static str)],
}

fn case(golden: &'static str, design: Design) -> Case {
    Case {
        golden,
        design,
        kernels: Kernels::Outlined,
        but: &[],
    }
}

fn cases() -> Vec<Case> {
    vec![
        case("a_passthrough", designs::passthrough()),
        case("b_add2", designs::add()),
        case("c_memtile", designs::forward()),
        case("d_distribute_join", designs::distribute_join()),
        case("e_broadcast", designs::broadcast()),
        case("f_ndim", designs::layouts()),
        case("g_matmul2x2", designs::product2x2()),
        case("h_matmul4x4", designs::product4x4()),
        Case {
            // Our host buffers have one dimension, and all that is read of them; transfers to the host
            // send tokens anyway.
            but: &[
                (
                    "[%0 : memref<64x64xi16>, %1 : memref<64x64xi16>]",
                    "[%0 : memref<4608xi16>, %1 : memref<4096xi16>]",
                ),
                ("issue_token = true, metadata = @out1", "metadata = @out1"),
            ],
            ..case("i_rtp_multisync", designs::parameters())
        },
        case("j_depth_skip", designs::sliding_window()),
        case("k_shared_mem", designs::shared_memory()),
        case("l_init_repeat", designs::weights()),
        Case {
            kernels: Kernels::LeftOut,
            ..case("o_pad_cascade", designs::padding())
        },
        case("p_1col", designs::one_column()),
    ]
}

#[test]
fn designs_are_what_the_reference_reads() {
    let context = context();
    let (mut table, mut different) = (Table::new(), Vec::new());
    table.set_header(["golden", "lines", "kernels", "differences"]);
    for case in cases() {
        let theirs = parse(&context, &golden(case.golden, "input.mlir")).unwrap();
        let mut theirs = lines(&theirs, case.kernels).join("\n");
        for (there, here) in case.but {
            assert_eq!(theirs.matches(there).count(), 1, "{}: {there}", case.golden);
            theirs = theirs.replace(there, here);
        }
        let module = logical(&context, &verified(case.design)).unwrap();
        let ours = lines(&module, case.kernels).join("\n");
        different.extend(difference(&ours, &theirs).map(|d| format!("{}: {d}", case.golden)));
        table.add_row([
            case.golden,
            &ours.lines().count().to_string(),
            match case.kernels {
                Kernels::Outlined => "compared",
                Kernels::LeftOut | Kernels::CoresLeftOut => "left out",
            },
            &case.but.len().to_string(),
        ]);
        let text = generic(&module);
        let again = parse(&context, &text).unwrap_or_else(|e| panic!("{}: {e}", case.golden));
        assert_eq!(generic(&again), text, "{}", case.golden);
    }
    println!("{table}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn packets_are_refused() {
    let error = logical(&context(), &verified(designs::packets())).unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn every_overlay_verifies_and_round_trips() {
    let context = context();
    for overlay in overlays::standard().expect("described") {
        let source = overlay
            .source()
            .unwrap_or_else(|e| panic!("{}: {e}", overlay.name));
        let module = logical(&context, &verified(source.design))
            .unwrap_or_else(|e| panic!("{}: {e}", overlay.name));
        let text = generic(&module);
        let again = parse(&context, &text).unwrap_or_else(|e| panic!("{}: {e}", overlay.name));
        assert_eq!(generic(&again), text, "{}", overlay.name);
        let name = overlay.name.to_string();
        printed(&name, placed_design(&name).unwrap().design);
    }
}

#[test]
fn a_design_as_mlir() {
    let context = context();
    let module = logical(&context, &verified(designs::layouts())).unwrap();
    insta::assert_snapshot!(generic(&module));
}

/// Where two texts differ first.
pub(super) fn difference(ours: &str, theirs: &str) -> Option<String> {
    let mut pairs = ours.lines().zip(theirs.lines());
    match pairs.find(|(a, b)| a != b) {
        Some((ours, theirs)) => Some(format!("ours\n{ours}\ntheirs\n{theirs}")),
        None => {
            let (ours, theirs) = (ours.lines().count(), theirs.lines().count());
            (ours != theirs).then(|| format!("ours has {ours} lines, theirs {theirs}"))
        }
    }
}
