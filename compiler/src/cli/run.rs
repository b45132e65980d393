//! `npuc run`: an instruction stream on an XCLBIN, on the emulator.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use arch::{Tile, TileKind};
use emulator::{Budget, ClockMhz, Npu};
use formats::elf::CoreElf;
use formats::txn::Stream;

use super::{Failure, print, read, trace, write};

/// Arguments of `npuc run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// XCLBIN that configures the array
    xclbin: PathBuf,
    /// Instruction stream to run
    #[arg(long, value_name = "FILE")]
    insts: PathBuf,
    /// Host buffer, once for each in order: in:FILE (read), out:FILE:BYTES (zeros, written to FILE
    /// afterwards) or inout:FILE
    #[arg(long = "arg", value_name = "BUFFER")]
    args: Vec<HostArg>,
    /// Cycles after which a run that has not ended is given up
    #[arg(long, value_name = "CYCLES", default_value_t = 1_000_000_000)]
    budget: u64,
    /// Clock of the array, for the predicted time
    #[arg(long, value_name = "MHZ", default_value_t)]
    clock: ClockMhz,
    /// Folder with the cores' ELFs, as `npuc build` writes them (core_COL_ROW.elf): messages then name
    /// functions
    #[arg(long, value_name = "FOLDER")]
    elfs: Option<PathBuf>,
    /// Print the predicted time on npu1, how busy cores and channels were, and what bound the run
    #[arg(long)]
    report: bool,
    /// Write what happened when: a trace that Perfetto (ui.perfetto.dev) and chrome://tracing show.
    /// With `--elfs`, cores are shown by function
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// A host buffer on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HostArg {
    In(PathBuf),
    Out(PathBuf, usize),
    InOut(PathBuf),
}

impl FromStr for HostArg {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let form = || format!("`{s}` is not in:FILE, out:FILE:BYTES or inout:FILE");
        let (kind, rest) = s.split_once(':').ok_or_else(form)?;
        match kind {
            "in" => Ok(HostArg::In(rest.into())),
            "inout" => Ok(HostArg::InOut(rest.into())),
            "out" => {
                let (file, bytes) = rest.rsplit_once(':').ok_or_else(form)?;
                let bytes = bytes
                    .parse()
                    .map_err(|e| format!("{e}: `{bytes}` of `{s}`"))?;
                Ok(HostArg::Out(file.into(), bytes))
            }
            _ => Err(form()),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut npu = Npu::new();
    npu.set_clock(args.clock);
    npu.load_xclbin(&read(&args.xclbin)?)
        .map_err(|e| Failure::input(&args.xclbin, e))?;
    if let Some(folder) = &args.elfs {
        name_functions(&mut npu, folder)?;
    }
    let stream = Stream::parse(&read(&args.insts)?).map_err(|e| Failure::input(&args.insts, e))?;
    let contents = args.args.iter().map(|arg| match arg {
        HostArg::In(file) | HostArg::InOut(file) => read(file),
        HostArg::Out(_, bytes) => Ok(vec![0; *bytes]),
    });
    let mut buffers = contents.collect::<Result<Vec<_>, _>>()?;
    if args.trace.is_some() {
        npu.start_trace();
    }
    let budget = Budget {
        cycles: args.budget,
    };
    let ran = npu.run(&stream, &mut buffers, budget);
    if let (Some(file), Some(trace)) = (&args.trace, npu.take_trace()) {
        let json = trace::to_json(&trace);
        write(file, json.to_string().as_bytes())?;
    }
    let report = ran.map_err(Failure::work)?;
    for (arg, bytes) in args.args.iter().zip(&buffers) {
        if let HostArg::Out(file, _) | HostArg::InOut(file) = arg {
            write(file, bytes)?;
        }
    }
    match args.report {
        true => print(&format!("device emulator\n{}", report.prediction())),
        false => print(&format!("device emulator\n{report}")),
    }
}

/// Names the functions of every core whose ELF is in the folder.
fn name_functions(npu: &mut Npu, folder: &Path) -> Result<(), Failure> {
    let mut found = 0;
    for tile in Tile::all().filter(|t| t.kind() == TileKind::Core) {
        let path = folder.join(format!("core_{}_{}.elf", tile.col, tile.row));
        if !path.exists() {
            continue;
        }
        let elf = CoreElf::parse(&read(&path)?).map_err(|e| Failure::input(&path, e))?;
        if !npu.name_functions(tile, &elf) {
            let why = format!(
                "it is not the program that core {tile} holds\nhelp: give the folder that was built together with the XCLBIN"
            );
            return Err(Failure::input(&path, why));
        }
        found += 1;
    }
    match found {
        0 => Err(Failure::input(
            folder,
            "no core_COL_ROW.elf is there\nhelp: give the folder that `npuc build` wrote",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_arguments() {
        assert_eq!("in:a.bin".parse(), Ok(HostArg::In("a.bin".into())));
        assert_eq!(
            "out:o:x.bin:64".parse(),
            Ok(HostArg::Out("o:x.bin".into(), 64))
        );
        assert!("out:x.bin".parse::<HostArg>().is_err());
        assert!("out:x.bin:many".parse::<HostArg>().is_err());
        assert!("a.bin".parse::<HostArg>().is_err());
    }
}
