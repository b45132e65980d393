//! Random legal designs: paths from the host through the array and back, of random sizes, depths, fan-outs,
//! links, layouts and packets, put together as long as the verifier finds nothing.
//!
//! What is legal must lower; where the switches have no way for it, that is counted. On the emulator
//! every path must bring the right words back.
//!
//! `cargo test --release -p npuc --test main array::random -- --ignored --nocapture` does 10,000, of which
//! 1,000 run.

mod generate;

use std::collections::BTreeMap;

use arch::{Tile, TileKind};
use emulator::{Budget, Npu};
use npuc::array::design::{Design, Param, Spot};
use npuc::array::lower::{LowerError, lower};
use npuc::array::lowered::Lowered;
use npuc::array::place::place;
use npuc::array::verify::verify;
use npuc::package::Package;

use self::generate::{Arrival, Random};
use super::emulated;

/// Runs a lowered design and compares every word.
fn run(random: &Random, design: &Design, lowered: &Lowered) {
    let kernels: Vec<_> = design
        .kernels
        .iter()
        .map(|kernel| {
            let Param::Memory(object) = &kernel.params[0] else {
                panic!("`{}` works on memory", kernel.name);
            };
            let mut func = npuc::kernels::passthrough(object.bytes() as u32).unwrap();
            func.name.clone_from(&kernel.name);
            func
        })
        .collect();
    let elfs: BTreeMap<_, _> = lowered
        .cores
        .iter()
        .map(|core| (core.tile, emulated::program(core, &kernels)))
        .collect();
    let package = Package::new(lowered, &elfs).unwrap_or_else(|e| panic!("{e}\n{design}"));
    let mut npu = Npu::new();
    npu.load_xclbin(&package.xclbin().unwrap().to_bytes())
        .unwrap_or_else(|e| panic!("{e}\n{design}"));
    let input: Vec<u32> = emulated::ramp(random.inputs);
    let bytes = input.iter().flat_map(|w| w.to_le_bytes()).collect();
    let mut args = [bytes, vec![0xee; 4 * random.arrives.len()]];
    npu.run(
        &package.streams[0].1,
        &mut args,
        Budget { cycles: 1_000_000 },
    )
    .unwrap_or_else(|e| panic!("{e}\n{design}"));
    let (output, _) = args[1].as_chunks::<4>();
    for (n, (word, from)) in output.iter().zip(&random.arrives).enumerate() {
        if let Arrival::Word(from) = from {
            let expected = input[*from as usize];
            assert_eq!(u32::from_le_bytes(*word), expected, "word {n}\n{design}");
        }
    }
}

/// Lowers designs, runs some of them, and gives the number that is not routed.
fn check(designs: u64, runs: u64) -> u64 {
    let (mut unrouted, mut ran, mut flows) = (0, 0, 0);
    let mut having: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..designs {
        let random = Random::new(seed);
        let verified = verify(random.finished()).unwrap_or_else(|e| panic!("{seed}: {e}"));
        for part in &random.has {
            *having.entry(part).or_default() += 1;
        }
        match lower(&verified) {
            Ok(lowered) => {
                flows += lowered.flows.len();
                if ran < runs && !random.arrives.is_empty() {
                    run(&random, verified.design(), &lowered);
                    ran += 1;
                }
            }
            Err(LowerError::Route { source, .. }) => {
                println!("{seed}: {source}");
                unrouted += 1;
            }
            Err(error) => panic!("{seed}: {error}\n{}", verified.design()),
        }
    }
    println!(
        "{designs} legal designs, {flows} flows: {unrouted} not routed ({:.2} %), {ran} run, every word right",
        unrouted as f64 * 100.0 / designs as f64
    );
    let parts: Vec<String> = having
        .iter()
        .map(|(part, n)| format!("{part} {n}"))
        .collect();
    println!("of these with {}", parts.join(", "));
    assert_eq!(ran, runs);
    unrouted
}

#[test]
fn some_random_designs_lower_route_and_move_the_right_words() {
    assert_eq!(check(60, 6), 0);
}

#[test]
#[ignore = "minutes: cargo test --release -p npuc --test main array::random -- --ignored --nocapture"]
fn ten_thousand_random_designs_lower_and_a_thousand_run() {
    let unrouted = check(10_000, 1_000);
    assert!(unrouted < 100, "{unrouted} of 10000 are not routed");
}

/// The same design with its tiles left open: all of them, or two out of three.
fn open(design: Design, seed: u64) -> Design<Spot> {
    let spot = |tile: Tile| {
        let name = format!("t{}{}", tile.col, tile.row);
        let keep = seed % 2 == 1 && (u64::from(tile.col + tile.row) + seed).is_multiple_of(3);
        Some(match tile.kind() {
            _ if keep => Spot::At(tile),
            TileKind::Core => Spot::core(name),
            TileKind::Mem => Spot::mem(name),
            TileKind::Shim => Spot::shim(name),
        })
    };
    design.moved(spot).expect("every tile has a spot")
}

/// Switches between the tiles of every flow, all together.
fn hops(lowered: &Lowered) -> u64 {
    let distance = |a: Tile, b: Tile| u64::from(a.col.abs_diff(b.col) + a.row.abs_diff(b.row));
    let flows = lowered.flows.iter();
    let ends = flows.flat_map(|f| f.dests.iter().map(|d| distance(f.source.tile, d.tile)));
    ends.sum()
}

/// Places designs whose tiles are open, runs some of them, and gives the number that is not placed.
fn check_open(designs: u64, runs: u64) -> u64 {
    let (mut unplaced, mut ran) = (0, 0);
    let (mut given, mut placed) = (0, 0);
    for seed in 0..designs {
        let random = Random::new(seed);
        let Ok(before) =
            lower(&verify(random.finished()).unwrap_or_else(|e| panic!("{seed}: {e}")))
        else {
            continue;
        };
        let design = match place(open(random.finished(), seed)) {
            Ok(placement) => placement.design,
            Err(error) => {
                println!("{seed}: {error}");
                unplaced += 1;
                continue;
            }
        };
        let verified = verify(design).unwrap_or_else(|e| panic!("{seed}: {e}"));
        let lowered = lower(&verified).unwrap_or_else(|e| panic!("{seed}: {e}"));
        given += hops(&before);
        placed += hops(&lowered);
        if ran < runs && !random.arrives.is_empty() {
            run(&random, verified.design(), &lowered);
            ran += 1;
        }
    }
    println!(
        "{designs} legal designs with open tiles: {unplaced} not placed ({:.2} %), flows {:.2} times as long as before, {ran} run, every word right",
        unplaced as f64 * 100.0 / designs as f64,
        placed as f64 / given as f64
    );
    assert_eq!(ran, runs);
    unplaced
}

#[test]
fn some_random_designs_with_open_tiles_are_placed_and_move_the_right_words() {
    assert_eq!(check_open(20, 3), 0);
}

#[test]
#[ignore = "minutes: cargo test --release -p npuc --test main array::random -- --ignored --nocapture"]
fn a_thousand_random_designs_with_open_tiles_are_placed_and_a_hundred_run() {
    let unplaced = check_open(1_000, 100);
    assert!(unplaced < 10, "{unplaced} of 1000 are not placed");
}
