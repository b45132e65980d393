//! Every error of the design verifier, worded as in `snapshots/`.

use std::fmt::Write;

use arch::array::Direction;
use npuc::array::design::{
    Arg, Buffer, Cascade, Consumer, Depth, Design, Dim, HostArg, Kernel, Link, ObjectFifo,
    ObjectType, Pad, Param, Port, RegisterWrite, SeqOp, Step, Task, TaskPart, TokenWait, Transfer,
    Worker,
};
use npuc::array::verify::verify;
use npuc::kernel::types::Elem;

use super::designs::{self, tile};

/// Collects messages under headings.
#[derive(Default)]
struct Messages(String);

impl Messages {
    fn add(&mut self, case: &str, mut design: Design, edit: impl FnOnce(&mut Design)) {
        edit(&mut design);
        match verify(design) {
            Ok(_) => panic!("`{case}` is accepted"),
            Err(error) => writeln!(self.0, "# {case}\n{error}\n").unwrap(),
        }
    }

    /// An edit of the passthrough design.
    fn pass(&mut self, case: &str, edit: impl FnOnce(&mut Design)) {
        self.add(case, designs::passthrough(), edit);
    }
}

fn words(len: u32) -> ObjectType {
    ObjectType::new(Elem::I32, [len])
}

/// The steps inside the worker's endless loop.
fn body(design: &mut Design) -> &mut Vec<Step> {
    match &mut design.workers[0].body[0] {
        Step::Repeat { body, .. } => body,
        other => panic!("{other:?} is no loop"),
    }
}

fn ops(design: &mut Design) -> &mut Vec<SeqOp> {
    &mut design.sequences[0].ops
}

fn transfer(design: &mut Design, op: usize) -> &mut Transfer {
    match &mut ops(design)[op] {
        SeqOp::Transfer(transfer) => transfer,
        other => panic!("{other:?} is no transfer"),
    }
}

/// Fifos from the host to one core.
fn inputs(fifos: &[(&str, u32, ObjectType)]) -> Design {
    let mut design = Design::new("inputs");
    for (i, (name, depth, object)) in fifos.iter().enumerate() {
        let shim = tile(i as u8 / 2, 0);
        let fifo = ObjectFifo::new(*name, shim, &[tile(0, 2)], *depth, object.clone());
        design.fifos.push(fifo);
    }
    design
}

#[test]
fn fifos_and_tiles() {
    let mut m = Messages::default();
    m.pass("columns", |d| d.columns = 5);
    m.pass("name", |d| d.fifos[0].name = "in-put".to_string());
    m.pass("same name", |d| d.fifos[1].name = "in".to_string());
    m.pass("tile outside", |d| {
        d.fifos[0].consumers[0].tile = tile(0, 6)
    });
    m.add("column outside", designs::one_column(), |d| {
        d.fifos[0].producer = tile(1, 0);
    });
    m.pass("worker on a memory tile", |d| {
        d.workers[0].tile = tile(0, 1)
    });
    m.pass("no consumer", |d| d.fifos[0].consumers.clear());
    m.pass("tile twice", |d| {
        d.fifos[0].consumers.push(Consumer::new(tile(0, 2)));
    });
    m.pass("host to host", |d| {
        d.fifos[0].consumers[0].tile = tile(1, 0)
    });
    m.pass("empty object", |d| d.fifos[0].object = words(0));
    m.pass("object of part words", |d| {
        d.fifos[0].object = ObjectType::new(Elem::I16, [15]);
    });
    m.pass("object beyond any tile", |d| {
        d.fifos[0].object = ObjectType::new(Elem::I32, [u32::MAX; 8]);
    });
    m.pass("depth 0", |d| d.fifos[0].depth = Depth::Same(0));
    m.pass("depth list", |d| d.fifos[0].depth = Depth::PerEnd(vec![2]));
    m.pass("depth beyond a lock", |d| {
        d.fifos[0].depth = Depth::Same(64)
    });
    m.pass("initial value", |d| {
        d.buffers
            .push(Buffer::new("table", tile(0, 2), words(4)).holding(vec![0; 15]));
    });
    insta::assert_snapshot!(m.0);
}

