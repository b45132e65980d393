//! The designs whose reference outputs are in `emulator/tests/goldens`.

use arch::Tile;
use arch::array::Direction;
use npuc::array::design::{
    Arg, Buffer, Cascade, Design, Dim, HostArg, Kernel, Link, ObjectFifo, ObjectType, Pad, Param,
    Port, RegisterWrite, SeqOp, Sequence, Step, Task, TaskPart, TokenWait, Transfer, Worker,
};
use npuc::kernel::types::Elem;

pub(super) fn tile(col: u8, row: u8) -> Tile {
    Tile::new(col, row)
}

fn object(elem: Elem, len: u32) -> ObjectType {
    ObjectType::new(elem, [len])
}

fn i32s(len: u32) -> ObjectType {
    object(Elem::I32, len)
}

fn dims(dims: &[(u32, u32)]) -> Vec<Dim> {
    dims.iter()
        .map(|&(size, stride)| Dim::new(size, stride))
        .collect()
}

fn link(inputs: &[&str], outputs: &[&str], offsets: &[u32]) -> Link {
    let names = |list: &[&str]| list.iter().map(|n| (*n).to_string()).collect();
    Link {
        inputs: names(inputs),
        outputs: names(outputs),
        offsets: offsets.to_vec(),
    }
}

/// Steps that take one object of each input and one of the output, call `kernel`, and release.
fn pass(kernel: &str, inputs: &[&str], output: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = inputs
        .iter()
        .map(|&fifo| Step::acquire(fifo, Port::Consume, 1))
        .collect();
    steps.push(Step::acquire(output, Port::Produce, 1));
    let args: Vec<Arg> = inputs
        .iter()
        .chain([&output])
        .map(|&fifo| Arg::object(fifo))
        .collect();
    steps.push(Step::call(kernel, args));
    steps.extend(
        inputs
            .iter()
            .map(|&fifo| Step::release(fifo, Port::Consume, 1)),
    );
    steps.push(Step::release(output, Port::Produce, 1));
    steps
}

fn sequence(args: &[(&str, Elem, u32)], ops: Vec<SeqOp>) -> Sequence {
    Sequence {
        name: "main".to_string(),
        args: args
            .iter()
            .map(|&(name, elem, len)| HostArg::new(name, elem, len))
            .collect(),
        ops,
    }
}

/// A core copies objects of 64 words.
pub(super) fn passthrough() -> Design {
    let (shim, core) = (tile(0, 0), tile(0, 2));
    let mut design = Design::new("passthrough");
    design.fifos = vec![
        ObjectFifo::new("in", shim, &[core], 2, i32s(64)),
        ObjectFifo::new("out", core, &[shim], 2, i32s(64)),
    ];
    let memory = Param::Memory(i32s(64));
    design.kernels = vec![Kernel::new("copy", [memory.clone(), memory])];
    design.workers = vec![Worker::new(
        core,
        [Step::forever(pass("copy", &["in"], "out"))],
    )];
    design.sequences = vec![sequence(
        &[("a", Elem::I32, 256), ("b", Elem::I32, 256)],
        vec![
            Transfer::linear("in", "a", 0, 256).on_bd(1).into(),
            Transfer::linear("out", "b", 0, 256).on_bd(0).into(),
            SeqOp::wait("out"),
        ],
    )];
    design
}

/// The same on a partition of one column.
pub(super) fn one_column() -> Design {
    Design {
        columns: 1,
        ..passthrough()
    }
}

