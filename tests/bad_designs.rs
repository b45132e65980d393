//! Designs and kernels that do not fit npu1: each ends in its own error before any file is written.

use arch::Tile;
use npuc::array::design::{
    Arg, Design, HostArg, Kernel, ObjectFifo, ObjectType, Param, Port, SeqOp, Sequence, Step,
    Transfer, Worker,
};
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{Count, Func, Module};
use npuc::kernel::types::{Elem, Type};
use npuc::overlays::Source;

const CORE: Tile = Tile::new(0, 2);

/// A design of one core that calls `kernel` with an object of each of `inputs` fifos and one output.
fn design(inputs: usize, object: ObjectType, kernel: Func) -> Source {
    let len = object.len() as u32;
    let names: Vec<String> = (0..inputs).map(|n| format!("in{n}")).collect();
    let mut design = Design::new("bad");
    for (n, name) in names.iter().enumerate() {
        // A shim sends two streams; the third comes from its neighbour.
        let shim = Tile::new(n as u8 / 2, 0);
        design
            .fifos
            .push(ObjectFifo::new(name, shim, &[CORE], 2, object.clone()));
    }
    design.fifos.push(ObjectFifo::new(
        "out",
        CORE,
        &[Tile::new(0, 0)],
        2,
        object.clone(),
    ));
    let params = vec![Param::Memory(object.clone()); inputs + 1];
    design.kernels = vec![Kernel::new(kernel.name.clone(), params)];
    let ends = || {
        let inputs = names.iter().map(|n| (n.clone(), Port::Consume));
        inputs.chain([("out".to_owned(), Port::Produce)])
    };
    let mut body: Vec<Step> = ends().map(|(f, port)| Step::acquire(f, port, 1)).collect();
    let args: Vec<Arg> = ends().map(|(f, _)| Arg::object(f)).collect();
    body.push(Step::call(kernel.name.clone(), args));
    body.extend(ends().map(|(f, port)| Step::release(f, port, 1)));
    design.workers = vec![Worker::new(CORE, [Step::forever(body)])];
    let transfers = ends().map(|(f, _)| Transfer::linear(&f, &f, 0, len).into());
    design.sequences = vec![Sequence {
        name: "main".into(),
        args: ends()
            .map(|(f, _)| HostArg::new(f, object.elem, len))
            .collect(),
        ops: transfers.chain([SeqOp::wait("out")]).collect(),
    }];
    let kernels = Module::from(vec![kernel]);
    Source { design, kernels }
}

/// A kernel of `inputs` inputs that copies `copies` times two vectors of its first input, each time in
/// a loop of its own.
fn kernel(inputs: usize, copies: usize) -> Func {
    let mut b = FuncBuilder::new("copy");
    let params: Vec<_> = (0..=inputs).map(|_| b.ptr_param()).collect();
    for _ in 0..copies {
        let ends = [params[0], params[inputs]];
        b.loop_(Count::Const(2), &ends, |b, ends| {
            let (value, from) = b.load_post(Type::vec(Elem::I32, 8), ends[0], 32);
            vec![from, b.store_post(value, ends[1], 32)]
        });
    }
    b.finish()
}

fn error(source: &Source) -> String {
    let result = files::build("bad", source, &Key::new(["bad"]), &|_| ());
    result
        .map(|files| files.len())
        .expect_err("it does not fit")
        .to_string()
}

fn says(error: &str, texts: &[&str]) {
    for text in texts.iter().chain(&["help:"]) {
        assert!(error.contains(text), "`{text}` is missing: {error}");
    }
}

#[test]
fn the_same_design_within_the_limits_builds() {
    let source = design(2, ObjectType::new(Elem::I32, [256]), kernel(2, 4));
    files::build("good", &source, &Key::new(["good"]), &|_| ()).expect("it fits");
}

#[test]
fn a_third_input_channel_on_a_core() {
    let source = design(3, ObjectType::new(Elem::I32, [256]), kernel(3, 4));
    says(
        &error(&source),
        &["overlay `bad`", "(0,2)", "3 input channels", "2"],
    );
}

#[test]
fn seventy_kilobytes_of_data() {
    // Two ends of two objects of 17.5 KiB each: 70 KiB, and the stack.
    let source = design(1, ObjectType::new(Elem::I32, [4480]), kernel(1, 4));
    says(&error(&source), &["(0,2)", "72704", "65536"]);
}

#[test]
fn seventeen_kilobytes_of_program() {
    let source = design(1, ObjectType::new(Elem::I32, [256]), kernel(1, 200));
    says(&error(&source), &["core (0,2)", "16384", "copy"]);
}