#[test]
fn orders_of_access() {
    let mut m = Messages::default();
    let to_stream = |d: &mut Design, dims: &[(u32, u32)]| {
        d.workers.clear();
        d.fifos[1].dims_to_stream = dims.iter().map(|&(s, t)| Dim::new(s, t)).collect();
    };
    m.pass("at a shim", |d| {
        d.fifos[0].dims_to_stream = vec![Dim::new(64, 1)];
    });
    m.pass("too many dimensions", |d| {
        to_stream(d, &[(2, 32), (2, 16), (2, 8), (8, 1)]);
    });
    m.pass("size", |d| {
        d.fifos[1].object = words(512);
        to_stream(d, &[(2, 256), (256, 1)]);
    });
    m.pass("size 0", |d| to_stream(d, &[(64, 1), (0, 1)]));
    m.pass("stride", |d| {
        d.fifos[1].object = words(10000);
        to_stream(d, &[(2, 8193), (2, 1)]);
    });
    m.pass("stride 0", |d| to_stream(d, &[(2, 0), (32, 1)]));
    m.pass("cover", |d| to_stream(d, &[(2, 32), (16, 1)]));
    m.pass("outside", |d| to_stream(d, &[(2, 33), (32, 1)]));
    let narrow = |d: &mut Design, dims: &[(u32, u32)]| {
        d.fifos[1].object = ObjectType::new(Elem::I16, [256]);
        to_stream(d, dims);
    };
    m.pass("narrow elements one by one", |d| {
        narrow(d, &[(16, 1), (16, 16)]);
    });
    m.pass("narrow elements, odd size", |d| {
        narrow(d, &[(256, 1), (1, 1)]);
    });
    m.pass("narrow elements, odd stride", |d| {
        narrow(d, &[(2, 127), (128, 1)]);
    });
    insta::assert_snapshot!(m.0);
}

#[test]
fn links() {
    let mut m = Messages::default();
    let forward = designs::forward;
    let link = |d: &mut Design, inputs: &[&str], outputs: &[&str], offsets: &[u32]| {
        let names = |list: &[&str]| list.iter().map(|n| (*n).to_string()).collect();
        d.links.push(Link {
            inputs: names(inputs),
            outputs: names(outputs),
            offsets: offsets.to_vec(),
        });
    };
    m.add("unknown fifo", forward(), |d| {
        d.links[0].inputs = vec!["in_l4".to_string()];
    });
    m.add("shape", forward(), |d| {
        d.links.clear();
        link(d, &["in_l3", "out_l1"], &["in_l2", "out_l2"], &[]);
    });
    m.add("twice", forward(), |d| {
        link(d, &["in_l3"], &["out_l2"], &[])
    });
    m.add("elsewhere", forward(), |d| {
        d.fifos[0].consumers[0].tile = tile(0, 1);
    });
    m.add("on a core", forward(), |d| {
        d.links.clear();
        link(d, &["in_l2"], &["out_l1"], &[]);
    });
    m.add("offsets for one fifo", forward(), |d| {
        d.links[0].offsets = vec![0];
    });
    let parts = designs::distribute_join;
    m.add("missing offsets", parts(), |d| d.links[1].offsets.clear());
    m.add("order of offsets", parts(), |d| {
        d.links[1].offsets = vec![0, 128, 64, 192];
    });
    m.add("part words", parts(), |d| {
        d.links[0].offsets = vec![0, 63, 127, 192];
    });
    m.add("length of parts", parts(), |d| {
        d.links[0].offsets = vec![0, 96, 160, 192];
    });
    m.add("length of objects", forward(), |d| {
        d.fifos[1].object = words(96);
    });
    insta::assert_snapshot!(m.0);
}

