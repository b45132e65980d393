//! Where the bytes of a buffer are, and whose caches know what of them.

use std::sync::Arc;

use crate::Error;
use crate::npu::{Bo, Call, Driver, DriverError, uapi};

/// The bytes of a buffer.
#[derive(Debug)]
pub(crate) enum Storage {
    /// In this process only.
    Host(Vec<u8>),
    /// In memory that the NPU reaches.
    Shared(Shared),
}

/// Memory that host and NPU share.
#[derive(Debug)]
pub(crate) struct Shared {
    bo: Bo,
    len: usize,
    /// The CPU has written since the last flush.
    ahead: bool,
    /// The device has written since the last flush.
    behind: bool,
}

impl Shared {
    /// Makes the device's writes visible to the CPU.
    fn catch_up(&mut self) -> Result<(), DriverError> {
        if self.behind {
            self.bo.sync(self.len)?;
            self.behind = false;
        }
        Ok(())
    }
}

impl Storage {
    /// Copies the contents; `out` is as long as they are.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> Result<(), Error> {
        match self {
            Storage::Host(bytes) => out.copy_from_slice(bytes),
            Storage::Shared(shared) => {
                shared.catch_up()?;
                shared.bo.read(0, out);
            }
        }
        Ok(())
    }

    /// Replaces the contents; `data` is as long as they are.
    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        match self {
            Storage::Host(bytes) => bytes.copy_from_slice(data),
            Storage::Shared(shared) => {
                // A cache line that is written in part would keep old bytes in its other part.
                shared.catch_up()?;
                shared.bo.write(0, data);
                shared.ahead = true;
            }
        }
        Ok(())
    }

    /// The bytes, moved or copied out.
    pub(crate) fn take_bytes(&mut self) -> Result<Vec<u8>, Error> {
        if let Storage::Host(bytes) = self {
            return Ok(std::mem::take(bytes));
        }
        let mut bytes = vec![0; self.len()];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    fn len(&self) -> usize {
        match self {
            Storage::Host(bytes) => bytes.len(),
            Storage::Shared(shared) => shared.len,
        }
    }

    /// Brings the bytes to where the driver's device sees them.
    pub(crate) fn make_resident(&mut self, driver: &Arc<Driver>) -> Result<(), DriverError> {
        let elsewhere = match self {
            Storage::Shared(shared) if shared.bo.is_of(driver) => None,
            Storage::Shared(shared) => {
                shared.catch_up()?;
                let mut bytes = vec![0; shared.len];
                shared.bo.read(0, &mut bytes);
                Some(bytes)
            }
            Storage::Host(bytes) => Some(std::mem::take(bytes)),
        };
        if let Some(bytes) = elsewhere {
            match Bo::new(driver, Call::CreateShare, uapi::BO_SHARE, bytes.len()) {
                Ok(mut bo) => {
                    bo.write(0, &bytes);
                    *self = Storage::Shared(Shared {
                        bo,
                        len: bytes.len(),
                        ahead: true,
                        behind: false,
                    });
                }
                Err(e) => {
                    *self = Storage::Host(bytes);
                    return Err(e);
                }
            }
        }
        if let Storage::Shared(shared) = self
            && shared.ahead
        {
            shared.bo.sync(shared.len)?;
            shared.ahead = false;
        }
        Ok(())
    }

    /// The memory that the device sees, if it sees any.
    pub(crate) fn resident(&self) -> Option<&Bo> {
        match self {
            Storage::Host(_) => None,
            Storage::Shared(shared) => Some(&shared.bo),
        }
    }

    /// Notes that the device has written.
    pub(crate) fn mark_written(&mut self) {
        if let Storage::Shared(shared) = self {
            shared.behind = true;
        }
    }
}
