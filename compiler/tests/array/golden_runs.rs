//! The reference tools' configurations and instruction streams beside this compiler's, of the same designs:
//! with the same core programs and the same inputs, both run on the emulator and give the same output,
//! the right one.
//!
//! Theirs are loaded as CDO, ours as the XCLBIN that ships.
//!
//! `cargo test -p npuc --test main golden_runs -- --nocapture` prints the table.

use std::collections::BTreeMap;

use arch::Tile;
use arch::aie2::parse_bundle;
use emulator::{Budget, Npu};
use formats::cdo::Cdo;
use formats::elf::{CoreElf, Segment};
use formats::txn::Stream;
use npuc::array::design::Design;
use npuc::array::lower::lower;
use npuc::array::program::ENTRY;
use npuc::array::verify::verify;
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{CoreLock, Count, Func, IntOp, MacMode, SrsMode, Value};
use npuc::kernel::types::{AccLane, Elem, Rounding, Saturation, Type};
use npuc::package::Package;

use super::designs::{self, tile};
use super::emulated::{self, compiled, ramp};
use super::goldens::golden;

type Programs = BTreeMap<Tile, CoreElf>;

/// One dispatch of a golden: what goes in, and what must come out.
struct Run {
    name: &'static str,
    design: Design,
    programs: Programs,
    /// Host buffers; the output is the last.
    args: Vec<Vec<u8>>,
    output: Vec<u8>,
    /// An operation of the stream that waits for ever, as the design has it.
    waits: Option<usize>,
}

fn bytes<T: Copy + Into<i64>>(values: &[T], size: usize) -> Vec<u8> {
    let words = values.iter().map(|v| (*v).into().to_le_bytes());
    words.flat_map(|w| w[..size].to_vec()).collect()
}

fn words(values: &[u32]) -> Vec<u8> {
    bytes(values, 4)
}

fn halves(values: &[i16]) -> Vec<u8> {
    bytes(values, 2)
}

fn new(
    name: &'static str,
    design: Design,
    programs: Programs,
    inputs: Vec<Vec<u8>>,
    output: Vec<u8>,
) -> Run {
    let mut args = inputs;
    args.push(vec![0xee; output.len()]);
    Run {
        name,
        design,
        programs,
        args,
        output,
        waits: None,
    }
}