/// A core adds two streams, four objects of 32 words each, and is done.
pub(super) fn add() -> Design {
    let (shim, core) = (tile(0, 0), tile(0, 2));
    let mut design = Design::new("add");
    design.fifos = vec![
        ObjectFifo::new("in0", shim, &[core], 2, i32s(32)),
        ObjectFifo::new("in1", shim, &[core], 2, i32s(32)),
        ObjectFifo::new("out", core, &[shim], 2, i32s(32)),
    ];
    design.kernels = vec![Kernel::new("add", vec![Param::Memory(i32s(32)); 3])];
    design.workers = vec![Worker::new(
        core,
        [Step::repeat(4, pass("add", &["in0", "in1"], "out"))],
    )];
    design.sequences = vec![sequence(
        &[
            ("a", Elem::I32, 128),
            ("b", Elem::I32, 128),
            ("c", Elem::I32, 128),
        ],
        vec![
            Transfer::linear("in0", "a", 0, 128).into(),
            Transfer::linear("in1", "b", 0, 128).into(),
            Transfer::linear("out", "c", 0, 128).into(),
            SeqOp::wait("out"),
        ],
    )];
    design
}

/// Through a memory tile and back, objects of another size on the core.
pub(super) fn forward() -> Design {
    let (shim, mem, core) = (tile(1, 0), tile(1, 1), tile(1, 3));
    let mut design = Design::new("forward");
    design.fifos = vec![
        ObjectFifo::new("in_l3", shim, &[mem], 2, i32s(128)),
        ObjectFifo::new("in_l2", mem, &[core], 2, i32s(32)),
        ObjectFifo::new("out_l1", core, &[mem], 2, i32s(32)),
        ObjectFifo::new("out_l2", mem, &[shim], 2, i32s(128)),
    ];
    design.links = vec![
        link(&["in_l3"], &["in_l2"], &[]),
        link(&["out_l1"], &["out_l2"], &[]),
    ];
    design.kernels = vec![Kernel::new("copy", vec![Param::Memory(i32s(32)); 2])];
    design.workers = vec![Worker::new(
        core,
        [Step::forever(pass("copy", &["in_l2"], "out_l1"))],
    )];
    design.sequences = vec![sequence(
        &[("a", Elem::I32, 512), ("b", Elem::I32, 512)],
        vec![
            Transfer::linear("in_l3", "a", 0, 512).into(),
            Transfer::linear("out_l2", "b", 0, 512).into(),
            SeqOp::wait("out_l2"),
        ],
    )];
    design
}

/// A memory tile cuts objects for four cores and joins their results.
pub(super) fn distribute_join() -> Design {
    let (shim, mem) = (tile(0, 0), tile(0, 1));
    let part = object(Elem::I16, 64);
    let whole = object(Elem::I16, 256);
    let offsets = [0, 64, 128, 192];
    let mut design = Design::new("distribute_join");
    design
        .fifos
        .push(ObjectFifo::new("inA", shim, &[mem], 2, whole.clone()));
    for i in 0..4 {
        let core = tile(0, 2 + i);
        let fifo = ObjectFifo::new(format!("in{i}"), mem, &[core], 2, part.clone());
        design.fifos.push(fifo);
    }
    for i in 0..4 {
        let core = tile(0, 2 + i);
        let fifo = ObjectFifo::new(format!("out{i}"), core, &[mem], 2, part.clone());
        design.fifos.push(fifo);
        let steps = pass("copy", &[&format!("in{i}")], &format!("out{i}"));
        design
            .workers
            .push(Worker::new(core, [Step::forever(steps)]));
    }
    design
        .fifos
        .push(ObjectFifo::new("outC", mem, &[shim], 2, whole));
    design.links = vec![
        link(&["inA"], &["in0", "in1", "in2", "in3"], &offsets),
        link(&["out0", "out1", "out2", "out3"], &["outC"], &offsets),
    ];
    design.kernels = vec![Kernel::new("copy", vec![Param::Memory(part); 2])];
    design.sequences = vec![sequence(
        &[("a", Elem::I16, 1024), ("b", Elem::I16, 1024)],
        vec![
            Transfer::linear("inA", "a", 0, 1024).into(),
            Transfer::linear("outC", "b", 0, 1024).into(),
            SeqOp::wait("outC"),
        ],
    )];
    design
}

