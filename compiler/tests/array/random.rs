//! Random legal designs: paths from the host through the array and back, of random sizes, depths, fan-outs,
//! links and layouts, put together as long as the verifier finds nothing.
//!
//! What is legal must lower; where the switches have no way for it, that is counted. On the emulator
//! every path must bring the right words back.
//!
//! `cargo test --release -p npuc --test main array::random -- --ignored --nocapture` does 10,000, of which
//! 1,000 run.

use std::collections::BTreeMap;

use arch::{Tile, TileKind};
use emulator::{Budget, Npu};
use npuc::array::design::{
    Arg, Design, Dim, HostArg, Kernel, Link, ObjectFifo, ObjectType, Param, Port, SeqOp, Sequence,
    Spot, Step, Transfer, Worker,
};
use npuc::array::lower::{LowerError, lower};
use npuc::array::lowered::Lowered;
use npuc::array::place::place;
use npuc::array::verify::verify;
use npuc::kernel::types::Elem;
use npuc::package::Package;

use super::emulated;

/// Paths that are tried for a design.
const TRIES: u32 = 8;

/// Numbers that look random and follow from a seed (splitmix).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[(self.next() % all.len() as u64) as usize]
    }

    fn up_to(&mut self, most: u32) -> u32 {
        1 + (self.next() % u64::from(most)) as u32
    }
}

/// A design with, for every word of the output, the word of the input that must arrive there.
#[derive(Clone)]
struct Random {
    design: Design,
    inputs: u32,
    arrives: Vec<u32>,
    /// Transfers that are under way to the end, by fifo.
    waits: Vec<String>,
    paths: u32,
}

fn words(len: u32) -> ObjectType {
    ObjectType::new(Elem::I32, [len])
}

/// A walk over `len` elements in a random order of up to three dimensions.
fn walk(rng: &mut Rng, len: u32) -> Vec<Dim> {
    let inner = rng.of(&[2, 4, 8]);
    let middle = rng.of(&[1, 2]);
    let mut dims = vec![
        Dim::new(len / inner / middle, inner * middle),
        Dim::new(middle, inner),
        Dim::new(inner, 1),
    ];
    for at in 0..2 {
        let other = at + (rng.next() % (3 - at as u64)) as usize;
        dims.swap(at, other);
    }
    dims.retain(|d| d.size > 1);
    dims
}

/// The elements in the order of a walk.
fn order(dims: &[Dim], len: u32) -> Vec<u32> {
    if dims.is_empty() {
        return (0..len).collect();
    }
    dims.iter().fold(vec![0], |outer, dim| {
        outer
            .iter()
            .flat_map(|base| (0..dim.size).map(move |i| base + i * dim.stride))
            .collect()
    })
}

impl Random {
    fn new(seed: u64) -> Self {
        let mut design = Design::new(format!("random{seed}"));
        design.sequences = vec![Sequence {
            name: "main".to_string(),
            args: Vec::new(),
            ops: Vec::new(),
        }];
        let mut random = Random {
            design,
            inputs: 0,
            arrives: Vec::new(),
            waits: Vec::new(),
            paths: 0,
        };
        let mut rng = Rng(seed);
        for _ in 0..rng.up_to(TRIES) {
            let mut more = random.clone();
            more.paths += 1;
            let first = more.design.fifos.len();
            more.path(&mut rng);
            if rng.next().is_multiple_of(4) {
                more.packets(first);
            }
            if verify(more.finished()).is_ok() {
                random = more;
            }
        }
        random
    }

    /// Puts the words of the last path into packets.
    fn packets(&mut self, first: usize) {
        let ids = (0..32).filter(|id| *id != 15);
        let fifos = self.design.fifos.iter_mut();
        for (fifo, id) in fifos.zip(ids).skip(first) {
            *fifo = fifo.clone().packet(id);
        }
    }

    /// The design with its host buffers and its waits.
    fn finished(&self) -> Design {
        let mut design = self.design.clone();
        let sequence = &mut design.sequences[0];
        let output = (self.arrives.len() as u32).max(1);
        sequence.args = vec![
            HostArg::new("input", Elem::I32, self.inputs.max(1)),
            HostArg::new("output", Elem::I32, output),
        ];
        sequence.ops.extend(self.waits.iter().map(SeqOp::wait));
        design
    }

    fn name(&self, part: &str) -> String {
        format!("p{}_{part}", self.paths)
    }

