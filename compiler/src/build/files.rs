//! One overlay: from its description to the bytes of every file.

use std::collections::BTreeMap;

use arch::{Tile, limits};
use rayon::prelude::*;

use super::cache::Key;
use super::core::{self, CoreProgram};
use super::report::{CoreReport, Report, SequenceReport, ToolReport};
use super::{BuildError, report};
use crate::array::lower::lower;
use crate::array::lowered::Lowered;
use crate::array::verify::verify;
use crate::array::worker::CorePlan;
use crate::kernel::ir::Module;
use crate::overlays::Source;
use crate::package::{self, Package};
use crate::tools::choice::{Pdi, Xclbin};
use crate::tools::{Found, Toolchain, Workshop, bootgen, xclbinutil};

/// Name and content of a file.
pub type File = (String, Vec<u8>);

/// Builds the overlay `name` and returns its files: the text of every stage, and per core its kernel
/// IR, schedule, ELF and disassembly; CDO, PDI, instruction streams, XCLBIN and the report. No tool of
/// another project takes part.
///
/// # Errors
/// [`BuildError::Overlay`] with what the stage at fault says.
pub fn build(
    name: &str,
    source: &Source,
    key: &Key,
    stage: &(dyn Fn(&'static str) + Sync),
) -> Result<Vec<File>, BuildError> {
    let toolchain = Toolchain::builtin();
    let shop = Workshop::new(&toolchain, name, &std::env::temp_dir());
    build_with(name, source, key, &shop, stage)
}

/// Builds as [`build`] does, with the tools that the workshop's choices name; what they read, wrote
/// and said is among the files.
///
/// # Errors
/// [`BuildError::Overlay`] with what the stage at fault says.
pub fn build_with(
    name: &str,
    source: &Source,
    key: &Key,
    shop: &Workshop,
    stage: &(dyn Fn(&'static str) + Sync),
) -> Result<Vec<File>, BuildError> {
    let choices = shop.toolchain().choices();
    stage("verifying the design");
    let verified = shop.timed("verifying the design", || verify(source.design.clone()));
    let verified = verified.map_err(|e| BuildError::overlay(name, e))?;
    stage("lowering the design");
    let lowered = shop.timed("lowering the design", || lower(&verified));
    let lowered = lowered.map_err(|e| BuildError::overlay(name, e))?;
    stage("compiling the cores");
    let programs = shop.timed("compiling the cores", || compile(&lowered, &source.kernels));
    let programs = programs.map_err(|e| BuildError::overlay(name, e))?;
    stage("packing");
    let elfs = programs
        .iter()
        .map(|(tile, p)| (*tile, p.elf.clone()))
        .collect();
    let package = Package::new(&lowered, &elfs).map_err(|e| BuildError::overlay(name, e))?;

    let mut files = vec![
        text("design.txt", &source.design),
        text("lowered.txt", &lowered),
    ];
    for (tile, program) in &programs {
        let file = |extension: &str| format!("core_{}_{}.{extension}", tile.col, tile.row);
        let elf = program
            .elf
            .to_bytes()
            .map_err(|e| BuildError::overlay(name, e))?;
        files.push(text(&file("kir"), &program.module));
        files.push(text(&file("schedule.txt"), &program.scheduled));
        files.push(text(&file("s"), &program.listing));
        files.push((file("elf"), elf));
    }
    let parts = ["elfs", "init", "enable"].map(|part| format!("cdo_{part}.bin"));
    let parts = parts.into_iter().zip(package.configuration.parts());
    let cdos: Vec<File> = parts.map(|(file, cdo)| (file, cdo.to_bytes())).collect();
    let pdi_file = format!("{name}.pdi");
    let pdi = match choices.pdi {
        Pdi::Auto | Pdi::Builtin => shop.timed("packing the PDI", || package.pdi.to_bytes()),
        Pdi::Bootgen => {
            stage("packing the PDI with bootgen");
            let made = bootgen::pdi(shop, &cdos, &pdi_file);
            made.map_err(|e| BuildError::overlay(name, e))?
        }
    };
    files.extend(cdos);
    let spec = package::spec(lowered.columns, pdi.clone());
    files.push((pdi_file.clone(), pdi));
    for (sequence, stream) in &package.streams {
        files.push((stream_file(sequence), stream.to_bytes()));
        files.push(text(&format!("insts_{sequence}.txt"), &stream.dump()));
    }
    let xclbin_file = format!("{name}.xclbin");
    let xclbin = match choices.xclbin {
        Xclbin::Auto | Xclbin::Builtin => {
            let made = shop.timed("packing the XCLBIN", || spec.build());
            made.map_err(|e| BuildError::overlay(name, e))?.to_bytes()
        }
        Xclbin::Xclbinutil => {
            stage("packing the XCLBIN with xclbinutil");
            let made = xclbinutil::xclbin(shop, &spec, &pdi_file, &xclbin_file);
            made.map_err(|e| BuildError::overlay(name, e))?
        }
    };
    files.push((xclbin_file, xclbin));

    let report = Report {
        overlay: name.to_owned(),
        key: key.as_str().to_owned(),
        columns: lowered.columns,
        cores: programs
            .iter()
            .map(|(tile, p)| core_report(*tile, p, &lowered))
            .collect(),
        sequences: sequence_reports(source),
        tools: shop.toolchain().found().iter().map(tool_report).collect(),
    };
    files.push((report::FILE.to_owned(), report.to_json()));
    let theirs = shop.files().map_err(|e| BuildError::overlay(name, e))?;
    let added = |(file, _): &File| files.iter().all(|(have, _)| have != file);
    let theirs: Vec<File> = theirs.into_iter().filter(added).collect();
    files.extend(theirs);
    Ok(files)
}

fn tool_report(found: &Found) -> ToolReport {
    ToolReport {
        name: found.tool.name().to_owned(),
        version: found.version.clone(),
        sha256: found.digest.clone(),
    }
}

/// The program of every core; cores with equal plans share one.
fn compile(lowered: &Lowered, kernels: &Module) -> Result<BTreeMap<Tile, CoreProgram>, String> {
    let mut plans: Vec<&CorePlan> = Vec::new();
    let first = |plans: &[&CorePlan], plan: &CorePlan| {
        let same = |p: &&CorePlan| p.stack_bytes == plan.stack_bytes && p.body == plan.body;
        plans.iter().position(same)
    };
    for plan in &lowered.cores {
        if first(&plans, plan).is_none() {
            plans.push(plan);
        }
    }
    let compiled: Vec<CoreProgram> = plans
        .par_iter()
        .map(|plan| {
            let at = |e| format!("core {}: {e}", plan.tile);
            core::compile(plan, kernels).map_err(at)
        })
        .collect::<Result<_, String>>()?;
    let program = |plan: &CorePlan| Some((plan.tile, compiled[first(&plans, plan)?].clone()));
    Ok(lowered.cores.iter().filter_map(program).collect())
}

fn text(name: &str, content: &impl ToString) -> File {
    (name.to_owned(), content.to_string().into_bytes())
}

/// File of a sequence's instruction stream.
fn stream_file(sequence: &str) -> String {
    format!("insts_{sequence}.bin")
}

fn core_report(tile: Tile, program: &CoreProgram, lowered: &Lowered) -> CoreReport {
    let stack = lowered
        .core(tile)
        .map_or(limits::DEFAULT_STACK_BYTES, |plan| plan.stack_bytes);
    let buffers = lowered
        .buffers
        .iter()
        .filter(|b| b.tile == tile)
        .map(|b| b.bytes);
    CoreReport {
        tile: [tile.col, tile.row],
        program_bytes: program.text_bytes,
        data_bytes: stack + buffers.sum::<u32>(),
        bundles_checked: program.bundles_checked,
        loops: program.loops.clone(),
        spills: program.spills.clone(),
    }
}

fn sequence_reports(source: &Source) -> Vec<SequenceReport> {
    let sequences = source.design.sequences.iter();
    let report = sequences.map(|sequence| SequenceReport {
        name: sequence.name.clone(),
        file: stream_file(&sequence.name),
        args: sequence
            .args
            .iter()
            .map(|a| (a.name.clone(), a.object.bytes()))
            .collect(),
    });
    report.collect()
}