/// One stream to four cores in three columns, their results joined.
pub(super) fn broadcast() -> Design {
    let (shim, mem) = (tile(0, 0), tile(0, 1));
    let cores = [tile(0, 2), tile(0, 3), tile(1, 2), tile(2, 4)];
    let mut design = Design::new("broadcast");
    let fifo = ObjectFifo::new("bc", shim, &cores, 2, i32s(16));
    design.fifos.push(fifo.depths(&[2, 2, 3, 2, 1]));
    for (i, core) in cores.into_iter().enumerate() {
        let name = format!("o{i}");
        design
            .fifos
            .push(ObjectFifo::new(&name, core, &[mem], 2, i32s(16)));
        let steps = pass("copy", &["bc"], &name);
        design
            .workers
            .push(Worker::new(core, [Step::forever(steps)]));
    }
    design
        .fifos
        .push(ObjectFifo::new("oj", mem, &[shim], 2, i32s(64)));
    design.links = vec![link(&["o0", "o1", "o2", "o3"], &["oj"], &[0, 16, 32, 48])];
    design.kernels = vec![Kernel::new("copy", vec![Param::Memory(i32s(16)); 2])];
    design.sequences = vec![sequence(
        &[("a", Elem::I32, 64), ("b", Elem::I32, 256)],
        vec![
            Transfer::linear("bc", "a", 0, 64).into(),
            Transfer::linear("oj", "b", 0, 256).into(),
            SeqOp::wait("oj"),
        ],
    )];
    design
}

/// Layouts of several dimensions in memory tile and core, of 16 and 32-bit elements.
pub(super) fn layouts() -> Design {
    let (shim, mem, core) = (tile(0, 0), tile(0, 1), tile(0, 2));
    let matrix = object(Elem::I16, 512);
    let tiled = dims(&[(8, 64), (2, 8), (4, 16), (8, 1)]);
    let mut design = Design::new("layouts");
    design.fifos = vec![
        ObjectFifo::new("in_l3", shim, &[mem], 2, matrix.clone()),
        ObjectFifo::new("in_l2", mem, &[core], 2, matrix.clone()).to_stream(&tiled),
        ObjectFifo::new("out_l1", core, &[mem], 2, matrix.clone())
            .to_stream(&dims(&[(32, 8), (2, 256), (8, 1)]))
            .from_stream(&tiled),
        ObjectFifo::new("out_l2", mem, &[shim], 2, matrix.clone()),
        ObjectFifo::new("t_l3", shim, &[mem], 1, i32s(64)),
        ObjectFifo::new("t_l2", mem, &[core], 1, i32s(64))
            .to_stream(&dims(&[(8, 1), (8, 8)]))
            .from_stream(&dims(&[(8, 4), (2, 32), (4, 1)]))
            .depths(&[1, 2]),
    ];
    design.links = vec![
        link(&["in_l3"], &["in_l2"], &[]),
        link(&["out_l1"], &["out_l2"], &[]),
        link(&["t_l3"], &["t_l2"], &[]),
    ];
    let memory = Param::Memory(matrix);
    design.kernels = vec![Kernel::new(
        "add",
        [Param::Memory(i32s(64)), memory.clone(), memory],
    )];
    design.workers = vec![Worker::new(
        core,
        [Step::repeat(2, pass("add", &["t_l2", "in_l2"], "out_l1"))],
    )];
    design.sequences = vec![sequence(
        &[
            ("a", Elem::I16, 1024),
            ("t", Elem::I32, 128),
            ("b", Elem::I16, 1024),
        ],
        vec![
            Transfer::linear("in_l3", "a", 0, 1024).into(),
            Transfer::linear("t_l3", "t", 0, 128).into(),
            Transfer::linear("out_l2", "b", 0, 1024).into(),
            SeqOp::wait("out_l2"),
        ],
    )];
    design
}

