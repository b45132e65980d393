//! Overlays from description to result: built by the compiler, run from their files by the runtime.

use npuc::build::cache::Key;
use npuc::build::files;
use npuc::kernel::interp::{Arg, Interpreter, Memory, NoLocks};
use npuc::kernel::verify::verify;
use npuc::kernels::matmul_i8::{MatmulI8, pack_a, pack_b, unpack_c};
use npuc::overlays::{self, matmul_i8, matmul_i8_4x4};
use runtime::{Argument, Buffer, Device, Error, InstructionStream, Overlay};

/// The files of an overlay, by name.
pub(crate) struct Files(Vec<files::File>);

impl Files {
    pub(crate) fn of(name: &str) -> Self {
        let source = overlays::find(name)
            .expect("known")
            .source()
            .expect("described");
        let key = Key::new([name]);
        Files(files::build(name, &source, &key, &|_| ()).expect("built"))
    }

    pub(crate) fn get(&self, name: &str) -> &[u8] {
        let file = self.0.iter().find(|(n, _)| n == name);
        &file.unwrap_or_else(|| panic!("no file {name}")).1
    }

    fn load(&self, name: &str, sequence: &str) -> (Overlay, InstructionStream) {
        let device = Device::open("emulator").expect("always there");
        let overlay = Overlay::load(&device, self.get(&format!("{name}.xclbin"))).expect("loads");
        let stream = InstructionStream::parse(self.get(&format!("insts_{sequence}.bin")));
        (overlay, stream.expect("parses"))
    }
}

/// Numbers that look random and are the same in every run (xorshift).
fn numbers(len: usize) -> impl Iterator<Item = u32> {
    let mut state = 0x2545_f491u32;
    (0..len).map(move |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    })
}

#[test]
fn the_same_sources_give_the_same_files() {
    for overlay in overlays::standard().expect("described") {
        assert_eq!(
            Files::of(&overlay.name).0,
            Files::of(&overlay.name).0,
            "{}",
            overlay.name
        );
    }
}

#[test]
fn no_file_names_a_path_of_the_machine() {
    let root = env!("CARGO_MANIFEST_DIR")
        .trim_end_matches("tests")
        .as_bytes();
    for overlay in overlays::standard().expect("described") {
        for (name, bytes) in Files::of(&overlay.name).0 {
            let found = bytes.windows(root.len()).any(|w| w == root);
            assert!(!found, "{name} of {}", overlay.name);
        }
    }
}

#[test]
fn scale_i16_equals_the_interpreter() {
    let (overlay, stream) = Files::of("scale_i16").load("scale_i16", "main");
    let samples: Vec<i16> = numbers(32768).map(|n| n as i16).collect();
    let (input, output) = (Buffer::from_slice(&samples), Buffer::<i16>::zeroed(32768));
    let run = overlay
        .submit(&stream, &[&input, &output])
        .expect("submitted");
    assert_eq!(run.wait().expect("runs").device, "emulator");

    let source = overlays::find("scale_i16")
        .expect("known")
        .source()
        .expect("described");
    let module = verify(source.kernels).expect("verified");
    let mut expected = Vec::new();
    for object in samples.chunks_exact(1024) {
        let bytes: Vec<u8> = object.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut memory = Memory::new();
        memory.map_with("in", 0x70000, &bytes).expect("mapped");
        memory.map("out", 0x74000, bytes.len()).expect("mapped");
        let mut interpreter = Interpreter::new(&module, memory, NoLocks, u64::MAX);
        interpreter
            .run("scale_i16", &[Arg::Ptr(0x70000), Arg::Ptr(0x74000)])
            .expect("interpreted");
        let out = interpreter.memory.region("out").expect("mapped").bytes();
        expected.extend(
            out.chunks_exact(2)
                .map(|b| i16::from_le_bytes([b[0], b[1]])),
        );
    }
    assert_eq!(output.read().expect("read"), expected);
}