    /// A core without a worker.
    fn core(&self, rng: &mut Rng) -> Option<Tile> {
        let free = |tile: &Tile| self.design.worker(*tile).is_none();
        let cores = (0..4).flat_map(|col| (2..6).map(move |row| Tile::new(col, row)));
        let free: Vec<Tile> = cores.filter(free).collect();
        (!free.is_empty()).then(|| rng.of(&free))
    }

    fn fifo(&mut self, rng: &mut Rng, name: &str, from: Tile, to: &[Tile], len: u32) -> usize {
        let depth = rng.up_to(3);
        let fifo = ObjectFifo::new(name, from, to, depth, words(len));
        self.design.fifos.push(fifo);
        self.design.fifos.len() - 1
    }

    /// A core that copies objects of `len` words for ever.
    fn copier(&mut self, core: Tile, input: &str, output: &str, len: u32) {
        let kernel = format!("copy{len}");
        if !self.design.kernels.iter().any(|k| k.name == kernel) {
            let params = vec![Param::Memory(words(len)); 2];
            self.design.kernels.push(Kernel::new(&kernel, params));
        }
        let steps = [
            Step::acquire(input, Port::Consume, 1),
            Step::acquire(output, Port::Produce, 1),
            Step::call(kernel, [Arg::object(input), Arg::object(output)]),
            Step::release(input, Port::Consume, 1),
            Step::release(output, Port::Produce, 1),
        ];
        let worker = Worker::new(core, [Step::forever(steps)]);
        self.design.workers.push(worker);
    }

    fn link(&mut self, inputs: &[String], outputs: &[String], part: u32) {
        let parts = inputs.len().max(outputs.len()) as u32;
        self.design.links.push(Link {
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            offsets: if parts == 1 {
                Vec::new()
            } else {
                (0..parts).map(|i| i * part).collect()
            },
        });
    }

    /// Moves `objects` objects of `len` words in; what comes back is `arrives`, counted from the first
    /// of them.
    fn transfers(&mut self, [input, output]: [&str; 2], len: u32, arrives: &[u32]) {
        let start = self.arrives.len() as u64;
        let ops = &mut self.design.sequences[0].ops;
        ops.push(Transfer::linear(input, "input", u64::from(self.inputs), len).into());
        ops.push(Transfer::linear(output, "output", start, arrives.len() as u32).into());
        self.waits.push(output.to_string());
        self.arrives
            .extend(arrives.iter().map(|at| at + self.inputs));
        self.inputs += len;
    }

    fn path(&mut self, rng: &mut Rng) {
        let (from, to) = (rng.of(&[0, 1, 2, 3]), rng.of(&[0, 1, 2, 3]));
        let shims = [Tile::new(from, 0), Tile::new(to, 0)];
        let mems = [
            Tile::new(rng.of(&[0, 1, 2, 3]), 1),
            Tile::new(rng.of(&[0, 1, 2, 3]), 1),
        ];
        let len = rng.of(&[16, 32, 64, 128]);
        let objects = rng.up_to(4);
        match rng.next() % 4 {
            0 => self.chain(rng, shims, len, objects),
            1 => self.through_memory(rng, shims, mems, len, objects),
            2 => self.split(rng, shims, mems, len, objects),
            _ => self.broadcast(rng, shims, mems[0], len, objects),
        }
    }

    /// From shim to core to core to shim.
    fn chain(&mut self, rng: &mut Rng, shims: [Tile; 2], len: u32, objects: u32) {
        let mut from = shims[0];
        let first = self.name("in0");
        let mut last = first.clone();
        for i in 0..rng.up_to(3) {
            let Some(core) = self.core(rng) else { return };
            self.fifo(rng, &last, from, &[core], len);
            let next = self.name(&format!("in{}", i + 1));
            self.copier(core, &last, &next, len);
            (from, last) = (core, next);
        }
        self.fifo(rng, &last, from, &shims[1..], len);
        let all: Vec<u32> = (0..objects * len).collect();
        self.transfers([&first, &last], objects * len, &all);
    }

