//! The programs of a design's cores: a function `core_C_R` for each, which waits for objects, calls
//! kernels and releases, with buffers as external symbols that a linker script places.
//!
//! Source of the names: mlir-aie lib/Targets/AIETargetLdScript.cpp.

use arch::Tile;
use arch::array::memory::core_address;
use inkwell::context::Context;
use inkwell::module::Module as LlvmModule;
use npuc::array::design::{Design, Param};
use npuc::array::lower::lower;
use npuc::array::lowered::Lowered;
use npuc::array::program::entry_function;
use npuc::array::verify::verify as verify_design;
use npuc::array::worker::CorePlan;
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{Func, Module, Op};
use npuc::kernel::types::Type;
use npuc::kernel::verify::verify;
use npuc::overlays::Source;
use npuc::tools::ldscript;

use super::{Buffer, Error, Space, translate};

/// The program of one core.
pub struct CoreModule<'c> {
    /// Core tile.
    pub tile: Tile,
    /// Its program: the function [`CoreModule::symbol`], and the kernels that it calls.
    pub llvm: LlvmModule<'c>,
}

impl CoreModule<'_> {
    /// Name of the function that a core starts with: `core_C_R`.
    pub fn symbol(&self) -> String {
        ldscript::entry(self.tile)
    }
}

/// The programs of all cores of a design, in the order in which lowering has them. Kernels in C++ are
/// declared.
///
/// # Errors
/// A design that breaks a rule, and what [`translate`] refuses.
pub fn core_modules<'c>(
    context: &'c Context,
    source: &Source,
) -> Result<Vec<CoreModule<'c>>, Error> {
    let design = |e: &dyn std::fmt::Display| Error::Design(e.to_string());
    let verified = verify_design(source.design.clone()).map_err(|e| design(&e))?;
    let lowered = lower(&verified).map_err(|e| design(&e))?;
    let (mut kernels, cpp) = (source.kernels.clone(), declarations(&source.design));
    let external: Vec<String> = cpp.iter().map(|func| func.name.clone()).collect();
    kernels.funcs.extend(cpp);
    let cores = lowered.cores.iter();
    cores
        .map(|plan| core_module(context, &lowered, plan, (&kernels, &external)))
        .collect()
}

/// The kernels in C++ as functions that do nothing, for what calls them.
fn declarations(design: &Design) -> Vec<Func> {
    let cpp = design
        .kernels
        .iter()
        .filter(|kernel| kernel.cpp().is_some());
    cpp.map(|kernel| {
        let mut builder = FuncBuilder::new(&kernel.name);
        for param in &kernel.params {
            let ty = match param {
                Param::Memory(_) => Type::Ptr,
                Param::I32 => Type::I32,
            };
            builder.param(ty, false);
        }
        builder.finish()
    })
    .collect()
}

fn core_module<'c>(
    context: &'c Context,
    lowered: &Lowered,
    plan: &CorePlan,
    (kernels, external): (&Module, &[String]),
) -> Result<CoreModule<'c>, Error> {
    let mut entry = entry_function(plan);
    entry.name = ldscript::entry(plan.tile);
    let name = entry.name.clone();
    let module = reached(entry, kernels);
    let module = verify(module).map_err(|e| Error::Design(e.to_string()))?;
    let space = Space::Buffers(buffers(lowered, plan.tile));
    let llvm = translate(context, &name, &module, &space, external)?;
    Ok(CoreModule {
        tile: plan.tile,
        llvm,
    })
}

/// A function with what it calls, itself and through others, and constant data.
fn reached(entry: Func, kernels: &Module) -> Module {
    let mut funcs = vec![entry];
    let mut next = 0;
    while next < funcs.len() {
        let mut called = Vec::new();
        funcs[next].body.for_each_inst(&mut |inst| {
            if let Op::Call { func, .. } = &inst.op {
                called.push(func.clone());
            }
        });
        for name in called {
            let missing = funcs.iter().all(|f| f.name != name);
            funcs.extend(kernels.func(&name).filter(|_| missing).cloned());
        }
        next += 1;
    }
    let data = kernels.data.clone();
    Module { data, funcs }
}

/// The buffers that a core reaches, where it sees them.
fn buffers(lowered: &Lowered, core: Tile) -> Vec<Buffer> {
    let seen = lowered.buffers.iter().filter_map(|buffer| {
        Some(Buffer {
            name: buffer.name.clone(),
            address: core_address(core, buffer.tile, buffer.address)?,
            bytes: buffer.bytes,
        })
    });
    seen.collect()
}
