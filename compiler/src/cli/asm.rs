//! `npuc asm`: assembler text to a core's program.

use std::io::Write;
use std::path::PathBuf;

use super::{Failure, print, read};
use aie2::asm::assemble;

/// Arguments of `npuc asm`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A line is a bundle (`inst ; inst`), `label:` or `.align 16`; operands name labels as @label.\n\
                  What `npuc disasm` prints of a program can be assembled again."
)]
pub(super) struct Args {
    /// Assembler text
    file: PathBuf,
    /// Where the program goes [default: the input with the extension elf, or bin with --raw]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the bytes of program memory instead of an ELF
    #[arg(long)]
    raw: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let path = &args.file;
    let bad = |e: &dyn std::fmt::Display| Failure::input(path, e);
    let text = String::from_utf8(read(path)?).map_err(|e| bad(&e))?;
    let image = assemble(&text).map_err(|e| bad(&e))?;
    let (bytes, extension) = match args.raw {
        true => (image.text.clone(), "bin"),
        false => (image.to_elf().to_bytes().map_err(|e| bad(&e))?, "elf"),
    };
    let output = args.output.clone();
    let output = output.unwrap_or_else(|| path.with_extension(extension));
    // Renamed into its place, so that no reader finds half of it.
    let folder = output.parent().filter(|p| !p.as_os_str().is_empty());
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(".".as_ref()))?;
        file.write_all(&bytes)?;
        file.persist(&output)?;
        Ok(())
    };
    write().map_err(|e| Failure::work(format!("cannot write {}: {e}", output.display())))?;
    print(&format!(
        "{}: {} bytes of program, {} symbols\n",
        output.display(),
        image.text.len(),
        image.symbols.len()
    ))
}