    /// Through memory tiles on the way to a core and back, with layouts.
    fn through_memory(
        &mut self,
        rng: &mut Rng,
        shims: [Tile; 2],
        mems: [Tile; 2],
        len: u32,
        objects: u32,
    ) {
        let Some(core) = self.core(rng) else { return };
        let names = ["a", "b", "c", "d"].map(|part| self.name(part));
        self.fifo(rng, &names[0], shims[0], &mems[..1], len);
        let inner = self.fifo(rng, &names[1], mems[0], &[core], len);
        let outer = self.fifo(rng, &names[2], core, &mems[1..], len);
        self.fifo(rng, &names[3], mems[1], &shims[1..], len);
        self.link(&names[..1], &names[1..2], 0);
        self.link(&names[2..3], &names[3..], 0);
        self.copier(core, &names[1], &names[2], len);
        // What is at each place of an object after every step.
        let mut object: Vec<u32> = (0..len).collect();
        for (fifo, sends) in [(inner, true), (inner, false), (outer, true), (outer, false)] {
            if rng.next().is_multiple_of(2) {
                continue;
            }
            let dims = walk(rng, len);
            let places = order(&dims, len);
            let before = object.clone();
            for (n, place) in places.into_iter().enumerate() {
                match sends {
                    true => object[n] = before[place as usize],
                    false => object[place as usize] = before[n],
                }
            }
            let fifo = &mut self.design.fifos[fifo];
            match sends {
                true => fifo.dims_to_stream = dims,
                false => fifo.consumers[0].dims_from_stream = dims,
            }
        }
        let all = (0..objects).flat_map(|i| object.iter().map(move |at| i * len + at));
        let all: Vec<u32> = all.collect();
        self.transfers([&names[0], &names[3]], objects * len, &all);
    }

    /// Parts of an object to several cores, and joined again.
    fn split(&mut self, rng: &mut Rng, shims: [Tile; 2], mems: [Tile; 2], len: u32, objects: u32) {
        let parts = 1 + rng.up_to(3);
        let (whole, joined) = (self.name("whole"), self.name("joined"));
        self.fifo(rng, &whole, shims[0], &mems[..1], parts * len);
        let (mut ins, mut outs) = (Vec::new(), Vec::new());
        for i in 0..parts {
            let Some(core) = self.core(rng) else { return };
            let (input, output) = (self.name(&format!("in{i}")), self.name(&format!("out{i}")));
            self.fifo(rng, &input, mems[0], &[core], len);
            self.fifo(rng, &output, core, &mems[1..], len);
            self.copier(core, &input, &output, len);
            ins.push(input);
            outs.push(output);
        }
        self.fifo(rng, &joined, mems[1], &shims[1..], parts * len);
        self.link(std::slice::from_ref(&whole), &ins, len);
        self.link(&outs, std::slice::from_ref(&joined), len);
        let all: Vec<u32> = (0..objects * parts * len).collect();
        self.transfers([&whole, &joined], objects * parts * len, &all);
    }

    /// Objects to several cores, whose copies are joined.
    fn broadcast(&mut self, rng: &mut Rng, shims: [Tile; 2], mem: Tile, len: u32, objects: u32) {
        let (input, joined) = (self.name("all"), self.name("joined"));
        let at = self.fifo(rng, &input, shims[0], &[], len);
        let parts = 1 + rng.up_to(3);
        let mut outs = Vec::new();
        for i in 0..parts {
            let Some(core) = self.core(rng) else { return };
            let output = self.name(&format!("out{i}"));
            let consumer = npuc::array::design::Consumer::new(core);
            self.design.fifos[at].consumers.push(consumer);
            self.fifo(rng, &output, core, &[mem], len);
            self.copier(core, &input, &output, len);
            outs.push(output);
        }
        self.fifo(rng, &joined, mem, &shims[1..], parts * len);
        self.link(&outs, std::slice::from_ref(&joined), len);
        let object = |i: u32| (0..parts).flat_map(move |_| i * len..(i + 1) * len);
        let all: Vec<u32> = (0..objects).flat_map(object).collect();
        self.transfers([&input, &joined], objects * len, &all);
    }
}

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
        let expected = input[*from as usize];
        assert_eq!(u32::from_le_bytes(*word), expected, "word {n}\n{design}");
    }
}

/// Lowers designs, runs some of them, and gives the number that is not routed.
fn check(designs: u64, runs: u64) -> u64 {
    let (mut unrouted, mut ran, mut flows) = (0, 0, 0);
    for seed in 0..designs {
        let random = Random::new(seed);
        let verified = verify(random.finished()).unwrap_or_else(|e| panic!("{seed}: {e}"));
        match lower(&verified) {
            Ok(lowered) => {
                flows += lowered.flows.len();
                if ran < runs && !random.arrives.is_empty() {
                    run(&random, verified.design(), &lowered);
                    ran += 1;
                }
            }
            Err(LowerError::Route { .. }) => unrouted += 1,
            Err(error) => panic!("{seed}: {error}\n{}", verified.design()),
        }
    }
    println!(
        "{designs} legal designs, {flows} flows: {unrouted} not routed ({:.2} %), {ran} run, every word right",
        unrouted as f64 * 100.0 / designs as f64
    );
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
