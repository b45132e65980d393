//! Devices by name.

use std::sync::Arc;

use crate::Error;
use crate::ledger::{Counters, Ledger};
use crate::npu::sys::{Libc, Sys};
use crate::npu::{ContextState, DEVICE_FILE, Identity, Npu};

/// Name of the real NPU.
pub(crate) const NPU: &str = "npu";
/// Name of the emulated NPU.
pub(crate) const EMULATOR: &str = "emulator";
/// Name of the host's processor.
const CPU: &str = "cpu";

/// Something that runs overlays, open. Clones are handles of the same device.
///
/// `Send` and `Sync`: threads may share it.
#[derive(Clone, Debug)]
pub struct Device(Arc<Open>);

#[derive(Debug)]
struct Open {
    kind: Kind,
    why: String,
    ledger: Arc<Ledger>,
}

#[derive(Debug)]
enum Kind {
    Npu(Arc<Npu>),
    Emulator,
    Cpu,
}

/// A device that can be asked for, and whether it is here.
#[derive(Debug)]
pub struct Listing {
    /// Name, as [`Device::open`] takes it.
    pub name: &'static str,
    /// What it is, or why it cannot be opened.
    pub state: Result<String, Error>,
}

impl Device {
    /// Opens a device by name:
    ///
    /// | name | device |
    /// |---|---|
    /// | `npu` | the NPU of this machine, `/dev/accel/accel0` |
    /// | `emulator` | the emulated NPU: cycle counts, no real time |
    /// | `cpu` | the host's processor, which runs no overlays |
    /// | `auto` | the NPU if there is one that can be opened, otherwise the processor |
    ///
    /// The emulator is for tests and is never chosen; [`Device::why`] says what was, and why.
    ///
    /// # Errors
    /// [`Error::UnknownDevice`] for another name; [`Error::Driver`] or [`Error::OtherNpu`] when the NPU
    /// cannot be opened.
    pub fn open(name: &str) -> Result<Self, Error> {
        Device::open_with(name, Arc::new(Libc), DEVICE_FILE)
    }

    /// Opens a device by name, where the NPU is reached by these system calls and this file.
    ///
    /// # Errors
    /// As for [`Device::open`].
    pub fn open_with(name: &str, sys: Arc<dyn Sys>, file: &str) -> Result<Self, Error> {
        let ledger = Arc::new(Ledger::default());
        let npu = |ledger: &Arc<Ledger>| Npu::open(sys, file, ledger.clone());
        let (kind, why) = match name {
            NPU => (Kind::Npu(Arc::new(npu(&ledger)?)), asked_for(NPU)),
            EMULATOR => (Kind::Emulator, asked_for(EMULATOR)),
            CPU => (Kind::Cpu, asked_for(CPU)),
            "auto" => match npu(&ledger) {
                Ok(npu) => {
                    let why = format!("device auto: npu, because it is here: {}", npu.identity());
                    (Kind::Npu(Arc::new(npu)), why)
                }
                Err(e) => {
                    let text = e.to_string();
                    let reason = text.lines().next().unwrap_or_default();
                    let why = format!("device auto: cpu, because the npu cannot be used: {reason}");
                    (Kind::Cpu, why)
                }
            },
            _ => return Err(Error::UnknownDevice(name.to_owned())),
        };
        Ok(Device(Arc::new(Open { kind, why, ledger })))
    }

    /// The devices, the fastest first, and whether each can be opened here.
    pub fn list() -> Vec<Listing> {
        let npu = Npu::probe(Arc::new(Libc), DEVICE_FILE).map(|identity| identity.to_string());
        vec![
            Listing {
                name: NPU,
                state: npu,
            },
            Listing {
                name: EMULATOR,
                state: Ok("npu1 emulated on the host".to_owned()),
            },
            Listing {
                name: CPU,
                state: Ok("the host's processor, runs no overlays".to_owned()),
            },
        ]
    }

    /// Name, as [`Device::open`] takes it and as reports give it.
    pub fn name(&self) -> &'static str {
        match self.0.kind {
            Kind::Npu(_) => NPU,
            Kind::Emulator => EMULATOR,
            Kind::Cpu => CPU,
        }
    }

    /// Why it is this device, in a sentence.
    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// What an NPU says of itself; `None` for other devices.
    pub fn identity(&self) -> Option<&Identity> {
        self.npu().map(|npu| npu.identity())
    }

    /// What is in use, and what was done since the device was opened.
    pub fn counters(&self) -> Counters {
        self.0.ledger.read()
    }

    /// What an NPU's driver counts of its hardware contexts, of this process and of others; empty for
    /// other devices.
    ///
    /// # Errors
    /// [`Error::Driver`] when the driver does not answer.
    pub fn contexts(&self) -> Result<Vec<ContextState>, Error> {
        match self.npu() {
            Some(npu) => Ok(npu.contexts()?),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn npu(&self) -> Option<&Arc<Npu>> {
        match &self.0.kind {
            Kind::Npu(npu) => Some(npu),
            _ => None,
        }
    }

    pub(crate) fn is_emulator(&self) -> bool {
        matches!(self.0.kind, Kind::Emulator)
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }
}

fn asked_for(name: &str) -> String {
    format!("device {name}: asked for")
}
