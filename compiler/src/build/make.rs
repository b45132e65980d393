//! Core programs, configuration and instruction streams, by whoever was chosen for each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arch::Tile;
use arch::array::memory::CORE_OWN;
use formats::elf::CoreElf;
use formats::txn::Stream;
use rayon::prelude::*;

use super::core::{self, CoreProgram};
use super::files::Input;
use crate::tools::choice::{Array, Cores};
use crate::tools::{Tool, ToolError, Workshop, aie_opt, aiecc, ldscript, npuc_mlir, peano};
use aie2::listing::listing_of_elf;
use array::design::{Design, Step};
use array::lowered::Lowered;
use array::package::Package;
use array::worker::CorePlan;
use kernel::ir::Module;

/// A core's program.
#[derive(Clone, Debug)]
pub(super) struct Core {
    /// What is loaded.
    pub(super) elf: CoreElf,
    /// The same as a file.
    pub(super) file: Vec<u8>,
    /// Bytes of program memory.
    pub(super) program_bytes: u32,
    /// Disassembly, read back from the bytes.
    pub(super) listing: String,
    /// How it came about, when the built-in back end made it.
    pub(super) program: Option<CoreProgram>,
}

/// Everything of a design but its packing.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// Core programs.
    pub(super) cores: BTreeMap<Tile, Core>,
    /// The configuration: loading, setting up, starting.
    pub(super) cdos: [Vec<u8>; 3],
    /// Instruction streams by the names of their sequences.
    pub(super) streams: Vec<(String, Stream)>,
}

/// Makes core programs, configuration and instruction streams of a design.
///
/// # Errors
/// The text of what the stage or tool at fault says.
pub(super) fn make(input: &Input, shop: &Workshop, lowered: &Lowered) -> Result<Made, String> {
    let choices = shop.toolchain().choices();
    let said = |e: ToolError| e.to_string();
    if choices.tools().contains(&Tool::NpucMlir) {
        let source = input.source;
        npuc_mlir::put(shop, &source.design, &source.kernels, input.cpp).map_err(said)?;
    }
    match choices.array {
        Array::Auto | Array::Builtin => {
            let cores = match choices.cores {
                Cores::Auto | Cores::Builtin => {
                    let taken = |plan: &CorePlan| buffers(lowered, plan.tile);
                    builtin_cores(shop, &lowered.cores, &input.source.kernels, &taken)?
                }
                Cores::Peano => peano_cores(input, shop, lowered).map_err(said)?,
            };
            let elfs = cores.iter().map(|(tile, core)| (*tile, core.elf.clone()));
            let package = Package::new(lowered, &elfs.collect()).map_err(|e| e.to_string())?;
            Ok(Made {
                cores,
                cdos: package.configuration.parts().map(|cdo| cdo.to_bytes()),
                streams: package.streams,
            })
        }
        Array::AieOpt => with_aie_opt(input, shop, lowered),
        Array::Aiecc => with_aiecc(input, shop, lowered).map_err(said),
    }
}

/// All results, or the first error in their order, whichever came first in time.
fn in_order<T: Send, E: Send, C: FromIterator<T>>(
    results: impl IndexedParallelIterator<Item = Result<T, E>>,
) -> Result<C, E> {
    let results: Vec<Result<T, E>> = results.collect();
    results.into_iter().collect()
}

/// What buffers take of a core's own memory, by addresses of its data space.
fn buffers(lowered: &Lowered, tile: Tile) -> Vec<Range<u32>> {
    let own = lowered.buffers.iter().filter(|b| b.tile == tile);
    own.map(|b| CORE_OWN + b.address..CORE_OWN + b.address + b.bytes)
        .collect()
}

/// Programs by the built-in back end; cores with equal plans share one. `taken` is what constant data has
/// to spare on a core.
fn builtin_cores(
    shop: &Workshop,
    all: &[CorePlan],
    kernels: &Module,
    taken: &(dyn Fn(&CorePlan) -> Vec<Range<u32>> + Sync),
) -> Result<BTreeMap<Tile, Core>, String> {
    let mut plans: Vec<&CorePlan> = Vec::new();
    let first = |plans: &[&CorePlan], plan: &CorePlan| {
        let same = |p: &&CorePlan| {
            let same_room = kernels.data.is_empty() || taken(p) == taken(plan);
            p.stack_bytes == plan.stack_bytes && p.body == plan.body && same_room
        };
        plans.iter().position(same)
    };
    for plan in all {
        if first(&plans, plan).is_none() {
            plans.push(plan);
        }
    }
    let compile = |plan: &&CorePlan| -> Result<Core, String> {
        let step = format!("core {}: compiling", plan.tile);
        let program = shop.timed(&step, || core::compile(plan, kernels, &taken(plan)));
        let program = program.map_err(|e| format!("core {}: {e}", plan.tile))?;
        Ok(Core {
            file: program.elf.to_bytes().map_err(|e| e.to_string())?,
            elf: program.elf.clone(),
            program_bytes: program.text_bytes,
            listing: program.listing.clone(),
            program: Some(program),
        })
    };
    let compiled: Vec<Core> = in_order(plans.par_iter().map(compile))?;
    let program = |plan: &CorePlan| Some((plan.tile, compiled[first(&plans, plan)?].clone()));
    Ok(all.iter().filter_map(program).collect())
}

/// A program that a tool linked and left in the workshop as `file`.
fn linked(shop: &Workshop, elf: CoreElf, file: &str) -> Result<Core, ToolError> {
    Ok(Core {
        file: shop.get(file)?,
        program_bytes: peano::program_bytes(&elf),
        listing: listing_of_elf(&elf),
        program: None,
        elf,
    })
}

