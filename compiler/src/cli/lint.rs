//! `npuc lint`: what would keep an XCLBIN from running.

use std::path::PathBuf;

use formats::xclbin;

use super::{Failure, print, read};

/// Arguments of `npuc lint`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// XCLBIN
    xclbin: PathBuf,
    /// Instruction streams that are to run on it
    #[arg(long, value_name = "FILE", num_args = 1..)]
    insts: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let file = read(&args.xclbin)?;
    let names: Vec<String> = args.insts.iter().map(|p| p.display().to_string()).collect();
    let bytes = args.insts.iter().map(|path| read(path));
    let bytes = bytes.collect::<Result<Vec<_>, _>>()?;
    let names = names.iter().map(String::as_str);
    let streams: Vec<(&str, &[u8])> = names.zip(bytes.iter().map(Vec::as_slice)).collect();
    let findings = xclbin::lint(&file, &streams);
    let name = args.xclbin.display();
    for finding in &findings {
        print(&format!("{name}: {finding}\n"))?;
    }
    match findings.len() {
        0 => print(&format!("{name}: nothing found\n")),
        1 => Err(Failure::work(format!("{name}: one finding"))),
        count => Err(Failure::work(format!("{name}: {count} findings"))),
    }
}
