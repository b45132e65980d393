//! The devices of this machine, which of Whisper's steps each runs, and which is taken.

use std::fmt;
use std::fs;

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
    /// What the NPU says of itself, or why it cannot be used.
    pub npu: Result<String, String>,
    /// Name of the processor.
    pub cpu: String,
    /// Threads it runs at once.
    pub threads: usize,
}

impl Host {
    /// Looks at this machine.
    pub fn probe() -> Self {
        let listed = runtime::Device::list().into_iter();
        let npu = listed
            .filter(|listing| listing.name == Device::Npu.name())
            .map(|listing| {
                listing
                    .state
                    .map_err(|error| first_line(&error.to_string()))
            })
            .next();
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            npu: npu.unwrap_or_else(|| Err("not known to the runtime".to_owned())),
            cpu: cpu_name(&info).unwrap_or_else(|| "processor of unknown name".to_owned()),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    fn npu_line(&self) -> String {
        match &self.npu {
            Ok(identity) => format!("an npu is at {identity}; its steps are not there yet"),
            Err(reason) => reason.clone(),
        }
    }
}

/// An error without its advice.
fn first_line(error: &str) -> String {
    error.lines().next().unwrap_or_default().to_owned()
}

/// Source: proc_cpuinfo(5).
fn cpu_name(info: &str) -> Option<String> {
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named() {
        let info = "processor\t: 0\nmodel name\t: AMD Ryzen 7 8845HS\n";
        assert_eq!(cpu_name(info).as_deref(), Some("AMD Ryzen 7 8845HS"));
        assert_eq!(cpu_name(""), None);
    }
}
