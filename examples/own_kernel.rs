//! From kernel to result in one file: kernel IR, a design around it, the files of the overlay, a run.
//!
//! The kernel doubles 16-bit integers, saturating. `cargo run --release --example own_kernel [DEVICE]`

use arch::Tile;
use miette::{IntoDiagnostic, Result, ensure, miette};
use npuc::array::design::{
    Arg, Design, HostArg, Kernel, ObjectFifo, ObjectType, Param, Port, SeqOp, Sequence, Step,
    Transfer, Worker,
};
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{Func, MacMode, Module, SrsMode};
use npuc::kernel::types::{Elem, Rounding, Saturation, Type};
use npuc::overlays::Source;
use runtime::{Buffer, Device, InstructionStream, Overlay};

/// Elements of one object, of one vector, and of one dispatch.
const OBJECT: u32 = 256;
const LANES: u32 = 32;
const ELEMENTS: u32 = 4096;

/// `double(src: ptr, dst: ptr)`: `dst[i] = saturate(2 * src[i])` for [`OBJECT`] elements.
fn double() -> Func {
    let vector = Type::vec(Elem::I16, LANES as u16);
    let mode = SrsMode {
        rounding: Rounding::ConvEven,
        range: Saturation::Saturate,
        signed: true,
    };
    let mut b = FuncBuilder::new("double");
    let (mut src, mut dst) = (b.ptr_param(), b.ptr_param());
    let two = b.iconst(2);
    let two = b.splat(vector, two);
    let shift = b.iconst(0);
    let mut doubled = Vec::new();
    for _ in 0..OBJECT / LANES {
        let (value, next) = b.load_post(vector, src, 2 * LANES as i32);
        let product = b.mul(MacMode::I16E32, value, two);
        doubled.push(b.srs(vector, product, shift, mode));
        src = next;
    }
    for value in doubled {
        dst = b.store_post(value, dst, 2 * LANES as i32);
    }
    b.finish()
}

/// Objects from the host to a core, through the kernel, and back.
fn design(kernel: &Func) -> Design {
    let (shim, core) = (Tile::new(0, 0), Tile::new(0, 2));
    let object = ObjectType::new(Elem::I16, [OBJECT]);
    let mut design = Design::new("own_kernel");
    design.fifos = vec![
        ObjectFifo::new("in", shim, &[core], 2, object.clone()),
        ObjectFifo::new("out", core, &[shim], 2, object.clone()),
    ];
    let params = [Param::Memory(object.clone()), Param::Memory(object)];
    design.kernels = vec![Kernel::new(kernel.name.clone(), params)];
    design.workers = vec![Worker::new(
        core,
        [Step::forever([
            Step::acquire("in", Port::Consume, 1),
            Step::acquire("out", Port::Produce, 1),
            Step::call(kernel.name.clone(), [Arg::object("in"), Arg::object("out")]),
            Step::release("in", Port::Consume, 1),
            Step::release("out", Port::Produce, 1),
        ])],
    )];
    design.sequences = vec![Sequence {
        name: "main".into(),
        args: vec![
            HostArg::new("input", Elem::I16, ELEMENTS),
            HostArg::new("output", Elem::I16, ELEMENTS),
        ],
        ops: vec![
            Transfer::linear("in", "input", 0, ELEMENTS).into(),
            Transfer::linear("out", "output", 0, ELEMENTS).into(),
            SeqOp::wait("out"),
        ],
    }];
    design
}

fn main() -> Result<()> {
    let kernel = double();
    let source = Source {
        design: design(&kernel),
        kernels: Module::from(vec![kernel]),
    };
    let key = Key::new(["own_kernel"]);
    let files = files::build("own_kernel", &source, &key, &|_| ()).into_diagnostic()?;
    let file = |name: &str| {
        let file = files.iter().find(|(n, _)| n == name);
        file.map(|(_, bytes)| bytes)
            .ok_or_else(|| miette!("no file {name}"))
    };

    let name = std::env::args().nth(1).unwrap_or_else(|| "emulator".into());
    let device = Device::open(&name).into_diagnostic()?;
    let overlay = Overlay::load(&device, file("own_kernel.xclbin")?).into_diagnostic()?;
    let stream = InstructionStream::parse(file("insts_main.bin")?).into_diagnostic()?;

    let numbers: Vec<i16> = (0..ELEMENTS).map(|i| (i * 37) as i16).collect();
    let (input, output) = (
        Buffer::from_slice(&numbers),
        Buffer::<i16>::zeroed(numbers.len()),
    );
    let run = overlay
        .submit(&stream, &[&input, &output])
        .into_diagnostic()?;
    let report = run.wait().into_diagnostic()?;

    let expected: Vec<i16> = numbers.iter().map(|n| n.saturating_mul(2)).collect();
    let result = output.read().into_diagnostic()?;
    ensure!(result == expected, "the result differs from plain Rust");
    println!("{} numbers doubled, equal to plain Rust", result.len());
    println!("device {}, {:?}", report.device, report.time);
    Ok(())
}
