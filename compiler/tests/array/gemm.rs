//! Products on sixteen cores: those of Whisper against plain loops; shapes that are not whole blocks.

use emulator::{Budget, Npu};
use formats::txn::Stream;
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::overlays::gemm::sample::Sample;
use npuc::overlays::gemm::{self, Gemm, Shape};

/// Builds an overlay and runs shapes in turn on one configuration.
fn run(gemm: &Gemm, shapes: &[Shape]) {
    let source = gemm.source().unwrap_or_else(|e| panic!("{e}"));
    let built = files::build(&gemm.name, &source, &Key::new(["gemm"]), &|_| ());
    let built = built.unwrap_or_else(|e| panic!("{e}"));
    let file = |name: &str| &built.iter().find(|(n, _)| n == name).expect("a file").1;
    let mut npu = Npu::new();
    npu.load_xclbin(file(&format!("{}.xclbin", gemm.name)))
        .unwrap_or_else(|e| panic!("{e}"));
    for shape in shapes {
        let stream = file(&format!("insts_{}.bin", shape.name()));
        let stream = Stream::parse(stream).unwrap_or_else(|e| panic!("{e}"));
        let mut sample = Sample::new(gemm, *shape).unwrap_or_else(|e| panic!("{e}"));
        let mut args = std::mem::take(&mut sample.args);
        let ran = npu.run(&stream, &mut args, Budget::default());
        ran.unwrap_or_else(|e| panic!("{}: {e}", gemm.name));
        sample
            .check(&args[2])
            .unwrap_or_else(|e| panic!("{} {}: {e}", gemm.name, shape.name()));
    }
}

/// One configuration takes shapes of several blocks and lengths one after the other; as the benchmark
/// does, which also measures them: `cargo xtask bench gemm`.
#[test]
#[ignore = "minutes in debug builds: cargo test --release -p npuc --test main array::gemm -- --ignored"]
fn products_of_whisper_equal_plain_loops() {
    for gemm in gemm::standard() {
        run(&gemm, &gemm.shapes);
    }
}

#[test]
fn shapes_that_are_not_whole_blocks_are_refused() {
    let refuse = |m, k, n| {
        let refused = gemm::standard()[0].check(Shape::new(m, k, n));
        refused.expect_err("refused").to_string()
    };
    insta::assert_snapshot!(
        [
            refuse(0, 128, 384),
            refuse(300, 128, 384),
            refuse(256, 192, 384),
            refuse(256, 128, 400),
            refuse(65 * 256, 128, 384),
        ]
        .join("\n\n")
    );
}
