//! Designs compiled to an XCLBIN and run on the emulator: the right bytes arrive.

use std::collections::BTreeMap;

use emulator::{Budget, Npu};
use formats::elf::CoreElf;
use npuc::aie2::emit::emit;
use npuc::aie2::layout::layout;
use npuc::aie2::{Options, compile};
use npuc::array::design::{Design, Dim, ObjectType, Param, SeqOp, Task, TaskPart};
use npuc::array::lower::lower;
use npuc::array::program::{ENTRY, entry_function};
use npuc::array::verify::verify;
use npuc::array::worker::CorePlan;
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{Count, Func, IntOp, Module};
use npuc::kernel::types::{Elem, Type};
use npuc::kernels::passthrough;
use npuc::package::Package;

use super::designs;

/// A kernel that adds `sources` arrays of `words` words, word by word.
pub(super) fn sum(name: &str, sources: usize, words: u32) -> Func {
    let mut b = FuncBuilder::new(name);
    let pointers: Vec<_> = (0..=sources).map(|_| b.ptr_param()).collect();
    b.loop_(Count::Const(words), &pointers, |b, pointers| {
        let (inputs, output) = pointers.split_at(sources);
        let mut next = Vec::new();
        let mut total = None;
        for &input in inputs {
            let (word, after) = b.load_post(Type::I32, input, 4);
            next.push(after);
            total = Some(match total {
                Some(total) => b.int(IntOp::Add, total, word),
                None => word,
            });
        }
        let total = total.expect("at least one source");
        next.push(b.store_post(total, output[0], 4));
        next
    });
    b.finish()
}

/// The kernels that a design declares: `copy` copies, all others add.
pub(super) fn kernels(design: &Design) -> Vec<Func> {
    design
        .kernels
        .iter()
        .map(|kernel| {
            let Param::Memory(object) = &kernel.params[0] else {
                panic!("`{}` works on memory", kernel.name);
            };
            if kernel.name == "copy" {
                let mut func = passthrough(object.bytes() as u32).unwrap();
                func.name.clone_from(&kernel.name);
                func
            } else {
                sum(&kernel.name, kernel.params.len() - 1, object.len() as u32)
            }
        })
        .collect()
}

pub(super) fn program(core: &CorePlan, kernels: &[Func]) -> CoreElf {
    compiled([&[entry_function(core)], kernels].concat())
}

/// A program of functions, the first of which is the entry.
pub(super) fn compiled(funcs: Vec<Func>) -> CoreElf {
    let module =
        npuc::kernel::verify::verify(Module::from(funcs)).unwrap_or_else(|e| panic!("{e}"));
    let entry = ENTRY.to_string();
    let program = compile(
        &module,
        &Options {
            entry,
            ..Options::default()
        },
    )
    .unwrap_or_else(|e| panic!("{e}"));
    let map = layout(&program).unwrap();
    emit(&program, &map).unwrap().to_elf()
}

/// Builds a design, runs its sequence on host buffers of words, and returns the last buffer.
pub(super) fn run(design: Design, inputs: &[Vec<u32>]) -> Vec<u32> {
    let kernels = kernels(&design);
    let lowered = lower(&verify(design).unwrap_or_else(|e| panic!("{e}"))).unwrap();
    let elfs: BTreeMap<_, _> = lowered
        .cores
        .iter()
        .map(|core| (core.tile, program(core, &kernels)))
        .collect();
    let package = Package::new(&lowered, &elfs).unwrap_or_else(|e| panic!("{e}"));
    let mut npu = Npu::new();
    npu.load_xclbin(&package.xclbin().unwrap().to_bytes())
        .unwrap_or_else(|e| panic!("{e}"));
    let mut args: Vec<Vec<u8>> = inputs
        .iter()
        .map(|words| words.iter().flat_map(|w| w.to_le_bytes()).collect())
        .collect();
    let output = lowered.sequences[0].args.last().expect("a host buffer").1;
    args.push(vec![0xee; output as usize]);
    npu.run(
        &package.streams[0].1,
        &mut args,
        Budget { cycles: 1_000_000 },
    )
    .unwrap_or_else(|e| panic!("{e}"));
    let (words, _) = args[args.len() - 1].as_chunks::<4>();
    words.iter().map(|w| u32::from_le_bytes(*w)).collect()
}

/// Words that are all different.
pub(super) fn ramp(len: u32) -> Vec<u32> {
    (0..len).map(|i| 0x1_0001 * i + 7).collect()
}

