//! Layout and types: what LLVM is told of an AIE2 core, and the LLVM type of each type of kernel IR.
//!
//! Source of triple and layout: Xilinx/llvm-aie clang/lib/Basic/Targets/AIE.h; of the types that vectors
//! and accumulators travel in: its llvm/include/llvm/IR/IntrinsicsAIE2.td.

use std::num::NonZeroU32;

use inkwell::AddressSpace;
use inkwell::context::Context;
use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum, FunctionType, IntType};
use npuc::kernel::ir::Func;
use npuc::kernel::types::{Elem, Type};

use super::{Error, Space};

/// Target triple that Peano knows the core by.
pub const TRIPLE: &str = "aie2-none-unknown-elf";
/// Data layout of the core: pointers of 20 bits, stored as words.
pub const DATA_LAYOUT: &str =
    "e-m:e-p:20:32-i1:8:32-i8:8:32-i16:16:32-i32:32:32-f32:32:32-i64:32-f64:32-a:0:32-n32";

/// Bits of an address, and of the counters of a walk.
const ADDRESS_BITS: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// The integer of an address and of the counters of a walk.
pub(super) fn address(context: &Context) -> IntType<'_> {
    let ty = context.custom_width_int_type(ADDRESS_BITS);
    // LLVM has integers of every width from 1 on.
    ty.unwrap_or_else(|_| context.i32_type())
}

/// The LLVM type of a bf16: natively its bits, since code generators take floats through single precision,
/// which changes what is no number.
fn bf16<'c>(context: &'c Context, space: &Space) -> BasicTypeEnum<'c> {
    match space {
        Space::Native(_) => context.i16_type().into(),
        Space::Constants | Space::Buffers(_) => context.bf16_type().into(),
    }
}

/// The LLVM type of an element of a vector.
fn element<'c>(context: &'c Context, space: &Space, elem: Elem) -> BasicTypeEnum<'c> {
    match elem {
        Elem::I8 => context.i8_type().into(),
        Elem::I16 => context.i16_type().into(),
        Elem::I32 => context.i32_type().into(),
        Elem::Bf16 => bf16(context, space),
        Elem::F32 => context.f32_type().into(),
    }
}

/// The LLVM type of a value; none of a walk, which is not one value.
///
/// Accumulators are vectors of 64-bit integers whatever their lanes, masks are words.
pub(super) fn of<'c>(context: &'c Context, space: &Space, ty: Type) -> Option<BasicTypeEnum<'c>> {
    Some(match ty {
        Type::I32 => context.i32_type().into(),
        Type::Ptr => context.ptr_type(AddressSpace::default()).into(),
        Type::Vec { elem, lanes } => vector(element(context, space, elem), lanes.into()),
        Type::Acc { .. } => context.i64_type().vec_type(ty.bits() / 64).into(),
        Type::Mask { lanes: 64 } => context.i32_type().vec_type(2).into(),
        Type::Mask { .. } => context.i32_type().into(),
        Type::Walk { .. } => return None,
    })
}

fn vector(element: BasicTypeEnum<'_>, lanes: u32) -> BasicTypeEnum<'_> {
    match element {
        BasicTypeEnum::FloatType(float) => float.vec_type(lanes).into(),
        BasicTypeEnum::IntType(int) => int.vec_type(lanes).into(),
        other => other,
    }
}

/// The LLVM type of a function. Several results are returned as a struct.
pub(super) fn function<'c>(
    context: &'c Context,
    space: &Space,
    func: &Func,
) -> Result<FunctionType<'c>, Error> {
    let of = |ty: Type| {
        of(context, space, ty).ok_or_else(|| Error::Signature {
            func: func.name.clone(),
            ty,
        })
    };
    let params = func.params.iter().map(|p| of(func.ty(p.value)));
    let params: Vec<BasicMetadataTypeEnum<'c>> = params
        .map(|ty| ty.map(Into::into))
        .collect::<Result<_, _>>()?;
    let results: Vec<BasicTypeEnum<'c>> = func
        .results
        .iter()
        .map(|ty| of(*ty))
        .collect::<Result<_, _>>()?;
    Ok(match &results[..] {
        [] => context.void_type().fn_type(&params, false),
        [one] => one.fn_type(&params, false),
        many => context.struct_type(many, false).fn_type(&params, false),
    })
}

/// The LLVM type spelled as the table of intrinsics spells it: `i32`, `i20`, `ptr`, `v64i8`,
/// `v32bf16`.
pub(super) fn spelled<'c>(
    context: &'c Context,
    space: &Space,
    name: &str,
) -> Option<BasicTypeEnum<'c>> {
    let scalar = |name: &str| -> Option<BasicTypeEnum<'c>> {
        Some(match name {
            "i8" => context.i8_type().into(),
            "i16" => context.i16_type().into(),
            "i20" => address(context).into(),
            "i32" => context.i32_type().into(),
            "i64" => context.i64_type().into(),
            "bf16" => bf16(context, space),
            "ptr" => context.ptr_type(AddressSpace::default()).into(),
            _ => return None,
        })
    };
    let Some(vector_name) = name.strip_prefix('v') else {
        return scalar(name);
    };
    let digits = vector_name.find(|c: char| !c.is_ascii_digit())?;
    let lanes = vector_name[..digits].parse().ok()?;
    Some(vector(scalar(&vector_name[digits..])?, lanes))
}