#[test]
fn workers() {
    let mut m = Messages::default();
    m.pass("two on a core", |d| d.workers.push(d.workers[0].clone()));
    m.pass("stack", |d| d.workers[0].stack_bytes = 1000);
    m.pass("unknown fifo", |d| {
        body(d)[0] = Step::acquire("inn", Port::Consume, 1);
    });
    m.pass("wrong end", |d| {
        body(d)[0] = Step::acquire("in", Port::Produce, 1);
    });
    m.pass("another worker's fifo", |d| {
        d.fifos.push(ObjectFifo::new(
            "x",
            tile(1, 0),
            &[tile(1, 2)],
            2,
            words(64),
        ));
        body(d)[0] = Step::acquire("x", Port::Consume, 1);
    });
    m.pass("acquire beyond a lock", |d| {
        body(d)[0] = Step::acquire("in", Port::Consume, 4_000_000_000);
    });
    m.pass("acquire beyond the depth", |d| {
        d.fifos[0].depth = Depth::PerEnd(vec![2, 2]);
        body(d)[0] = Step::acquire("in", Port::Consume, 3);
    });
    m.pass("release beyond what is held", |d| {
        let last = body(d).len() - 1;
        body(d)[last] = Step::release("out", Port::Produce, 2);
    });
    m.pass("object not held", |d| {
        let Step::Call { args, .. } = &mut body(d)[2] else {
            panic!("a call is third");
        };
        args[0] = Arg::Object {
            fifo: "in".to_string(),
            index: 1,
        };
    });
    m.pass("steps after an endless loop", |d| {
        let step = Step::acquire("in", Port::Consume, 1);
        d.workers[0].body.push(step);
    });
    m.pass("unknown kernel", |d| body(d)[2] = Step::call("kopy", []));
    m.pass("no kernel at all", |d| d.kernels.clear());
    m.pass("number of arguments", |d| {
        body(d)[2] = Step::call("copy", [Arg::object("in")]);
    });
    m.pass("type of an argument", |d| {
        body(d)[2] = Step::call("copy", [Arg::object("in"), Arg::I32(3)]);
    });
    m.pass("unknown buffer", |d| {
        let args = [Arg::object("in"), Arg::Buffer("tabel".to_string())];
        body(d)[2] = Step::call("copy", args);
    });
    m.pass("buffer of another tile", |d| {
        d.buffers.push(Buffer::new("table", tile(0, 3), words(64)));
        let args = [Arg::object("in"), Arg::Buffer("table".to_string())];
        body(d)[2] = Step::call("copy", args);
    });
    // Every pass fills one object of each of two rings, several times.
    let rings = |d: &mut Design, depths: [u32; 2], times: usize| {
        let (core, north, east) = (tile(0, 2), tile(0, 3), tile(1, 2));
        d.sequences.clear();
        d.fifos = vec![
            ObjectFifo::new("f0", core, &[north], depths[0], words(1)),
            ObjectFifo::new("f1", core, &[east], depths[1], words(1)),
        ];
        let steps = ["f0", "f1"].into_iter().flat_map(|fifo| {
            [
                Step::acquire(fifo, Port::Produce, 1),
                Step::release(fifo, Port::Produce, 1),
            ]
        });
        let steps: Vec<Step> = std::iter::repeat_n(steps, times).flatten().collect();
        d.workers = vec![Worker::new(core, [Step::forever(steps)])];
    };
    m.pass("loops that do not come round", |d| rings(d, [37, 41], 1));
    m.pass("loops of too many steps", |d| rings(d, [29, 31], 3));
    insta::assert_snapshot!(m.0);
}

