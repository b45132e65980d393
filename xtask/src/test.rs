//! `cargo xtask test`: every test of the workspace, or the runtime's on one device.

use std::path::Path;

use clap::ValueEnum;
use miette::{IntoDiagnostic, miette};
use xshell::{Shell, cmd};

/// The NPU's device file.
const DEVICE_FILE: &str = "/dev/accel/accel0";

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only the runtime's test suite, on this device
    #[arg(long)]
    device: Option<Device>,
    /// Passed on to `cargo test`, for instance a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Device {
    /// The NPU of this machine
    Npu,
    /// The emulated NPU
    Emulator,
}

/// Runs `cargo test`.
pub(crate) fn run(args: &Args) -> miette::Result<()> {
    let sh = Shell::new().into_diagnostic()?;
    sh.change_dir(crate::root());
    let rest = &args.rest;
    let Some(device) = args.device else {
        if std::env::var_os("AMANUENSIS_ASSETS").is_none() {
            println!(
                "AMANUENSIS_ASSETS is not set: tests on real models and recordings are left out"
            );
        }
        let mut without: &[&str] = &[];
        if !has_llvm() {
            println!("LLVM 22 is not installed: tests of the crate npuc-mlir are left out");
            without = &["--exclude", "npuc-mlir"];
        }
        return cmd!(sh, "cargo test --workspace {without...} {rest...}")
            .run()
            .map_err(|e| miette!("{e}"));
    };
    let name = match device {
        Device::Npu => "npu",
        Device::Emulator => "emulator",
    };
    if matches!(device, Device::Npu) && !Path::new(DEVICE_FILE).exists() {
        return Err(miette!(
            help = "this needs Linux on a Phoenix or Hawk Point machine with the amdxdna driver; without one, `cargo xtask test` runs the same suite over a fake driver",
            "there is no NPU on this machine: {DEVICE_FILE} does not exist, so nothing was tested"
        ));
    }
    // One test at a time: the device takes six contexts.
    cmd!(
        sh,
        "cargo test --package amanuensis-fake-driver --test main {rest...} -- suite:: --test-threads 1"
    )
    .env("AMANUENSIS_TEST_DEVICE", name)
    .run()
    .map_err(|e| miette!("{e}"))
}

/// Whether the crate `npuc-mlir` can be built here. Cargo hands the variable of
/// `.cargo/config.toml` to this program too.
fn has_llvm() -> bool {
    std::env::var_os("LLVM_SYS_221_PREFIX")
        .is_some_and(|prefix| Path::new(&prefix).join("bin/llvm-config").is_file())
}