/// What the two matrix products differ in.
struct Product {
    name: &'static str,
    /// Rows and columns of cores.
    size: u8,
    /// Elements of a tile of A or B, and of C.
    tile_len: (u32, u32),
    input_dims: Vec<Dim>,
    output_dims: Vec<Dim>,
    sequence: Sequence,
}

fn product_worker(core: Tile, row: u8, col: u8) -> Worker {
    let (a, b, c) = (
        format!("A{row}_l2"),
        format!("B{col}_l2"),
        format!("C{col}{row}_l1"),
    );
    let inner = vec![
        Step::acquire(&a, Port::Consume, 1),
        Step::acquire(&b, Port::Consume, 1),
        Step::call("mac", [Arg::object(&a), Arg::object(&b), Arg::object(&c)]),
        Step::release(&a, Port::Consume, 1),
        Step::release(&b, Port::Consume, 1),
    ];
    let outer = vec![
        Step::acquire(&c, Port::Produce, 1),
        Step::call("zero", [Arg::object(&c)]),
        Step::repeat(2, inner),
        Step::release(&c, Port::Produce, 1),
    ];
    Worker {
        stack_bytes: 2048,
        ..Worker::new(core, [Step::forever(outer)])
    }
}

/// Rows of A go along rows of cores, columns of B along columns, C is joined by column.
fn product(p: Product) -> Design {
    let mut design = Design::new(p.name);
    let input = object(Elem::I16, p.tile_len.0);
    let output = i32s(p.tile_len.1);
    for matrix in ["A", "B"] {
        for i in 0..p.size {
            let (shim, mem) = (tile(i, 0), tile(i, 1));
            let cores: Vec<Tile> = (0..p.size)
                .map(|j| {
                    if matrix == "A" {
                        tile(j, 2 + i)
                    } else {
                        tile(i, 2 + j)
                    }
                })
                .collect();
            let (l3, l2) = (format!("{matrix}{i}_l3"), format!("{matrix}{i}_l2"));
            design.links.push(link(&[&l3], &[&l2], &[]));
            design
                .fifos
                .push(ObjectFifo::new(l3, shim, &[mem], 2, input.clone()));
            let fifo = ObjectFifo::new(l2, mem, &cores, 2, input.clone());
            design.fifos.push(fifo.to_stream(&p.input_dims));
        }
    }
    for col in 0..p.size {
        let mem = tile(col, 1);
        let names: Vec<String> = (0..p.size).map(|row| format!("C{col}{row}_l1")).collect();
        for (row, name) in names.iter().enumerate() {
            let core = tile(col, 2 + row as u8);
            design
                .fifos
                .push(ObjectFifo::new(name, core, &[mem], 2, output.clone()));
            design.workers.push(product_worker(core, row as u8, col));
        }
        let all = i32s(p.tile_len.1 * u32::from(p.size));
        let joined = format!("C{col}_l2");
        let fifo = ObjectFifo::new(&joined, mem, &[tile(col, 0)], 2, all);
        design.fifos.push(fifo.to_stream(&p.output_dims));
        let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
        let offsets: Vec<u32> = (0..u32::from(p.size)).map(|i| i * p.tile_len.1).collect();
        design.links.push(link(&inputs, &[&joined], &offsets));
    }
    let (input, output) = (Param::Memory(input), Param::Memory(output));
    design.kernels = vec![
        Kernel::new("zero", [output.clone()]),
        Kernel::new("mac", [input.clone(), input, output]),
    ];
    design.sequences = vec![p.sequence];
    design
}

