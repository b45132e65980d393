//! One overlay: from its description to the bytes of every file.

use arch::{Tile, limits};

use super::cache::Key;
use super::make::{Core, make};
use super::report::{CoreReport, Report, SequenceReport, ToolReport};
use super::{BuildError, report};
use crate::overlays::Source;
use crate::tools::choice::{Cores, Pdi, Xclbin};
use crate::tools::{Found, Toolchain, Workshop, bootgen, xclbinutil};
use array::design::{Design, Kernel};
use array::lower::lower;
use array::lowered::Lowered;
use array::package;
use array::verify::verify;

/// Name and content of a file.
pub type File = (String, Vec<u8>);

/// What is built.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Name: folder and files of the output have it.
    pub name: &'a str,
    /// Design and kernels.
    pub source: &'a Source,
    /// C++ files of kernels, name and content.
    pub cpp: &'a [(String, String)],
    /// Digest of all that the output follows from.
    pub key: &'a Key,
}

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
    let input = Input {
        name,
        source,
        cpp: &[],
        key,
    };
    build_with(&input, &shop, stage)
}

/// Builds as [`build`] does, with the tools that the workshop's choices name; what they read, wrote
/// and said is among the files.
///
/// # Errors
/// [`BuildError::Overlay`] with what the stage at fault says.
pub fn build_with(
    input: &Input,
    shop: &Workshop,
    stage: &(dyn Fn(&'static str) + Sync),
) -> Result<Vec<File>, BuildError> {
    let Input {
        name, source, key, ..
    } = *input;
    let failed = |e: &dyn std::fmt::Display| BuildError::overlay(name, e);
    let choices = shop.toolchain().choices();
    if choices.cores == Cores::Builtin {
        refuse_cpp(&source.design).map_err(|e| failed(&e))?;
    }
    stage("verifying the design");
    let verified = shop.timed("verifying the design", || verify(source.design.clone()));
    let verified = verified.map_err(|e| failed(&e))?;
    stage("lowering the design");
    let lowered = shop.timed("lowering the design", || lower(&verified));
    let lowered = lowered.map_err(|e| failed(&e))?;
    stage("compiling the cores");
    let made = make(input, shop, &lowered).map_err(|e| failed(&e))?;
    stage("packing");

    let mut files = vec![
        text("design.txt", &source.design),
        text("lowered.txt", &lowered),
    ];
    for (tile, core) in &made.cores {
        let file = |extension: &str| format!("core_{}_{}.{extension}", tile.col, tile.row);
        if let Some(program) = &core.program {
            files.push(text(&file("kir"), &program.module));
            files.push(text(&file("schedule.txt"), &program.scheduled));
        }
        files.push(text(&file("s"), &core.listing));
        files.push((file("elf"), core.file.clone()));
    }
    let parts = ["elfs", "init", "enable"].map(|part| format!("cdo_{part}.bin"));
    let cdos: Vec<File> = parts.into_iter().zip(made.cdos).collect();
    let pdi_file = format!("{name}.pdi");
    let pdi = match choices.pdi {
        Pdi::Auto | Pdi::Builtin => {
            let parts: Vec<&[u8]> = cdos.iter().map(|(_, cdo)| cdo.as_slice()).collect();
            let pdi = shop.timed("packing the PDI", || formats::pdi::Pdi::build(&parts));
            pdi.map_err(|e| failed(&e))?.to_bytes()
        }
        Pdi::Bootgen => {
            stage("packing the PDI with bootgen");
            bootgen::pdi(shop, &cdos, &pdi_file).map_err(|e| failed(&e))?
        }
    };
    files.extend(cdos);
    let spec = package::spec(lowered.columns, pdi.clone());
    files.push((pdi_file.clone(), pdi));
    for (sequence, stream) in &made.streams {
        files.push((stream_file(sequence), stream.to_bytes()));
        files.push(text(&format!("insts_{sequence}.txt"), &stream.dump()));
    }
    let xclbin_file = format!("{name}.xclbin");
    let xclbin = match choices.xclbin {
        Xclbin::Auto | Xclbin::Builtin => {
            let made = shop.timed("packing the XCLBIN", || spec.build());
            made.map_err(|e| failed(&e))?.to_bytes()
        }
        Xclbin::Xclbinutil => {
            stage("packing the XCLBIN with xclbinutil");
            let made = xclbinutil::xclbin(shop, &spec, &pdi_file, &xclbin_file);
            made.map_err(|e| failed(&e))?
        }
    };
    files.push((xclbin_file, xclbin));

    let cores = made.cores.iter();
    let report = Report {
        overlay: name.to_owned(),
        key: key.as_str().to_owned(),
        columns: lowered.columns,
        cores: cores
            .map(|(tile, core)| core_report(*tile, core, &lowered))
            .collect(),
        sequences: sequence_reports(source),
        tools: shop.toolchain().found().iter().map(tool_report).collect(),
    };
    files.push((report::FILE.to_owned(), report.to_json()));
    let theirs = shop.files().map_err(|e| failed(&e))?;
    let added = |(file, _): &File| files.iter().all(|(have, _)| have != file);
    let theirs: Vec<File> = theirs.into_iter().filter(added).collect();
    files.extend(theirs);
    Ok(files)
}

/// C++ needs a compiler for it.
fn refuse_cpp(design: &Design) -> Result<(), String> {
    let cpp = |kernel: &Kernel| Some((kernel.name.clone(), kernel.cpp()?.to_owned()));
    match design.kernels.iter().find_map(cpp) {
        None => Ok(()),
        Some((kernel, file)) => Err(format!(
            "kernel `{kernel}` is C++ ({file}), which the built-in back end does not compile\nhelp: --cores peano compiles it where Peano is installed (--peano DIR, or PEANO_INSTALL_DIR); or write it as kernel IR"
        )),
    }
}

fn tool_report(found: &Found) -> ToolReport {
    ToolReport {
        name: found.tool.name().to_owned(),
        version: found.version.clone(),
        sha256: found.digest.clone(),
    }
}

fn text(name: &str, content: &impl ToString) -> File {
    (name.to_owned(), content.to_string().into_bytes())
}

/// File of a sequence's instruction stream.
pub(crate) fn stream_file(sequence: &str) -> String {
    format!("insts_{sequence}.bin")
}

fn core_report(tile: Tile, core: &Core, lowered: &Lowered) -> CoreReport {
    let stack = lowered
        .core(tile)
        .map_or(limits::DEFAULT_STACK_BYTES, |plan| plan.stack_bytes);
    let buffers = lowered
        .buffers
        .iter()
        .filter(|b| b.tile == tile)
        .map(|b| b.bytes);
    let segments = core.elf.segments.iter();
    let constants = segments
        .filter(|s| !s.is_program())
        .map(|s| s.size() as u32);
    let program = core.program.as_ref();
    CoreReport {
        tile: [tile.col, tile.row],
        program_bytes: core.program_bytes,
        data_bytes: stack + buffers.sum::<u32>() + constants.sum::<u32>(),
        bundles_checked: program.map_or(0, |p| p.bundles_checked),
        loops: program.map_or_else(Vec::new, |p| p.loops.clone()),
        spills: program.map_or_else(Vec::new, |p| p.spills.clone()),
        banks: program.map(|p| p.banks.clone()),
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
