//! What every module begins with: the device, its tiles, the kernels that cores call.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arch::Tile;
use melior::ir::r#type::FunctionType;
use melior::ir::{Block, BlockLike, Module, Region, Type, Value, ValueLike};
use npuc::array::design::{Design, Kernel, ObjectType, Param};
use npuc::kernel::types::Elem;

use super::PrintError;
use crate::aie::Invalid;
use crate::aie::builder::{Maker, Op, region_of};

/// Tiles by place, as values of the device.
pub(super) type Tiles<'c, 'a> = BTreeMap<Tile, Value<'c, 'a>>;

/// How often a loop without end runs: as often as an index can say.
pub(super) const FOREVER: i64 = i64::MAX;

/// Numbers of MLIR-AIE's devices with one to four columns of npu1.
const DEVICES: [i32; 4] = [5, 6, 7, 4];

/// A module whose device has this body.
pub(super) fn module<'c>(
    maker: Maker<'c>,
    columns: u8,
    body: Block<'c>,
) -> Result<Module<'c>, Invalid> {
    maker.op("aie.end").end_of(&body)?;
    let device = DEVICES[usize::from(columns.clamp(1, 4)) - 1];
    let module = Module::new(maker.location());
    let device = maker
        .op("aie.device")
        .i32("device", device)
        .string("sym_name", "main")
        .region(region_of(body))
        .make()?;
    module.body().append_operation(device);
    Ok(module)
}

/// A tile.
pub(super) fn tile<'c>(maker: Maker<'c>, tile: Tile) -> Op<'c> {
    maker
        .op("aie.tile")
        .i32("col", tile.col)
        .i32("row", tile.row)
        .result(maker.index())
}

/// Constants of type `index`, in order.
pub(super) fn constants<'c: 'a, 'a>(
    maker: Maker<'c>,
    block: &Block<'c>,
    numbers: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Value<'c, 'a>>, Invalid> {
    let mut constants = BTreeMap::new();
    for &number in numbers {
        let value = maker
            .op("arith.constant")
            .with("value", maker.number(maker.index(), number))
            .result(maker.index())
            .value_in(block)?;
        constants.insert(number, value);
    }
    Ok(constants)
}

/// A constant that a kernel takes.
pub(super) fn word<'c: 'a, 'a>(
    maker: Maker<'c>,
    block: &Block<'c>,
    value: i32,
) -> Result<Value<'c, 'a>, Invalid> {
    let i32 = maker.integer(32);
    maker
        .op("arith.constant")
        .with("value", maker.number(i32, i64::from(value)))
        .result(i32)
        .value_in(block)
}

/// Type of a parameter.
pub(super) fn parameter<'c>(maker: Maker<'c>, param: &Param) -> Type<'c> {
    match param {
        Param::Memory(object) => maker.memref(object),
        Param::I32 => maker.integer(32),
    }
}

/// The object file that has a kernel: made of the kernel's file where it has one of its own.
fn object_file(kernel: &Kernel) -> String {
    let file = kernel.file.as_deref().unwrap_or(&kernel.name);
    Path::new(file).with_extension("o").display().to_string()
}

fn kernel<'c>(maker: Maker<'c>, body: &Block<'c>, kernel: &Kernel) -> Result<(), Invalid> {
    let inputs: Vec<Type> = kernel.params.iter().map(|p| parameter(maker, p)).collect();
    let r#type = FunctionType::new(maker.context(), &inputs, &[]).into();
    maker
        .op("func.func")
        .string("sym_name", &kernel.name)
        .string("sym_visibility", "private")
        .with("function_type", maker.type_attribute(r#type))
        .string("link_with", &object_file(kernel))
        .region(Region::new())
        .end_of(body)
}

/// Declarations of the kernels, each with the object file that has it.
pub(super) fn kernels<'c>(
    maker: Maker<'c>,
    body: &Block<'c>,
    design: &Design,
) -> Result<(), Invalid> {
    design
        .kernels
        .iter()
        .try_for_each(|k| kernel(maker, body, k))
}

/// An object as a kernel's parameter: the same elements, perhaps in another shape.
pub(super) fn as_parameter<'c: 'a, 'a>(
    maker: Maker<'c>,
    block: &Block<'c>,
    value: Value<'c, 'a>,
    param: &Param,
) -> Result<Value<'c, 'a>, Invalid> {
    match param {
        Param::Memory(object) if value.r#type() != maker.memref(object) => {
            shaped(maker, block, value, object)
        }
        _ => Ok(value),
    }
}

/// The same memory in the shape of `object`.
fn shaped<'c: 'a, 'a>(
    maker: Maker<'c>,
    block: &Block<'c>,
    value: Value<'c, 'a>,
    object: &ObjectType,
) -> Result<Value<'c, 'a>, Invalid> {
    let sizes: Vec<i64> = object.shape.iter().map(|&n| i64::from(n)).collect();
    let mut strides = vec![1; sizes.len()];
    for i in (1..sizes.len()).rev() {
        strides[i - 1] = strides[i] * sizes[i];
    }
    maker
        .op("memref.reinterpret_cast")
        .operands(&[value])
        .i32s("operandSegmentSizes", &[1, 0, 0, 0])
        .i64s("static_offsets", &[0])
        .i64s("static_sizes", &sizes)
        .i64s("static_strides", &strides)
        .result(maker.memref(object))
        .value_in(block)
}

/// The memory of the buffer `name` as a row of 32-bit words.
pub(super) fn as_words<'c: 'a, 'a>(
    maker: Maker<'c>,
    block: &Block<'c>,
    value: Value<'c, 'a>,
    name: &str,
    object: Option<&ObjectType>,
) -> Result<Value<'c, 'a>, PrintError> {
    match object {
        Some(object) if object.elem != Elem::I32 => Err(PrintError::CountElement {
            buffer: name.to_owned(),
            object: object.to_string(),
        }),
        Some(object) if object.shape.len() != 1 => {
            let row = ObjectType::new(Elem::I32, [object.len() as u32]);
            Ok(shaped(maker, block, value, &row)?)
        }
        _ => Ok(value),
    }
}

/// The number of passes that word `index` of a buffer of 32-bit words says.
pub(super) fn loaded_count<'c: 'a, 'a>(
    maker: Maker<'c>,
    block: &Block<'c>,
    buffer: Value<'c, 'a>,
    index: Value<'c, 'a>,
) -> Result<Value<'c, 'a>, Invalid> {
    let word = maker
        .op("memref.load")
        .operands(&[buffer, index])
        .result(maker.integer(32))
        .value_in(block)?;
    maker
        .op("arith.index_cast")
        .operands(&[word])
        .result(maker.index())
        .value_in(block)
}

/// A loop over `inside`, which has the index as its argument: `bounds` are start, end and step.
pub(super) fn for_loop<'c>(
    maker: Maker<'c>,
    block: &Block<'c>,
    bounds: [Value<'c, '_>; 3],
    inside: Block<'c>,
) -> Result<(), Invalid> {
    maker.op("scf.yield").end_of(&inside)?;
    maker
        .op("scf.for")
        .operands(&bounds)
        .region(region_of(inside))
        .end_of(block)
}
