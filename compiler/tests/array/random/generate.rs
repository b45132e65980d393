//! Random legal designs: paths from the host through the array and back, put together as long as the
//! verifier finds nothing.

use std::collections::BTreeSet;

use arch::{Tile, TileKind};
use npuc::array::design::{
    Arg, Cascade, Consumer, Design, Dim, HostArg, Kernel, Link, ObjectFifo, ObjectType, Param,
    Port, SeqOp, Sequence, Step, Transfer, Worker,
};
use npuc::array::verify::verify;
use npuc::kernel::types::Elem;

/// Paths that are tried for a design.
const TRIES: u32 = 8;

/// Numbers that look random and follow from a seed (splitmix).
pub(super) struct Rng(u64);

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

    /// True once in `times`.
    fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }
}

/// A word of the output.
#[derive(Clone, Copy)]
pub(super) enum Arrival {
    /// The word of the input with this number.
    Word(u32),
    /// The header of a packet.
    Header,
}

/// A design with what must arrive for every word of the output.
#[derive(Clone)]
pub(super) struct Random {
    design: Design,
    pub(super) inputs: u32,
    pub(super) arrives: Vec<Arrival>,
    /// Transfers that are under way to the end, by fifo.
    waits: Vec<String>,
    paths: u32,
    /// What the paths have that was asked for by chance.
    pub(super) has: BTreeSet<&'static str>,
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
    /// The design of a seed.
    pub(super) fn new(seed: u64) -> Self {
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
            has: BTreeSet::new(),
        };
        let mut rng = Rng(seed);
        for _ in 0..rng.up_to(TRIES) {
            let mut more = random.clone();
            more.paths += 1;
            let first = more.design.fifos.len();
            more.path(&mut rng);
            match rng.next() % 8 {
                0 | 1 => more.packets(&mut rng, first, 1),
                2 => more.packets(&mut rng, first, 2),
                _ => {}
            }
            if verify(more.finished()).is_ok() {
                random = more;
            }
        }
        random
    }

    /// Puts the words of the last path's fifos into packets, of one in `some` of them; what arrives at the
    /// end then sometimes has its headers.
    fn packets(&mut self, rng: &mut Rng, first: usize, some: u64) {
        let shim = |f: &ObjectFifo| {
            let mut tiles = f.consumers.iter().map(|c| c.tile);
            tiles.find(|tile| tile.kind() == TileKind::Shim)
        };
        let with_header: Vec<Tile> = self.design.fifos[..first]
            .iter()
            .filter(|f| f.packet.is_some_and(|p| p.keep_header))
            .filter_map(shim)
            .collect();
        let ids = (0..32).filter(|id| *id != 15);
        let fifos = self.design.fifos.iter_mut();
        for (fifo, id) in fifos.zip(ids).skip(first) {
            if !rng.once_in(some) {
                continue;
            }
            self.has.insert("packets");
            *fifo = fifo.clone().packet(id);
            // Objects of several fifos with headers arrive in any order on the channel that they share.
            let joined = self
                .design
                .links
                .iter()
                .any(|l| l.outputs == [fifo.name.clone()] && l.inputs.len() > 1);
            let alone = shim(fifo).is_some_and(|tile| !with_header.contains(&tile));
            if !alone || joined || !rng.once_in(2) {
                continue;
            }
            self.has.insert("headers");
            *fifo = fifo.clone().packet_with_header(id);
            let ops = &mut self.design.sequences[0].ops;
            let Some(SeqOp::Transfer(transfer)) = ops.last_mut() else {
                continue;
            };
            let words = fifo.object.len() as usize;
            let start = self.arrives.len() - transfer.len() as usize;
            let plain = self.arrives.split_off(start);
            for object in plain.chunks(words) {
                self.arrives.push(Arrival::Header);
                self.arrives.extend(object);
            }
            let len = (self.arrives.len() - start) as u32;
            *transfer = Transfer::linear(fifo.name.clone(), "output", start as u64, len);
        }
    }

    /// The design with its host buffers and its waits.
    pub(super) fn finished(&self) -> Design {
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

    /// A core that copies objects of `len` words for ever, each input to its output.
    fn copier(&mut self, core: Tile, ways: &[[&str; 2]], len: u32) {
        let kernel = format!("copy{len}");
        if !self.design.kernels.iter().any(|k| k.name == kernel) {
            let params = vec![Param::Memory(words(len)); 2];
            self.design.kernels.push(Kernel::new(&kernel, params));
        }
        // What stands there several times is acquired once, with as many objects for an output.
        let mut inputs: Vec<&str> = ways.iter().map(|w| w[0]).collect();
        let mut outputs: Vec<(&str, u32)> = Vec::new();
        inputs.dedup();
        let mut calls = Vec::new();
        for [input, output] in ways {
            let index = match outputs.iter_mut().find(|(name, _)| name == output) {
                Some((_, count)) => {
                    *count += 1;
                    *count - 1
                }
                None => {
                    outputs.push((output, 1));
                    0
                }
            };
            let to = Arg::Object {
                fifo: (*output).to_string(),
                index,
            };
            calls.push(Step::call(kernel.clone(), [Arg::object(*input), to]));
        }
        let take = inputs
            .iter()
            .map(|name| Step::acquire(*name, Port::Consume, 1));
        let get = outputs
            .iter()
            .map(|(name, n)| Step::acquire(*name, Port::Produce, *n));
        let give = inputs
            .iter()
            .map(|name| Step::release(*name, Port::Consume, 1));
        let put = outputs
            .iter()
            .map(|(name, n)| Step::release(*name, Port::Produce, *n));
        let steps: Vec<Step> = take
            .chain(get)
            .chain(calls)
            .chain(give)
            .chain(put)
            .collect();
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

    /// Moves `len` words into each input; what comes back is `arrives`, counted from the first word of the
    /// first input.
    fn transfers(&mut self, inputs: &[&str], output: &str, len: u32, arrives: &[u32]) {
        let start = self.arrives.len() as u64;
        let first = self.inputs;
        let ops = &mut self.design.sequences[0].ops;
        for input in inputs {
            ops.push(Transfer::linear(*input, "input", u64::from(self.inputs), len).into());
            self.inputs += len;
        }
        ops.push(Transfer::linear(output, "output", start, arrives.len() as u32).into());
        self.waits.push(output.to_string());
        let words = arrives.iter().map(|at| Arrival::Word(first + at));
        self.arrives.extend(words);
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
        match rng.next() % 6 {
            0 => self.chain(rng, shims, len, objects),
            1 => self.through_memory(rng, shims, mems, len, objects),
            2 => self.split(rng, shims, mems, len, objects),
            3 => self.broadcast(rng, shims, mems[0], len, objects),
            4 => self.zip(rng, shims, len, objects),
            _ => self.diamond(rng, shims, len, objects),
        }
    }

    /// From shim to core to core to shim. Between neighbours there may be a cascade, which nobody uses.
    fn chain(&mut self, rng: &mut Rng, shims: [Tile; 2], len: u32, objects: u32) {
        let mut from = shims[0];
        let first = self.name("in0");
        let mut last = first.clone();
        for i in 0..rng.up_to(3) {
            let Some(core) = self.core(rng) else { return };
            self.fifo(rng, &last, from, &[core], len);
            let next = self.name(&format!("in{}", i + 1));
            self.copier(core, &[[&last, &next]], len);
            let cascade = Cascade { from, to: core };
            let mut with = self.design.clone();
            with.cascades.push(cascade);
            if from.kind() == TileKind::Core && rng.once_in(2) && cascade_fits(&cascade) {
                self.has.insert("cascades");
                self.design = with;
            }
            (from, last) = (core, next);
        }
        self.fifo(rng, &last, from, &shims[1..], len);
        let all: Vec<u32> = (0..objects * len).collect();
        self.transfers(&[&first], &last, objects * len, &all);
    }

    /// Through memory tiles on the way to a core and back, with layouts, sometimes several times.
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
        self.copier(core, &[[&names[1], &names[2]]], len);
        let times = if rng.once_in(3) { rng.up_to(3) } else { 1 };
        if times > 1 {
            self.has.insert("repeat");
            self.design.fifos[inner].repeat = times;
        }
        // What is at each place of an object after every step.
        let mut object: Vec<u32> = (0..len).collect();
        for (fifo, sends) in [(inner, true), (inner, false), (outer, true), (outer, false)] {
            if rng.once_in(2) {
                continue;
            }
            self.has.insert("layouts");
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
        let sent = (0..objects).flat_map(|i| std::iter::repeat_n(i, times as usize));
        let all = sent.flat_map(|i| object.iter().map(move |at| i * len + at));
        let all: Vec<u32> = all.collect();
        self.transfers(&[&names[0]], &names[3], objects * len, &all);
    }

    /// Parts of an object to several cores, and joined again.
    fn split(&mut self, rng: &mut Rng, shims: [Tile; 2], mems: [Tile; 2], len: u32, objects: u32) {
        self.has.insert("distributes");
        self.has.insert("joins");
        let parts = 1 + rng.up_to(3);
        let (whole, joined) = (self.name("whole"), self.name("joined"));
        self.fifo(rng, &whole, shims[0], &mems[..1], parts * len);
        let (mut ins, mut outs) = (Vec::new(), Vec::new());
        for i in 0..parts {
            let Some(core) = self.core(rng) else { return };
            let (input, output) = (self.name(&format!("in{i}")), self.name(&format!("out{i}")));
            self.fifo(rng, &input, mems[0], &[core], len);
            self.fifo(rng, &output, core, &mems[1..], len);
            self.copier(core, &[[&input, &output]], len);
            ins.push(input);
            outs.push(output);
        }
        self.fifo(rng, &joined, mems[1], &shims[1..], parts * len);
        self.link(std::slice::from_ref(&whole), &ins, len);
        self.link(&outs, std::slice::from_ref(&joined), len);
        let all: Vec<u32> = (0..objects * parts * len).collect();
        self.transfers(&[&whole], &joined, objects * parts * len, &all);
    }

    /// Objects to several cores, whose copies are joined.
    fn broadcast(&mut self, rng: &mut Rng, shims: [Tile; 2], mem: Tile, len: u32, objects: u32) {
        self.has.insert("broadcasts");
        let (input, joined) = (self.name("all"), self.name("joined"));
        let at = self.fifo(rng, &input, shims[0], &[], len);
        let parts = 1 + rng.up_to(3);
        let mut outs = Vec::new();
        for i in 0..parts {
            let Some(core) = self.core(rng) else { return };
            let output = self.name(&format!("out{i}"));
            self.design.fifos[at].consumers.push(Consumer::new(core));
            self.fifo(rng, &output, core, &[mem], len);
            self.copier(core, &[[&input, &output]], len);
            outs.push(output);
        }
        self.fifo(rng, &joined, mem, &shims[1..], parts * len);
        self.link(&outs, std::slice::from_ref(&joined), len);
        let object = |i: u32| (0..parts).flat_map(move |_| i * len..(i + 1) * len);
        let all: Vec<u32> = (0..objects).flat_map(object).collect();
        self.transfers(&[&input], &joined, objects * len, &all);
    }

    /// A core that takes turns between two fifos from one shim.
    fn zip(&mut self, rng: &mut Rng, shims: [Tile; 2], len: u32, objects: u32) {
        self.has.insert("cores of two inputs");
        let Some(core) = self.core(rng) else { return };
        let [a, b, both] = ["a", "b", "both"].map(|part| self.name(part));
        self.fifo(rng, &a, shims[0], &[core], len);
        self.fifo(rng, &b, shims[0], &[core], len);
        self.fifo(rng, &both, core, &shims[1..], len);
        self.copier(core, &[[&a, &both], [&b, &both]], len);
        let turn =
            |i: u32| (0..2).flat_map(move |n| (n * objects + i) * len..(n * objects + i + 1) * len);
        let all: Vec<u32> = (0..objects).flat_map(turn).collect();
        self.transfers(&[&a, &b], &both, objects * len, &all);
    }

    /// A core that gives to two others, which give to a fourth.
    fn diamond(&mut self, rng: &mut Rng, shims: [Tile; 2], len: u32, objects: u32) {
        self.has.insert("diamonds");
        let [input, l0, r0, l1, r1, output] =
            ["in", "left0", "right0", "left1", "right1", "out"].map(|part| self.name(part));
        let Some(top) = self.core(rng) else { return };
        self.fifo(rng, &input, shims[0], &[top], len);
        self.copier(top, &[[&input, &l0], [&input, &r0]], len);
        let mut ends = Vec::new();
        for [from, to] in [[&l0, &l1], [&r0, &r1]] {
            let Some(core) = self.core(rng) else { return };
            self.fifo(rng, from, top, &[core], len);
            self.copier(core, &[[from, to]], len);
            ends.push(core);
        }
        let Some(bottom) = self.core(rng) else { return };
        self.fifo(rng, &l1, ends[0], &[bottom], len);
        self.fifo(rng, &r1, ends[1], &[bottom], len);
        self.copier(bottom, &[[&l1, &output], [&r1, &output]], len);
        self.fifo(rng, &output, bottom, &shims[1..], len);
        let twice = (0..objects).flat_map(|i| [i, i]);
        let all: Vec<u32> = twice.flat_map(|i| i * len..(i + 1) * len).collect();
        self.transfers(&[&input], &output, objects * len, &all);
    }
}

/// Whether accumulators can go there.
fn cascade_fits(cascade: &Cascade) -> bool {
    let Cascade { from, to } = cascade;
    (from.col + 1 == to.col && from.row == to.row) || (from.col == to.col && to.row + 1 == from.row)
}