fn elf_file(tile: Tile) -> String {
    format!("{}.elf", ldscript::entry(tile))
}

/// Compiles the C++ files of the workshop to objects.
fn cpp_objects(input: &Input, shop: &Workshop) -> Result<(), ToolError> {
    let compile = |(file, _): &(String, String)| peano::cpp(shop, file);
    in_order(input.cpp.par_iter().map(compile)).map(|_: Vec<()>| ())
}

/// Programs by Peano for the addresses of our own lowering.
fn peano_cores(
    input: &Input,
    shop: &Workshop,
    lowered: &Lowered,
) -> Result<BTreeMap<Tile, Core>, ToolError> {
    let tiles: Vec<Tile> = lowered.cores.iter().map(|core| core.tile).collect();
    npuc_mlir::cores(shop, &tiles)?;
    cpp_objects(input, shop)?;
    let program = |tile: &Tile| {
        let objects = objects(&input.source.design, *tile);
        let script = ldscript::script(lowered, *tile, &objects);
        let name = format!("{}.ld.script", ldscript::entry(*tile));
        shop.put(&name, script.as_bytes())?;
        let elf = peano::program(shop, *tile)?;
        Ok((*tile, linked(shop, elf, &elf_file(*tile))?))
    };
    in_order(tiles.par_iter().map(program))
}

/// Objects of the C++ files whose kernels the worker on a tile calls.
fn objects(design: &Design, tile: Tile) -> Vec<String> {
    fn called<'a>(steps: &'a [Step], names: &mut BTreeSet<&'a str>) {
        for step in steps {
            match step {
                Step::Call { kernel, .. } => {
                    names.insert(kernel);
                }
                Step::Repeat { body, .. } | Step::RepeatBy { body, .. } => called(body, names),
                Step::Acquire { .. } | Step::Release { .. } => (),
            }
        }
    }
    let mut names = BTreeSet::new();
    for worker in design.workers.iter().filter(|w| w.tile == tile) {
        called(&worker.body, &mut names);
    }
    let used = design
        .kernels
        .iter()
        .filter(|k| names.contains(k.name.as_str()));
    let objects: BTreeSet<String> = used.filter_map(|k| k.cpp()).map(peano::object_of).collect();
    objects.into_iter().collect()
}

fn sequences(design: &Design) -> Vec<&str> {
    design.sequences.iter().map(|s| s.name.as_str()).collect()
}

/// Objects of all kernels, which a design's MLIR names to be linked.
fn kernel_objects(input: &Input, shop: &Workshop) -> Result<(), ToolError> {
    cpp_objects(input, shop)?;
    if input.source.kernels.funcs.is_empty() {
        return Ok(());
    }
    npuc_mlir::kernels(shop)?;
    let stem = npuc_mlir::KERNELS_OBJECT.trim_end_matches(".o");
    peano::object(shop, stem, "kernels")
}

/// The array by aie-opt; cores by Peano, or by the built-in back end for aie-opt's addresses.
fn with_aie_opt(input: &Input, shop: &Workshop, lowered: &Lowered) -> Result<Made, String> {
    let said = |e: ToolError| e.to_string();
    let design = &input.source.design;
    let tiles: Vec<Tile> = lowered.cores.iter().map(|core| core.tile).collect();
    let (text, physical) = aie_opt::place(shop).map_err(said)?;
    let cores = match shop.toolchain().choices().cores {
        Cores::Auto | Cores::Builtin => {
            let moved = lowered.cores.iter();
            let moved = moved.map(|plan| physical.relocate(lowered, plan));
            let moved: Vec<CorePlan> =
                moved.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
            // aie-opt lays buffers its own way, without gaps to count on.
            #[expect(clippy::single_range_in_vec_init, reason = "one range is taken")]
            let taken = |plan: &CorePlan| vec![CORE_OWN..CORE_OWN + plan.data_base];
            let cores = builtin_cores(shop, &moved, &input.source.kernels, &taken)?;
            for (tile, core) in &cores {
                shop.put(&elf_file(*tile), &core.file).map_err(said)?;
            }
            cores
        }
        Cores::Peano => {
            kernel_objects(input, shop).map_err(said)?;
            let program = |tile: &Tile| {
                aie_opt::core(shop, *tile)?;
                let elf = peano::program(shop, *tile)?;
                Ok((*tile, linked(shop, elf, &elf_file(*tile))?))
            };
            in_order(tiles.par_iter().map(program)).map_err(said)?
        }
    };
    Ok(Made {
        cores,
        cdos: aie_opt::cdos(shop, &text, &tiles).map_err(said)?,
        streams: aie_opt::streams(shop, &sequences(design)).map_err(said)?,
    })
}

/// Everything by aiecc, which calls Peano itself.
fn with_aiecc(input: &Input, shop: &Workshop, lowered: &Lowered) -> Result<Made, ToolError> {
    kernel_objects(input, shop)?;
    let tiles: Vec<Tile> = lowered.cores.iter().map(|core| core.tile).collect();
    let made = aiecc::make(shop, &tiles, &sequences(&input.source.design))?;
    let program = |core: &CorePlan| {
        let (elf, file) = aiecc::program(shop, core.tile)?;
        Ok((core.tile, linked(shop, elf, &file)?))
    };
    Ok(Made {
        cores: lowered
            .cores
            .iter()
            .map(program)
            .collect::<Result<_, ToolError>>()?,
        cdos: made.cdos,
        streams: made.streams,
    })
}
