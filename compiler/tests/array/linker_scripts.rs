//! Linker scripts for Peano, and core programs moved to the addresses of aie-opt, against what mlir-aie
//! 0a69477883ac makes of the designs in `designs.rs`.

use std::path::PathBuf;

use arch::Tile;
use arch::array::memory::CORE_OWN;
use npuc::array::design::{Allocation, Design};
use npuc::array::lower::lower;
use npuc::array::lowered::{Lowered, PlacedBuffer};
use npuc::array::verify::verify;
use npuc::array::worker::{PlanArg, PlanStep};
use npuc::tools::ldscript;
use npuc::tools::physical::{Buffer, Physical, PhysicalError, with_elfs};

use super::designs;
use super::goldens::golden;

fn lowered(design: Design) -> Lowered {
    let verified = verify(design).unwrap_or_else(|e| panic!("{e}"));
    lower(&verified).unwrap_or_else(|e| panic!("{e}"))
}

fn text(name: &str, file: &str) -> String {
    String::from_utf8(golden(name, file)).expect("UTF-8")
}

/// The counters that the reference keeps on a core for the rotation of buffers, from its script.
fn counters(script: &str, tile: Tile) -> Vec<PlacedBuffer> {
    let lines: Vec<&str> = script.lines().collect();
    let number = |line: &str, before: &str| {
        let digits = line.strip_prefix(before)?.trim_end_matches(';');
        u32::from_str_radix(digits.strip_prefix("0x")?, 16).ok()
    };
    let counter = |window: &[&str]| {
        let name = window[1].strip_suffix(" = .;")?;
        let address = number(window[0], ". = ")?.checked_sub(CORE_OWN)?;
        name.starts_with("_anonymous").then_some(PlacedBuffer {
            name: name.to_owned(),
            tile,
            address,
            bytes: number(window[2], ". += ")?,
            init: None,
        })
    };
    lines.windows(3).filter_map(counter).collect()
}

#[test]
fn linker_scripts_are_equal() {
    let mut compared = 0;
    for (name, design) in [
        ("a_passthrough", designs::passthrough()),
        ("d_distribute_join", designs::distribute_join()),
        ("g_matmul2x2", designs::product2x2()),
        ("i_rtp_multisync", designs::parameters()),
        ("j_depth_skip", designs::sliding_window()),
        ("k_shared_mem", designs::shared_memory()),
        ("l_init_repeat", designs::weights()),
        ("o_pad_cascade", designs::padding()),
        ("p_1col", designs::one_column()),
    ] {
        let mut lowered = lowered(design);
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../emulator/tests/goldens");
        let script = |tile: Tile| {
            let file = format!("main_{}.ld.script", ldscript::entry(tile));
            let there = folder.join(name).join(&file).exists();
            there.then(|| text(name, &file))
        };
        let tiles: Vec<Tile> = lowered.cores.iter().map(|core| core.tile).collect();
        for &tile in &tiles {
            let script = script(tile).unwrap_or_default();
            lowered.buffers.extend(counters(&script, tile));
        }
        for tile in tiles {
            let Some(theirs) = script(tile) else { continue };
            let inputs = theirs
                .lines()
                .filter_map(|line| line.strip_prefix("INPUT("));
            let objects: Vec<String> = inputs
                .map(|line| line.trim_end_matches(')').to_owned())
                .collect();
            let ours = ldscript::script(&lowered, tile, &objects);
            assert_eq!(ours, theirs, "{name} {tile}");
            compared += 1;
        }
    }
    assert_eq!(compared, 23);
}

#[test]
fn programs_stay_where_aie_opt_agrees() {
    for (name, design) in [
        ("a_passthrough", designs::passthrough()),
        ("g_matmul2x2", designs::product2x2()),
        ("i_rtp_multisync", designs::parameters()),
        ("k_shared_mem", designs::shared_memory()),
    ] {
        let lowered = lowered(design);
        let physical = Physical::read(&text(name, "physical.mlir")).expect("it is read");
        for core in &lowered.cores {
            let moved = physical.relocate(&lowered, core).expect("all is there");
            assert_eq!(moved.body, core.body, "{name} {}", core.tile);
            // The reference's counters lie above our buffers.
            assert!(moved.data_base >= core.data_base, "{name} {}", core.tile);
        }
    }
}

