//! `scale_i16`: 16-bit samples times a factor, on one core of each column.

use arch::Tile;
use arch::geometry::COLUMNS;

use super::Source;
use crate::kernels::{KernelError, scale_i16};
use array::design::{
    Arg, Design, HostArg, Kernel, ObjectFifo, ObjectType, Param, Port, SeqOp, Sequence, Step,
    Transfer, Worker,
};
use kernel::ir::Module;
use kernel::types::Elem;

/// Samples of one object: 2 KiB.
const OBJECT: u32 = 1024;
/// Samples of one dispatch, a quarter of them for each column.
const SAMPLES: u32 = 32768;
/// Factor of the samples, in units of 2^-[`SHIFT`]: 1.5, so that loud samples saturate.
pub const FACTOR: i16 = 0x3000;
/// Bits that the product is shifted right by.
pub const SHIFT: u32 = 13;

pub(super) fn source() -> Result<Source, KernelError> {
    let object = ObjectType::new(Elem::I16, [OBJECT]);
    let scale = scale_i16(OBJECT, FACTOR, SHIFT)?;
    let share = SAMPLES / u32::from(COLUMNS);

    let mut design = Design::new("scale_i16");
    let params = [Param::Memory(object.clone()), Param::Memory(object.clone())];
    design.kernels = vec![Kernel::new(scale.name.clone(), params)];
    let (mut inputs, mut outputs, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    for col in 0..COLUMNS {
        let (shim, core) = (Tile::new(col, 0), Tile::new(col, 2));
        let (input, output) = (format!("in{col}"), format!("out{col}"));
        design
            .fifos
            .push(ObjectFifo::new(&input, shim, &[core], 2, object.clone()));
        design
            .fifos
            .push(ObjectFifo::new(&output, core, &[shim], 2, object.clone()));
        design.workers.push(Worker::new(
            core,
            [Step::forever([
                Step::acquire(&input, Port::Consume, 1),
                Step::acquire(&output, Port::Produce, 1),
                Step::call(
                    scale.name.clone(),
                    [Arg::object(&input), Arg::object(&output)],
                ),
                Step::release(&input, Port::Consume, 1),
                Step::release(&output, Port::Produce, 1),
            ])],
        ));
        let offset = u64::from(col) * u64::from(share);
        inputs.push(Transfer::linear(&input, "input", offset, share).into());
        outputs.push(Transfer::linear(&output, "output", offset, share).into());
        waits.push(SeqOp::wait(&output));
    }
    design.sequences = vec![Sequence {
        name: "main".into(),
        args: vec![
            HostArg::new("input", Elem::I16, SAMPLES),
            HostArg::new("output", Elem::I16, SAMPLES),
        ],
        ops: [inputs, outputs, waits].concat(),
    }];
    let kernels = Module::from(vec![scale]);
    Ok(Source { design, kernels })
}