/// A 32x32x32 product on two by two cores.
pub(super) fn product2x2() -> Design {
    let mut ops: Vec<SeqOp> = Vec::new();
    let square = [1, 1, 32, 16];
    for i in 0..2 {
        let c = Transfer::tiled(format!("C{i}_l2"), "c", 16 * i, square, [0, 0, 32, 1]);
        ops.push(c.on_bd(0).into());
    }
    for i in 0..2 {
        let sizes = [1, 2, 16, 16];
        let a = Transfer::tiled(format!("A{i}_l3"), "a", 512 * i, sizes, [0, 16, 32, 1]);
        ops.push(a.on_bd(1).into());
    }
    for i in 0..2 {
        let sizes = [1, 2, 16, 16];
        let b = Transfer::tiled(format!("B{i}_l3"), "b", 16 * i, sizes, [0, 512, 32, 1]);
        ops.push(b.on_bd(2).into());
    }
    ops.extend((0..2).map(|i| SeqOp::wait(format!("C{i}_l2"))));
    let dims = dims(&[(4, 64), (4, 4), (4, 16), (4, 1)]);
    product(Product {
        name: "product2x2",
        size: 2,
        tile_len: (256, 256),
        input_dims: dims.clone(),
        output_dims: dims,
        sequence: sequence(
            &[
                ("a", Elem::I16, 1024),
                ("b", Elem::I16, 1024),
                ("c", Elem::I32, 1024),
            ],
            ops,
        ),
    })
}

/// A 256x64x256 product on four by four cores, in two rounds.
pub(super) fn product4x4() -> Design {
    let mut ops: Vec<SeqOp> = Vec::new();
    for round in 0..2u64 {
        let bd = 8 * round as u8;
        for i in 0..4 {
            let offset = 32768 * round + 32 * i;
            let (sizes, strides) = ([2, 1, 128, 32], [128, 0, 256, 1]);
            let c = Transfer::tiled(format!("C{i}_l2"), "c", offset, sizes, strides);
            ops.push(c.on_bd(bd).into());
        }
        for i in 0..4 {
            let offset = 8192 * round + 2048 * i;
            let (sizes, strides) = ([2, 2, 32, 32], [0, 32, 64, 1]);
            let a = Transfer::tiled(format!("A{i}_l3"), "a", offset, sizes, strides);
            ops.push(a.on_bd(bd + 1).into());
        }
        for i in 0..4 {
            let (sizes, strides) = ([2, 2, 32, 32], [128, 8192, 256, 1]);
            let b = Transfer::tiled(format!("B{i}_l3"), "b", 32 * i, sizes, strides);
            ops.push(b.on_bd(bd + 2).into());
        }
    }
    for _ in 0..2 {
        ops.extend((0..4).map(|i| SeqOp::wait(format!("C{i}_l2"))));
    }
    product(Product {
        name: "product4x4",
        size: 4,
        tile_len: (1024, 1024),
        input_dims: dims(&[(8, 128), (8, 4), (4, 32), (4, 1)]),
        output_dims: dims(&[(8, 128), (4, 4), (8, 16), (4, 1)]),
        sequence: sequence(
            &[
                ("a", Elem::I16, 16384),
                ("b", Elem::I16, 16384),
                ("c", Elem::I32, 65536),
            ],
            ops,
        ),
    })
}

