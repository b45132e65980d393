//! Makes the inputs to begin with: small files that this workspace builds, one folder a target.

use std::path::{Path, PathBuf};

use fake_driver::sample;
use formats::elf::{CoreElf, Fill};
use fuzz::design;
use fuzz::txn::CONFIGURATIONS;
use miette::{Context, IntoDiagnostic};
use npuc::build::cache::Key;
use npuc::build::files;
use npuc::overlays;

/// Inputs above this size slow a fuzzer down more than they tell it.
const LIMIT: usize = 10_000;

fn main() -> miette::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let goldens = root.join("../emulator/tests/goldens");
    for name in ["passthrough", "scale_i16"] {
        let source = overlays::find(name)
            .into_diagnostic()?
            .source()
            .into_diagnostic()?;
        for (file, bytes) in
            files::build(name, &source, &Key::new([name]), &|_| ()).into_diagnostic()?
        {
            let target = match file.rsplit_once('.') {
                Some((_, "xclbin")) => "xclbin",
                Some((_, "pdi" | "bin")) if !file.starts_with("insts") => "pdi_cdo",
                Some((_, "elf")) => {
                    put(&root.join("corpus/core_code"), name, &program(&bytes)?)?;
                    continue;
                }
                _ => continue,
            };
            put(
                &root.join("corpus").join(target),
                &format!("{name}_{file}"),
                &bytes,
            )?;
        }
    }
    for (pick, (design, _)) in CONFIGURATIONS.iter().enumerate() {
        let cdo = read(&goldens.join(design).join("cdo_init.bin"))?;
        put(&root.join("corpus/pdi_cdo"), design, &cdo)?;
        let mut stream = vec![pick as u8];
        stream.extend(read(&goldens.join(design).join("insts.bin"))?);
        put(&root.join("corpus/txn"), design, &stream)?;
    }
    let overlays = root.join("corpus/overlay");
    let built = |e: fake_driver::sample::Failure| miette::miette!("{e}");
    put(&overlays, "sample", &sample::xclbin().map_err(built)?)?;
    put(&overlays, "stream", &sample::stream().map_err(built)?)?;
    for (name, step) in [("counting", 1), ("leaping", 77)] {
        let choices: Vec<u8> = (0u8..=200).map(|k| k.wrapping_mul(step)).collect();
        put(&root.join("corpus/kernel_ir"), name, &choices)?;
    }
    let designs = root.join("corpus/design");
    for (pick, (name, text)) in (0u8..).zip(design::DESIGNS) {
        put(&designs, name, text.as_bytes())?;
        let edits: Vec<u8> = (0..12)
            .map(|k: u8| k.wrapping_mul(53).wrapping_add(pick))
            .collect();
        put(
            &designs,
            &format!("{name}_changed"),
            &[&[pick], edits.as_slice()].concat(),
        )?;
    }
    let packets = "m_tasks_packet";
    let xclbin = read(&goldens.join(packets).join("design.xclbin"))?;
    put(&root.join("corpus/xclbin"), packets, &xclbin)
}

/// The bytes that an ELF puts into program memory.
fn program(elf: &[u8]) -> miette::Result<Vec<u8>> {
    let elf = CoreElf::parse(elf).into_diagnostic()?;
    let mut program = Vec::new();
    for segment in elf.segments.iter().filter(|s| s.is_program()) {
        if let Fill::Bytes(bytes) = &segment.fill {
            program.extend(bytes);
        }
    }
    Ok(program)
}

fn read(path: &PathBuf) -> miette::Result<Vec<u8>> {
    std::fs::read(path)
        .into_diagnostic()
        .wrap_err_with(|| path.display().to_string())
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> miette::Result<()> {
    if bytes.len() > LIMIT {
        println!("{name} of {} bytes is left out", bytes.len());
        return Ok(());
    }
    std::fs::create_dir_all(folder).into_diagnostic()?;
    std::fs::write(folder.join(name), bytes).into_diagnostic()
}