impl Run {
    /// The reference's configuration, with core programs put in.
    fn theirs(&self) -> (Npu, Stream) {
        let name = self.name;
        let cdo = |file| Cdo::parse(&golden(name, file)).unwrap();
        let commands = self
            .programs
            .iter()
            .flat_map(|(tile, elf)| elf.load_commands(*tile).unwrap());
        let programs = Cdo::new(commands.collect());
        let mut npu = Npu::new();
        for part in [programs, cdo("cdo_init.bin"), cdo("cdo_enable.bin")] {
            npu.load_cdo(&part)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        (npu, Stream::parse(&golden(name, "insts.bin")).unwrap())
    }

    /// The same design lowered and packed here.
    fn ours(&self) -> (Npu, Stream) {
        let verified = verify(self.design.clone()).unwrap_or_else(|e| panic!("{e}"));
        let package = Package::new(&lower(&verified).unwrap(), &self.programs)
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let mut npu = Npu::new();
        npu.load_xclbin(&package.xclbin().unwrap().to_bytes())
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
        (npu, package.streams[0].1.clone())
    }

    /// What arrives in the output, and the time that it takes.
    fn run(&self, (mut npu, stream): (Npu, Stream)) -> (Vec<u8>, u64) {
        let name = self.name;
        let mut args = self.args.clone();
        let mut ran = npu.run(&stream, &mut args, Budget { cycles: 2_000_000 });
        if let Some(at) = self.waits {
            let text = ran.expect_err("it waits for ever").to_string();
            let wait = format!("operation {at} of {} (TCT_WAIT) waits", stream.ops.len());
            assert!(text.contains(&wait), "{name}: {text}");
            let rest = Stream::new(stream.ops[at + 1..].to_vec());
            ran = npu.run(&rest, &mut args, Budget { cycles: 1_000 });
        }
        let report = ran.unwrap_or_else(|e| panic!("{name}: {e}"));
        (args.pop().expect("an output"), report.cycles)
    }

    fn check(&self, whose: &str, got: &[u8]) {
        let wrong = got.iter().zip(&self.output).position(|(a, b)| a != b);
        assert_eq!(wrong, None, "{}, {whose}: first wrong byte", self.name);
        assert_eq!(got.len(), self.output.len());
    }

    /// A row of the table.
    fn row(&self) -> String {
        let (theirs, cycles) = self.run(self.theirs());
        self.check("theirs", &theirs);
        let (ours, our_cycles) = self.run(self.ours());
        self.check("ours", &ours);
        let waits = self.waits.map(|at| {
            format!("; operation {at} waits for a token that no transfer sends, and is told so")
        });
        format!(
            "{:<18} {:>2} core programs, {:>6} bytes right, theirs in {cycles:>6} emulated cycles, ours in {our_cycles:>6}{}",
            self.name,
            self.programs.len(),
            theirs.len(),
            waits.unwrap_or_default()
        )
    }
}

/// The programs that the compiler makes of a design, whose places are those of the golden.
fn of(design: &Design, kernels: &[Func]) -> Programs {
    let lowered = lower(&verify(design.clone()).unwrap_or_else(|e| panic!("{e}"))).unwrap();
    let cores = lowered.cores.iter();
    cores
        .map(|core| (core.tile, emulated::program(core, kernels)))
        .collect()
}

/// A design whose kernels copy or add.
fn plain(name: &'static str, design: Design, inputs: &[Vec<u32>], output: &[u32]) -> Run {
    let kernels = emulated::kernels(&design);
    let inputs = inputs.iter().map(|i| words(i)).collect();
    let programs = of(&design, &kernels);
    new(name, design, programs, inputs, words(output))
}

/// One end of a fifo as a core uses it: locks to acquire and to release, addresses of the buffers.
struct End {
    acquire: u8,
    release: u8,
    buffers: &'static [u32],
}

const fn end(acquire: u8, release: u8, buffers: &'static [u32]) -> End {
    End {
        acquire,
        release,
        buffers,
    }
}

/// A core that takes one buffer of every end, calls `work`, and gives them on.
fn core(count: Count, ends: &[End], work: impl Fn(&mut FuncBuilder, &[Value])) -> CoreElf {
    let turns = ends.iter().map(|e| e.buffers.len()).max().expect("an end");
    let count = match count {
        Count::Const(times) => Count::Const(times / turns as u32),
        other => other,
    };
    let mut b = FuncBuilder::new(ENTRY);
    b.loop_(count, &[], |b, _| {
        for turn in 0..turns {
            for end in ends {
                b.acquire(CoreLock(end.acquire), 1);
            }
            let buffers: Vec<Value> = ends
                .iter()
                .map(|end| b.addr(end.buffers[turn % end.buffers.len()]))
                .collect();
            work(b, &buffers);
            for end in ends {
                b.release(CoreLock(end.release), 1);
            }
        }
        Vec::new()
    });
    compiled(vec![b.finish()])
}

/// Words of the last buffer from those of the others.
fn word_by_word(
    b: &mut FuncBuilder,
    buffers: &[Value],
    count: u32,
    f: impl Fn(&mut FuncBuilder, &[Value]) -> Value,
) {
    b.loop_(Count::Const(count), buffers, |b, at| {
        let (output, inputs) = at.split_last().expect("an output");
        let loaded: Vec<_> = inputs
            .iter()
            .map(|p| b.load_post(Type::I32, *p, 4))
            .collect();
        let values: Vec<Value> = loaded.iter().map(|(v, _)| *v).collect();
        let word = f(b, &values);
        let mut next: Vec<Value> = loaded.iter().map(|(_, p)| *p).collect();
        next.push(b.store_post(word, *output, 4));
        next
    });
}

/// `zero(c)` and `mac(a, b, c)` on square tiles of `4 * blocks` rows: i16 times i16 added to i32, each
/// stored in blocks of 4x4.
fn product_kernels(blocks: u32) -> Vec<Func> {
    let sums = Type::vec(Elem::I32, 16);
    let (acc, block) = (Type::acc(AccLane::I64, 16), Type::vec(Elem::I16, 16));
    let mut zero = FuncBuilder::new("zero");
    let c = zero.ptr_param();
    let nothing = zero.iconst(0);
    let zeros = zero.splat(sums, nothing);
    zero.loop_(Count::Const(blocks * blocks), &[c], |b, c| {
        vec![b.store_post(zeros, c[0], 64)]
    });

    let mut mac = FuncBuilder::new("mac");
    let (a, b, c) = (mac.ptr_param(), mac.ptr_param(), mac.ptr_param());
    let row = 32 * blocks as i32;
    let shift = mac.iconst(0);
    let mode = SrsMode {
        rounding: Rounding::Floor,
        range: Saturation::Wrap,
        signed: true,
    };
    mac.loop_(Count::Const(blocks), &[a, c], |f, at| {
        let (a, c) = (at[0], at[1]);
        let ends = f.loop_(Count::Const(blocks), &[b, c], |f, at| {
            let (b, c) = (at[0], at[1]);
            let start = f.load(sums, c, 0);
            let start = f.ups(acc, start, shift);
            let ends = f.loop_(Count::Const(blocks), &[a, b, start], |f, at| {
                let (x, a) = f.load_post(block, at[0], 32);
                let (y, b) = f.load_post(block, at[1], row);
                vec![a, b, f.mac(MacMode::I16M4K4N4, at[2], x, y)]
            });
            let total = f.srs(sums, ends[2], shift, mode);
            let c = f.store_post(total, c, 64);
            vec![f.ptr_add(b, 32), c]
        });
        vec![f.ptr_add(a, row), ends[1]]
    });
    vec![zero.finish(), mac.finish()]
}

/// C = A (m x k) times B (k x n), row by row.
fn product(name: &'static str, design: Design, blocks: u32, [m, k, n]: [usize; 3]) -> Run {
    let value = |i: usize, by: usize| ((i * by) % 4093) as i16 - 2000;
    let a: Vec<i16> = (0..m * k).map(|i| value(i, 37)).collect();
    let b: Vec<i16> = (0..k * n).map(|i| value(i, 101)).collect();
    let sum = |i: usize| -> i32 {
        let (r, c) = (i / n, i % n);
        (0..k)
            .map(|j| i32::from(a[r * k + j]) * i32::from(b[j * n + c]))
            .sum()
    };
    let c: Vec<i32> = (0..m * n).map(sum).collect();
    let programs = of(&design, &product_kernels(blocks));
    let inputs = vec![halves(&a), halves(&b)];
    new(name, design, programs, inputs, bytes(&c, 4))
}

/// Elements at nested strides, the outermost first.
fn nested(offset: usize, dims: [(usize, usize); 4]) -> Vec<usize> {
    dims.iter().fold(vec![offset], |outer, (size, stride)| {
        outer
            .iter()
            .flat_map(|base| (0..*size).map(move |i| base + i * stride))
            .collect()
    })
}

/// Two cores add a parameter that the stream writes; its last wait has no transfer.
fn parameters() -> Run {
    let adding = |ends: &[End], parameter: u32| {
        core(Count::Forever, ends, |b, buffers| {
            let at = b.addr(parameter);
            let low = b.load(Type::I32, at, 0);
            let (sixteen, mask) = (b.iconst(16), b.iconst(0xffff));
            let high = b.int(IntOp::Shl, low, sixteen);
            word_by_word(b, buffers, 32, |b, word| {
                let lower = b.int(IntOp::Add, word[0], low);
                let lower = b.int(IntOp::And, lower, mask);
                let upper = b.int(IntOp::Add, word[0], high);
                let upper = b.int(IntOp::Lshr, upper, sixteen);
                let upper = b.int(IntOp::Shl, upper, sixteen);
                b.int(IntOp::Or, lower, upper)
            });
        })
    };
    let inputs = end(49, 48, &[0x7_8000, 0x7_c000]);
    let first = [inputs, end(50, 51, &[0x7_0400, 0x7_4000])];
    let inputs = end(49, 48, &[0x7_8000, 0x7_c000]);
    let second = [inputs, end(50, 51, &[0x7_1020, 0x7_4000])];
    let programs = BTreeMap::from([
        (tile(0, 2), adding(&first, 0x7_0484)),
        (tile(1, 3), adding(&second, 0x7_1000)),
    ]);
    // The second transfer reads beyond 64x64 elements.
    let a: Vec<i16> = (0..4608).map(|i| (i * 7) as i16).collect();
    // Halves that are not written keep what is there.
    let mut b = vec![0xeeee_u16 as i16; 4096];
    let read = nested(516, [(8, 512), (4, 8), (8, 64), (8, 1)]);
    let written = nested(0, [(2, 2048), (2, 32), (16, 64), (32, 1)]);
    for (from, to) in read.into_iter().zip(written) {
        b[to] = a[from] + 7;
    }
    // The other core's second output lies over its first and over half of what the one above wrote.
    let read = nested(0, [(2, 256), (1, 0), (4, 512), (256, 1)]);
    for (to, from) in read.into_iter().enumerate() {
        b[to] = a[from] + 51;
    }
    Run {
        waits: Some(32),
        ..new(
            "i_rtp_multisync",
            designs::parameters(),
            programs,
            vec![halves(&a)],
            halves(&b),
        )
    }
}

/// Weights that lie in the memory tile are sent four times, every input twice; three cores in a row.
fn weights() -> Run {
    let copy = |ends: &[End]| {
        core(Count::Forever, ends, |b, at| {
            word_by_word(b, at, 8, |_, word| word[0]);
        })
    };
    let first = [
        end(49, 48, &[0x7_0420]),
        end(51, 50, &[0x7_8000, 0x7_c000]),
        end(52, 53, &[0x7_0400, 0x7_4000]),
    ];
    let multiply = core(Count::Const(4), &first, |b, at| {
        word_by_word(b, at, 8, |b, word| b.int(IntOp::Mul, word[0], word[1]));
    });
    // The first core's memory and locks are in the north of the second.
    let second = [
        end(37, 36, &[0x6_0400, 0x6_4000]),
        end(48, 49, &[0x7_0400, 0x7_4000]),
    ];
    let third = [
        end(49, 48, &[0x7_8000, 0x7_c000]),
        end(50, 51, &[0x7_0400, 0x7_4000]),
    ];
    let programs = BTreeMap::from([
        (tile(1, 3), multiply),
        (tile(1, 2), copy(&second)),
        (tile(0, 2), copy(&third)),
    ]);
    let input: Vec<u32> = (100..116).collect();
    let output: Vec<u32> = (0..32)
        .map(|i| (i % 8 + 1) * input[(i / 16 * 8 + i % 8) as usize])
        .collect();
    new(
        "l_init_repeat",
        designs::weights(),
        programs,
        vec![words(&input)],
        words(&output),
    )
}

/// A program in assembler, a bundle a line: kernel IR has no cascade.
fn assembled(text: &str) -> CoreElf {
    let mut code = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (line, times) = match line.strip_prefix("nops ") {
            Some(times) => ("nop", times.parse().unwrap()),
            None => (line, 1),
        };
        let bundle = parse_bundle(line, None).unwrap_or_else(|e| panic!("`{line}`: {e}"));
        (0..times).for_each(|_| code.extend_from_slice(&bundle.encode()));
    }
    code.resize(code.len().next_multiple_of(4), 0);
    CoreElf {
        segments: vec![Segment::bytes(0, code)],
        ..CoreElf::default()
    }
}

