//! Our lowering against the reference tools' output for the same designs.
//!
//! `emulator/tests/goldens/NAME` holds the configuration (`cdo_init.bin`, `cdo_enable.bin`) and the
//! instruction stream (`insts.bin`) that mlir-aie 0a69477883ac (aiecc, npu1) makes of the designs
//! in `designs.rs`. Both must come out byte for byte. (The reference has counters of its own on each
//! core for the rotation of buffers; they are not part of the configuration.)

use std::collections::BTreeMap;
use std::path::PathBuf;

use arch::array::lock;
use arch::{Tile, TileKind};
use formats::cdo::{Cdo, Command};
use formats::elf::{CoreElf, Segment};
use formats::txn::Stream;
use npuc::array::design::Design;
use npuc::array::lower::lower;
use npuc::array::lowered::Lowered;
use npuc::array::verify::verify;
use npuc::package::{Configuration, stream};

use super::designs;
use super::registers::{apply, flows, is_switch};

pub(super) fn golden(name: &str, file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../emulator/tests/goldens")
        .join(name)
        .join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn lowered(design: Design) -> Lowered {
    let verified = verify(design).unwrap_or_else(|e| panic!("{e}"));
    lower(&verified).unwrap_or_else(|e| panic!("{e}"))
}

/// A program that does nothing for every core.
fn programs(lowered: &Lowered) -> BTreeMap<Tile, CoreElf> {
    let program = CoreElf {
        segments: vec![Segment::bytes(0, vec![0; 16])],
        ..CoreElf::default()
    };
    let cores = lowered.cores.iter();
    cores.map(|c| (c.tile, program.clone())).collect()
}

fn address(command: &Command) -> u32 {
    match command {
        Command::Write { addr, .. }
        | Command::MaskWrite { addr, .. }
        | Command::DmaWrite { addr, .. } => *addr,
        other => panic!("unexpected command {other}"),
    }
}

/// Checks a design against its golden, first as text, so that a difference can be read.
fn compare(name: &str, design: Design) {
    let lowered = lowered(design);
    let insts = stream(lowered.columns, &lowered.sequences[0]);
    let theirs = Stream::parse(&golden(name, "insts.bin")).unwrap();
    assert_eq!(insts.dump(), theirs.dump());
    assert_eq!(insts.to_bytes(), golden(name, "insts.bin"));

    let ours = Configuration::new(&lowered, &programs(&lowered)).unwrap();
    assert_eq!(ours.enable.to_bytes(), golden(name, "cdo_enable.bin"));

    let theirs = Cdo::parse(&golden(name, "cdo_init.bin")).unwrap();
    let plain = |cdo: &Cdo| -> Vec<String> {
        cdo.effects()
            .filter(|c| !is_switch(address(c)))
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(plain(&ours.init), plain(&theirs), "{name}");
    assert_eq!(flows(&apply(&ours.init)), flows(&apply(&theirs)), "{name}");
    assert_eq!(ours.init.to_bytes(), golden(name, "cdo_init.bin"), "{name}");
}

#[test]
fn goldens_are_equal() {
    for (name, design) in [
        ("a_passthrough", designs::passthrough()),
        ("b_add2", designs::add()),
        ("c_memtile", designs::forward()),
        ("d_distribute_join", designs::distribute_join()),
        ("e_broadcast", designs::broadcast()),
        ("f_ndim", designs::layouts()),
        ("g_matmul2x2", designs::product2x2()),
        ("h_matmul4x4", designs::product4x4()),
        ("i_rtp_multisync", designs::parameters()),
        ("j_depth_skip", designs::sliding_window()),
        ("k_shared_mem", designs::shared_memory()),
        ("l_init_repeat", designs::weights()),
        ("n_elf_load", designs::passthrough()),
        ("o_pad_cascade", designs::padding()),
        ("p_1col", designs::one_column()),
    ] {
        compare(name, design);
    }
}

/// The reference's design of packets names locks and descriptors itself and has no fifos, so two things
/// differ: ours gives the fifos' ends at the shim lock pairs of value 0, which nothing uses, and the locks
/// of the last tile come first. All else is the same, byte by byte.
#[test]
fn packets_are_equal_but_for_locks_of_the_shim_and_the_order_of_locks() {
    let name = "m_tasks_packet";
    let lowered = lowered(designs::packets());
    let insts = stream(lowered.columns, &lowered.sequences[0]);
    let theirs = Stream::parse(&golden(name, "insts.bin")).unwrap();
    assert_eq!(insts.dump(), theirs.dump());
    assert_eq!(insts.to_bytes(), golden(name, "insts.bin"));

    let ours = Configuration::new(&lowered, &programs(&lowered)).unwrap();
    assert_eq!(ours.enable.to_bytes(), golden(name, "cdo_enable.bin"));
    let theirs = Cdo::parse(&golden(name, "cdo_init.bin")).unwrap();
    let is_lock = |c: &Command| {
        let (tile, offset) = Tile::from_addr(address(c));
        let first = lock::value_offset(tile.kind(), 0);
        let last = lock::value_offset(tile.kind(), tile.kind().locks() - 1);
        (first..=last).contains(&offset)
    };
    let of_shim = |c: &&Command| Tile::from_addr(address(c)).0.kind() == TileKind::Shim;
    let (our_locks, ours): (Vec<&Command>, Vec<&Command>) =
        ours.init.effects().partition(|c| is_lock(c));
    let (their_locks, theirs): (Vec<&Command>, Vec<&Command>) =
        theirs.effects().partition(|c| is_lock(c));
    let text = |commands: &[&Command]| -> Vec<String> {
        commands.iter().map(ToString::to_string).collect()
    };
    assert_eq!(text(&ours), text(&theirs));
    let (unused, used): (Vec<&Command>, Vec<&Command>) = our_locks.iter().partition(|c| of_shim(c));
    let zero = |c: &&Command| matches!(c, Command::Write { value: 0, .. });
    assert!(unused.len() == 8 && unused.iter().all(zero));
    let mut used = text(&used);
    used.sort();
    assert_eq!(used, text(&their_locks));
}
