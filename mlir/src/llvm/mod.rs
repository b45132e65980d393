//! Kernel IR as LLVM IR for AIE2, with the intrinsics `llvm.aie2.*`.
//!
//! A verified module of kernel IR goes in; an LLVM module comes out that LLVM's own verifier has
//! accepted. What kernel IR says of values becomes plain LLVM IR where that has one meaning, and an
//! intrinsic where the core has an instruction of its own; every operation becomes one or the other, or
//! is refused by name.
//!
//! - `types`: target, layout, types.
//! - `intrinsics`: the intrinsics that are used, a row each, with the model of what they do.
//! - `func`: functions, blocks and control flow; beside it, a module each, `scalar`, `float`, `memory`,
//!   `register`, `product`, `lanes`, `movement`, `port`s with
//!   tables, and `control` registers.
//! - `space`: what a constant address becomes: an integer, a buffer's symbol, a place in memory of this
//!   process.
//! - `cores`: the programs of a design's cores.
//! - [`native`]: the same IR, run by this machine.
//!
//! Text for Peano's older LLVM comes from [`npuc::tools::older_llvm`]. It takes alignments away: values of
//! more than 256 bits are loaded and stored in parts for that reason too, each of which the layout
//! aligns as the core demands.
//!
//! **What is proved, and what is not.** The IR is verified by LLVM 22 and, run natively with models of the
//! intrinsics, leaves what the interpreter leaves. The names and types of the intrinsics are those of
//! Xilinx/llvm-aie; that Peano gives them the meaning of our models, selects an instruction for each
//! and keeps the order of control registers and what reads them has not been seen: no Peano was at
//! hand.

mod control;
mod cores;
mod error;
mod float;
mod func;
mod intrinsics;
mod lanes;
mod memory;
mod movement;
pub mod native;
mod port;
mod product;
mod register;
mod scalar;
mod space;
mod types;

use inkwell::context::Context;
use inkwell::module::{Linkage, Module as LlvmModule};
use inkwell::targets::{TargetData, TargetTriple};
use npuc::kernel::data::{STACK, addresses};
use npuc::kernel::ir::{Data, Module};
use npuc::kernel::verify::Verified;

pub use cores::{CoreModule, core_modules};
pub use error::Error;
pub use space::{Buffer, Space};
pub use types::{DATA_LAYOUT, TRIPLE};

/// The LLVM IR of a module, for AIE2, accepted by LLVM's verifier.
///
/// `name` is the name of the LLVM module, `space` says what constant addresses become. Functions named in
/// `external` are only declared: other files have them.
///
/// # Errors
/// An operation without LLVM IR, by name, and what LLVM's verifier says.
pub fn translate<'c>(
    context: &'c Context,
    name: &str,
    module: &Verified<Module>,
    space: &Space,
    external: &[String],
) -> Result<LlvmModule<'c>, Error> {
    let llvm = context.create_module(name);
    define_all(context, &llvm, module, space, external)?;
    llvm.set_triple(&TargetTriple::create(TRIPLE));
    llvm.set_data_layout(&TargetData::create(DATA_LAYOUT).get_data_layout());
    verified(llvm)
}

/// Constant data of a module, and its functions: declares and defines them.
fn define_all<'c>(
    context: &'c Context,
    llvm: &LlvmModule<'c>,
    module: &Verified<Module>,
    space: &Space,
    external: &[String],
) -> Result<(), Error> {
    if !matches!(space, Space::Native(_)) {
        for data in &module.data {
            constant(context, llvm, data)?;
        }
    }
    // Calls may come before what they call.
    for func in &module.funcs {
        func::declare(context, llvm, func, space)?;
    }
    // The verifier has seen to it that there is room.
    let constants = addresses(module, &[STACK]).unwrap_or_default();
    for func in module.funcs.iter().filter(|f| !external.contains(&f.name)) {
        func::define(context, llvm, func, space, &constants)?;
    }
    Ok(())
}

/// Constant data as a global of its own file.
fn constant<'c>(context: &'c Context, llvm: &LlvmModule<'c>, data: &Data) -> Result<(), Error> {
    if let Some(bank) = data.bank {
        return Err(Error::Bank {
            name: data.name.clone(),
            bank,
        });
    }
    let bytes = context.const_string(&data.bytes, false);
    let global = llvm.add_global(bytes.get_type(), None, &data.name);
    global.set_linkage(Linkage::Internal);
    global.set_constant(true);
    global.set_alignment(data.align);
    global.set_initializer(&bytes);
    Ok(())
}

fn verified(llvm: LlvmModule<'_>) -> Result<LlvmModule<'_>, Error> {
    match llvm.verify() {
        Ok(()) => Ok(llvm),
        Err(says) => Err(Error::Refused {
            module: llvm.get_name().to_string_lossy().into_owned(),
            says: says.to_string(),
        }),
    }
}