#[test]
fn resources_of_tiles() {
    let mut m = Messages::default();
    let three = [
        ("a", 2, words(16)),
        ("b", 2, words(16)),
        ("c", 2, words(16)),
    ];
    m.add("input channels of a core", inputs(&three), |_| {});
    m.pass("channels of a shim", |d| {
        for (i, core) in [tile(1, 2), tile(1, 3)].into_iter().enumerate() {
            let name = format!("more{i}");
            d.fifos
                .push(ObjectFifo::new(name, tile(0, 0), &[core], 2, words(16)));
        }
    });
    let deep = [("a", 9, words(16)), ("b", 8, words(16))];
    m.add("descriptors of a core", inputs(&deep), |_| {});
    m.add(
        "descriptors of a memory tile",
        designs::distribute_join(),
        |d| {
            d.fifos[0].depth = Depth::Same(7);
        },
    );
    m.add("locks of a core", inputs(&[("in", 2, words(16))]), |d| {
        for i in 0..8 {
            let (a, b) = (tile(0, 2), tile(0, 3));
            d.fifos
                .push(ObjectFifo::new(format!("s{i}"), a, &[b], 2, words(8)));
        }
    });
    m.add("channels of a memory tile", designs::forward(), |d| {
        for i in 0..6 {
            let core = tile(i / 4, 2 + i % 4);
            let fifo = ObjectFifo::new(format!("x{i}"), core, &[tile(1, 1)], 1, words(8));
            d.fifos.push(fifo);
        }
    });
    m.add("dimensions of a memory tile", designs::forward(), |d| {
        d.fifos[1].dims_to_stream = [(2, 64), (2, 32), (2, 16), (2, 8), (8, 1)]
            .map(|(size, stride)| Dim::new(size, stride))
            .to_vec();
    });
    let large = [("a", 4, words(2048)), ("b", 2, words(4608))];
    m.add("data of a core", inputs(&large), |d| {
        d.buffers.push(Buffer::new(
            "table",
            tile(0, 2),
            ObjectType::new(Elem::I8, [64, 16]),
        ));
        d.workers = vec![Worker::new(tile(0, 2), [])];
    });
    m.add("data of a memory tile", designs::forward(), |d| {
        d.fifos[0].object = words(65536);
    });
    insta::assert_snapshot!(m.0);
}

