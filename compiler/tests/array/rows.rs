//! Rows on sixteen cores: a kernel for each, and the sum of all.

use emulator::{Budget, Npu};
use formats::txn::Stream;
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::kernel::interp::{Arg, Interpreter, Memory, NoLocks};
use npuc::kernel::verify::verify;
use npuc::overlays::rows::sequence_name;
use npuc::overlays::{self, Source};

/// Of the standard manifest: samples of a row of `scale_rows`, words of one of `sum_rows`, rows of the
/// sequences of both.
const ROW: u32 = 512;
const SUM_ROW: u32 = 256;
const ROWS: [u32; 2] = [32, 96];

fn source(name: &str) -> Source {
    let overlay = overlays::find(name).expect("known");
    overlay.source().expect("described")
}

/// The output of every sequence in turn on one configuration; `input` gives its bytes for a number of
/// rows.
fn run(name: &str, input: impl Fn(u32) -> Vec<u8>) -> Vec<Vec<u8>> {
    let source = source(name);
    let built = files::build(name, &source, &Key::new(["rows"]), &|_| ());
    let built = built.unwrap_or_else(|e| panic!("{e}"));
    let file = |name: &str| &built.iter().find(|(n, _)| n == name).expect("a file").1;
    let mut npu = Npu::new();
    npu.load_xclbin(file(&format!("{name}.xclbin")))
        .unwrap_or_else(|e| panic!("{e}"));
    let outputs = ROWS.iter().zip(&source.design.sequences);
    let outputs = outputs.map(|(rows, sequence)| {
        let stream = file(&format!("insts_{}.bin", sequence_name(*rows)));
        let stream = Stream::parse(stream).unwrap_or_else(|e| panic!("{e}"));
        let mut args = [
            input(*rows),
            vec![0xee; sequence.args[1].object.bytes() as usize],
        ];
        npu.run(&stream, &mut args, Budget { cycles: 1_000_000 })
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let [_, output] = args;
        output
    });
    outputs.collect()
}

/// Bytes that look random.
fn bytes(len: u32) -> Vec<u8> {
    (0..len)
        .map(|i| (i.wrapping_mul(0x9e37_79b9) >> 23) as u8)
        .collect()
}

#[test]
fn a_kernel_makes_a_row_of_every_row() {
    let module = verify(source("scale_rows").kernels).expect("verified");
    let row_bytes = 2 * ROW as usize;
    let outputs = run("scale_rows", |rows| bytes(2 * rows * ROW));
    for (rows, output) in ROWS.iter().zip(outputs) {
        let input = bytes(2 * rows * ROW);
        for (row, (from, to)) in input
            .chunks_exact(row_bytes)
            .zip(output.chunks_exact(row_bytes))
            .enumerate()
            .step_by(7)
        {
            let mut memory = Memory::new();
            memory.map_with("in", 0x70000, from).expect("mapped");
            memory.map("out", 0x74000, row_bytes).expect("mapped");
            let mut interpreter = Interpreter::new(&module, memory, NoLocks, u64::MAX);
            interpreter
                .run("scale_i16", &[Arg::Ptr(0x70000), Arg::Ptr(0x74000)])
                .expect("interpreted");
            let expected = interpreter.memory.region("out").expect("mapped").bytes();
            assert!(to == expected, "row {row} of {rows}");
        }
    }
}

#[test]
fn all_rows_are_added_up() {
    let outputs = run("sum_rows", |rows| bytes(4 * rows * SUM_ROW));
    for (rows, output) in ROWS.iter().zip(outputs) {
        let input = bytes(4 * rows * SUM_ROW);
        let words = |bytes: &[u8]| -> Vec<u32> {
            let (words, _) = bytes.as_chunks::<4>();
            words.iter().map(|w| u32::from_le_bytes(*w)).collect()
        };
        let mut sums = vec![0u32; SUM_ROW as usize];
        for (i, word) in words(&input).into_iter().enumerate() {
            let sum = &mut sums[i % SUM_ROW as usize];
            *sum = sum.wrapping_add(word);
        }
        assert_eq!(words(&output), sums, "{rows} rows");
    }
}