/// A plane is padded on its way; 16 words of it go through a cascade of three cores.
fn padding_and_cascade() -> Run {
    let sender = "mova r0, #-1\nmova r1, #1\nmova r2, #-2\nmova r3, #2\nmovxm p0, #459840\nnops 8\n\
        acq #49, r0\nacq #51, r2\nvlda wl0, [p0, #0]\nvlda wh0, [p0, #32]\nnops 8\nvmov MCD, x0\n\
        rel #48, r1\nrel #50, r3\ndone\nnops 8";
    let relay = "vmov x0, SCD\nnops 8\nvmov MCD, x0\nnops 8\ndone\nnops 8";
    let receiver = "mova r0, #-1\nmova r1, #1\nmovxm p0, #459776\nnops 8\nacq #48, r0\n\
        vmov x0, SCD\nnops 8\nvst wl0, [p0, #0]\nvst wh0, [p0, #32]\nnops 8\nrel #49, r1\ndone\nnops 8";
    let programs = BTreeMap::from([
        (tile(0, 3), assembled(sender)),
        (tile(1, 3), assembled(relay)),
        (tile(1, 2), assembled(receiver)),
    ]);
    // 7 rows of 8 words become 10 of 12: one before, two after; three words before, one after.
    let padded = |i: usize| match (i / 12, i % 12) {
        (row @ 1..8, col @ 3..11) => 1 + ((row - 1) * 8 + col - 3) as u32,
        _ => 0,
    };
    let output: Vec<u32> = (16..32).map(padded).collect();
    let input: Vec<u32> = (1..113).collect();
    new(
        "o_pad_cascade",
        designs::padding(),
        programs,
        vec![words(&input)],
        words(&output),
    )
}