fn addresses(steps: &[PlanStep], found: &mut Vec<u32>) {
    for step in steps {
        match step {
            PlanStep::Call { args, .. } => found.extend(args.iter().filter_map(|arg| match arg {
                PlanArg::Address(address) => Some(*address),
                PlanArg::I32(_) => None,
            })),
            PlanStep::Loop { body, .. }
            | PlanStep::LoopBy { body, .. }
            | PlanStep::Forever { body } => addresses(body, found),
            PlanStep::Acquire { .. } | PlanStep::Release { .. } => (),
        }
    }
}

#[test]
fn programs_move_to_where_aie_opt_places_buffers_and_locks() {
    // Our own placement for speed differs from the reference's.
    let ours = lowered(Design {
        memory: Allocation::Apart,
        ..designs::passthrough()
    });
    let theirs = text("a_passthrough", "physical.mlir")
        .replace("address = 16384", "address = 20480")
        .replace("aie.lock(%tile_0_2, 2)", "aie.lock(%tile_0_2, 9)");
    let physical = Physical::read(&theirs).expect("it is read");
    let tile = Tile::new(0, 2);
    let buffer = |name: &str| physical.buffers.get(&(tile, name.to_owned())).copied();
    let moved_to = Buffer {
        address: 20480,
        bytes: 256,
    };
    assert_eq!(buffer("out_buff_1"), Some(moved_to));
    let moved = physical
        .relocate(&ours, &ours.cores[0])
        .expect("all is there");
    let mut found = Vec::new();
    addresses(&moved.body, &mut found);
    assert_eq!(found, [0x78000, 0x70400, 0x7c000, 0x75000]);
    let [PlanStep::Forever { body }] = moved.body.as_slice() else {
        panic!("{:?}", moved.body);
    };
    let locks: Vec<u8> = body
        .iter()
        .filter_map(|step| match step {
            PlanStep::Acquire { lock, .. } | PlanStep::Release { lock, .. } => Some(*lock),
            _ => None,
        })
        .take(4)
        .collect();
    assert_eq!(locks, [49, 48 + 9, 48, 51]);
    assert_eq!(moved.data_base, 0xc100);
}

#[test]
fn physical_mlir_that_does_not_fit_is_refused() {
    let ours = lowered(designs::passthrough());
    let theirs = text("a_passthrough", "physical.mlir");
    let without = Physical::read(&theirs.replace("out_buff_1", "other")).expect("it is read");
    let error = without
        .relocate(&ours, &ours.cores[0])
        .expect_err("refused");
    assert_eq!(
        error.to_string(),
        "buffer `out_buff_1` of 256 bytes on tile (0,2) is not in the physical MLIR\n\
         help: npuc-mlir and npuc must be of the same release; `--array builtin` needs neither"
    );
    let unplaced = theirs.replace("address = 1024 : i32, ", "");
    let error = Physical::read(&unplaced).expect_err("refused");
    let PhysicalError::Line { what, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*what, "no address");
}

#[test]
fn programs_are_named_in_physical_mlir() {
    let tile = Tile::new(0, 2);
    let theirs = text("a_passthrough", "physical.mlir");
    let named = with_elfs(&theirs, &[(tile, "core_0_2.elf".to_owned())]).expect("it is there");
    let ended = "      aie.end\n    } {elf_file = \"core_0_2.elf\"}\n    aie.runtime_sequence";
    assert!(named.contains(ended), "{named}");
    let taken_out = named.replace(" {elf_file = \"core_0_2.elf\"}", "");
    assert_eq!(taken_out.trim_end(), theirs.trim_end());

    let theirs = text("g_matmul2x2", "physical.mlir");
    let tiles = [(0, 2), (0, 3), (1, 2), (1, 3)].map(|(col, row)| Tile::new(col, row));
    let elfs = tiles.map(|tile| (tile, format!("{}.elf", ldscript::entry(tile))));
    let named = with_elfs(&theirs, &elfs).expect("they are there");
    for (_, elf) in &elfs {
        let attributes = format!(
            "    }} {{elf_file = \"{elf}\", link_files = [\"mm.o\"], stack_size = 2048 : i32}}\n"
        );
        assert_eq!(named.matches(&attributes).count(), 1, "{elf}");
    }
    let nowhere = [(Tile::new(3, 5), "core_3_5.elf".to_owned())];
    let error = with_elfs(&theirs, &nowhere).expect_err("refused");
    assert!(
        error.to_string().contains("core (3,5) is not in"),
        "{error}"
    );
}
