//! A product split over its inner dimension: one core sends its sums over the cascade, the next one goes
//! on with them.

use emulator::{Budget, Npu};
use formats::txn::Stream;
use npuc::array::design::{
    Arg, Cascade, Design, HostArg, Kernel, ObjectFifo, ObjectType, Param, Port, SeqOp, Sequence,
    Step, Transfer, Worker,
};
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::interp::{self, End, Interpreter, Memory, World};
use npuc::kernel::ir::{Count, Func, MacMode, Module, Value};
use npuc::kernel::types::{AccLane, Elem, Type};
use npuc::kernel::verify::verify;
use npuc::overlays::Source;

use super::designs::tile;

/// Blocks of C in rows and columns, and of A and B in the inner dimension of one core.
const BLOCKS_M: usize = 4;
const BLOCKS_N: usize = 2;
const BLOCKS_K: usize = 4;
/// Sides of blocks: A has 4 by 8, B 8 by 8.
const M: usize = 4;
const K: usize = 8;
const N: usize = 8;
/// Elements of what one core multiplies and of the result.
const A: usize = BLOCKS_M * BLOCKS_K * M * K;
const B: usize = BLOCKS_N * BLOCKS_K * K * N;
const C: usize = BLOCKS_M * BLOCKS_N * M * N;

const SUMS: Type = Type::acc(AccLane::I32, 32);

/// The block of C at a row and a column, added to `start`.
fn block(
    b: &mut FuncBuilder,
    (a, w): (Value, Value),
    (m, n): (usize, usize),
    start: Value,
) -> Value {
    let a = b.ptr_add(a, (m * BLOCKS_K * M * K) as i32);
    let w = b.ptr_add(w, (n * BLOCKS_K * K * N) as i32);
    let ends = b.loop_(Count::Const(BLOCKS_K as u32), &[a, w, start], |b, p| {
        let (x, a) = b.load_post(Type::vec(Elem::I8, 32), p[0], 32);
        let (y, w) = b.load_post(Type::vec(Elem::I8, 64), p[1], 64);
        let sum = b.mac(MacMode::I8M4K8N8, p[2], x, y);
        vec![a, w, sum]
    });
    ends[2]
}

/// `first(a, b)`: sends the blocks of the product, row by row.
fn first() -> Func {
    let mut b = FuncBuilder::new("first");
    let operands = (b.ptr_param(), b.ptr_param());
    for at in blocks() {
        let zero = b.acc_zero(SUMS);
        let sum = block(&mut b, operands, at, zero);
        b.cascade_put(sum);
    }
    b.finish()
}

/// `second(a, b, c)`: adds the product to the blocks that come.
fn second() -> Func {
    let mut b = FuncBuilder::new("second");
    let operands = (b.ptr_param(), b.ptr_param());
    let mut c = b.ptr_param();
    for at in blocks() {
        let come = b.cascade_get(SUMS);
        let sum = block(&mut b, operands, at, come);
        c = b.store_post(sum, c, 128);
    }
    b.finish()
}

fn blocks() -> impl Iterator<Item = (usize, usize)> {
    (0..BLOCKS_M).flat_map(|m| (0..BLOCKS_N).map(move |n| (m, n)))
}

fn kernels() -> Module {
    Module::from(vec![first(), second()])
}

fn design() -> Design {
    let (shims, cores) = ([tile(0, 0), tile(1, 0)], [tile(0, 2), tile(1, 2)]);
    let object = |elem, len: usize| ObjectType::new(elem, [len as u32]);
    let (a, b, c) = (
        object(Elem::I8, A),
        object(Elem::I8, B),
        object(Elem::I32, C),
    );
    let mut design = Design::new("cascade");
    for (k, (shim, core)) in shims.into_iter().zip(cores).enumerate() {
        for (name, object) in [("a", &a), ("b", &b)] {
            let fifo = ObjectFifo::new(format!("{name}{k}"), shim, &[core], 2, object.clone());
            design.fifos.push(fifo);
        }
    }
    let out = ObjectFifo::new("c", cores[1], &[shims[1]], 2, c.clone());
    design.fifos.push(out);
    let [a, b, c] = [a, b, c].map(Param::Memory);
    design.kernels = vec![
        Kernel::new("first", [a.clone(), b.clone()]),
        Kernel::new("second", [a, b, c]),
    ];
    design.cascades = vec![Cascade {
        from: cores[0],
        to: cores[1],
    }];
    let worker = |core, kernel: &str, fifos: &[(&str, Port)]| {
        let acquire = fifos
            .iter()
            .map(|(fifo, port)| Step::acquire(*fifo, *port, 1));
        let release = fifos
            .iter()
            .map(|(fifo, port)| Step::release(*fifo, *port, 1));
        let args: Vec<Arg> = fifos.iter().map(|(fifo, _)| Arg::object(*fifo)).collect();
        let call = std::iter::once(Step::call(kernel, args));
        let steps: Vec<Step> = acquire.chain(call).chain(release).collect();
        Worker::new(core, [Step::forever(steps)])
    };
    let (take, make) = (Port::Consume, Port::Produce);
    design.workers = vec![
        worker(cores[0], "first", &[("a0", take), ("b0", take)]),
        worker(
            cores[1],
            "second",
            &[("a1", take), ("b1", take), ("c", make)],
        ),
    ];
    let transfer = |fifo: &str, arg: &str, at: usize, len: usize| -> SeqOp {
        Transfer::linear(fifo, arg, at as u64, len as u32).into()
    };
    design.sequences = vec![Sequence {
        name: "main".to_owned(),
        args: vec![
            HostArg::new("a", Elem::I8, 2 * A as u32),
            HostArg::new("b", Elem::I8, 2 * B as u32),
            HostArg::new("c", Elem::I32, C as u32),
        ],
        ops: vec![
            transfer("a0", "a", 0, A),
            transfer("b0", "b", 0, B),
            transfer("a1", "a", A, A),
            transfer("b1", "b", B, B),
            transfer("c", "c", 0, C),
            SeqOp::wait("c"),
        ],
    }];
    design
}