#[test]
fn sequences() {
    let mut m = Messages::default();
    m.pass("same name", |d| d.sequences.push(d.sequences[0].clone()));
    m.pass("host buffers", |d| {
        for i in 0..4 {
            let arg = HostArg::new(format!("x{i}"), Elem::I32, 1);
            d.sequences[0].args.push(arg);
        }
    });
    m.pass("unknown fifo", |d| ops(d)[2] = SeqOp::wait("oout"));
    m.pass("unknown buffer", |d| transfer(d, 0).arg = "aa".to_string());
    m.add("not at a shim", designs::forward(), |d| {
        ops(d)[2] = SeqOp::wait("in_l2");
    });
    m.pass("two shims", |d| {
        d.fifos[1].consumers.push(Consumer::new(tile(1, 0)));
    });
    m.pass("element type", |d| {
        d.sequences[0].args[0].object.elem = Elem::I16
    });
    m.pass("outside", |d| transfer(d, 0).offset = 4);
    m.pass("far outside", |d| {
        *transfer(d, 0) = Transfer::tiled("in", "a", u64::MAX, [2, 1, 1, 64], [64, 0, 0, 1]);
    });
    m.pass("size 0", |d| transfer(d, 0).sizes = [1, 1, 0, 256]);
    let tiled = |d: &mut Design, sizes, strides| {
        d.sequences[0].args[0].object = words(1 << 22);
        *transfer(d, 0) = Transfer::tiled("in", "a", 0, sizes, strides);
    };
    m.pass("size", |d| tiled(d, [1, 2, 1024, 4], [0, 16384, 8, 1]));
    m.pass("innermost size", |d| {
        tiled(d, [1, 1, 2, 1024], [0, 0, 2048, 1])
    });
    m.pass("repetitions", |d| tiled(d, [65, 2, 2, 64], [4, 64, 128, 1]));
    m.pass("length", |d| {
        d.sequences[0].args[0].object = ObjectType::new(Elem::I32, [1 << 20; 2]);
        *transfer(d, 0) = Transfer::tiled("in", "a", 0, [1, 1, 2, 1 << 31], [0, 0, 1 << 31, 1]);
    });
    m.pass("stride", |d| tiled(d, [2, 1, 1, 4], [2_097_152, 0, 0, 1]));
    m.pass("stride 0", |d| tiled(d, [1, 1, 2, 4], [0, 0, 0, 1]));
    let narrow = |d: &mut Design, sizes, strides, offset| {
        d.fifos[0].object = ObjectType::new(Elem::I16, [64]);
        d.kernels.clear();
        d.workers.clear();
        d.sequences[0].args[0] = HostArg::new("a", Elem::I16, 4096);
        *transfer(d, 0) = Transfer::tiled("in", "a", offset, sizes, strides);
    };
    m.pass("narrow stride", |d| {
        narrow(d, [1, 1, 32, 64], [0, 0, 1, 64], 0);
    });
    m.pass("narrow size", |d| {
        narrow(d, [1, 1, 2, 63], [0, 0, 64, 1], 0)
    });
    m.pass("narrow offset", |d| {
        narrow(d, [1, 1, 1, 64], [0, 0, 0, 1], 3)
    });
    m.pass("no such descriptor", |d| transfer(d, 0).bd = Some(16));
    m.pass("descriptor in use", |d| transfer(d, 1).bd = Some(1));
    m.pass("descriptors in use", |d| {
        let shim = tile(0, 0);
        let core = tile(0, 3);
        d.fifos
            .push(ObjectFifo::new("in1", shim, &[core], 2, words(64)));
        d.fifos
            .push(ObjectFifo::new("out1", core, &[shim], 2, words(64)));
        let linear = |fifo: &str, arg: &str| SeqOp::from(Transfer::linear(fifo, arg, 0, 4));
        *ops(d) = (0..17)
            .map(|i| match i % 4 {
                0 => linear("in", "a"),
                1 => linear("in1", "a"),
                2 => linear("out", "b"),
                _ => linear("out1", "b"),
            })
            .collect();
    });
    m.pass("task queue", |d| {
        *ops(d) = (0..6)
            .map(|i| Transfer::linear("in", "a", 4 * i, 4).into())
            .collect();
    });
    m.pass("nothing to wait for", |d| {
        *ops(d) = vec![
            Transfer::linear("in", "a", 0, 256).into(),
            SeqOp::wait("in"),
        ];
    });
    m.pass("parameter", |d| {
        d.buffers.push(Buffer::new("rtp", tile(0, 2), words(4)));
        ops(d).push(SeqOp::WriteParameter {
            buffer: "rtp".to_string(),
            index: 4,
            value: 1,
        });
    });
    let register = |tile, offset, mask, value| {
        SeqOp::Register(RegisterWrite {
            tile,
            offset,
            mask,
            value,
        })
    };
    m.pass("register outside the partition", |d| {
        ops(d).push(register(tile(4, 2), 0x1f000, None, 1));
    });
    m.pass("register beyond the tile", |d| {
        ops(d).push(register(tile(0, 2), 0x10_0000, None, 1));
    });
    m.pass("half a register", |d| {
        ops(d).push(register(tile(0, 2), 0x1f002, None, 1));
    });
    m.pass("bits outside the mask", |d| {
        ops(d).push(register(tile(0, 0), 0x1d210, Some(0xf00), 0x1300));
    });
    let token = |channel, columns, rows| {
        SeqOp::Token(TokenWait {
            tile: tile(2, 0),
            direction: Direction::S2mm,
            channel,
            columns,
            rows,
        })
    };
    m.pass("token of no channel", |d| ops(d).push(token(2, 1, 1)));
    m.pass("tokens of too many columns", |d| {
        ops(d).push(token(0, 3, 1));
    });
    m.pass("tokens of no rows", |d| ops(d).push(token(0, 1, 0)));
    insta::assert_snapshot!(m.0);
}

#[test]
fn a_kernel_may_take_a_buffer_of_the_same_length_in_another_shape() {
    let mut design = designs::passthrough();
    let matrix = Param::Memory(ObjectType::new(Elem::I32, [8, 8]));
    design.kernels = vec![Kernel::new("copy", [matrix.clone(), matrix])];
    assert!(verify(design).is_ok());
}

