//! The same IR, run by this machine: each intrinsic gets a body that calls its model in Rust.
//!
//! It is optimised first by the passes that Peano is asked for: what IR leaves open, they would change.
//! What differs from the IR for AIE2 is only what a core's memory makes different: a constant address is
//! a place in the data space that is kept here, every access is brought inside it, pointers in memory
//! are the core's, and a function leaves when it waits for a lock or has run for too long.
//!
//! Vectors pass between functions by LLVM's own rules and never into Rust: the body of an intrinsic
//! stores its operands to slots in memory, from which the model takes them.

mod models;
mod stand_in;

use inkwell::OptimizationLevel;
use inkwell::context::Context;
use inkwell::module::Module as LlvmModule;
use inkwell::passes::PassBuilderOptions;
use inkwell::targets::{CodeModel, InitializationConfig, RelocMode, Target, TargetMachine};
use npuc::kernel::data::{STACK, place};
use npuc::kernel::interp::{Arg, End, Memory, World};
use npuc::kernel::ir::{Func, Module};
use npuc::kernel::types::Type;
use npuc::kernel::verify::Verified;

use super::{Error, Space};
pub(super) use models::Model;
use models::{Host, SLOT_BYTES};
use stand_in::ENTRY;
pub(super) use stand_in::{FUEL, LEAVE};

/// The passes that Peano's optimiser is asked for as well: what they may change has to be as good.
const OPTIMISE: &str = "default<O1>";
/// Passes of loops after which a function is taken to run for ever.
const PASSES: u32 = 50_000_000;

/// What a native run left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// What locks hold and what is at the ports.
    pub world: World,
    /// Contents of the memory's regions, in their order.
    pub regions: Vec<Vec<u8>>,
}

/// The entry: takes the state that models work on and the passes that loops may make; the passes left.
type Entry = unsafe extern "C" fn(*mut Host, u32) -> u32;

/// The data space of a core.
struct DataSpace {
    bytes: Vec<u8>,
    /// Where address 0 is: at a multiple of [`Space::BYTES`].
    first: usize,
}

impl DataSpace {
    fn new() -> Self {
        let size = Space::BYTES as usize;
        // As much again for the alignment, and what an access at the last address reaches beyond it.
        let bytes = vec![0; 2 * size + SLOT_BYTES];
        let first = bytes.as_ptr().addr().next_multiple_of(size) - bytes.as_ptr().addr();
        DataSpace { bytes, first }
    }

    fn region(&mut self, base: u32, bytes: usize) -> &mut [u8] {
        let at = self.first + base as usize;
        &mut self.bytes[at..at + bytes]
    }

    fn address(&mut self) -> u64 {
        self.bytes[self.first..].as_mut_ptr().expose_provenance() as u64
    }
}

