//! Kernels of the library through the back end, as bytes that the checker proves.

use npuc::aie2::checker::{CheckReport, check};
use npuc::aie2::emit::emit;
use npuc::aie2::layout::layout;
use npuc::aie2::mir::Program;
use npuc::aie2::{Options, compile};
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{CoreLock, Count, Func, Module};
use npuc::kernel::verify::verify;
use npuc::kernels::{MatmulI8, matmul_i8, passthrough, scale_i16};

/// A core's program: for ever, take the buffers, run the kernel, hand them on.
fn worker(kernel: &Func) -> Func {
    let mut main = FuncBuilder::new("main");
    main.loop_(Count::Forever, &[], |b, _| {
        b.acquire(CoreLock(48), 1);
        let params = 0..kernel.params.len() as u32;
        let buffers: Vec<_> = params.map(|k| b.addr(0x7_0400 + 0x4000 * k)).collect();
        b.call(kernel.name.clone(), &buffers);
        b.release(CoreLock(49), 1);
        Vec::new()
    });
    main.finish()
}

fn proved(kernel: Func) -> (Program, CheckReport) {
    let main = worker(&kernel);
    let module = verify(Module::from(vec![main, kernel])).unwrap_or_else(|e| panic!("{e}"));
    let program = compile(&module, &Options::default()).unwrap_or_else(|e| panic!("{e}"));
    let map = layout(&program).unwrap_or_else(|e| panic!("{e}"));
    let image = emit(&program, &map).unwrap_or_else(|e| panic!("{e}"));
    let report = check(&image.text, &program, &map).unwrap_or_else(|errors| {
        let text: Vec<_> = errors.iter().take(20).map(ToString::to_string).collect();
        panic!("{program}\n{} errors\n{}", errors.len(), text.join("\n"))
    });
    (program, report)
}

#[test]
fn passthrough_is_proved() {
    let (program, report) = proved(passthrough(4096).unwrap());
    assert!(report.reads > 0, "{report:?}");
    insta::assert_snapshot!(program.funcs.last().unwrap());
}

#[test]
fn scale_is_proved() {
    let (program, report) = proved(scale_i16(1024, 300, 8).unwrap());
    assert!(report.reads > 0, "{report:?}");
    insta::assert_snapshot!(program.funcs.last().unwrap());
}

#[test]
fn matmul_is_proved() {
    for (k, accumulate) in [(64, false), (64, true), (72, true)] {
        let shape = MatmulI8 {
            m: 64,
            k,
            n: 64,
            accumulate,
        };
        let (_, report) = proved(matmul_i8(shape).unwrap());
        assert!(report.reads > 0, "{report:?}");
    }
}
