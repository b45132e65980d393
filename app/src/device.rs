//! The devices of this machine, which of Whisper's steps each runs, and which is taken.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What `--device` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceChoice {
    /// The fastest that runs every step.
    #[default]
    Auto,
    /// The NPU of this machine.
    Npu,
    /// The NPU emulated on the host, for tests.
    Emulator,
    /// The host's processor.
    Cpu,
}

/// A device that runs steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The NPU of this machine.
    Npu,
    /// The NPU emulated on the host.
    Emulator,
    /// The host's processor.
    Cpu,
}

/// A step of the pipeline that a device takes on whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Log-mel spectrum of a window to encoder states.
    Encoder,
    /// Encoder states and tokens so far to the next token's scores.
    Decoder,
}

impl Device {
    /// Every device, the fastest first.
    pub const ALL: [Self; 3] = [Self::Npu, Self::Emulator, Self::Cpu];

    /// Its name, as `--device` and outputs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Npu => "npu",
            Self::Emulator => "emulator",
            Self::Cpu => "cpu",
        }
    }

    /// The steps it runs.
    pub fn steps(self) -> &'static [Step] {
        match self {
            Self::Npu | Self::Emulator => &[],
            Self::Cpu => &[Step::Encoder, Step::Decoder],
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoder => "encoder",
            Self::Decoder => "decoder",
        })
    }
}

/// Why a device is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DeviceError {
    /// A step that is not there for this device.
    #[error(
        "the {device} does not run these steps of Whisper yet: {steps}\nhelp: use --device cpu, which runs them all, or --device auto"
    )]
    Steps {
        /// The device asked for.
        device: Device,
        /// The steps it lacks, with commas.
        steps: String,
    },
}

/// Which device runs which step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Runs the encoder.
    pub encoder: Device,
    /// Runs the decoder.
    pub decoder: Device,
    /// For `auto`: what was chosen, and why.
    pub reason: Option<String>,
}

/// Chooses devices.
///
/// # Errors
/// The device asked for lacks a step. Nothing falls back without being asked to.
pub fn place(choice: DeviceChoice, host: &Host) -> Result<Placement, DeviceError> {
    let device = match choice {
        DeviceChoice::Auto => {
            return Ok(Placement {
                encoder: Device::Cpu,
                decoder: Device::Cpu,
                reason: Some(format!(
                    "device auto: cpu, because it alone runs encoder and decoder so far ({})",
                    host.npu_line()
                )),
            });
        }
        DeviceChoice::Npu => Device::Npu,
        DeviceChoice::Emulator => Device::Emulator,
        DeviceChoice::Cpu => Device::Cpu,
    };
    let missing: Vec<String> = [Step::Encoder, Step::Decoder]
        .iter()
        .filter(|step| !device.steps().contains(step))
        .map(Step::to_string)
        .collect();
    if !missing.is_empty() {
        return Err(DeviceError::Steps {
            device,
            steps: missing.join(", "),
        });
    }
    Ok(Placement {
        encoder: device,
        decoder: device,
        reason: None,
    })
}

/// What the system says of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The NPU, if one is there.
    pub npu: Option<Npu>,
    /// Name of the processor.
    pub cpu: String,
    /// Threads it runs at once.
    pub threads: usize,
}

/// An NPU the kernel's driver has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Npu {
    /// Its device file.
    pub node: PathBuf,
    /// Name of the driver.
    pub driver: String,
    /// Its generation, where the PCI identity is known.
    pub generation: Option<&'static str>,
    /// Whether this user may open it.
    pub permitted: bool,
}

impl Host {
    /// Looks at this machine.
    pub fn probe() -> Self {
        Self::probe_under(Path::new("/"))
    }

    /// Looks at the `proc`, `sys` and `dev` folders under `root`.
    pub fn probe_under(root: &Path) -> Self {
        Self {
            npu: find_npu(root),
            cpu: cpu_name(root).unwrap_or_else(|| "processor of unknown name".to_owned()),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    fn npu_line(&self) -> String {
        match &self.npu {
            Some(npu) => format!(
                "an npu is at {}, its steps are not there yet",
                npu.node.display()
            ),
            None => "no npu here".to_owned(),
        }
    }
}

/// The first accelerator whose driver is amdxdna.
///
/// Source of the layout: Linux, Documentation/accel/introduction.rst and drivers/accel/amdxdna.
fn find_npu(root: &Path) -> Option<Npu> {
    let mut entries: Vec<PathBuf> = fs::read_dir(root.join("sys/class/accel"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    entries.into_iter().find_map(|entry| {
        let device = entry.join("device");
        let driver = fs::read_link(device.join("driver")).ok()?;
        let driver = driver.file_name()?.to_str()?.to_owned();
        if driver != "amdxdna" {
            return None;
        }
        let node = root.join("dev/accel").join(entry.file_name()?);
        let permitted = fs::File::options()
            .read(true)
            .write(true)
            .open(&node)
            .is_ok();
        Some(Npu {
            generation: generation(&device),
            node,
            driver,
            permitted,
        })
    })
}

/// Source: Linux, drivers/accel/amdxdna/amdxdna_pci_drv.c (PCI identities and revisions).
fn generation(device: &Path) -> Option<&'static str> {
    let read = |name: &str| -> Option<u32> {
        let text = fs::read_to_string(device.join(name)).ok()?;
        u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
    };
    match (read("vendor")?, read("device")?) {
        (0x1022, 0x1502) => Some("npu1 (Phoenix, Hawk Point)"),
        (0x1022, 0x17f0) => Some("npu4 family (Strix, Krackan), not supported"),
        _ => None,
    }
}

fn cpu_name(root: &Path) -> Option<String> {
    let info = fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