/// Runs a product of so many rows and columns, `runs` times, and compares it with plain loops. Operands
/// come in tiles: those of A by rows, those of B and of the sums by columns.
fn equals_plain_loops(name: &str, sequence: &str, rows: usize, columns: usize, runs: usize) {
    const SIDE: usize = matmul_i8::TILE as usize;
    const K: usize = matmul_i8::K as usize;
    let (overlay, stream) = Files::of(name).load(name, sequence);
    let a: Vec<i8> = numbers(rows * K).map(|n| (n >> 3) as i8).collect();
    let b: Vec<i8> = numbers(K * columns).map(|n| (n >> 5) as i8).collect();
    let side = matmul_i8::TILE;
    let shape = MatmulI8 {
        m: side,
        k: side,
        n: side,
        accumulate: false,
    };
    let square = |at: &dyn Fn(usize, usize) -> i8| -> Vec<i8> {
        (0..SIDE * SIDE).map(|i| at(i / SIDE, i % SIDE)).collect()
    };
    // Tiles along K, for each of those across it.
    let slabs = |across: usize| {
        let along = |at| (0..K).step_by(SIDE).map(move |k| (at, k));
        (0..across).step_by(SIDE).flat_map(along)
    };
    let a_tiles: Vec<i8> = slabs(rows)
        .flat_map(|(m, k)| pack_a(&shape, &square(&|r, c| a[(m + r) * K + k + c])))
        .collect();
    let b_tiles: Vec<i8> = slabs(columns)
        .flat_map(|(n, k)| pack_b(&shape, &square(&|r, c| b[(k + r) * columns + n + c])))
        .collect();
    let (a_buffer, b_buffer) = (Buffer::from_slice(&a_tiles), Buffer::from_slice(&b_tiles));
    let c_buffer = Buffer::<i32>::zeroed(rows * columns);
    for _ in 0..runs {
        let run = overlay
            .submit(&stream, &[&a_buffer, &b_buffer, &c_buffer])
            .expect("submitted");
        run.wait().expect("runs");
        let c = c_buffer.read().expect("read");
        for (tile, sums) in c.chunks_exact(SIDE * SIDE).enumerate() {
            let tiles = rows / SIDE;
            let (row, column) = (tile % tiles * SIDE, tile / tiles * SIDE);
            for (place, sum) in unpack_c(&shape, sums).into_iter().enumerate() {
                let (r, n) = (row + place / SIDE, column + place % SIDE);
                let terms = (0..K).map(|k| i32::from(a[r * K + k]) * i32::from(b[k * columns + n]));
                assert_eq!(sum, terms.sum::<i32>(), "row {r}, column {n}");
            }
        }
        c_buffer.write(&vec![0; rows * columns]).expect("written");
    }
}

#[test]
fn matmul_i8_equals_plain_loops() {
    // Twice: the second run starts where the first one left the fifos.
    equals_plain_loops("matmul_i8", "m64_n256", matmul_i8::TILE as usize, 256, 2);
}

#[test]
fn matmul_i8_on_sixteen_cores_equals_plain_loops() {
    let (m, n) = (matmul_i8_4x4::M as usize, matmul_i8_4x4::BLOCK_N as usize);
    equals_plain_loops(matmul_i8_4x4::NAME, "n256", m, n, 1);
}

#[test]
fn submissions_run_in_order_and_free_their_buffers() {
    let (overlay, stream) = Files::of("passthrough").load("passthrough", "main");
    let buffers: Vec<(Buffer<i16>, Buffer<i16>)> = (0..4)
        .map(|n| (Buffer::from_slice(&[n; 32768]), Buffer::zeroed(32768)))
        .collect();
    let submit = |(input, output): &(Buffer<i16>, Buffer<i16>)| {
        overlay
            .submit(&stream, &[input, output])
            .expect("submitted")
    };
    let runs: Vec<_> = buffers.iter().map(submit).collect();
    for (run, (input, output)) in runs.into_iter().zip(&buffers) {
        run.wait().expect("runs");
        assert_eq!(output.read().expect("free"), input.read().expect("free"));
    }
}

#[test]
fn wrong_arguments_are_refused_and_the_overlay_goes_on() {
    let (overlay, stream) = Files::of("passthrough").load("passthrough", "main");
    let (input, output) = (
        Buffer::from_slice(&[5i16; 32768]),
        Buffer::<i16>::zeroed(32768),
    );
    let small = Buffer::<i16>::zeroed(16);
    let refused = overlay
        .submit(&stream, &[&input])
        .expect_err("one buffer is missing");
    assert!(
        matches!(
            refused,
            Error::MissingArgument {
                index: 1,
                passed: 1
            }
        ),
        "{refused}"
    );
    let many: [&dyn Argument; 6] = [&small; 6];
    let refused = overlay.submit(&stream, &many).expect_err("too many");
    assert!(
        matches!(
            refused,
            Error::TooManyArguments {
                passed: 6,
                limit: 5
            }
        ),
        "{refused}"
    );
    let refused = overlay
        .submit(&stream, &[&input, &input])
        .expect_err("passed twice");
    assert!(
        matches!(refused, Error::ArgumentBusy { index: 1 }),
        "{refused}"
    );
    let run = overlay
        .submit(&stream, &[&input, &small])
        .expect("submitted");
    let refused = run.wait().expect_err("the buffer is too small").to_string();
    assert!(
        refused.contains("argument 1") && refused.contains("32"),
        "{refused}"
    );
    overlay
        .submit(&stream, &[&input, &output])
        .expect("submitted")
        .wait()
        .expect("runs");
    assert_eq!(output.read().expect("free"), [5i16; 32768]);
}

#[test]
fn unknown_devices_and_files_are_refused() {
    let refused = Device::open("toaster")
        .expect_err("no such device")
        .to_string();
    assert!(refused.contains("unknown device `toaster`"), "{refused}");
    let device = Device::open("emulator").expect("always there");
    assert!(Overlay::load(&device, b"not an XCLBIN").is_err());
    assert!(InstructionStream::parse(&[0; 8]).is_err());
}
