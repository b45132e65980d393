//! Bodies for the intrinsics, and the entry that calls a function.

use inkwell::AddressSpace;
use inkwell::context::Context;
use inkwell::module::{Linkage, Module as LlvmModule};
use inkwell::types::{BasicMetadataTypeEnum, BasicTypeEnum, IntType};
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, FunctionValue, GlobalValue, PointerValue,
    ValueKind,
};
use npuc::kernel::interp::Arg;
use npuc::kernel::ir::{Func, Module};
use npuc::kernel::verify::Verified;

use super::super::intrinsics::{self, Intrinsic, PREFIX};
use super::super::{Error, Space, define_all, types, verified};
use super::models::SLOT_BYTES;
use super::serve;

/// Name of the function that is called from Rust; no function of kernel IR can have it.
pub(super) const ENTRY: &str = "native.entry";
/// Names of the globals: passes that loops may still make, whether functions are to leave, and the state
/// that models work on.
pub(in super::super) const FUEL: &str = "native.fuel";
pub(in super::super) const LEAVE: &str = "native.leave";
const HOST: &str = "native.host";

/// The module with bodies for its intrinsics and an entry that calls `func`.
pub(super) fn module<'c>(
    context: &'c Context,
    module: &Verified<Module>,
    space: &Space,
    func: &Func,
    args: &[Arg],
) -> Result<LlvmModule<'c>, Error> {
    let llvm = context.create_module("native");
    let i32 = context.i32_type();
    let ptr = context.ptr_type(AddressSpace::default());
    for name in [FUEL, LEAVE] {
        global(&llvm, name, i32.into()).set_initializer(&i32.const_zero());
    }
    global(&llvm, HOST, ptr.into()).set_initializer(&ptr.const_null());
    define_all(context, &llvm, module, space, &[])?;
    for (index, row) in intrinsics::ALL.iter().enumerate() {
        if let Some(function) = llvm.get_function(&row.symbol()) {
            // What LLVM takes for an intrinsic can have no body.
            let name = row.symbol().replace(PREFIX, "native.");
            function.as_global_value().set_name(&name);
            body((context, space), &llvm, function, row, index as u32)?;
        }
    }
    entry(context, &llvm, space, func, args)?;
    verified(llvm)
}

fn global<'c>(llvm: &LlvmModule<'c>, name: &str, ty: BasicTypeEnum<'c>) -> GlobalValue<'c> {
    let global = llvm.add_global(ty, None, name);
    global.set_linkage(Linkage::Internal);
    global
}

fn place<'c>(llvm: &LlvmModule<'c>, name: &str) -> Result<PointerValue<'c>, Error> {
    let global = llvm.get_global(name).map(|g| g.as_pointer_value());
    global.ok_or_else(|| Error::Refused {
        module: llvm.get_name().to_string_lossy().into_owned(),
        says: format!("{name} is missing"),
    })
}

/// The function that Rust calls: notes the state and the passes, calls `func` and returns the passes left.
fn entry<'c>(
    context: &'c Context,
    llvm: &LlvmModule<'c>,
    space: &Space,
    func: &Func,
    args: &[Arg],
) -> Result<(), Error> {
    let i32 = context.i32_type();
    let params = [context.ptr_type(AddressSpace::default()).into(), i32.into()];
    let function = llvm.add_function(ENTRY, i32.fn_type(&params, false), None);
    let build = context.create_builder();
    build.position_at_end(context.append_basic_block(function, "entry"));
    let params: Vec<BasicValueEnum<'c>> = function.get_param_iter().collect();
    build.build_store(place(llvm, HOST)?, params[0])?;
    build.build_store(place(llvm, FUEL)?, params[1])?;
    let args: Vec<BasicMetadataValueEnum<'c>> = args
        .iter()
        .map(|arg| match arg {
            Arg::I32(value) => i32.const_int(*value as u32 as u64, false).into(),
            Arg::Ptr(address) => space.pointer(context, llvm, address & 0xf_ffff).0.into(),
        })
        .collect();
    if let Some(callee) = llvm.get_function(&func.name) {
        build.build_call(callee, &args, "")?;
    }
    let left = build.build_load(i32, place(llvm, FUEL)?, "")?;
    build.build_return(Some(&left))?;
    Ok(())
}

/// Operands to the slots, the model by its number, results back.
fn body<'c>(
    (context, space): (&'c Context, &Space),
    llvm: &LlvmModule<'c>,
    function: FunctionValue<'c>,
    row: &Intrinsic,
    index: u32,
) -> Result<(), Error> {
    let build = context.create_builder();
    build.position_at_end(context.append_basic_block(function, "entry"));
    let (i32, i64) = (context.i32_type(), context.i64_type());
    let ptr = context.ptr_type(AddressSpace::default());
    let host = build
        .build_load(ptr, place(llvm, HOST)?, "")?
        .into_pointer_value();
    let slot = |n: usize| -> Result<PointerValue<'c>, Error> {
        let base = build.build_ptr_to_int(host, i64, "")?;
        let offset = i64.const_int((n * SLOT_BYTES) as u64, false);
        let at = build.build_int_add(base, offset, "")?;
        Ok(build.build_int_to_ptr(at, ptr, "")?)
    };
    for (n, arg) in function.get_param_iter().enumerate() {
        // Counters of walks have no whole number of bytes.
        let arg = match arg {
            BasicValueEnum::IntValue(int) if is_counter(context, int.get_type()) => {
                build.build_int_z_extend(int, i32, "")?.into()
            }
            other => other,
        };
        align(Some(build.build_store(slot(n)?, arg)?), llvm)?;
    }
    let params: [BasicMetadataTypeEnum<'c>; 2] = [ptr.into(), i32.into()];
    let address = i64.const_int(serve as *const () as usize as u64, false);
    let callee = build.build_int_to_ptr(address, ptr, "")?;
    let number = i32.const_int(index.into(), false);
    let args = [host.into(), number.into()];
    let ty = i32.fn_type(&params, false);
    let leave = build.build_indirect_call(ty, callee, &args, "")?;
    if let ValueKind::Basic(leave) = leave.try_as_basic_value() {
        build.build_store(place(llvm, LEAVE)?, leave)?;
    }
    let mut results = Vec::new();
    for (n, name) in row.results().enumerate() {
        let Some(ty) = types::spelled(context, space, name) else {
            continue;
        };
        let value = match ty {
            BasicTypeEnum::IntType(int) if is_counter(context, int) => {
                let word = build.build_load(i32, slot(n)?, "")?.into_int_value();
                build.build_int_truncate(word, int, "")?.into()
            }
            ty => {
                let value = build.build_load(ty, slot(n)?, "")?;
                align(value.as_instruction_value(), llvm)?;
                value
            }
        };
        results.push(value);
    }
    match &results[..] {
        [] => build.build_return(None)?,
        [one] => build.build_return(Some(one))?,
        many => build.build_aggregate_return(many)?,
    };
    Ok(())
}

fn is_counter<'c>(context: &'c Context, ty: IntType<'c>) -> bool {
    ty == types::address(context)
}

/// Slots are aligned as the widest vector.
fn align(
    access: Option<inkwell::values::InstructionValue<'_>>,
    llvm: &LlvmModule<'_>,
) -> Result<(), Error> {
    match access {
        None => Ok(()),
        Some(access) => access
            .set_alignment(SLOT_BYTES as u32)
            .map_err(|e| Error::Refused {
                module: llvm.get_name().to_string_lossy().into_owned(),
                says: e.to_string(),
            }),
    }
}