/// No cores: two packets out, back with their headers kept.
fn packets() -> Run {
    let input: Vec<u32> = (100..132).collect();
    let mut output = vec![0x0002_0003];
    output.extend(&input[..16]);
    output.push(0x0003_0004);
    output.extend(&input[16..]);
    new(
        "m_tasks_packet",
        designs::packets(),
        Programs::new(),
        vec![words(&input)],
        words(&output),
    )
}

/// Rows and layouts change on the way; a second input is added to the first words.
fn layouts() -> Run {
    let a: Vec<i16> = (0..1024).map(|i| i * 7 + 1).collect();
    let tiled = nested(0, [(8, 64), (2, 8), (4, 16), (8, 1)]);
    let halved = nested(0, [(1, 0), (32, 8), (2, 256), (8, 1)]);
    let mut b = vec![0i16; 1024];
    for object in [0, 512] {
        for k in 0..512 {
            b[object + tiled[k]] = a[object + tiled[halved[k]]];
        }
    }
    let design = designs::layouts();
    let mut kernel = FuncBuilder::new("add");
    let [_, input, output] = [(); 3].map(|()| kernel.ptr_param());
    word_by_word(&mut kernel, &[input, output], 256, |_, word| word[0]);
    let programs = of(&design, &[kernel.finish()]);
    let second: Vec<u32> = (0..128).collect();
    new(
        "f_ndim",
        design,
        programs,
        vec![halves(&a), words(&second)],
        halves(&b),
    )
}