#[test]
fn what_producers_send() {
    let mut m = Messages::default();
    let fifo = |d: &mut Design, name: &str, edit: fn(&mut ObjectFifo)| {
        edit(d.fifos.iter_mut().find(|f| f.name == name).expect("a fifo"));
    };
    let (weights, padding) = (designs::weights, designs::padding);
    m.add("never", weights(), |d| fifo(d, "we", |f| f.repeat = 0));
    m.add("repeated by a shim", weights(), |d| {
        fifo(d, "in", |f| f.repeat = 2)
    });
    m.add("beyond a lock", weights(), |d| {
        fifo(d, "w", |f| f.repeat = 64)
    });
    m.add("unequal", designs::distribute_join(), |d| {
        fifo(d, "in1", |f| f.repeat = 2);
    });
    m.add("joined", designs::distribute_join(), |d| {
        fifo(d, "outC", |f| f.repeat = 2);
    });
    m.add("initial objects at a shim", weights(), |d| {
        fifo(d, "in", |f| f.init = vec![vec![0; 32]]);
    });
    m.add("initial parts", designs::distribute_join(), |d| {
        fifo(d, "in0", |f| f.init = vec![vec![0; 128]]);
    });
    m.add("initial objects", weights(), |d| {
        fifo(d, "w", |f| f.init = vec![vec![0; 32]; 2]);
    });
    m.add("initial bytes", weights(), |d| {
        fifo(d, "w", |f| f.init[0].truncate(31))
    });
    m.add("rounds from a core", weights(), |d| {
        fifo(d, "dn", |f| f.rounds = Some(2))
    });
    m.add("rounds of nothing", padding(), |d| {
        fifo(d, "w", |f| f.init.clear())
    });
    m.add("rounds of some", padding(), |d| {
        fifo(d, "w", |f| f.init.truncate(1))
    });
    m.add("one round", padding(), |d| {
        fifo(d, "w", |f| f.rounds = Some(1))
    });
    m.add("rounds", padding(), |d| {
        fifo(d, "w", |f| f.rounds = Some(257))
    });
    m.add("rounds and repetitions", padding(), |d| {
        fifo(d, "w", |f| f.repeat = 2)
    });
    m.add("rounds of a link", padding(), |d| {
        fifo(d, "in_l2", |f| {
            f.init = vec![vec![0; 480]; 2];
            f.rounds = Some(2);
        });
    });
    m.add("zeros from a core", padding(), |d| {
        fifo(d, "out", |f| f.pad = vec![Pad::new(1, 0)]);
    });
    m.add("zeros without a walk", padding(), |d| {
        fifo(d, "in_l2", |f| f.dims_to_stream.truncate(1));
    });
    m.add("many zeros", padding(), |d| {
        fifo(d, "in_l2", |f| f.pad[0].before = 32)
    });
    m.add("many zeros in a row", padding(), |d| {
        fifo(d, "in_l2", |f| f.pad[1].after = 64)
    });
    m.add("zeros of part words", padding(), |d| {
        for name in ["in_l3", "in_l2"] {
            fifo(d, name, |f| f.object.elem = Elem::I16);
        }
    });
    m.add("zeros beyond the object", padding(), |d| {
        fifo(d, "in_l2", |f| f.pad[0].after = 3)
    });
    insta::assert_snapshot!(m.0);
}

#[test]
fn cascades_and_addresses() {
    let mut m = Messages::default();
    let cascade = |d: &mut Design, from, to| d.cascades.push(Cascade { from, to });
    m.pass("cascade to a memory tile", |d| {
        cascade(d, tile(0, 2), tile(0, 1))
    });
    m.pass("cascade to the west", |d| {
        cascade(d, tile(1, 2), tile(0, 2))
    });
    m.pass("cascade to itself", |d| cascade(d, tile(1, 2), tile(1, 2)));
    m.pass("two cascades out", |d| {
        cascade(d, tile(0, 3), tile(0, 2));
        cascade(d, tile(0, 3), tile(1, 3));
    });
    m.pass("two cascades in", |d| {
        cascade(d, tile(0, 2), tile(1, 2));
        cascade(d, tile(1, 3), tile(1, 2));
    });
    let at = |d: &mut Design, address| {
        let name = format!("table{}", d.buffers.len());
        d.buffers
            .push(Buffer::new(name, tile(0, 2), words(16)).at(address));
    };
    m.pass("address between vectors", |d| at(d, 4100));
    m.pass("address in the stack", |d| at(d, 512));
    m.pass("address beyond the memory", |d| at(d, 65504));
    m.pass("address of another", |d| {
        at(d, 4096);
        at(d, 4128);
    });
    insta::assert_snapshot!(m.0);
}

