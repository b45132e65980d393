//! Any XCLBIN: load it, run an instruction stream on buffers, print what comes back.
//!
//! `cargo run --example load_xclbin [FILE.xclbin INSTS.bin [DEVICE]]`
//!
//! Without arguments it takes the `passthrough` overlay, and the device is `emulator`.

use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, Result, WrapErr, miette};
use runtime::{Argument, Buffer, Device, InstructionStream, Overlay};

/// Elements of each buffer: as many as `passthrough` takes, and more than small streams reach.
const ELEMENTS: usize = 32768;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (xclbin, insts, device) = match args.as_slice() {
        [] => {
            let folder = common::kernels("passthrough");
            let insts = folder.join("insts_main.bin");
            (folder.join("passthrough.xclbin"), insts, "emulator")
        }
        [xclbin, insts] => (PathBuf::from(xclbin), PathBuf::from(insts), "emulator"),
        [xclbin, insts, device] => (xclbin.into(), insts.into(), device.as_str()),
        _ => {
            return Err(miette!(
                help = "FILE.xclbin INSTS.bin [DEVICE]",
                "wrong arguments"
            ));
        }
    };

    let device = Device::open(device).into_diagnostic()?;
    println!("{}", device.why());
    let overlay = Overlay::load_file(&device, &xclbin).into_diagnostic()?;
    println!(
        "kernel {} takes up to {} buffers",
        overlay.kernel(),
        overlay.buffers()
    );

    let stream = InstructionStream::parse(&read(&insts)?).into_diagnostic()?;
    // Counting up, so that it shows what went where.
    let counted: Vec<i16> = (0..ELEMENTS).map(|i| i as i16).collect();
    let buffers: Vec<Buffer<i16>> = (0..stream.arguments())
        .map(|n| match n {
            0 => Buffer::from_slice(&counted),
            _ => Buffer::zeroed(ELEMENTS),
        })
        .collect();
    let arguments: Vec<&dyn Argument> = buffers.iter().map(|b| b as &dyn Argument).collect();
    let run = overlay.submit(&stream, &arguments).into_diagnostic()?;
    let report = run.wait().into_diagnostic()?;

    println!("device {}, {:?}", report.device, report.time);
    if let Some(cycles) = report.cycles {
        println!("{cycles} emulated cycles");
    }
    let first = buffers
        .first()
        .map(Buffer::read)
        .transpose()
        .into_diagnostic()?;
    for (n, buffer) in buffers.iter().enumerate().skip(1) {
        let came_back = buffer.read().into_diagnostic()?;
        let pairs = first.iter().flatten().zip(&came_back).take(4);
        let pairs: Vec<String> = pairs.map(|(i, o)| format!("{i} -> {o}")).collect();
        println!("buffer 0 to buffer {n}: {}, ...", pairs.join(", "));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).into_diagnostic();
    bytes.wrap_err_with(|| format!("cannot read {}", path.display()))
}
