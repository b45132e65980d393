//! Constant data of kernels: placed beside the design's buffers, loaded with the program.

use emulator::{Budget, Npu};
use formats::elf::CoreElf;
use formats::txn::Stream;
use npuc::array::design::Design;
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{AccOp, Count, Data, Module, Op, VectorOp};
use npuc::kernel::types::{AccLane, Elem, Type};
use npuc::overlays::Source;

use super::designs;
use super::emulated::ramp;

/// Words of an object of the design.
const OBJECT: u32 = 64;

/// `copy(src, dst)`: adds a table to an object.
fn source(design: Design, table: Data) -> Source {
    let (words, sums) = (Type::vec(Elem::I32, 16), Type::acc(AccLane::I32, 16));
    let mut b = FuncBuilder::new("copy");
    let (src, dst) = (b.ptr_param(), b.ptr_param());
    let at = b.data(&table.name);
    b.loop_(Count::Const(OBJECT / 16), &[src, dst, at], |b, p| {
        let (word, src) = b.load_post(words, p[0], 64);
        let (entry, at) = b.load_post(words, p[2], 64);
        let [word, entry] =
            [word, entry].map(|value| b.op(Op::Vector(VectorOp::Cast { ty: sums, value })));
        let op = AccOp::Add;
        let (a, c) = (word, entry);
        let sum = b.op(Op::Vector(VectorOp::Acc { op, a, b: c }));
        let sum = b.op(Op::Vector(VectorOp::Cast {
            ty: words,
            value: sum,
        }));
        let dst = b.store_post(sum, p[1], 64);
        vec![src, dst, at]
    });
    let kernels = Module {
        data: vec![table],
        funcs: vec![b.finish()],
    };
    Source { design, kernels }
}

fn table() -> Vec<u32> {
    (0..OBJECT).map(|k| k * k * 1000).collect()
}

fn data() -> Data {
    let bytes = table().into_iter().flat_map(u32::to_le_bytes);
    Data::new("table", Elem::I32, bytes.collect())
}

#[test]
fn a_table_lies_beside_the_buffers_and_is_there_when_the_program_begins() {
    let design = designs::passthrough();
    let name = design.name.clone();
    let source = source(design, data().in_bank(1));
    let built = files::build(&name, &source, &Key::new(["constants"]), &|_| ());
    let built = built.unwrap_or_else(|e| panic!("{e}"));
    let file = |name: &str| &built.iter().find(|(n, _)| n == name).expect("a file").1;
    let elf = CoreElf::parse(file("core_0_2.elf")).unwrap();
    let symbol = elf
        .symbols
        .iter()
        .find(|s| s.name == "table")
        .expect("a symbol");
    assert_eq!((symbol.addr, symbol.size), (0x7_8000 - 256, 256));
    assert_eq!(elf.segments[1].addr, symbol.addr);

    let mut npu = Npu::new();
    npu.load_xclbin(file(&format!("{name}.xclbin")))
        .unwrap_or_else(|e| panic!("{e}"));
    let sequence = &source.design.sequences[0].name;
    let stream = Stream::parse(file(&format!("insts_{sequence}.bin"))).unwrap();
    let input = ramp(256);
    let bytes = input.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut args = [bytes, vec![0xee; 1024]];
    let budget = Budget { cycles: 1_000_000 };
    npu.run(&stream, &mut args, budget)
        .unwrap_or_else(|e| panic!("{e}"));
    let (words, _) = args[1].as_chunks::<4>();
    let found: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let sums = input.iter().zip(table().into_iter().cycle());
    let sums: Vec<u32> = sums.map(|(word, entry)| word.wrapping_add(entry)).collect();
    assert_eq!(found, sums);
}

#[test]
fn a_table_that_finds_no_room_between_buffers_is_refused() {
    let mut table = data();
    table.bytes = vec![0; 16 * 1024 - 128];
    let source = source(designs::passthrough(), table.in_bank(1));
    let error = files::build("constants", &source, &Key::new(["room"]), &|_| ());
    insta::assert_snapshot!(error.map(|_| ()).unwrap_err());
}