#[test]
fn packets() {
    let mut m = Messages::default();
    let mut packets =
        |case: &str, edit: &dyn Fn(&mut Design)| m.add(case, designs::packets(), edit);
    packets("packet id", &|d| d.fifos[0] = d.fifos[0].clone().packet(32));
    packets("id of tokens", &|d| {
        d.fifos[0] = d.fifos[0].clone().packet(15)
    });
    packets("same id", &|d| d.fifos[3] = d.fifos[3].clone().packet(1));
    packets("header to a core", &|d| {
        d.fifos[1] = d.fifos[1].clone().packet_with_header(2);
    });
    packets("worker of a linked fifo", &|d| {
        let steps = [Step::acquire("in0", Port::Consume, 1)];
        d.workers.push(Worker::new(tile(0, 2), steps));
    });
    packets("join in a core", &|d| {
        d.fifos[1].consumers[0].tile = tile(0, 2);
        d.links = vec![Link {
            inputs: vec!["in0".to_string(), "in1".to_string()],
            outputs: vec!["out0".to_string()],
            offsets: vec![0, 8],
        }];
    });
    packets("too many channels without headers", &|d| {
        d.fifos.extend((0..2).map(|i| {
            let core = tile(1, 2 + i);
            ObjectFifo::new(format!("more{i}"), core, &[tile(0, 0)], 1, words(16)).packet(5 + i)
        }));
    });
    insta::assert_snapshot!(m.0);
}

#[test]
fn tasks() {
    let mut m = Messages::default();
    let mut tasks = |case: &str, edit: &dyn Fn(&mut Vec<SeqOp>)| {
        m.add(case, designs::packets(), |d| edit(ops(d)));
    };
    fn task(op: &mut SeqOp) -> &mut Task {
        match op {
            SeqOp::Task(task) => task,
            other => panic!("{other:?} is no task"),
        }
    }
    tasks("no parts", &|ops| task(&mut ops[0]).parts.clear());
    tasks("done never", &|ops| task(&mut ops[0]).repeat = 0);
    tasks("done too often", &|ops| task(&mut ops[0]).repeat = 257);
    tasks("outermost size", &|ops| {
        task(&mut ops[2]).repeat = 4;
        task(&mut ops[2]).parts[0].sizes = [2, 1, 1, 4];
    });
    tasks("part outside", &|ops| {
        task(&mut ops[2]).parts[0].offset = 20
    });
    tasks("unknown buffer", &|ops| {
        task(&mut ops[2]).parts[0].arg = "c".to_string();
    });
    tasks("same name", &|ops| {
        task(&mut ops[2]).name = "t0".to_string()
    });
    tasks("unknown task", &|ops| ops[1] = SeqOp::start("t3"));
    tasks("descriptor of another task", &|ops| {
        task(&mut ops[2]).parts[0].bd = Some(0);
    });
    tasks("descriptor twice", &|ops| {
        let part = TaskPart {
            bd: Some(5),
            ..TaskPart::linear("a", 0, 8)
        };
        task(&mut ops[2]).parts = vec![part; 2];
    });
    tasks("too many descriptors", &|ops| {
        task(&mut ops[2]).parts = vec![TaskPart::linear("a", 0, 8); 16];
    });
    tasks("start before", &|ops| ops.swap(0, 1));
    tasks("start after the end", &|ops| ops.push(SeqOp::start("t2")));
    tasks("await without token", &|ops| ops[6] = SeqOp::finish("t1"));
    tasks("await without start", &|ops| drop(ops.remove(1)));
    tasks("await out of order", &|ops| {
        task(&mut ops[2]).token = true;
    });
    tasks("free under way", &|ops| ops.swap(6, 7));
    tasks("queue", &|ops| {
        let start = ops[3].clone();
        ops.splice(3..3, vec![start; 5]);
    });
    insta::assert_snapshot!(m.0);
}