/// Bytes that look random.
fn bytes(len: usize, seed: u32) -> Vec<u8> {
    let word = |at: u32| (at + seed).wrapping_mul(0x9e37_79b9) >> 23;
    (0..len as u32).map(|at| word(at) as u8).collect()
}

/// The product in plain loops, in blocks as it lies in memory.
fn expected(a: &[u8], b: &[u8]) -> Vec<i32> {
    let mut c = vec![0; C];
    for core in 0..2 {
        let (a, b) = (&a[core * A..][..A], &b[core * B..][..B]);
        for (at, (block_m, block_n)) in blocks().enumerate() {
            for (m, k, n) in (0..M)
                .flat_map(|m| (0..BLOCKS_K * K).flat_map(move |k| (0..N).map(move |n| (m, k, n))))
            {
                let (block, k) = (k / K, k % K);
                let x = a[((block_m * BLOCKS_K + block) * M + m) * K + k] as i8;
                let y = b[((block_n * BLOCKS_K + block) * K + k) * N + n] as i8;
                c[(at * M + m) * N + n] += i32::from(x) * i32::from(y);
            }
        }
    }
    c
}

/// The two kernels on the interpreter, one after the other.
fn interpreted(a: &[u8], b: &[u8]) -> Vec<u8> {
    let module = verify(kernels()).unwrap_or_else(|e| panic!("{e}"));
    let mut world = World::default();
    let mut result = Vec::new();
    for (core, name) in ["first", "second"].into_iter().enumerate() {
        let mut memory = Memory::new();
        memory.map_with("a", 0x7_1000, &a[core * A..][..A]).unwrap();
        memory.map_with("b", 0x7_2000, &b[core * B..][..B]).unwrap();
        memory.map("c", 0x7_3000, 4 * C).unwrap();
        let args = [0x7_1000, 0x7_2000, 0x7_3000].map(interp::Arg::Ptr);
        let mut run = Interpreter::new(&module, memory, world, 10_000);
        let outcome = run.run(name, &args[..core + 2]).unwrap();
        assert_eq!(outcome.end, End::Returned);
        world = World::default();
        world.ports.cascade_in = run.locks.ports.cascade_out.into();
        result = run.memory.region("c").unwrap().bytes().to_vec();
    }
    result
}

#[test]
fn two_cores_share_the_inner_dimension_of_a_product() {
    let source = Source {
        design: design(),
        kernels: kernels(),
    };
    let built = files::build("cascade", &source, &Key::new(["cascade"]), &|_| ());
    let built = built.unwrap_or_else(|e| panic!("{e}"));
    let file = |name: &str| &built.iter().find(|(n, _)| n == name).expect("a file").1;
    let mut npu = Npu::new();
    npu.load_xclbin(file("cascade.xclbin"))
        .unwrap_or_else(|e| panic!("{e}"));
    let stream = Stream::parse(file("insts_main.bin")).unwrap();
    for seed in [1, 77] {
        let (a, b) = (bytes(2 * A, seed), bytes(2 * B, seed + 5));
        let mut args = [a.clone(), b.clone(), vec![0xee; 4 * C]];
        npu.run(&stream, &mut args, Budget { cycles: 1_000_000 })
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(args[2], interpreted(&a, &b));
        let (words, _) = args[2].as_chunks::<4>();
        let found: Vec<i32> = words.iter().map(|w| i32::from_le_bytes(*w)).collect();
        assert_eq!(found, expected(&a, &b));
    }
}