#[test]
fn data_passes_through() {
    for (design, words) in [
        (designs::passthrough(), 256),
        (designs::one_column(), 256),
        (designs::forward(), 512),
        (designs::distribute_join(), 512),
        (designs::shared_memory(), 128),
    ] {
        let name = design.name.clone();
        let input = ramp(words);
        assert_eq!(run(design, std::slice::from_ref(&input)), input, "{name}");
    }
}

#[test]
fn two_streams_are_added() {
    let (a, b) = (ramp(128), ramp(256)[128..].to_vec());
    let sums: Vec<u32> = a.iter().zip(&b).map(|(x, y)| x + y).collect();
    assert_eq!(run(designs::add(), &[a, b]), sums);
}

#[test]
fn every_consumer_of_a_broadcast_gets_the_data() {
    let input = ramp(64);
    let output: Vec<u32> = input
        .chunks(16)
        .flat_map(|object| object.repeat(4))
        .collect();
    assert_eq!(run(designs::broadcast(), &[input]), output);
}

#[test]
fn a_window_slides_over_the_rows() {
    let input = ramp(256);
    let output: Vec<u32> = (0..6 * 32)
        .map(|i| input[i] + input[i + 32] + input[i + 64] + input[i])
        .collect();
    assert_eq!(run(designs::sliding_window(), &[input]), output);
}

#[test]
fn layouts_reorder_on_the_way() {
    let (rows, cols) = (8, 16);
    let mut design = designs::forward();
    for fifo in &mut design.fifos {
        fifo.object = ObjectType::new(Elem::I32, [rows * cols]);
    }
    design.kernels[0].params = vec![Param::Memory(design.fifos[0].object.clone()); 2];
    // The memory tile sends columns; the core's DMA writes four words every sixteen.
    design.fifos[1].dims_to_stream = vec![Dim::new(cols, 1), Dim::new(rows, cols)];
    design.fifos[1].consumers[0].dims_from_stream = vec![
        Dim::new(4, 4),
        Dim::new(rows * cols / 16, 16),
        Dim::new(4, 1),
    ];
    let input = ramp(4 * rows * cols);
    let output: Vec<u32> = input
        .chunks((rows * cols) as usize)
        .flat_map(|object| {
            let stream = (0..cols).flat_map(|c| (0..rows).map(move |r| r * cols + c));
            let mut stored = vec![0; object.len()];
            for (n, at) in stream.enumerate() {
                let (outer, middle, inner) = (n / 32, n / 4 % 8, n % 4);
                stored[4 * outer + 16 * middle + inner] = object[at as usize];
            }
            stored
        })
        .collect();
    assert_eq!(run(design, &[input]), output);
}

#[test]
fn a_task_goes_through_its_chain_as_often_as_it_is_repeated() {
    let mut design = designs::passthrough();
    let part = |arg: &str, offset, sizes, strides| TaskPart {
        sizes,
        strides,
        ..TaskPart::linear(arg, offset, 1)
    };
    // Twice a half from the front, and one from the back, going on by 32 words.
    let ends = [
        part("a", 0, [2, 1, 1, 64], [64, 0, 0, 1]),
        part("a", 128, [2, 1, 1, 64], [64, 0, 0, 1]),
    ];
    let all = [
        part("b", 0, [1, 1, 2, 64], [0, 0, 64, 1]),
        TaskPart::linear("b", 128, 128),
    ];
    design.sequences[0].ops = vec![
        Task::new("send", "in", ends)
            .repeated(2)
            .with_token()
            .into(),
        Task::new("get", "out", all).with_token().into(),
        SeqOp::start("get"),
        SeqOp::start("send"),
        SeqOp::finish("send"),
        SeqOp::finish("get"),
    ];
    let input = ramp(256);
    let output: Vec<u32> = [0, 128, 64, 192]
        .into_iter()
        .flat_map(|at| input[at..at + 64].to_vec())
        .collect();
    assert_eq!(run(design, &[input]), output);
}

#[test]
fn packets_find_their_way_beside_circuits_and_to_several_cores() {
    let mut design = designs::broadcast();
    design.fifos[0] = design.fifos[0].clone().packet(7);
    for (fifo, id) in design.fifos[1..].iter_mut().zip(16..) {
        *fifo = fifo.clone().packet(id);
    }
    let input = ramp(64);
    let output: Vec<u32> = input.chunks(16).flat_map(|o| o.repeat(4)).collect();
    assert_eq!(run(design, &[input]), output);
}
