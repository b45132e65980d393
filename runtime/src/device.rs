//! Devices by name.

use formats::xclbin::{Contents, Qualifier, Xclbin};

use crate::emulated::EmulatedContext;
use crate::overlay::Interface;
use crate::{Error, Overlay};

/// Something that runs overlays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The emulated NPU: cycle counts, no real time.
    Emulator,
}

impl Device {
    /// The device called `name`.
    ///
    /// # Errors
    /// [`Error::UnknownDevice`] when this version has no such device.
    pub fn open(name: &str) -> Result<Self, Error> {
        match name {
            "emulator" => Ok(Device::Emulator),
            _ => Err(Error::UnknownDevice(name.to_owned())),
        }
    }

    /// Name, as [`Device::open`] takes it and as reports give it.
    pub const fn name(self) -> &'static str {
        match self {
            Device::Emulator => "emulator",
        }
    }

    /// Loads the overlay in the bytes of an XCLBIN.
    ///
    /// # Errors
    /// [`Error::Xclbin`] when the bytes are not an XCLBIN that this device can load,
    /// [`Error::Emulator`] when its configuration is refused.
    pub fn load(self, xclbin: &[u8]) -> Result<Overlay, Error> {
        let interface = interface(xclbin)?;
        let context = match self {
            Device::Emulator => EmulatedContext::new(xclbin)?,
        };
        Ok(Overlay::start(self, interface, context))
    }
}

/// The first kernel that the NPU can run, and how many buffers it takes: its global arguments but the
/// instruction stream.
fn interface(xclbin: &[u8]) -> Result<Interface, Error> {
    let contents = Contents::of(&Xclbin::parse(xclbin)?)?;
    let units = contents.units()?;
    let unit = units.first().ok_or(Error::NoKernel)?;
    let global = unit
        .kernel
        .args
        .iter()
        .filter(|a| a.qualifier == Qualifier::Global);
    Ok(Interface {
        kernel: unit.kernel.name.clone(),
        buffers: global.count().saturating_sub(1),
    })
}
