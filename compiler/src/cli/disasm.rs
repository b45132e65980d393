//! `npuc disasm`: the cores' programs as text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arch::array::memory::PROGRAM_OFFSET;
use arch::limits::PROGRAM_BYTES;
use arch::{Tile, TileKind};
use formats::cdo::{Cdo, Command};
use formats::elf::CoreElf;
use formats::pdi::Pdi;
use formats::xclbin::{Contents, Xclbin};

use super::inspect::{Kind, unknown};
use super::{Failure, print, read};
use aie2::listing::{listing, listing_of_elf};

/// Arguments of `npuc disasm`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Core ELF, CDO, PDI or XCLBIN
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = &args.file;
    let bytes = read(path)?;
    let bad = |e: &dyn std::fmt::Display| Failure::input(path, e);
    let cdo = match Kind::of(&bytes) {
        Some(Kind::Elf) => {
            let elf = CoreElf::parse(&bytes).map_err(|e| bad(&e))?;
            return print(&listing_of_elf(&elf));
        }
        Some(Kind::Cdo) => Cdo::parse(&bytes).map_err(|e| bad(&e))?,
        Some(Kind::Pdi) => Pdi::parse(&bytes).map_err(|e| bad(&e))?.cdo().clone(),
        Some(Kind::Xclbin) => configuration(&bytes, path)?,
        Some(Kind::Stream) => return Err(bad(&"an instruction stream holds no core program")),
        None => return Err(bad(&unknown(&bytes))),
    };
    let programs = programs(&cdo);
    if programs.is_empty() {
        return Err(bad(&"the configuration writes no program memory"));
    }
    for (tile, text) in programs {
        print(&format!("core {tile}\n{}\n", listing(&text, 0, &[])))?;
    }
    Ok(())
}

/// The configuration of the first kernel that the NPU can run.
fn configuration(bytes: &[u8], path: &Path) -> Result<Cdo, Failure> {
    let bad = |e: &dyn std::fmt::Display| Failure::input(path, e);
    let contents = Xclbin::parse(bytes)
        .and_then(|x| Contents::of(&x))
        .map_err(|e| bad(&e))?;
    let units = contents.units().map_err(|e| bad(&e))?;
    let unit = units
        .first()
        .ok_or_else(|| bad(&"the file has no kernel for the NPU"))?;
    Ok(Pdi::parse(&unit.pdi.image)
        .map_err(|e| bad(&e))?
        .cdo()
        .clone())
}

/// What the configuration writes to program memories, by tile.
fn programs(cdo: &Cdo) -> BTreeMap<Tile, Vec<u8>> {
    let mut programs: BTreeMap<Tile, Vec<u8>> = BTreeMap::new();
    for command in cdo.effects() {
        let Command::DmaWrite { addr, data } = command else {
            continue;
        };
        let (tile, offset) = Tile::from_addr(*addr);
        let program = PROGRAM_OFFSET..PROGRAM_OFFSET + PROGRAM_BYTES;
        if tile.kind() == TileKind::Core && program.contains(&offset) {
            let bytes: Vec<u8> = data.iter().flat_map(|word| word.to_le_bytes()).collect();
            put(
                programs.entry(tile).or_default(),
                offset - PROGRAM_OFFSET,
                &bytes,
            );
        }
    }
    programs
}

/// Writes `bytes` at `at` of a program memory; what is beyond its end is left out.
fn put(text: &mut Vec<u8>, at: u32, bytes: &[u8]) {
    let (at, limit) = (at as usize, PROGRAM_BYTES as usize);
    let end = (at + bytes.len()).min(limit);
    if at < end {
        text.resize(text.len().max(end), 0);
        text[at..end].copy_from_slice(&bytes[..end - at]);
    }
}