/// A sliding window of three objects, and a second way past it through a memory tile.
pub(super) fn sliding_window() -> Design {
    let (shim, mem) = (tile(2, 0), tile(2, 1));
    let (c0, c1, c2) = (tile(2, 2), tile(2, 4), tile(3, 5));
    let row = i32s(32);
    let mut design = Design::new("sliding_window");
    design.fifos = vec![
        ObjectFifo::new("in", shim, &[c0, mem], 2, row.clone()).depths(&[2, 2, 6]),
        ObjectFifo::new("skip", mem, &[c2], 2, row.clone()),
        ObjectFifo::new("x01", c0, &[c1], 1, row.clone()).depths(&[1, 4]),
        ObjectFifo::new("x12", c1, &[c2], 3, row.clone()),
        ObjectFifo::new("out", c2, &[shim], 1, row.clone()),
    ];
    design.links = vec![link(&["in"], &["skip"], &[])];
    design.kernels = vec![
        Kernel::new("copy", vec![Param::Memory(row.clone()); 2]),
        Kernel::new("add", vec![Param::Memory(row.clone()); 3]),
        Kernel::new("sum", vec![Param::Memory(row); 4]),
    ];
    let held = |index| Arg::Object {
        fifo: "x01".to_string(),
        index,
    };
    let window = vec![
        Step::acquire("x01", Port::Consume, 3),
        Step::acquire("x12", Port::Produce, 1),
        Step::call("sum", [held(0), held(1), held(2), Arg::object("x12")]),
        Step::release("x01", Port::Consume, 1),
        Step::release("x12", Port::Produce, 1),
    ];
    design.workers = vec![
        Worker::new(c0, [Step::forever(pass("copy", &["in"], "x01"))]),
        Worker::new(
            c1,
            [
                Step::repeat(6, window),
                Step::release("x01", Port::Consume, 2),
            ],
        ),
        Worker::new(c2, [Step::repeat(6, pass("add", &["x12", "skip"], "out"))]),
    ];
    design.sequences = vec![sequence(
        &[("a", Elem::I32, 256), ("b", Elem::I32, 192)],
        vec![
            Transfer::linear("in", "a", 0, 256).into(),
            Transfer::linear("out", "b", 0, 192).into(),
            SeqOp::wait("out"),
        ],
    )];
    design
}

/// Neighbours that share memory, vertically and horizontally.
pub(super) fn shared_memory() -> Design {
    let (shim, c0, c1, c2) = (tile(1, 0), tile(1, 2), tile(1, 3), tile(2, 3));
    let row = i32s(32);
    let mut design = Design::new("shared_memory");
    design.fifos = vec![
        ObjectFifo::new("in", shim, &[c0], 2, row.clone()),
        ObjectFifo::new("v", c0, &[c1], 2, row.clone()),
        ObjectFifo::new("h", c1, &[c2], 3, row.clone()),
        ObjectFifo::new("out", c2, &[shim], 2, row.clone()),
    ];
    design.kernels = vec![Kernel::new("copy", vec![Param::Memory(row); 2])];
    design.workers = [(c0, "in", "v"), (c1, "v", "h"), (c2, "h", "out")]
        .map(|(core, input, output)| {
            Worker::new(core, [Step::forever(pass("copy", &[input], output))])
        })
        .to_vec();
    design.sequences = vec![sequence(
        &[("a", Elem::I32, 128), ("b", Elem::I32, 128)],
        vec![
            Transfer::linear("in", "a", 0, 128).into(),
            Transfer::linear("out", "b", 0, 128).into(),
            SeqOp::wait("out"),
        ],
    )];
    design
}