fn runs() -> Vec<Run> {
    let (a, b) = (ramp(128), ramp(256)[128..].to_vec());
    let sums: Vec<u32> = a.iter().zip(&b).map(|(x, y)| x + y).collect();
    let copied = |name, design, count| {
        let input = ramp(count);
        plain(name, design, std::slice::from_ref(&input), &input)
    };
    let objects = ramp(64);
    let repeated: Vec<u32> = objects.chunks(16).flat_map(|o| o.repeat(4)).collect();
    let rows = ramp(256);
    let windows: Vec<u32> = (0..6 * 32)
        .map(|i| rows[i] + rows[i + 32] + rows[i + 64] + rows[i])
        .collect();
    vec![
        copied("a_passthrough", designs::passthrough(), 256),
        plain("b_add2", designs::add(), &[a, b], &sums),
        copied("c_memtile", designs::forward(), 512),
        copied("d_distribute_join", designs::distribute_join(), 512),
        plain("e_broadcast", designs::broadcast(), &[objects], &repeated),
        layouts(),
        product("g_matmul2x2", designs::product2x2(), 4, [32, 32, 32]),
        product("h_matmul4x4", designs::product4x4(), 8, [256, 64, 256]),
        parameters(),
        plain("j_depth_skip", designs::sliding_window(), &[rows], &windows),
        copied("k_shared_mem", designs::shared_memory(), 128),
        weights(),
        packets(),
        copied("n_elf_load", designs::passthrough(), 256),
        padding_and_cascade(),
        copied("p_1col", designs::one_column(), 256),
    ]
}

#[test]
fn every_golden_gives_the_same_output_in_our_lowering() {
    let mut names = Vec::new();
    for run in runs() {
        names.push(run.name);
        println!("{}", run.row());
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../emulator/tests/goldens");
    let mut all: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    all.sort();
    assert_eq!(names, all, "every golden has a run");
}
