//! Open tiles: where they are put, and what cannot be put anywhere.

use std::collections::BTreeSet;
use std::fmt::Write;

use arch::{Tile, TileKind};
use npuc::array::design::{Design, Spot};
use npuc::array::lower::lower;
use npuc::array::place::{Placement, place};
use npuc::array::verify::verify;

use super::designs;
use super::emulated;

/// A design with every tile left open; the names say where it was.
fn open(design: Design) -> Design<Spot> {
    let spot = |tile: Tile| {
        let name = format!("t{}{}", tile.col, tile.row);
        Some(match tile.kind() {
            TileKind::Core => Spot::core(name),
            TileKind::Mem => Spot::mem(name),
            TileKind::Shim => Spot::shim(name),
        })
    };
    design.moved(spot).unwrap()
}

fn read(text: &str) -> Design<Spot> {
    let text = format!("design open on npu1 columns 4 {{\n{text}\n}}");
    let design: Design<Spot> = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(design.to_string().parse(), Ok(design.clone()));
    design
}

fn placed(design: Design<Spot>) -> Placement {
    let again = place(design.clone());
    let placement = place(design).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(again.as_ref(), Ok(&placement), "placed alike every time");
    placement
}

#[test]
fn goldens_with_open_tiles_are_placed_and_bring_the_same_output() {
    let (a, b) = (emulated::ramp(128), emulated::ramp(256)[128..].to_vec());
    let input = |count| vec![emulated::ramp(count)];
    for (design, inputs) in [
        (designs::passthrough(), input(256)),
        (designs::add(), vec![a, b]),
        (designs::forward(), input(512)),
        (designs::distribute_join(), input(512)),
        (designs::broadcast(), input(64)),
        (designs::sliding_window(), input(256)),
        (designs::shared_memory(), input(128)),
    ] {
        let placement = placed(open(design.clone()));
        let expected = emulated::run(design, &inputs);
        assert_eq!(emulated::run(placement.design, &inputs), expected);
    }
}

#[test]
fn a_design_that_fills_the_array_is_placed() {
    for design in [designs::product2x2(), designs::product4x4()] {
        let cores = design.workers.len();
        let placement = placed(open(design));
        let workers = placement.design.workers.iter();
        let tiles: BTreeSet<Tile> = workers.map(|w| w.tile).collect();
        assert_eq!(tiles.len(), cores);
        lower(&verify(placement.design).unwrap()).unwrap();
    }
}

#[test]
fn cores_of_cascades_are_put_beside_each_other() {
    let placement = placed(open(designs::padding()));
    verify(placement.design.clone()).unwrap();
    for cascade in &placement.design.cascades {
        let (from, to) = (cascade.from, cascade.to);
        let east = (from.col + 1, from.row) == (to.col, to.row);
        let south = (from.col, from.row) == (to.col, to.row + 1);
        assert!(east || south, "{from} -> {to}");
    }
}

#[test]
fn ways_are_short_and_columns_share_the_work() {
    let paths: String = (0..4)
        .map(|i| {
            format!(
                "fifo in{i}: i32[16] depth 2 shim:from{i} -> core:c{i}
                 fifo out{i}: i32[16] depth 2 core:c{i} -> shim:to{i}
                 worker core:c{i} stack 1024 {{ }}"
            )
        })
        .collect();
    let placement = placed(read(&paths));
    let fifos = &placement.design.fifos;
    for fifo in fifos {
        let (from, to) = (fifo.producer, fifo.consumers[0].tile);
        assert_eq!((from.col, from.row.abs_diff(to.row)), (to.col, 2), "{fifo}");
    }
    let columns: BTreeSet<u8> = fifos.iter().map(|f| f.producer.col).collect();
    assert_eq!(columns.len(), 4);
}

#[test]
fn a_core_with_too_few_channels_is_put_beside_one_that_sends_to_it() {
    let placement = placed(read(
        "fifo a: i32[16] depth 2 shim:s -> core:sum
         fifo b: i32[16] depth 2 shim:s -> core:sum
         fifo c: i32[16] depth 2 core:other -> core:sum
         fifo d: i32[16] depth 2 mem:m -> core:other
         fifo e: i32[16] depth 2 (3,0) -> mem:m
         link e -> d",
    ));
    verify(placement.design).unwrap();
}

#[test]
fn a_tile_that_is_chosen_stays_where_it_is() {
    let placement = placed(read(
        "fifo a: i32[16] depth 2 shim:s -> (3,2)
         fifo b: i32[16] depth 2 (3,2) -> core:next
         fifo c: i32[16] depth 2 core:next -> shim:s
         worker (3,2) stack 1024 { }
         worker core:next stack 1024 { }",
    ));
    assert_eq!(placement.design.fifos[0].consumers[0].tile, Tile::new(3, 2));
    let tiles: Vec<Tile> = placement.tiles.into_values().collect();
    assert!(tiles.iter().all(|t| t.col >= 2), "{tiles:?}");
    assert!(!tiles.contains(&Tile::new(3, 2)));
}

#[test]
fn what_cannot_be_placed_is_refused() {
    let fifos = |count: usize, from: &str, to: &str| -> String {
        let fifo = |i: String| {
            let (from, to) = (from.replace('?', &i), to.replace('?', &i));
            format!("fifo f{i}: i32[16] depth 2 {from} -> {to}\n")
        };
        (0..count).map(|i| fifo(i.to_string())).collect()
    };
    let mut messages = String::new();
    for (case, text) in [
        ("cores", fifos(17, "mem:m", "core:c?")),
        ("shims to the array", fifos(9, "shim:s?", "core:c?")),
        ("shims to the host", fifos(9, "core:c?", "shim:s?")),
        ("memory tiles", fifos(25, "mem:m?", "core:c")),
        ("one core's channels", fifos(3, "shim:s?", "core:c")),
        (
            "memory of one core",
            "fifo f: i32[9000] depth 2 shim:s -> core:c".to_string(),
        ),
        (
            "cascades in a ring",
            "cascade core:a -> core:b\ncascade core:b -> core:a".to_string(),
        ),
        ("outside", fifos(1, "(4,0)", "core:c")),
    ] {
        let error = place(read(&text)).expect_err(case);
        writeln!(messages, "# {case}\n{error}\n").unwrap();
    }
    let mut wide = open(designs::passthrough());
    wide.columns = 5;
    let error = place(wide).expect_err("columns");
    writeln!(messages, "# columns\n{error}\n").unwrap();
    insta::assert_snapshot!(messages);
}

#[test]
fn a_design_of_tiles_has_no_open_ones() {
    let text = open(designs::passthrough()).to_string();
    let error = text.parse::<Design>().expect_err("open").to_string();
    assert_eq!(
        error.lines().next(),
        Some("2:28: found `shim`, expected a tile such as `(0,2)`")
    );
    assert_eq!(
        text.parse::<Design<Spot>>(),
        Ok(open(designs::passthrough()))
    );
}