/// Runs a function of a module on memory that begins as given; bytes without a value begin as zero.
/// Nobody but the function changes locks and ports.
///
/// # Errors
/// What [`super::translate`] refuses, arguments that are not those of the function, a machine without
/// LLVM code generation, and a function that does not end.
pub fn run(
    module: &Verified<Module>,
    name: &str,
    args: &[Arg],
    memory: &Memory,
    world: &World,
) -> Result<Ran, Error> {
    let refuse = |reason: String, help| Error::Native {
        func: name.to_owned(),
        reason,
        help,
    };
    let Some(func) = module.func(name) else {
        let help = "name a function of the module";
        return Err(refuse("there is no such function".to_owned(), help));
    };
    if !fits(func, args) {
        let (found, expected) = (args.len(), func.params.len());
        let reason = format!("{found} arguments do not fit its {expected} parameters");
        return Err(refuse(reason, "pass scalars and pointers as it takes them"));
    }
    let this = "use a build of LLVM that generates code for this machine";
    Target::initialize_native(&InitializationConfig::default()).map_err(|e| refuse(e, this))?;

    let mut space = DataSpace::new();
    let at = Space::Native(space.address());
    let context = Context::create();
    let llvm = stand_in::module(&context, module, &at, func, args)?;
    optimise(&llvm).map_err(|e| refuse(e, this))?;
    let engine = llvm.create_jit_execution_engine(OptimizationLevel::None);
    let engine = engine.map_err(|e| refuse(e.to_string(), this))?;

    // The verifier has seen to it that there is room.
    let constants = place(&module.data, &[STACK]).unwrap_or_default();
    let constants = constants.into_iter().zip(&module.data);
    let constants: Vec<(u32, Vec<u8>)> = constants.map(|(at, d)| (at, d.bytes.clone())).collect();
    for (address, bytes) in &constants {
        space.region(*address, bytes.len()).copy_from_slice(bytes);
    }
    for region in memory.regions() {
        let bytes = region.bytes();
        space
            .region(region.base(), bytes.len())
            .copy_from_slice(bytes);
    }
    let mut host = Host::new(world, constants);
    #[expect(
        unsafe_code,
        reason = "code that LLVM has just made is called by its address"
    )]
    // SAFETY: The entry was made by `stand_in::module` with this signature. The module has passed LLVM's
    // verifier. What it reads and writes is its own stack, the data space, where every access is brought
    // inside, and `host`, which outlives the call and which nothing else holds; `space` is not borrowed
    // while it runs. It ends after `PASSES` passes of loops, and the verifier of kernel IR refuses
    // recursion.
    let left = unsafe {
        let entry = engine.get_function::<Entry>(ENTRY);
        let entry = entry.map_err(|e| refuse(e.to_string(), this))?;
        entry.call(&raw mut host, PASSES)
    };
    if let Some(fault) = host.core.fault {
        return Err(refuse(fault, "run it by the interpreter, which says more"));
    }
    if left == 0 {
        let reason = format!("it has not ended after {PASSES} passes of loops");
        return Err(refuse(reason, "look for a loop without end"));
    }
    let end = host.core.waiting.unwrap_or(End::Returned);
    let regions = memory.regions().iter();
    let regions = regions.map(|r| space.region(r.base(), r.bytes().len()).to_vec());
    Ok(Ran {
        end,
        world: host.core.world,
        regions: regions.collect(),
    })
}

/// Optimises a module for this machine.
fn optimise(llvm: &LlvmModule<'_>) -> Result<(), String> {
    let triple = TargetMachine::get_default_triple();
    let target = Target::from_triple(&triple).map_err(|e| e.to_string())?;
    let (level, reloc) = (OptimizationLevel::Less, RelocMode::Default);
    let model = CodeModel::JITDefault;
    let machine = target.create_target_machine(&triple, "generic", "", level, reloc, model);
    let machine = machine.ok_or_else(|| format!("LLVM makes no code for {triple}"))?;
    llvm.set_triple(&triple);
    llvm.set_data_layout(&machine.get_target_data().get_data_layout());
    let passes = llvm.run_passes(OPTIMISE, &machine, PassBuilderOptions::create());
    passes.map_err(|e| e.to_string())
}

/// Whether arguments are those that a function takes.
fn fits(func: &Func, args: &[Arg]) -> bool {
    let takes = func.params.iter().map(|param| func.ty(param.value));
    takes.eq(args.iter().map(|arg| match arg {
        Arg::I32(_) => Type::I32,
        Arg::Ptr(_) => Type::Ptr,
    }))
}

/// Serves an intrinsic: its operands are in the slots, and its results afterwards. One where the function
/// is to leave.
#[expect(
    unsafe_code,
    reason = "generated code hands over the pointer that it was given"
)]
extern "C" fn serve(host: *mut Host, intrinsic: u32) -> u32 {
    // SAFETY: Only the bodies that `stand_in` writes call this, with the pointer that `run` gave to the
    // entry. What it points to lives until the entry returns, and nothing else uses it meanwhile.
    let Host { slots, core } = unsafe { &mut *host };
    match super::intrinsics::ALL.get(intrinsic as usize) {
        Some(row) => row.model.run(core, slots),
        None => core.fault = Some(format!("intrinsic {intrinsic} has no model")),
    }
    u32::from(core.waiting.is_some() || core.fault.is_some())
}