/// Two cores add what the sequence writes into their memory; it ends with a wait for a token that
/// nothing sends, and two writes to registers by number.
pub(super) fn parameters() -> Design {
    let (cores, row) = ([tile(0, 2), tile(1, 3)], object(Elem::I16, 64));
    let mut design = Design::new("parameters");
    design.buffers = vec![
        Buffer::new("rtp0", cores[0], i32s(16)),
        Buffer::new("rtp1", cores[1], i32s(4)).at(4096),
    ];
    for (i, core) in cores.into_iter().enumerate() {
        let (shim, [input, output]) = (tile(i as u8, 0), [format!("in{i}"), format!("out{i}")]);
        design
            .fifos
            .push(ObjectFifo::new(&input, shim, &[core], 2, row.clone()));
        design
            .fifos
            .push(ObjectFifo::new(&output, core, &[shim], 2, row.clone()));
        let name = format!("add{i}");
        let mut steps = pass(&name, &[&input], &output);
        if let Step::Call { args, .. } = &mut steps[2] {
            args.push(Arg::Buffer(format!("rtp{i}")));
        }
        design.kernels.push(Kernel::new(
            name,
            [
                Param::Memory(row.clone()),
                Param::Memory(row.clone()),
                Param::Memory(design.buffers[i].object.clone()),
            ],
        ));
        design
            .workers
            .push(Worker::new(core, [Step::forever(steps)]));
    }
    let write = |buffer: &str, index, value| SeqOp::WriteParameter {
        buffer: buffer.to_string(),
        index,
        value,
    };
    let transfer = Transfer::tiled;
    design.sequences = vec![sequence(
        &[("a", Elem::I16, 4608), ("b", Elem::I16, 4096)],
        vec![
            write("rtp0", 1, 50),
            write("rtp0", 15, -2),
            write("rtp1", 0, 7),
            transfer("in0", "a", 0, [4, 4, 8, 16], [0, 16, 64, 1])
                .on_bd(0)
                .into(),
            transfer("in1", "a", 516, [8, 4, 8, 8], [512, 8, 64, 1])
                .on_bd(1)
                .with_token()
                .into(),
            Transfer::linear("out0", "b", 0, 2048).on_bd(2).into(),
            transfer("out1", "b", 0, [2, 2, 16, 32], [2048, 32, 64, 1])
                .on_bd(3)
                .into(),
            SeqOp::wait("in1"),
            SeqOp::wait("out0"),
            SeqOp::wait("out1"),
            write("rtp0", 1, 51),
            transfer("in0", "a", 0, [2, 1, 4, 256], [256, 0, 512, 1])
                .on_bd(4)
                .with_token()
                .into(),
            Transfer::linear("out0", "b", 0, 2048).on_bd(5).into(),
            SeqOp::wait("in0"),
            SeqOp::wait("out0"),
            SeqOp::Token(TokenWait {
                tile: tile(0, 0),
                direction: Direction::S2mm,
                channel: 0,
                columns: 1,
                rows: 1,
            }),
            SeqOp::Register(RegisterWrite {
                tile: tile(0, 2),
                offset: 0x340d0,
                mask: None,
                value: 1,
            }),
            SeqOp::Register(RegisterWrite {
                tile: tile(0, 0),
                offset: 0x1d210,
                mask: Some(0xf00),
                value: 0x300,
            }),
        ],
    )];
    design
}

/// Weights that lie in a memory tile are sent four times, every input twice; three cores in a row.
pub(super) fn weights() -> Design {
    let (shim, mem) = (tile(1, 0), tile(1, 1));
    let (c0, c1, c2) = (tile(1, 3), tile(1, 2), tile(0, 2));
    let row = i32s(8);
    let held: Vec<u8> = (1..=8u32).flat_map(u32::to_le_bytes).collect();
    let mut design = Design::new("weights");
    design.fifos = vec![
        ObjectFifo::new("w", mem, &[c0], 1, row.clone())
            .depths(&[1, 1])
            .repeated(4)
            .holding([held]),
        ObjectFifo::new("in", shim, &[mem], 2, row.clone()),
        ObjectFifo::new("in2", mem, &[c0], 2, row.clone()).repeated(2),
        ObjectFifo::new("dn", c0, &[c1], 2, row.clone()),
        ObjectFifo::new("we", c1, &[c2], 2, row.clone()).via_dma(),
        ObjectFifo::new("out", c2, &[shim], 2, row.clone()),
    ];
    design.links = vec![link(&["in"], &["in2"], &[])];
    design.kernels = vec![
        Kernel::new("copy", vec![Param::Memory(row.clone()); 2]),
        Kernel::new("mul", vec![Param::Memory(row); 3]),
    ];
    design.workers = vec![
        Worker::new(c0, [Step::repeat(4, pass("mul", &["w", "in2"], "dn"))]),
        Worker::new(c1, [Step::forever(pass("copy", &["dn"], "we"))]),
        Worker::new(c2, [Step::forever(pass("copy", &["we"], "out"))]),
    ];
    design.sequences = vec![sequence(
        &[("a", Elem::I32, 16), ("b", Elem::I32, 32)],
        vec![
            Transfer::linear("in", "a", 0, 16).into(),
            Transfer::linear("out", "b", 0, 32).into(),
            SeqOp::wait("out"),
        ],
    )];
    design
}

