//! Cores, configuration and instruction streams by mlir-aie's driver in C++.

use std::path::Path;

use arch::Tile;
use formats::elf::CoreElf;
use formats::txn::Stream;

use super::aie_opt::{DEVICE, cdo_files, read_cdos};
use super::error::ToolError;
use super::find::Tool;
use super::ldscript::entry;
use super::npuc_mlir;
use super::workshop::{Call, Workshop};

/// Folder of the workshop in which the driver works.
pub const FOLDER: &str = "prj";

/// What the driver writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The configuration: loading, setting up, starting.
    pub cdos: [Vec<u8>; 3],
    /// The instruction stream of each sequence.
    pub streams: Vec<(String, Stream)>,
}

/// Runs the driver on the design that is in the workshop, with the objects of its kernels.
///
/// # Errors
/// [`ToolError`] when a tool fails, or writes something that is no CDO or stream.
pub fn make(shop: &Workshop, cores: &[Tile], sequences: &[&str]) -> Result<Made, ToolError> {
    npuc_mlir::design(shop)?;
    // PEANO/bin/clang.
    let clang = &shop.toolchain().program(Tool::Clang)?.path;
    let peano = clang
        .parent()
        .and_then(Path::parent)
        .unwrap_or(Path::new("/"));
    let peano = format!("--peano={}", peano.display());
    let cdos = cdo_files(FOLDER);
    let programs: Vec<String> = cores.iter().map(|tile| program_file(*tile)).collect();
    let insts: Vec<String> = sequences
        .iter()
        .map(|sequence| format!("insts_{sequence}.bin"))
        .collect();
    let args = [
        "--no-xchesscc",
        "--no-xbridge",
        &peano,
        "--aie-generate-cdo",
        "--aie-generate-npu-insts",
        "--no-compile-host",
        &format!("--tmpdir={FOLDER}"),
        "--npu-insts-name=insts_{1}.bin",
        npuc_mlir::MLIR,
    ];
    let call = Call {
        tool: Tool::Aiecc,
        step: "building cores and configuration".to_owned(),
        script: "aiecc".to_owned(),
        args: args.map(str::to_owned).to_vec(),
        outputs: [cdos.as_slice(), &insts, &programs].concat(),
    };
    shop.run(&call)?;
    let stream = |(sequence, file): (&&str, &String)| {
        let stream = Stream::parse(&shop.get(file)?).map_err(|e| shop.unusable(&call, file, e))?;
        Ok(((*sequence).to_owned(), stream))
    };
    Ok(Made {
        cdos: read_cdos(shop, &call, &cdos)?,
        streams: sequences
            .iter()
            .zip(&insts)
            .map(stream)
            .collect::<Result<_, ToolError>>()?,
    })
}

/// The program of a core that the driver left in its folder, and the file.
///
/// # Errors
/// [`ToolError`] when it is not there, or no program of a core.
pub fn program(shop: &Workshop, tile: Tile) -> Result<(CoreElf, String), ToolError> {
    let file = program_file(tile);
    let elf = CoreElf::parse(&shop.get(&file)?).map_err(|e| ToolError::Between {
        step: format!("core {tile}: program of aiecc, {file}"),
        what: e.to_string(),
    })?;
    Ok((elf, file))
}

/// The file that the driver leaves a core's program in.
fn program_file(tile: Tile) -> String {
    format!("{FOLDER}/{DEVICE}_{}.elf", entry(tile))
}
