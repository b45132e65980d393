//! `passthrough`: bytes from host memory through one core and back.

use arch::Tile;

use super::Source;
use crate::kernels::{KernelError, passthrough};
use array::design::{
    Arg, Design, HostArg, Kernel, ObjectFifo, ObjectType, Param, Port, SeqOp, Sequence, Step,
    Transfer, Worker,
};
use kernel::ir::Module;
use kernel::types::Elem;

/// Samples of one object: 4 KiB.
const OBJECT: u32 = 2048;
/// Samples of one dispatch.
const SAMPLES: u32 = 32768;

pub(super) fn source() -> Result<Source, KernelError> {
    let (shim, core) = (Tile::new(0, 0), Tile::new(0, 2));
    let object = ObjectType::new(Elem::I16, [OBJECT]);
    let copy = passthrough(object.bytes() as u32)?;

    let mut design = Design::new("passthrough");
    design.fifos = vec![
        ObjectFifo::new("in", shim, &[core], 2, object.clone()),
        ObjectFifo::new("out", core, &[shim], 2, object.clone()),
    ];
    let params = [Param::Memory(object.clone()), Param::Memory(object)];
    design.kernels = vec![Kernel::new(copy.name.clone(), params)];
    design.workers = vec![Worker::new(
        core,
        [Step::forever([
            Step::acquire("in", Port::Consume, 1),
            Step::acquire("out", Port::Produce, 1),
            Step::call(copy.name.clone(), [Arg::object("in"), Arg::object("out")]),
            Step::release("in", Port::Consume, 1),
            Step::release("out", Port::Produce, 1),
        ])],
    )];
    design.sequences = vec![Sequence {
        name: "main".into(),
        args: vec![
            HostArg::new("input", Elem::I16, SAMPLES),
            HostArg::new("output", Elem::I16, SAMPLES),
        ],
        ops: vec![
            Transfer::linear("in", "input", 0, SAMPLES).into(),
            Transfer::linear("out", "output", 0, SAMPLES).into(),
            SeqOp::wait("out"),
        ],
    }];
    let kernels = Module::from(vec![copy]);
    Ok(Source { design, kernels })
}