/// A plane is padded on its way; what lies in the memory tile is sent in rounds; three cores pass
/// accumulators on.
pub(super) fn padding() -> Design {
    let (shim, mem) = (tile(0, 0), tile(0, 1));
    let (c, d, e) = (tile(0, 3), tile(1, 3), tile(1, 2));
    let filled = |value: u32| value.to_le_bytes().repeat(16);
    let mut design = Design::new("padding");
    design.fifos = vec![
        ObjectFifo::new("in_l3", shim, &[mem], 2, i32s(56)),
        ObjectFifo::new("in_l2", mem, &[c], 2, i32s(120))
            .to_stream(&dims(&[(7, 8), (8, 1)]))
            .padded(&[Pad::new(1, 2), Pad::new(3, 1)]),
        ObjectFifo::new("w", mem, &[c], 2, i32s(16))
            .holding([filled(1), filled(2)])
            .in_rounds(3),
        ObjectFifo::new("out", e, &[shim], 2, i32s(16)),
    ];
    design.links = vec![link(&["in_l3"], &["in_l2"], &[])];
    design.cascades = vec![Cascade { from: c, to: d }, Cascade { from: d, to: e }];
    design.workers = vec![
        Worker::new(
            c,
            [Step::repeat(
                3,
                [
                    Step::acquire("in_l2", Port::Consume, 1),
                    Step::acquire("w", Port::Consume, 2),
                    Step::release("in_l2", Port::Consume, 1),
                    Step::release("w", Port::Consume, 2),
                ],
            )],
        ),
        Worker::new(d, []),
        Worker::new(
            e,
            [
                Step::acquire("out", Port::Produce, 1),
                Step::release("out", Port::Produce, 1),
            ],
        ),
    ];
    design.sequences = vec![sequence(
        &[("a", Elem::I32, 112), ("b", Elem::I32, 16)],
        vec![
            Transfer::linear("in_l3", "a", 0, 112).on_bd(1).into(),
            Transfer::linear("out", "b", 0, 16).on_bd(0).into(),
            SeqOp::wait("out"),
        ],
    )];
    design
}

/// Two cores' DMAs send back what they get, all of it in packets over one channel each way; the host
/// sees the headers.
pub(super) fn packets() -> Design {
    let (shim, cores) = (tile(0, 0), [tile(0, 2), tile(0, 3)]);
    let mut design = Design::new("packets");
    for (i, core) in (0u8..).zip(cores) {
        let name = format!("in{i}");
        let fifo = ObjectFifo::new(name, shim, &[core], 1, i32s(16));
        design.fifos.push(fifo.packet(1 + i));
    }
    for (i, core) in (0u8..).zip(cores) {
        let name = format!("out{i}");
        let fifo = ObjectFifo::new(name, core, &[shim], 1, i32s(16));
        design.fifos.push(fifo.packet_with_header(3 + i));
        let (input, output) = (format!("in{i}"), format!("out{i}"));
        design.links.push(link(&[&input], &[&output], &[]));
    }
    let part = |arg: &str, offset, len| [TaskPart::linear(arg, offset, len)];
    design.sequences = vec![sequence(
        &[("a", Elem::I32, 32), ("b", Elem::I32, 34)],
        vec![
            Task::new("t0", "out0", part("b", 0, 34))
                .with_token()
                .into(),
            SeqOp::start("t0"),
            Task::new("t1", "in0", part("a", 0, 16)).into(),
            SeqOp::start("t1"),
            Task::new("t2", "in1", part("a", 16, 16))
                .with_token()
                .into(),
            SeqOp::start("t2"),
            SeqOp::finish("t2"),
            SeqOp::Free {
                task: "t1".to_string(),
            },
            SeqOp::finish("t0"),
        ],
    )];
    design
}
